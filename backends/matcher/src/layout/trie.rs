//! From a number to the name of the interval it lies in: one table by the leading bits, then nodes of seven cuts.
//!
//! Every walk takes the same steps, whatever the number: a slot of the table, then as many nodes as the fullest slot
//! needs. So a processor has no branch to guess wrong, which costs more than a few steps in vain, and overlaps the
//! walks of several packets. A node of IPv4 is one cache line, and equal nodes are kept once.

use std::net::IpAddr;

use crate::hash::HashMap;
use crate::stored::Stored;

/// The words of a node, and its cuts, the last of which is never used.
const CUTS: usize = 8;
/// The fewest and the most slots of the table.
const SLOTS: (usize, usize) = (16, 1 << 16);

/// The most nodes on the way to a name: more than 2^32 cuts would need.
const DEEPEST: u32 = 12;

/// An address as a number.
pub(crate) trait Number: Copy + Ord + std::hash::Hash + Stored {
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
    fn slot(self, base: Self, shift: u32, last: u32) -> usize;
    /// How many cuts lie below a number.
    fn rank(cuts: &[Self; CUTS], number: Self) -> usize;
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
    fn slot(self, base: Self, shift: u32, last: u32) -> usize {
        self.saturating_sub(base).wrapping_shr(shift).min(last) as usize
    }

    #[inline]
    fn rank(cuts: &[Self; CUTS], number: Self) -> usize {
        // All at once, which becomes a few vector instructions.
        cuts.iter().map(|cut| u32::from(number > *cut)).sum::<u32>() as usize & (CUTS - 1)
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
    fn slot(self, base: Self, shift: u32, last: u32) -> usize {
        self.saturating_sub(base).wrapping_shr(shift).min(last.into()) as usize
    }

    #[inline]
    fn rank(cuts: &[Self; CUTS], number: Self) -> usize {
        // A binary search whose three steps are always taken.
        let above = |at: usize| usize::from(cuts.get(at).is_some_and(|cut| number > *cut));
        let at = above(3) << 2;
        let at = at | above(at | 1) << 1;
        at | above(at)
    }
}

/// Cuts in ascending order, each the last number before it, and what comes before, between and after them. Unused
/// cuts are above all numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
struct Node<T> {
    cuts: [T; CUTS],
    words: [u32; CUTS],
}

impl<T: Number> Node<T> {
    /// How many cuts lie below a number.
    #[inline]
    fn rank(&self, number: T) -> usize {
        T::rank(&self.cuts, number)
    }
}

/// A number's interval, by name.
#[derive(Clone, Debug)]
pub(crate) struct Trie<T> {
    base: T,
    shift: u32,
    /// The number of slots, less one.
    last: u32,
    /// By leading bits: names at depth 0, else nodes.
    slots: Vec<u32>,
    nodes: Vec<Node<T>>,
    /// The nodes on the way to each name.
    depth: u32,
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

impl<T: Number> Stored for Node<T> {
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
        let shape = Shape::of(cuts);
        let buckets: Vec<(&[(u128, u32)], u32)> = shape.buckets(cuts, *before).collect();
        let fullest = buckets.iter().map(|(inside, _)| inside.len()).max().unwrap_or_default();
        let depth = depth(fullest);
        let mut nodes = Nodes { all: Vec::new(), known: HashMap::default() };
        let slots = buckets.into_iter().map(|(inside, name)| nodes.below(inside, name, depth)).collect();
        let Shape { base, shift, span } = shape;
        nodes.all.shrink_to_fit();
        let last = span as u32 - 1;
        Some(Self { base: T::narrow(base), shift, last, slots, nodes: nodes.all, depth })
    }

    /// The name of the interval that holds a number.
    #[inline]
    pub(crate) fn find(&self, number: T) -> u32 {
        let mut word = self.first(number);
        for _ in 0..self.depth {
            word = self.below(word, number);
        }
        word
    }

