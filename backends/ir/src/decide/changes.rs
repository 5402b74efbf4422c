//! Which packets two chains decide differently, and by which rules.
//!
//! A packet with two outcomes is decided by one rule (or default) of each chain, and no stronger rule of either matches
//! it. So what such a pair has in common, less all stronger rules of both, is a part of the difference; the parts of
//! different pairs are disjoint, and together they are all of it.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::axis::{Axis, ROWS_LIMIT};
use super::budget::{Budget, BudgetExceeded};
use super::cover::{MANY, halve, hole, trimmed};
use super::cube::Cube;
use super::points;
use super::space::{Space, pair};
use crate::{Chain, Family, Outcome, Ranges, Region, RuleId};

/// Who decides, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decider {
    /// The first source rule behind the decision.
    pub id: RuleId,
    /// The verdict and whether it is logged.
    pub outcome: Outcome,
}

/// Packets that one source rule of each chain decides, with different outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who decided before.
    pub old: Decider,
    /// Who decides now.
    pub new: Decider,
    /// The packets, as disjoint regions.
    pub regions: Vec<Region>,
}

/// All packets whose outcome differs, by deciding rules; empty when the chains mean the same.
pub fn changes(old: &Chain, new: &Chain, budget: &mut Budget) -> Result<Vec<Change>, BudgetExceeded> {
    let mut found: BTreeMap<(Decider, Decider), Vec<Region>> = BTreeMap::new();
    for family in Family::ALL {
        let rules = old.rules().iter().chain(new.rules()).map(|rule| &rule.matches);
        let space = Space::new(family, ROWS_LIMIT, rules);
        let mut values = Values::new(space.axes());
        for (deciders, cubes) in differing(&space, old, new, budget)? {
            let joined = join(cubes.into_iter().map(|cube| cube.0).collect());
            let mut products = Vec::new();
            for classes in &joined {
                let product = values.of(classes);
                budget.spend(kept(&product))?;
                products.push(product);
            }
            products.sort_unstable();
            let regions = products.into_iter().flat_map(|product| points::to_regions(family, product));
            found.entry(deciders).or_default().extend(regions);
        }
    }
    Ok(found.into_iter().map(|((old, new), regions)| Change { old, new, regions }).collect())
}

/// A rule or a default among the rules of both chains.
struct Stated<'a> {
    cube: &'a Cube,
    decider: Decider,
    /// Its place in its own chain; a default comes after all rules.
    place: usize,
    /// The place of the first rule of the other chain that holds it whole, be it the default.
    held_by: usize,
}

/// The live rules of a chain by place, and at last its default. `start` and `others` say where the rules of this chain
/// and of the other one stand in the space.
fn stated<'a>(
    space: &'a Space,
    full: &'a Cube,
    chain: &Chain,
    start: usize,
    others: core::ops::Range<usize>,
) -> Vec<Option<Stated<'a>>> {
    let state = |place: usize| {
        let cube = if place < chain.rules().len() { space.cube(start + place)? } else { full };
        let is_dead = || space.first_around(cube, |rule| (start..start + place).contains(&rule)).is_some();
        if cube.is_empty() || is_dead() {
            return None;
        }
        let held_by = space.first_around(cube, |rule| others.contains(&rule)).unwrap_or(others.end);
        let decision = chain.decided_by(Some(place));
        let decider = Decider { id: decision.id, outcome: decision.outcome };
        Some(Stated { cube, decider, place, held_by: held_by - others.start })
    };
    (0..=chain.rules().len()).map(state).collect()
}

type Differing = BTreeMap<(Decider, Decider), Vec<Cube>>;

/// The packets of one family with two outcomes. In the space the old rules come first, then the new ones.
fn differing(
    space: &Space,
    old: &Chain,
    new: &Chain,
    budget: &mut Budget,
) -> Result<Differing, BudgetExceeded> {
    let full = space.full();
    let middle = old.rules().len();
    let end = middle + new.rules().len();
    // Rows are read many bits at once.
    budget.spend(space.family_rules() * (1 + end / 512))?;
    let before = stated(space, &full, old, 0, middle..end);
    let after = stated(space, &full, new, middle, 0..middle);
    let mut found = Differing::new();
    for one in before.iter().flatten() {
        let meeting = space.overlapping(one.cube);
        budget.spend(1 + meeting.count_ones() / 8)?;
        let met = meeting.iter_ones().filter_map(|bit| after.get(bit.checked_sub(middle)?));
        for other in met.chain(after.last()).flatten() {
            let settled = one.held_by < other.place || other.held_by < one.place;
            if one.decider.outcome == other.decider.outcome || settled {
                continue;
            }
            let Some(common) = one.cube.intersect(other.cube) else { continue };
            let stronger = |bit: usize| match bit.checked_sub(middle) {
                None => bit < one.place,
                Some(place) => place < other.place,
            };
            if hole(space, &common, stronger, budget)?.is_some() {
                let rest = uncovered(space, common, stronger, budget)?;
                found.entry((one.decider, other.decider)).or_default().extend(rest);
            }
        }
    }
    Ok(found)
}

