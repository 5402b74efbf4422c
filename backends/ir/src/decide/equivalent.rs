//! Whether two chains give every packet the same outcome.
//!
//! With the default as the last rule, two chains are equal if and only if for every rule of one and every rule of the
//! other with another outcome, what both match is covered by stronger rules of either: a packet outside would be
//! decided by these two, and a packet on which the chains differ is decided by such a pair. Most pairs are settled
//! without geometry, because a stronger rule of one chain holds the rule of the other whole.

use alloc::vec::Vec;
use core::ops::Range;

use super::axis::ROWS_LIMIT;
use super::budget::{Budget, BudgetExceeded};
use super::cover::hole;
use super::cube::Cube;
use super::partition::each_decided;
use super::space::Space;
use crate::{Chain, Family, Outcome, Packet, Region};

/// `None` when both chains give every packet the same verdict and log alike, else a packet on which they differ.
pub fn equivalent(a: &Chain, b: &Chain, budget: &mut Budget) -> Result<Option<Packet>, BudgetExceeded> {
    for family in Family::ALL {
        let rules = a.rules().iter().chain(b.rules()).map(|rule| &rule.matches);
        let space = Space::new(family, ROWS_LIMIT, rules);
        if let Some(point) = difference(&space, a, b, budget)? {
            let whole = space.queries(&Region::full(family));
            return Ok(whole.first().and_then(|whole| space.packet(whole, &point)));
        }
    }
    Ok(None)
}

/// A rule or a default among the rules of both chains.
struct Stated<'a> {
    cube: &'a Cube,
    outcome: Outcome,
    /// Its place in its own chain; a default comes after all rules.
    place: usize,
    /// A place in the other chain: the rules up to there hold it whole, be it with the default.
    held_by: usize,
    /// Whether a stronger rule of its own chain holds it whole.
    dead: bool,
}

/// A point that the chains decide differently. In the space the rules of `a` come first, then those of `b`.
fn difference(
    space: &Space,
    a: &Chain,
    b: &Chain,
    budget: &mut Budget,
) -> Result<Option<[u32; 5]>, BudgetExceeded> {
    let full = space.full();
    let middle = a.rules().len();
    let (left, right) = (0..middle, middle..middle + b.rules().len());
    let ones = stated(space, &full, a, &left, &right, budget);
    let others = stated(space, &full, b, &right, &left, budget);
    for one in ones.iter().filter(|one| !one.dead && !one.cube.is_empty()) {
        let meeting = space.overlapping(one.cube);
        budget.spend(1 + meeting.count_ones() / 8)?;
        let met = meeting.iter_ones().filter_map(|bit| others.get(bit.checked_sub(middle)?));
        for other in met.chain(others.last()) {
            let settled = one.held_by < other.place || other.held_by < one.place || other.dead;
            if one.outcome == other.outcome || settled {
                continue;
            }
            let Some(common) = one.cube.intersect(other.cube) else { continue };
            let stronger = |bit: usize| match bit.checked_sub(middle) {
                None => bit < one.place,
                Some(place) => place < other.place,
            };
            if let Some(point) = hole(space, &common, stronger, budget)? {
                return Ok(Some(point));
            }
        }
    }
    Ok(None)
}

/// The rules of a chain and at last its default; `own` and `others` are the bits of both chains in the space.
fn stated<'a>(
    space: &'a Space,
    full: &'a Cube,
    chain: &Chain,
    own: &Range<usize>,
    others: &Range<usize>,
    budget: &mut Budget,
) -> Vec<Stated<'a>> {
    let mut held_by = |cube: &Cube| {
        let alone = space.first_around(cube, |rule| others.contains(&rule));
        alone.or_else(|| joined_from(space, cube, others, budget)).unwrap_or(others.end) - others.start
    };
    let default = Stated {
        cube: full,
        outcome: Outcome::silent(chain.default()),
        place: own.len(),
        held_by: held_by(full),
        dead: space.first_around(full, |rule| own.contains(&rule)).is_some(),
    };
    let rule = |(place, bit): (usize, usize)| {
        let cube = space.cube(bit)?;
        let dead = space.first_around(cube, |rule| (own.start..bit).contains(&rule)).is_some();
        let outcome = chain.rules().get(place)?.outcome;
        Some(Stated { cube, outcome, place, held_by: held_by(cube), dead })
    };
    own.clone().enumerate().filter_map(rule).chain([default]).collect()
}

/// The most steps to find out which rules a rule was joined from. It only saves later work.
const JOINED_STEPS: u64 = 100_000;

/// The weakest rule of a chain that is needed to make up a cube from rules inside it, as joined rules are made;
/// `None` when they do not, or for want of budget.
fn joined_from(space: &Space, cube: &Cube, chain: &Range<usize>, budget: &mut Budget) -> Option<usize> {
    let inside = |rule: &usize| space.cube(*rule).is_some_and(|part| part.is_subset(cube));
    let meeting = space.overlapping(cube);
    let parts = meeting.iter_ones().filter(|rule| chain.contains(rule)).filter(inside).collect();
    let mut last = Some(chain.start);
    let decided = budget.share(JOINED_STEPS, |share| {
        each_decided(space, cube, parts, share, |part, _| {
            last = last.zip(part).map(|(last, part)| last.max(part))
        })
    });
    last.filter(|_| decided.is_ok())
}
