//! Exact answers about the rules of a chain of any size, from trees of boxes.

use alloc::vec::Vec;
use core::ops::Range;

use super::budget::{Budget, BudgetExceeded};
use super::cover::bare;
use super::hull::Number;
use super::part::{ALL, Asked, Part, Walk, bit};
use super::tree::{Entry, Wanted};
use crate::{Family, Match, Outcome, Rule, Verdict};

/// Rules as boxes. Memory and time to build it grow about as the number of rules (n log n), unlike the bitsets of
/// [`super::Index`]; questions about one rule read some hundred boxes, unless the rule meets thousands of others.
#[derive(Clone, Debug)]
pub struct Boxes {
    v4: Part<u32>,
    v6: Part<u128>,
}

impl Boxes {
    /// The accepted rules, by their place.
    pub fn new(rules: &[Rule], accept: impl Fn(usize) -> bool) -> Self {
        let of = |family: Family| {
            let places = rules.iter().enumerate();
            places.filter(move |(_, rule)| rule.matches.family() == family).filter(|(at, _)| accept(*at))
        };
        Self { v4: Part::new(of(Family::V4)), v6: Part::new(of(Family::V6)) }
    }

    /// A rule among the places that holds this rule whole.
    pub fn holder(
        &self,
        rule: &Rule,
        among: Range<usize>,
        budget: &mut Budget,
    ) -> Result<Option<usize>, BudgetExceeded> {
        let wanted = Wanted { places: narrow(among), outcomes: ALL };
        let holder = match rule.matches.family() {
            Family::V4 => self.v4.holder(&Asked::rule(rule), wanted, budget)?,
            Family::V6 => self.v6.holder(&Asked::rule(rule), wanted, budget)?,
        };
        Ok(holder.map(|place| place as usize))
    }

    /// Whether the accepted rules among the places cover this rule together.
    pub fn is_covered(
        &self,
        rule: &Rule,
        among: Range<usize>,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        match rule.matches.family() {
            Family::V4 => is_covered(&self.v4, rule, among, accept, budget),
            Family::V6 => is_covered(&self.v6, rule, among, accept, budget),
        }
    }

    /// Whether a rule among the places has another outcome than this rule and meets it.
    pub fn is_barred(
        &self,
        rule: &Rule,
        among: Range<usize>,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let wanted = Wanted { places: narrow(among), outcomes: ALL & !bit(rule.outcome) };
        match rule.matches.family() {
            Family::V4 => self.v4.any_meets(&Asked::rule(rule), wanted, budget),
            Family::V6 => self.v6.any_meets(&Asked::rule(rule), wanted, budget),
        }
    }

    /// Whether the accepted rules give every packet of the rule at a place its outcome when it is gone. A packet that
    /// would fall to the chain's default says no.
    pub fn is_repeated(
        &self,
        rule: &Rule,
        place: usize,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        self.is_left(rule, place, false, accept, budget)
    }

    /// The same where the default of the chain may give packets the outcome too.
    pub fn is_redundant(
        &self,
        rule: &Rule,
        place: usize,
        default: Verdict,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        self.is_left(rule, place, rule.outcome == Outcome::silent(default), accept, budget)
    }

    fn is_left(
        &self,
        rule: &Rule,
        place: usize,
        falls: bool,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let accept = |other: usize| other != place && accept(other);
        match rule.matches.family() {
            Family::V4 => is_repeated(&self.v4, rule, place as u32, falls, accept, budget),
            Family::V6 => is_repeated(&self.v6, rule, place as u32, falls, accept, budget),
        }
    }

    /// The places of the accepted rules that share packets with a match, ascending.
    pub fn meeting(
        &self,
        matches: &Match,
        among: Range<usize>,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<Vec<usize>, BudgetExceeded> {
        let wanted = Wanted { places: narrow(among), outcomes: ALL };
        match matches.family() {
            Family::V4 => self.v4.meeting(&Asked::of(matches), wanted, accept, budget),
            Family::V6 => self.v6.meeting(&Asked::of(matches), wanted, accept, budget),
        }
    }
}

fn narrow(places: Range<usize>) -> Range<u32> {
    places.start as u32..places.end as u32
}

fn is_covered<T: Number>(
    part: &Part<T>,
    rule: &Rule,
    among: Range<usize>,
    accept: impl Fn(usize) -> bool,
    budget: &mut Budget,
) -> Result<bool, BudgetExceeded> {
    let asked = Asked::rule(rule);
    let wanted = Wanted { places: narrow(among), outcomes: ALL };
    match part.walk(&asked, &wanted, &accept, |first| first.is_none(), budget)? {
        Walk::Found => return Ok(false),
        Walk::Held(_) => return Ok(true),
        Walk::Lost => {}
    }
    let near = part.near(&asked, wanted, accept, budget)?;
    Ok(bare(asked.cube(), near.iter().map(|other| &other.cube).collect(), budget)?.is_none())
}

fn is_repeated<T: Number>(
    part: &Part<T>,
    rule: &Rule,
    place: u32,
    falls: bool,
    accept: impl Fn(usize) -> bool,
    budget: &mut Budget,
) -> Result<bool, BudgetExceeded> {
    let asked = Asked::rule(rule);
    let wanted = Wanted { places: 0..u32::MAX, outcomes: ALL };
    let differs = |outcome: u8| outcome != bit(rule.outcome);
    // Where a stronger rule matches, this one does not decide; else the next below would have to say the same.
    let is_needed = |first: Option<&Entry<T>>| {
        first.map_or(!falls, |first| first.place > place && differs(first.outcome))
    };
    match part.walk(&asked, &wanted, &accept, is_needed, budget)? {
        Walk::Found => return Ok(false),
        Walk::Held(by) if by < place => return Ok(true),
        Walk::Held(_) | Walk::Lost => {}
    }
    let near = part.near(&asked, wanted, accept, budget)?;
    let whole = asked.cube();
    if !falls && bare(whole.clone(), near.iter().map(|other| &other.cube).collect(), budget)?.is_some() {
        return Ok(false);
    }
    for weaker in near.iter().filter(|other| other.place > place && differs(other.outcome)) {
        let Some(common) = weaker.cube.intersect(&whole) else { continue };
        let stronger = near.iter().take_while(|other| other.place < weaker.place);
        if bare(common, stronger.map(|other| &other.cube).collect(), budget)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}