/// What a found part costs, and each run of its sets: far more than a comparison, so that the budget bounds memory too.
const PART_STEPS: usize = 500;
const RUN_STEPS: usize = 4;

/// The steps of keeping some sets.
fn kept(fields: &[Ranges; 5]) -> usize {
    PART_STEPS + RUN_STEPS * runs(fields)
}

fn runs(fields: &[Ranges; 5]) -> usize {
    fields.iter().map(Ranges::len).sum()
}

/// What accepted rules leave of a cube, as disjoint cubes.
fn uncovered(
    space: &Space,
    cube: Cube,
    accept: impl Fn(usize) -> bool,
    budget: &mut Budget,
) -> Result<Vec<Cube>, BudgetExceeded> {
    let near = space.overlapping(&cube);
    let near = near.iter_ones().filter(|rule| accept(*rule)).filter_map(|rule| space.cube(rule));
    // What is cut of a piece meets the same others, which are many: they are kept once.
    let mut open: Vec<(Cube, Rc<[&Cube]>)> = vec![(cube, near.collect())];
    let mut parts = Vec::new();
    while let Some((piece, others)) = open.pop() {
        let mut others = others.to_vec();
        let Some(piece) = trimmed(piece, &mut others, budget)? else { continue };
        if others.is_empty() {
            budget.spend(kept(&piece.0))?;
            parts.push(piece);
            continue;
        }
        // The field with fewest cuts first: once pieces lie between two of them, others hold them in that field.
        let fewest = |fields: &mut dyn Iterator<Item = (Vec<u128>, usize)>| {
            let different = fields.map(|(mut cuts, at)| {
                cuts.sort_unstable();
                cuts.dedup();
                (cuts, at)
            });
            different.min_by_key(|(cuts, _)| cuts.len())
        };
        let halves = if others.len() > MANY {
            budget.spend(4 * others.len())?;
            halve(&piece, &others, fewest)
        } else {
            None
        };
        let pieces = match halves {
            Some(halves) => halves.to_vec(),
            None => {
                let largest = others.iter().copied().max_by_key(|other| other.common(&piece));
                others.retain(|other| largest.is_none_or(|largest| !core::ptr::eq(*other, largest)));
                largest.map(|largest| piece.subtract(largest)).unwrap_or_default()
            }
        };
        budget.spend(pieces.iter().map(|piece| runs(&piece.0)).sum())?;
        let others: Rc<[&Cube]> = others.into();
        open.extend(pieces.into_iter().map(|piece| (piece, Rc::clone(&others))));
    }
    Ok(parts)
}

/// The values of classes, worked out once for each set of them: the parts of a difference have most sets in common.
struct Values<'a> {
    axes: &'a [Axis; 5],
    known: [BTreeMap<Ranges, Ranges>; 5],
}

impl<'a> Values<'a> {
    const fn new(axes: &'a [Axis; 5]) -> Self {
        Self { axes, known: [const { BTreeMap::new() }; 5] }
    }

    fn of(&mut self, classes: &[Ranges; 5]) -> [Ranges; 5] {
        let mut known = self.known.iter_mut();
        pair(self.axes, classes, |axis, classes| {
            let values = || axis.values_of(classes);
            match known.next() {
                Some(known) => known.entry(classes.clone()).or_insert_with(values).clone(),
                None => values(),
            }
        })
    }
}

/// Joins disjoint products that differ in one field only, until there are none.
fn join(mut products: Vec<[Ranges; 5]>) -> Vec<[Ranges; 5]> {
    loop {
        let before = products.len();
        for at in 0..5 {
            let mut alike: BTreeMap<[Ranges; 5], Vec<(u128, u128)>> = BTreeMap::new();
            for mut product in products.drain(..) {
                let field = product.get_mut(at).map(core::mem::take).unwrap_or_default();
                alike.entry(product).or_default().extend(field.iter());
            }
            for (mut product, parts) in alike {
                if let Some(field) = product.get_mut(at) {
                    *field = Ranges::from_unsorted(parts);
                }
                products.push(product);
            }
        }
        if products.len() == before {
            return products;
        }
    }
}
