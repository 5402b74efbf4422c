//! From a number to the name of the interval it lies in: one table by the leading bits, then nodes of seven or fifteen cuts.
//!
//! Every walk takes the same steps, whatever the number: a slot of the table, then as many nodes as the fullest slot
//! needs. So a processor has no branch to guess wrong, which costs more than a few steps in vain, and overlaps the
//! walks of several packets. A node of IPv4 is one or two cache lines, and equal nodes are kept once.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::gather::{LANES, Lanes, Loads, each, flat};
use super::shape::Shape;
use crate::hash::HashMap;
use crate::stored::Stored;

/// The words of a small node, and its cuts, the last of which is never used.
pub(super) const FEW: usize = 8;
/// The same of large nodes, which take one more step each, where that saves a level.
pub(super) const MANY: usize = 16;

/// The most nodes on the way to a name: more than 2^32 cuts would need.
const DEEPEST: u32 = 12;

/// An address as a number.
pub(crate) trait Number: Copy + Ord + core::hash::Hash + Stored + Into<u128> {
    /// The first and the last number.
    const ZERO: Self;
    const MAX: Self;
    /// The number of an address; 0 for one of the other family.
    fn of(address: IpAddr) -> Self;
    /// The low bits of a wide number.
    fn narrow(number: u128) -> Self;
    /// The distance from a smaller number, around the end.
    fn less(self, other: Self) -> Self;
    /// The slot of a number: the first for numbers below it, the last for those above.
    fn slot(self, base: Self, shift: u32, last: u32) -> u32;
    /// The words that nodes lead to, in place of the nodes.
    #[inline(always)]
    fn below<L: Loads, const CUTS: usize>(
        _: L,
        nodes: &[Node<Self, CUTS>],
        numbers: &[Self; LANES],
        words: &mut Lanes,
    ) {
        for (word, number) in words.iter_mut().zip(numbers) {
            let Some(node) = nodes.get(*word as usize) else { continue };
            *word = node.word(*number);
        }
    }
}

impl Number for u32 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;

    #[inline]
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => v4.to_bits(),
            IpAddr::V6(_) => 0,
        }
    }

    fn narrow(number: u128) -> Self {
        number as u32
    }

    #[inline]
    fn less(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline]
    fn slot(self, base: Self, shift: u32, last: u32) -> u32 {
        self.saturating_sub(base).wrapping_shr(shift).min(last)
    }

    #[inline(always)]
    fn below<L: Loads, const CUTS: usize>(
        loads: L,
        nodes: &[Node<u32, CUTS>],
        numbers: &[u32; LANES],
        words: &mut Lanes,
    ) {
        let flat = flat(nodes);
        let starts = each(words, |node| node.wrapping_mul(2 * CUTS as u32));
        let mut ranks = [0; LANES];
        // As in `Node::rank`.
        let mut step = CUTS as u32 / 2;
        while step > 0 {
            let mut places = starts;
            for (place, rank) in places.iter_mut().zip(&ranks) {
                *place = place.wrapping_add(rank | (step - 1));
            }
            for ((rank, cut), number) in ranks.iter_mut().zip(loads.words(flat, &places)).zip(numbers) {
                *rank |= if *number > cut { step } else { 0 };
            }
            step /= 2;
        }
        let mut places = starts;
        places
            .iter_mut()
            .zip(ranks)
            .for_each(|(place, rank)| *place = place.wrapping_add(rank | CUTS as u32));
        *words = loads.words(flat, &places);
    }
}

impl Number for u128 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;

    #[inline]
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => 0,
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    fn narrow(number: u128) -> Self {
        number
    }

    #[inline]
    fn less(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline]
    fn slot(self, base: Self, shift: u32, last: u32) -> u32 {
        self.saturating_sub(base).wrapping_shr(shift).min(last.into()) as u32
    }
}

/// Cuts in ascending order, each the last number before it, and what comes before, between and after them. Unused
/// cuts are above all numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C, align(64))]
pub(crate) struct Node<T, const CUTS: usize> {
    pub(super) cuts: [T; CUTS],
    pub(super) words: [u32; CUTS],
}

