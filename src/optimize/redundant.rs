//! Rules that decide packets, but only as the rules and the default below them would.

use palisade_ir::Chain;
use palisade_ir::decide::{Budget, Index, RuleBits};

use super::covered::MOST;
use super::{Passed, marked};

/// Drops every rule without which all packets get the same outcome anyway, one at a time and the weakest first: two
/// rules may each be redundant only as long as the other is there.
///
/// Not part of [`super::optimize`]: `deny all from any` above a default that denies says something to a reader, and
/// to the log of a target that counts per rule.
pub fn redundant(chain: &Chain, budget: &mut Budget) -> Passed {
    let index = Index::new(chain);
    let mut needed = RuleBits::repeat(true, chain.rules().len());
    let mut unproved = 0;
    for place in (0..chain.rules().len()).rev() {
        let redundant =
            budget.share(MOST, |share| index.is_redundant(place, &needed, share)).unwrap_or_else(|_| {
                unproved += 1;
                false
            });
        needed.set(place, !redundant);
    }
    Passed { chain: marked(chain, &needed), unproved }
}
