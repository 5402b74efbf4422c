//! From a number to the name of the interval it lies in: one table by the leading bits, then nodes of seven or fifteen cuts.
//!
//! Every walk takes the same steps, whatever the number: a slot of the table, then as many nodes as the fullest slot
//! needs. So a processor has no branch to guess wrong, which costs more than a few steps in vain, and overlaps the
//! walks of several packets. A node of IPv4 is one or two cache lines, and equal nodes are kept once.

use alloc::vec::Vec;

use super::gather::{LANES, Lanes, Loads, Plain};
use super::node::{FEW, Level, Node, Nodes};
use super::number::Number;
use super::shape::Shape;
use crate::stored::Stored;

/// The most nodes on the way to a name: more than 2^32 cuts would need.
const DEEPEST: u32 = 12;

/// A number's interval, by name.
#[derive(Clone, Debug)]
pub(crate) struct Trie<T> {
    pub(super) base: T,
    pub(super) shift: u32,
    /// The number of slots, less one.
    pub(super) last: u32,
    /// By leading bits: names at depth 0, else nodes.
    pub(super) slots: Vec<u32>,
    pub(super) nodes: Nodes<T>,
    /// The nodes on the way to each name.
    pub(super) depth: u32,
}

impl<T: Number> Stored for Trie<T> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        let Self { base, shift, last, slots, nodes, depth } = self;
        base.write(out);
        [*shift, *last, *depth].write(out);
        slots.write(out);
        nodes.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        let base = T::read(input)?;
        let [shift, last, depth] = Stored::read(input)?;
        if depth > DEEPEST {
            return None;
        }
        Some(Self { base, shift, last, slots: Stored::read(input)?, nodes: Stored::read(input)?, depth })
    }
}

impl<T: Number> Trie<T> {
    /// Of intervals by first value, ascending from 0. `None` when there is only one name: nothing to look up.
    pub(crate) fn new(intervals: &[(u128, u32)]) -> Option<Self> {
        let ((_, before), cuts) = intervals.split_first().filter(|(_, cuts)| !cuts.is_empty())?;
        let (shape, fan) = Shape::of(cuts);
        let depth = shape.depth(cuts, fan);
        let buckets = shape.buckets(cuts, *before);
        let (slots, nodes) = if fan == FEW {
            let (slots, nodes) = Level::slots(buckets, depth);
            (slots, Nodes::Small(nodes))
        } else {
            let (slots, nodes) = Level::slots(buckets, depth);
            (slots, Nodes::Large(nodes))
        };
        let Shape { base, shift, span } = shape;
        let last = span as u32 - 1;
        Some(Self { base: T::narrow(base), shift, last, slots, nodes, depth })
    }

    /// The name of the interval that holds a number.
    #[inline]
    pub(crate) fn find(&self, number: T) -> u32 {
        self.find_by(Plain, number)
    }

    /// The same.
    #[inline(always)]
    pub(super) fn find_by<L: Loads>(&self, loads: L, number: T) -> u32 {
        let slot = number.slot(self.base, self.shift, self.last);
        let word = self.slots.get(slot as usize).copied().unwrap_or_default();
        match &self.nodes {
            Nodes::Small(nodes) => self.below(loads, nodes, word, number),
            Nodes::Large(nodes) => self.below(loads, nodes, word, number),
        }
    }

    #[inline(always)]
    fn below<L: Loads, const CUTS: usize>(
        &self,
        loads: L,
        nodes: &[Node<T, CUTS>],
        mut word: u32,
        number: T,
    ) -> u32 {
        for _ in 0..self.depth {
            let Some(node) = nodes.get(word as usize) else { return 0 };
            word = node.word(loads, number);
        }
        word
    }

    /// Adds the names of as many numbers to sums, level by level.
    #[inline(always)]
    pub(super) fn add_all<L: Loads>(&self, loads: L, numbers: &[T; LANES], sums: &mut Lanes) {
        let mut slots = [0; LANES];
        for (slot, number) in slots.iter_mut().zip(numbers) {
            *slot = number.slot(self.base, self.shift, self.last);
        }
        let mut words = loads.words(&self.slots, &slots);
        for _ in 0..self.depth {
            match &self.nodes {
                Nodes::Small(nodes) => level(loads, nodes, numbers, &mut words),
                Nodes::Large(nodes) => level(loads, nodes, numbers, &mut words),
            }
        }
        sums.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
    }

    pub(crate) fn bytes(&self) -> usize {
        let nodes = match &self.nodes {
            Nodes::Small(nodes) => size_of_val(nodes.as_slice()),
            Nodes::Large(nodes) => size_of_val(nodes.as_slice()),
        };
        self.slots.len() * 4 + nodes
    }
}

/// The words that nodes lead to, in place of the nodes.
#[inline(always)]
fn level<T: Number, L: Loads, const CUTS: usize>(
    loads: L,
    nodes: &[Node<T, CUTS>],
    numbers: &[T; LANES],
    words: &mut Lanes,
) {
    for (word, number) in words.iter_mut().zip(numbers) {
        *word = nodes.get(*word as usize).map_or(0, |node| node.word(loads, *number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Number>(intervals: &[(u128, u32)], last: u128) {
        let trie = Trie::<T>::new(intervals).unwrap();
        let ends =
            intervals.iter().flat_map(|(at, _)| [at.saturating_sub(1), *at, at.saturating_add(1).min(last)]);
        for number in ends.chain([0, last, last / 2, last / 3]) {
            let expected = intervals[intervals.partition_point(|(at, _)| *at <= number) - 1].1;
            assert_eq!(trie.find(T::narrow(number)), expected, "{number:#x} in {intervals:x?}");
        }
    }

    #[test]
    fn finds_what_a_search_finds() {
        assert!(Trie::<u32>::new(&[(0, 7)]).is_none());
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            u128::from(seed)
        };
        for round in 0..400_u32 {
            let (count, bits) = (1 + next() % 60, 1 + round % 128);
            let mut starts: Vec<u128> = (0..count)
                .map(|_| {
                    let wide = (next() << 64 | next()) >> (128 - bits);
                    wide >> (next() % 40) << (next() % 24)
                })
                .collect();
            starts.extend([0, 1 << (next() % 128)]);
            starts.sort_unstable();
            starts.dedup();
            let named = |starts: &[u128]| starts.iter().copied().zip(0..).collect::<Vec<(u128, u32)>>();
            check::<u128>(&named(&starts), u128::MAX);
            starts.iter_mut().for_each(|start| *start &= u128::from(u32::MAX));
            starts.push(u128::from(u32::MAX));
            starts.sort_unstable();
            starts.dedup();
            check::<u32>(&named(&starts), u128::from(u32::MAX));
        }
    }

    #[test]
    fn cuts_at_every_power_of_two_stay_small() {
        let intervals: Vec<(u128, u32)> =
            [0].into_iter().chain((0..128).map(|bit| 1 << bit)).chain([u128::MAX]).zip(0..).collect();
        check::<u128>(&intervals, u128::MAX);
        assert!(Trie::<u128>::new(&intervals).unwrap().bytes() < 64_000, "a node has several cuts");
    }
}
