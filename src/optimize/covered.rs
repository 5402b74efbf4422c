//! Rules that never decide, because stronger ones cover them together.

use palisade_ir::decide::{Boxes, Budget, RuleBits};
use palisade_ir::{Chain, Rule};

use super::{Passed, kept};

/// The most steps for one question; 100,000 is the hardest seen in 100,000 real-looking rules.
pub(super) const MOST: u64 = 1_000_000;

/// Drops every rule that the union of stronger rules covers, whatever their verdicts; never the default.
pub fn covered(chain: &Chain, budget: &mut Budget) -> Passed {
    let mut live = RuleBits::repeat(true, chain.rules().len());
    let undecided = unmark(chain.rules(), &mut live, budget);
    Passed { chain: kept(chain, &live), undecided }
}

/// Unmarks the rules of those marked that stronger ones cover; says of how many the budget left it open. Nearly all of
/// them lie in a single stronger rule, so that is asked first; what else is dead needs no part in a union then, because
/// the rule that holds it does the same.
pub(super) fn unmark(rules: &[Rule], live: &mut RuleBits, budget: &mut Budget) -> usize {
    let mut boxes = Boxes::new(rules, |place| live.get(place).is_some_and(|bit| *bit));
    let before = live.count_ones();
    for (place, rule) in marked(rules, live) {
        // Without an answer the rule is asked about again below.
        let holder = budget.share(MOST, |share| boxes.holder(rule, 0..place, share));
        live.set(place, !matches!(holder, Ok(Some(_))));
    }
    let mut undecided = 0;
    if live.count_ones() < before {
        boxes = Boxes::new(rules, |place| live.get(place).is_some_and(|bit| *bit));
    }
    for (place, rule) in marked(rules, live) {
        let stronger = |other: usize| live.get(other).is_some_and(|bit| *bit);
        match budget.share(MOST, |share| boxes.is_covered(rule, 0..place, stronger, share)) {
            Ok(covered) => live.set(place, !covered),
            Err(_) => undecided += 1,
        }
    }
    undecided
}

fn marked<'a>(rules: &'a [Rule], marks: &RuleBits) -> Vec<(usize, &'a Rule)> {
    marks.iter_ones().filter_map(|place| Some((place, rules.get(place)?))).collect()
}
