//! The rules of one family as boxes in a tree, with the exact sets of those that are no boxes.

use alloc::vec::Vec;

use super::budget::{Budget, BudgetExceeded};
use super::cube::Cube;
use super::hull::{self, Hull, Number};
use super::tree::{Entry, Tree, Wanted};
use crate::{Match, Outcome, Rule, Verdict};

/// How many points are tried before the boxes around are collected.
const PROBES: usize = 8;

/// Fields in the order in which a point gives way: ports are the smallest sets.
const FIELDS: [usize; 5] = [4, 3, 0, 1, 2];

/// What is asked about: a box, or sets within it.
#[derive(Clone, Debug)]
pub(super) struct Asked<T> {
    hull: Hull<T>,
    sets: Option<Cube>,
}

impl<T: Number> Asked<T> {
    pub(super) fn rule(rule: &Rule) -> Self {
        Self::of(&rule.matches)
    }

    pub(super) fn of(matches: &Match) -> Self {
        let (hull, plain) = Hull::of(matches);
        Self { hull, sets: (!plain).then(|| hull::cube(matches)) }
    }

    pub(super) fn cube(&self) -> Cube {
        self.sets.clone().unwrap_or_else(|| self.hull.cube())
    }

    fn lowest(&self) -> [u128; 5] {
        match &self.sets {
            Some(sets) => sets.0.each_ref().map(|field| field.first().unwrap_or_default()),
            None => self.hull.low.map(Number::wide),
        }
    }

    /// The least number of a field above a number.
    fn above(&self, field: usize, number: u128) -> Option<u128> {
        match &self.sets {
            Some(sets) => sets.0.get(field)?.above(number),
            None => self.hull.high.get(field).filter(|high| number < high.wide()).map(|_| number + 1),
        }
    }
}

/// What became of looking for a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// There is one as wanted.
    Found,
    /// One rule, at this place, holds all that is asked about.
    Held(u32),
    /// None of the points tried was as wanted.
    Lost,
}

/// A rule that meets what is asked about.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub(super) place: u32,
    pub(super) outcome: u8,
    pub(super) cube: Cube,
}

#[derive(Clone, Debug)]
pub(super) struct Part<T> {
    tree: Tree<T>,
    sets: Vec<Cube>,
}

