//! The intervals of a search tree: every number there is, each with its name.

use alloc::vec::Vec;

use super::super::node::{Node, Nodes};
use super::super::number::Number;
use super::super::trie::Trie;

/// Intervals by first number, ascending from 0, neighbours of one name joined.
pub(crate) type Intervals = Vec<(u128, u32)>;

impl<T: Number> Trie<T> {
    /// All intervals; `None` where a way leads out of the tree.
    pub(crate) fn intervals(&self) -> Option<Intervals> {
        match &self.nodes {
            Nodes::Small(nodes) => self.walk(nodes),
            Nodes::Large(nodes) => self.walk(nodes),
        }
    }

    fn walk<const CUTS: usize>(&self, nodes: &[Node<T, CUTS>]) -> Option<Intervals> {
        let Self { base, shift, last, slots, nodes: _, depth } = self;
        let max: u128 = T::MAX.into();
        // Numbers are shifted by less than they have bits.
        let shift = shift % (max.count_ones());
        // Look-ups of wide numbers take for granted that slots begin where their size says.
        let start: u128 = (*base).into();
        if start >> shift << shift != start {
            return None;
        }
        let mut walk = Walk { nodes, found: Vec::new() };
        let mut first = 0;
        for (slot, word) in (0..=*last).zip(slots) {
            let next = (u128::from(slot) + 1).checked_shl(shift).filter(|next| next >> shift > slot.into());
            let next = next.and_then(|next| next.checked_add((*base).into())).filter(|next| *next <= max);
            let end = next.filter(|_| slot < *last).map_or(max, |next| next - 1);
            walk.below(*word, *depth, (first, end))?;
            if end == max {
                return Some(walk.found);
            }
            first = end + 1;
        }
        None
    }
}

/// A walk through all nodes that numbers come to.
struct Walk<'a, T, const CUTS: usize> {
    nodes: &'a [Node<T, CUTS>],
    found: Intervals,
}

impl<T: Number, const CUTS: usize> Walk<'_, T, CUTS> {
    /// The numbers from first to last, which have come to a word.
    fn below(&mut self, word: u32, depth: u32, range: (u128, u128)) -> Option<()> {
        if depth == 0 {
            if self.found.last().is_none_or(|last| last.1 != word) {
                self.found.push((range.0, word));
            }
            return Some(());
        }
        let Node { cuts, words } = *self.nodes.get(word as usize)?;
        // A search takes this for granted.
        if !cuts.is_sorted() || cuts.last() != Some(&T::MAX) {
            return None;
        }
        let (mut first, last) = range;
        for (cut, word) in cuts.into_iter().zip(words) {
            let cut: u128 = cut.into();
            if first <= cut {
                self.below(word, depth - 1, (first, last.min(cut)))?;
                if last <= cut {
                    return Some(());
                }
                first = cut + 1;
            }
        }
        // More cuts are below what is left than there are words for.
        None
    }
}
