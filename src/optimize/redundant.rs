//! Rules that decide packets, but only as the rules below them would.

use palisade_ir::Chain;
use palisade_ir::decide::{Boxes, Budget, RuleBits};

use super::covered::MOST;
use super::{Passed, kept};

/// Drops every rule without which other rules give all its packets the same outcome; one at a time and the weakest
/// first, because two rules may each be redundant only as long as the other is there.
///
/// Two kinds stay, though no packet would miss them. A rule that says what the chain's default says: `deny all from
/// any` is there to be read. And a rule that logs, because the log line names it.
pub fn redundant(chain: &Chain, budget: &mut Budget) -> Passed {
    let rules = chain.rules();
    let boxes = Boxes::new(rules, |_| true);
    let mut needed = RuleBits::repeat(true, rules.len());
    let mut undecided = 0;
    for (place, rule) in rules.iter().enumerate().rev().filter(|(_, rule)| !rule.outcome.log) {
        let others = |other: usize| needed.get(other).is_some_and(|bit| *bit);
        match budget.share(MOST, |share| boxes.is_repeated(rule, place, others, share)) {
            Ok(repeated) => needed.set(place, !repeated),
            Err(_) => undecided += 1,
        }
    }
    Passed { chain: kept(chain, &needed), undecided }
}