impl<T: Number, const CUTS: usize> Node<T, CUTS> {
    /// How many cuts lie below a number: a binary search whose steps are always taken.
    #[inline]
    fn rank(&self, number: T) -> usize {
        let (mut rank, mut step) = (0, CUTS / 2);
        while step > 0 {
            let above = self.cuts.get(rank | (step - 1)).is_some_and(|cut| number > *cut);
            rank |= usize::from(above) * step;
            step /= 2;
        }
        rank
    }

    /// The word that belongs to a number.
    #[inline]
    fn word(&self, number: T) -> u32 {
        self.words.get(self.rank(number)).copied().unwrap_or_default()
    }
}

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

/// Nodes of one of both sizes.
#[derive(Clone, Debug)]
pub(super) enum Nodes<T> {
    Small(Vec<Node<T, FEW>>),
    Large(Vec<Node<T, MANY>>),
}

impl<T: Number> Stored for Nodes<T> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Nodes::Small(nodes) => (0_u8.write(out), nodes.write(out)),
            Nodes::Large(nodes) => (1_u8.write(out), nodes.write(out)),
        };
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Stored::read(input).map(Nodes::Small),
            1 => Stored::read(input).map(Nodes::Large),
            _ => None,
        }
    }
}

impl<T: Number, const CUTS: usize> Stored for Node<T, CUTS> {
    const FEWEST: usize = CUTS * (T::FEWEST + 4);

    fn write(&self, out: &mut Vec<u8>) {
        let Self { cuts, words } = self;
        cuts.write(out);
        words.write(out);
    }

    #[inline]
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self { cuts: Stored::read(input)?, words: Stored::read(input)? })
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
        let slot = number.slot(self.base, self.shift, self.last);
        let word = self.slots.get(slot as usize).copied().unwrap_or_default();
        match &self.nodes {
            Nodes::Small(nodes) => self.below(nodes, word, number),
            Nodes::Large(nodes) => self.below(nodes, word, number),
        }
    }

    #[inline(always)]
    fn below<const CUTS: usize>(&self, nodes: &[Node<T, CUTS>], mut word: u32, number: T) -> u32 {
        for _ in 0..self.depth {
            let Some(node) = nodes.get(word as usize) else { return 0 };
            word = node.word(number);
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
                Nodes::Small(nodes) => T::below(loads, nodes, numbers, &mut words),
                Nodes::Large(nodes) => T::below(loads, nodes, numbers, &mut words),
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

/// Nodes while they are made, each distinct one once.
struct Level<T, const CUTS: usize> {
    all: Vec<Node<T, CUTS>>,
    known: HashMap<Node<T, CUTS>, u32>,
}

impl<T: Number, const CUTS: usize> Level<T, CUTS> {
    /// The words of slots, and the nodes that they lead to.
    fn slots<'c>(
        buckets: impl Iterator<Item = (&'c [(u128, u32)], u32)>,
        depth: u32,
    ) -> (Vec<u32>, Vec<Node<T, CUTS>>) {
        let mut nodes = Self { all: Vec::new(), known: HashMap::default() };
        let slots = buckets.map(|(inside, name)| nodes.below(inside, name, depth)).collect();
        nodes.all.shrink_to_fit();
        (slots, nodes.all)
    }

    /// The word that leads to a name for each number, by so many levels of nodes; `before` the first cut.
    fn below(&mut self, cuts: &[(u128, u32)], before: u32, depth: u32) -> u32 {
        if depth == 0 {
            return before;
        }
        // What one child takes; its neighbour begins with a cut of this node.
        let room = CUTS.saturating_pow(depth - 1);
        let mut node = Node { cuts: [T::MAX; CUTS], words: [0; CUTS] };
        let (mut rest, mut name) = (cuts, before);
        let mut ends = node.cuts.iter_mut();
        for word in &mut node.words {
            let (child, later) = rest.split_at(rest.len().min(room - 1));
            *word = self.below(child, name, depth - 1);
            if let Some(((cut, next), later)) = later.split_first() {
                if let Some(end) = ends.next() {
                    *end = T::narrow(cut - 1);
                }
                (rest, name) = (later, *next);
            } else {
                rest = later;
            }
        }
        let next = self.all.len() as u32;
        let all = &mut self.all;
        *self.known.entry(node).or_insert_with(|| {
            all.push(node);
            next
        })
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
