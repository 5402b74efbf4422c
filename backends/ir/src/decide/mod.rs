//! The decision structure: bitsets over the elementary intervals of addresses and ports, and exact answers from them.
//!
//! [`Index`] answers which rule decides a packet, which rules meet a region, whether rules cover a region and how a
//! chain divides one; [`equivalent`] whether two chains mean the same. Answers are exact for all packets or they are
//! [`BudgetExceeded`]. This module knows nothing of plans, backends or the policy language.

mod axis;
mod budget;
mod cube;
mod points;
mod space;

use bitvec::prelude::{BitVec, Lsb0};

pub use axis::Axis;
pub use budget::{Budget, BudgetExceeded};
use space::Space;

use crate::{Chain, ChainDecision, Family, Packet, Region};

/// A chain with its bitsets, for both families.
#[derive(Clone, Debug)]
pub struct Index {
    chain: Chain,
    v4: Space,
    v6: Space,
}

impl Index {
    /// Cuts header space by the rules of a chain.
    pub fn new(chain: &Chain) -> Self {
        Self::within(axis::ROWS_LIMIT, chain)
    }

    fn within(limit: usize, chain: &Chain) -> Self {
        let space = |family| Space::new(family, limit, chain.rules().iter().map(|rule| &rule.matches));
        Self { chain: chain.clone(), v4: space(Family::V4), v6: space(Family::V6) }
    }

    /// The chain.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The axes of a family. Source and destination count addresses. The third counts protocols: up to 255 those of
    /// packets without ports, 256 is tcp with ports, 257 udp with ports. The last two count source and destination
    /// ports from 0 to 65535; for packets without ports they make no difference.
    pub const fn axes(&self, family: Family) -> &[Axis; 5] {
        self.space(family).axes()
    }

    /// The place in the chain of the first rule that matches the packet; `None` when the default decides.
    pub fn first_match(&self, packet: &Packet) -> Option<usize> {
        self.space(packet.family()).first_match(packet)
    }

    /// Decides a packet as [`Chain::decide`] does.
    pub fn decide(&self, packet: &Packet) -> ChainDecision<'_> {
        self.chain.decided_by(self.first_match(packet))
    }

    /// The rules that share packets with a region, by their place in the chain.
    pub fn overlapping(&self, region: &Region) -> BitVec<u64, Lsb0> {
        let space = self.space(region.family());
        let mut found = BitVec::repeat(false, self.chain.rules().len());
        for query in space.queries(region) {
            let words = space.overlapping(&query.cube);
            let pairs = found.as_raw_mut_slice().iter_mut().zip(words.as_raw_slice());
            pairs.for_each(|(word, theirs)| *word |= theirs);
        }
        found
    }

    const fn space(&self, family: Family) -> &Space {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

#[cfg(test)]
mod tests;
