//! The rules of a chain as lints ask about them: a tree of boxes for all, and for the packets of one rule bitsets over the
//! few rules that it meets.

use std::ops::Range;

use palisade_ir::decide::{Boxes, Budget, BudgetExceeded, Index, RuleBits};
use palisade_ir::{Chain, Match, Packet, Region, Rule};

/// Steps that stand for building the tree, per rule of a chain.
const TREE: usize = 16;
/// Steps that stand for building bitsets, per rule that they are of.
const BITS: usize = 64;
/// Pairs of rules that cost a step when bitsets are built: rows of bits are as long as the list of rules.
const PAIRS: usize = 32;

/// A chain and the tree of its rules.
pub(super) struct Ground<'a> {
    chain: &'a Chain,
    boxes: Boxes,
}

/// Whether the bit of a rule is set.
pub(super) fn is_set(rules: &RuleBits, place: usize) -> bool {
    rules.get(place).is_some_and(|bit| *bit)
}

impl<'a> Ground<'a> {
    /// The steps that building it for so many rules stands for.
    pub(super) const fn cost(rules: usize) -> usize {
        rules.saturating_mul(TREE)
    }

    pub(super) fn new(chain: &'a Chain) -> Self {
        Self { chain, boxes: Boxes::new(chain.rules(), |_| true) }
    }

    pub(super) fn rules(&self) -> &'a [Rule] {
        self.chain.rules()
    }

    /// Whether accepted rules among the places cover the rule at a place.
    pub(super) fn is_covered(
        &self,
        place: usize,
        among: Range<usize>,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let Some(rule) = self.rules().get(place) else { return Ok(false) };
        self.boxes.is_covered(rule, among, |by| by != place && accept(by), budget)
    }

    /// Whether every packet has the same outcome without the rule at a place, when only accepted ones are left.
    pub(super) fn is_redundant(
        &self,
        place: usize,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        let Some(rule) = self.rules().get(place) else { return Ok(false) };
        self.boxes.is_redundant(rule, place, self.chain.default(), accept, budget)
    }

    /// The accepted rules that share packets with a match, by their places.
    pub(super) fn meeting(
        &self,
        matches: &Match,
        accept: impl Fn(usize) -> bool,
        budget: &mut Budget,
    ) -> Result<Vec<usize>, BudgetExceeded> {
        self.boxes.meeting(matches, 0..self.rules().len(), accept, budget)
    }

    /// The parts of a region that each of the rules at these places decides, were there no others.
    pub(super) fn partition(
        &self,
        region: &Region,
        places: Vec<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<(usize, Region)>, BudgetExceeded> {
        let pieces = self.index(&places, budget)?.partition(region, budget)?;
        let decided = pieces.into_iter().filter_map(|piece| Some((*places.get(piece.rule?)?, piece.region)));
        Ok(decided.collect())
    }

    /// A packet of a region that no accepted rule matches. All of the region lies within a match.
    pub(super) fn uncovered(
        &self,
        region: &Region,
        within: &Match,
        accept: &RuleBits,
        budget: &mut Budget,
    ) -> Result<Option<Packet>, BudgetExceeded> {
        // A part of tcp or udp without ports is no match: then all that meets the whole is looked at.
        let parts = region.matches().unwrap_or_else(|| vec![within.clone()]);
        let mut places = Vec::new();
        for part in &parts {
            places.extend(self.meeting(part, |place| is_set(accept, place), budget)?);
        }
        places.sort_unstable();
        places.dedup();
        let by = RuleBits::repeat(true, places.len());
        self.index(&places, budget)?.uncovered(region, &by, budget)
    }

    fn index(&self, places: &[usize], budget: &mut Budget) -> Result<Index, BudgetExceeded> {
        budget.spend(places.len().saturating_mul(BITS + places.len() / PAIRS))?;
        let rules = places.iter().filter_map(|place| self.rules().get(*place)).cloned().collect();
        Ok(Index::new(&Chain::from_ordered(rules, self.chain.default(), self.chain.default_id())))
    }
}