    /// Adds the names of as many numbers to sums, level by level.
    #[inline]
    pub(crate) fn add_all<const COUNT: usize>(&self, numbers: [T; COUNT], sums: &mut [u32; COUNT]) {
        let mut words = [0; COUNT];
        for (word, number) in words.iter_mut().zip(&numbers) {
            *word = self.first(*number);
        }
        for _ in 0..self.depth {
            for (word, number) in words.iter_mut().zip(&numbers) {
                *word = self.below(*word, *number);
            }
        }
        sums.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
    }

    /// The word by the leading bits.
    #[inline]
    fn first(&self, number: T) -> u32 {
        let slot = number.slot(self.base, self.shift, self.last);
        self.slots.get(slot).copied().unwrap_or_default()
    }

    /// The word that a node leads to.
    #[inline]
    fn below(&self, node: u32, number: T) -> u32 {
        let word = self.nodes.get(node as usize).and_then(|node| node.words.get(node.rank(number)));
        word.copied().unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.slots.len() * 4 + self.nodes.len() * size_of::<Node<T>>()
    }
}

/// The fewest levels of nodes that tell so many cuts apart.
fn depth(cuts: usize) -> u32 {
    (0..).find(|depth| cuts < CUTS.saturating_pow(*depth)).unwrap_or_default()
}

/// The table by leading bits.
#[derive(Clone, Copy)]
struct Shape {
    /// The first number of the first slot.
    base: u128,
    /// The size of a slot, as a power of two.
    shift: u32,
    /// How many slots there are.
    span: u128,
}

impl Shape {
    /// The smallest of the tables that lead to the fewest nodes.
    fn of(cuts: &[(u128, u32)]) -> Self {
        let most = (32 * cuts.len()).clamp(SLOTS.0, SLOTS.1);
        let sizes = (0..).map(|bits| SLOTS.0 << bits).take_while(|size| *size <= most);
        let shapes = sizes.map(|size| Self::around(cuts, size as u128));
        shapes.min_by_key(|shape| shape.depth(cuts)).unwrap_or(Self { base: 0, shift: 127, span: 2 })
    }

    /// Slots that hold all cuts.
    fn around(cuts: &[(u128, u32)], limit: u128) -> Self {
        let (first, last) = match cuts {
            [(first, _), .., (last, _)] => (*first, *last),
            [(only, _)] => (*only, *only),
            [] => (0, 0),
        };
        let around = |shift: u32| {
            // A slot for what lies below all cuts, if anything does, and one for what lies above.
            let base = (first >> shift << shift).saturating_sub(1 << shift);
            Self { base, shift, span: ((last - base) >> shift).saturating_add(2) }
        };
        (0..128).map(around).find(|shape| shape.span <= limit).unwrap_or(Self {
            base: 0,
            shift: 127,
            span: 2,
        })
    }

    fn depth(&self, cuts: &[(u128, u32)]) -> u32 {
        self.buckets(cuts, 0).map(|(inside, _)| depth(inside.len())).max().unwrap_or_default()
    }

    /// The cuts inside each slot and the name at its start.
    fn buckets(self, cuts: &[(u128, u32)], before: u32) -> impl Iterator<Item = (&[(u128, u32)], u32)> {
        let (mut rest, mut name) = (cuts, before);
        (0..self.span).map(move |slot| {
            // Above the last cut the end of all numbers may be passed.
            let low = self.base.saturating_add(slot.saturating_mul(1 << self.shift));
            let high = low | ((1 << self.shift) - 1);
            let end = rest.iter().position(|(at, _)| *at > high).unwrap_or(rest.len());
            let (here, later) = rest.split_at(end);
            let (at_start, inside) = here.split_at(here.iter().take_while(|(at, _)| *at <= low).count());
            let first = at_start.last().map_or(name, |cut| cut.1);
            (rest, name) = (later, inside.last().map_or(first, |cut| cut.1));
            (inside, first)
        })
    }
}

/// Nodes, each distinct one once.
struct Nodes<T> {
    all: Vec<Node<T>>,
    known: HashMap<Node<T>, u32>,
}

impl<T: Number> Nodes<T> {
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
        assert!(Trie::<u128>::new(&intervals).unwrap().bytes() < 64_000, "a node has seven cuts");
    }
}