impl<T: Number> Part<T> {
    pub(super) fn new<'r>(rules: impl Iterator<Item = (usize, &'r Rule)>) -> Self {
        let mut sets = Vec::new();
        let entry = |(place, rule): (usize, &Rule)| {
            let (hull, plain) = Hull::of(&rule.matches);
            let at = (!plain).then(|| {
                sets.push(hull::cube(&rule.matches));
                (sets.len() - 1) as u32
            });
            Entry { hull, place: place as u32, outcome: bit(rule.outcome), sets: at }
        };
        let entries = rules.map(entry).collect();
        Self { tree: Tree::new(entries), sets }
    }

    fn sets(&self, entry: &Entry<T>) -> Option<&Cube> {
        self.sets.get(entry.sets? as usize)
    }

    /// Whether a rule holds what is asked about; its box does.
    fn holds(&self, entry: &Entry<T>, asked: &Asked<T>) -> bool {
        match (self.sets(entry), &asked.sets) {
            (None, _) => true,
            (Some(outer), Some(inner)) => inner.is_subset(outer),
            (Some(outer), None) => {
                outer.0.iter().zip(asked.hull.runs()).all(|(set, (first, last))| set.holds(first, last))
            }
        }
    }

    /// Whether a rule meets what is asked about; its box does.
    fn meets(&self, entry: &Entry<T>, asked: &Asked<T>) -> bool {
        let run = |set: &Cube, hull: &Hull<T>| {
            set.0.iter().zip(hull.runs()).all(|(set, (first, last))| set.meets(first, last))
        };
        match (self.sets(entry), &asked.sets) {
            (None, None) => true,
            (Some(one), Some(other)) => one.overlaps(other),
            (Some(set), None) => run(set, &asked.hull),
            (None, Some(set)) => run(set, &entry.hull),
        }
    }

    /// A rule that holds all that is asked about.
    pub(super) fn holder(
        &self,
        asked: &Asked<T>,
        wanted: Wanted,
        budget: &mut Budget,
    ) -> Result<Option<u32>, BudgetExceeded> {
        let mut holder = None;
        let fits = |hull: &Hull<T>| hull.contains(&asked.hull);
        self.tree.read(wanted, fits, budget, |entry, _| {
            let holds = self.holds(entry, asked);
            holder = holds.then_some(entry.place);
            holds
        })?;
        Ok(holder)
    }

    /// Whether some rule meets what is asked about.
    pub(super) fn any_meets(
        &self,
        asked: &Asked<T>,
        wanted: Wanted,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let fits = |hull: &Hull<T>| hull.overlaps(&asked.hull);
        self.tree.read(wanted, fits, budget, |entry, _| self.meets(entry, asked))
    }

    /// The places of the accepted rules that meet what is asked about, ascending.
    pub(super) fn meeting(
        &self,
        asked: &Asked<T>,
        wanted: Wanted,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<Vec<usize>, BudgetExceeded> {
        let mut meeting = Vec::new();
        let fits = |hull: &Hull<T>| hull.overlaps(&asked.hull);
        self.tree.read(wanted, fits, budget, |entry, _| {
            if accept(entry.place as usize) && self.meets(entry, asked) {
                meeting.push(entry.place as usize);
            }
            false
        })?;
        meeting.sort_unstable();
        Ok(meeting)
    }

    /// The accepted rules that meet what is asked about, ascending by place.
    pub(super) fn near(
        &self,
        asked: &Asked<T>,
        wanted: Wanted,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<Vec<Near>, BudgetExceeded> {
        let mut near = Vec::new();
        let fits = |hull: &Hull<T>| hull.overlaps(&asked.hull);
        self.tree.read(wanted, fits, budget, |entry, _| {
            if accept(entry.place as usize) && self.meets(entry, asked) {
                let cube = self.sets(entry).cloned().unwrap_or_else(|| entry.hull.cube());
                near.push(Near { place: entry.place, outcome: entry.outcome, cube });
            }
            false
        })?;
        near.sort_unstable_by_key(|other| other.place);
        Ok(near)
    }

    /// The first accepted rule at a point.
    fn first_at(
        &self,
        point: [u128; 5],
        wanted: Wanted,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<Option<Entry<T>>, BudgetExceeded> {
        let mut first = None;
        let at = Hull::point(point);
        let fits = |hull: &Hull<T>| hull.contains(&at);
        self.tree.read(wanted, fits, budget, |entry, wanted| {
            let is_there = |sets: &Cube| sets.0.iter().zip(point).all(|(set, number)| set.contains(number));
            if accept(entry.place as usize) && self.sets(entry).is_none_or(is_there) {
                first = Some(*entry);
                wanted.places.end = entry.place;
            }
            false
        })?;
        Ok(first)
    }

    /// Looks for a point of what is asked about where the first accepted rule, if any, is as wanted: from the lowest
    /// point on, each time to one that the rule found does not match.
    pub(super) fn walk(
        &self,
        asked: &Asked<T>,
        wanted: &Wanted,
        accept: impl Fn(usize) -> bool,
        is_wanted: impl Fn(Option<&Entry<T>>) -> bool,
        budget: &mut Budget,
    ) -> Result<Walk, BudgetExceeded> {
        let mut point = asked.lowest();
        for _ in 0..PROBES {
            let first = self.first_at(point, wanted.clone(), &accept, budget)?;
            if is_wanted(first.as_ref()) {
                return Ok(Walk::Found);
            }
            let Some(entry) = first else { break };
            if entry.hull.contains(&asked.hull) && self.holds(&entry, asked) {
                return Ok(Walk::Held(entry.place));
            }
            let next = FIELDS.into_iter().find_map(|field| {
                let number = *point.get(field)?;
                let end = match self.sets(&entry) {
                    Some(sets) => sets.0.get(field)?.end_of_run(number)?,
                    None => entry.hull.high.get(field)?.wide(),
                };
                Some((field, asked.above(field, end)?))
            });
            let Some((field, number)) = next else { break };
            if let Some(old) = point.get_mut(field) {
                *old = number;
            }
        }
        Ok(Walk::Lost)
    }
}

/// All outcomes.
pub(super) const ALL: u8 = 0b1111;

/// The bit of an outcome.
pub(super) const fn bit(outcome: Outcome) -> u8 {
    match (outcome.verdict, outcome.log) {
        (Verdict::Deny, false) => 1,
        (Verdict::Allow, false) => 2,
        (Verdict::Deny, true) => 4,
        (Verdict::Allow, true) => 8,
    }
}
