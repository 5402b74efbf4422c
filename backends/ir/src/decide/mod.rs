//! The decision structure: bitsets over the elementary intervals of addresses and ports, and exact answers from them.
//!
//! [`Index`] answers which rule decides a packet, which rules meet a region, whether rules cover a region and how a
//! chain divides one; [`equivalent`] whether two chains mean the same, [`changes`] which packets they decide differently.
//! [`Boxes`] answers what an optimiser asks, about chains of any size: is this rule covered, may it move past those.
//! Answers are exact for all packets or they are [`BudgetExceeded`]. This module knows nothing of plans, backends or the
//! policy language.
//!
//! # Cost
//!
//! Both structures hold a rule as a product of five sets, each a list of runs. With n rules:
//!
//! | | [`Index`] | [`Boxes`] |
//! |---|---|---|
//! | built from | per field and elementary interval one bit a rule | a tree of the boxes around rules, cut at numbers |
//! | memory | n times the different sets of a field / 8 bytes: 10,000 rules some 10 MB, up to 256 MB a field | 60 bytes a rule and family of addresses, 170 for IPv6 |
//! | time to build | about n^2 / 64 words | n log n |
//! | one packet | n / 64 words at worst, the first few mostly | not asked |
//! | one rule against the others | n / 64 words, then boxes | the boxes that it meets |
//! | good for | small chains, packets, classes, dividing regions | covers, conflicts, chains of 100,000 rules and more |
//!
//! Above 256 MB a field of an [`Index`] has no bits: its rules are then tested one by one, which stays exact and is slow.
//!
//! Questions about unions of rules (is this covered, do these differ) cut the box asked about along the others until
//! each piece is inside one or bare. Real rules are settled by one rule that holds them or by one of the first points
//! tried, within some hundred steps. The worst case is exponential in the number of fields, as the problem is
//! (covering a box by boxes is co-NP complete when the number of fields is not bounded; with five it is n^5 in
//! theory; the hardest question seen in 100,000 rules took 123,000 steps). Therefore every question takes a
//! [`Budget`], a count of steps and no clock: when it is spent the answer is [`BudgetExceeded`], the same on every
//! machine. What a caller does then is always the safe thing: the optimiser keeps the rule, a proof says "not proved",
//! a lint says "not decided". Nothing hangs, and nothing is guessed.

mod axis;
mod boxes;
mod budget;
mod changes;
mod cover;
mod cube;
mod equivalent;
mod hull;
mod part;
mod partition;
pub(crate) mod points;
mod space;
mod tree;

use alloc::vec::Vec;

use bitvec::prelude::{BitSlice, Lsb0};

pub use axis::{Axis, RuleBits};
pub use boxes::Boxes;
pub use budget::{Budget, BudgetExceeded};
pub use changes::{Change, Decider, changes};
use cover::hole;
use cube::Cube;
pub use equivalent::equivalent;
use space::Space;

use crate::{Chain, ChainDecision, Family, Outcome, Packet, Region};

/// A chain with its bitsets, for both families.
#[derive(Clone, Debug)]
pub struct Index {
    chain: Chain,
    v4: Space,
    v6: Space,
}

/// A part of a region and the rule that decides all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The packets.
    pub region: Region,
    /// The place of the rule in the chain; `None` for the default.
    pub rule: Option<usize>,
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
    pub fn overlapping(&self, region: &Region) -> RuleBits {
        let space = self.space(region.family());
        let mut found = RuleBits::repeat(false, self.chain.rules().len());
        for query in space.queries(region) {
            let words = space.overlapping(&query.cube);
            let pairs = found.as_raw_mut_slice().iter_mut().zip(words.as_raw_slice());
            pairs.for_each(|(word, theirs)| *word |= theirs);
        }
        found
    }

    /// Divides a region into disjoint pieces, each decided by one rule, in chain order. What the default decides comes
    /// last.
    pub fn partition(&self, region: &Region, budget: &mut Budget) -> Result<Vec<Piece>, BudgetExceeded> {
        let space = self.space(region.family());
        let mut pieces = Vec::new();
        for query in space.queries(region) {
            pieces.extend(partition::partition(space, &query, budget)?);
        }
        pieces.sort_by(|a, b| {
            let place = |piece: &Piece| piece.rule.unwrap_or(usize::MAX);
            (place(a), &a.region).cmp(&(place(b), &b.region))
        });
        Ok(pieces)
    }

    /// A packet of the region that none of the rules `by` matches; `None` when together they cover the region.
    pub fn uncovered(
        &self,
        region: &Region,
        by: &BitSlice<u64, Lsb0>,
        budget: &mut Budget,
    ) -> Result<Option<Packet>, BudgetExceeded> {
        let space = self.space(region.family());
        for query in space.queries(region) {
            let by = |rule: usize| by.get(rule).is_some_and(|bit| *bit);
            if let Some(point) = hole(space, &query.cube, by, budget)? {
                return Ok(space.packet(&query, &point));
            }
        }
        Ok(None)
    }

    /// Whether rules of `by` other than the rule at a place cover it.
    pub fn is_covered(
        &self,
        place: usize,
        by: &BitSlice<u64, Lsb0>,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let Some((space, cube)) = self.cube(place) else { return Ok(false) };
        let by = |rule: usize| rule != place && by.get(rule).is_some_and(|bit| *bit);
        Ok(hole(space, cube, by, budget)?.is_none())
    }

    /// Whether a chain of the rules `kept` gives every packet the same outcome without the rule at a place.
    pub fn is_redundant(
        &self,
        place: usize,
        kept: &BitSlice<u64, Lsb0>,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let (Some((space, cube)), Some(rule)) = (self.cube(place), self.chain.rules().get(place)) else {
            return Ok(false);
        };
        let kept = |rule: usize| rule != place && kept.get(rule).is_some_and(|bit| *bit);
        if rule.outcome != Outcome::silent(self.chain.default()) && hole(space, cube, kept, budget)?.is_some()
        {
            return Ok(false);
        }
        let meeting = space.overlapping(cube);
        budget.spend(1 + meeting.count_ones() / 8)?;
        let weaker = meeting.iter_ones().filter(|weaker| *weaker > place && kept(*weaker));
        for weaker in weaker {
            let other = self.chain.rules().get(weaker).is_some_and(|weaker| weaker.outcome != rule.outcome);
            let Some(common) = space.cube(weaker).and_then(|weaker| weaker.intersect(cube)).filter(|_| other)
            else {
                continue;
            };
            if hole(space, &common, |stronger| stronger < weaker && kept(stronger), budget)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A rule as a cube of its family's space.
    fn cube(&self, place: usize) -> Option<(&Space, &Cube)> {
        let space = self.space(self.chain.rules().get(place)?.matches.family());
        Some((space, space.cube(place)?))
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
