//! Rules that never decide, because stronger ones cover them together.

use palisade_ir::Chain;
use palisade_ir::decide::{Budget, Index, RuleBits};

use super::{Passed, marked};

/// The most steps for one rule; 100,000 is the hardest seen in 100,000 real-looking rules.
pub(super) const MOST: u64 = 1_000_000;

/// Drops every rule that the union of stronger rules covers, whatever their verdicts; never the default.
pub fn covered(chain: &Chain, budget: &mut Budget) -> Passed {
    let index = Index::new(chain);
    let mut live = RuleBits::repeat(false, chain.rules().len());
    let mut unproved = 0;
    for place in 0..chain.rules().len() {
        let dead = budget.share(MOST, |share| index.is_covered(place, &live, share)).unwrap_or_else(|_| {
            unproved += 1;
            false
        });
        live.set(place, !dead);
    }
    Passed { chain: marked(chain, &live), unproved }
}
