//! From a number to the name of the interval it lies in: a search tree whose nodes are as wide as their cuts ask for.
//!
//! A node divides the span between its first and its last cut into slots of equal size, a power of two; what lies
//! below and above the span has a slot of its own. So a lone host or prefix costs one small node, however long the
//! addresses are, and dense parts become tables. A node is one run of words (base, head, slots): going down a level
//! costs one look into memory for small nodes.

use std::marker::PhantomData;
use std::net::IpAddr;

/// An address as a number.
pub(crate) trait Number: Copy + Ord {
    /// How many words it takes in a node.
    const WORDS: usize;
    /// The number of an address; 0 for one of the other family.
    fn of(address: IpAddr) -> Self;
    /// Reads what the builder wrote.
    fn read(words: &[u32]) -> Self;
    /// The low bits of a wide number.
    fn narrow(number: u128) -> Self;
    /// 0 below the base, `slots + 1` above the last slot.
    fn slot(self, base: Self, shift: u32, slots: u32) -> usize;
}

impl Number for u32 {
    const WORDS: usize = 1;

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => v4.to_bits(),
            IpAddr::V6(_) => 0,
        }
    }

    fn read(words: &[u32]) -> Self {
        words.first().copied().unwrap_or_default()
    }

    fn narrow(number: u128) -> Self {
        number as u32
    }

    fn slot(self, base: Self, shift: u32, slots: u32) -> usize {
        let inside = (self.wrapping_sub(base).wrapping_shr(shift)).min(slots).wrapping_add(1);
        (if self < base { 0 } else { inside }) as usize
    }
}

impl Number for u128 {
    const WORDS: usize = 4;

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => 0,
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    fn read(words: &[u32]) -> Self {
        let Some(&[a, b, c, d]) = words.first_chunk() else { return 0 };
        u128::from(u64::from(a) << 32 | u64::from(b)) << 64 | u128::from(u64::from(c) << 32 | u64::from(d))
    }

    fn narrow(number: u128) -> Self {
        number
    }

    fn slot(self, base: Self, shift: u32, slots: u32) -> usize {
        let inside = (self.wrapping_sub(base).wrapping_shr(shift)).min(u128::from(slots)) as usize + 1;
        if self < base { 0 } else { inside }
    }
}

/// Marks a slot that leads to a node.
const NODE: u32 = 1 << 31;
/// The fewest and the most slots of a node.
const SLOTS: (usize, usize) = (16, 1 << 16);

/// A number's interval, by name. Names are below 2^31.
#[derive(Clone, Debug)]
pub(crate) struct Trie<T> {
    words: Vec<u32>,
    number: PhantomData<T>,
}

impl<T: Number> Trie<T> {
    /// Of intervals by first value, ascending from 0. `None` when there is only one name: nothing to look up.
    pub(crate) fn new(intervals: &[(u128, u32)]) -> Option<Self> {
        let ((_, before), cuts) = intervals.split_first().filter(|(_, cuts)| !cuts.is_empty())?;
        let mut words = Vec::new();
        node::<T>(&mut words, cuts, *before);
        words.shrink_to_fit();
        Some(Self { words, number: PhantomData })
    }

    /// The name of the interval that holds a number.
    #[inline]
    pub(crate) fn find(&self, number: T) -> u32 {
        let mut at = 0;
        loop {
            let Some(node) = self.words.get(at..) else { return 0 };
            let head = node.get(T::WORDS).copied().unwrap_or_default();
            let slot = number.slot(T::read(node), head & 255, head >> 8);
            let entry = node.get(T::WORDS + 1 + slot).copied().unwrap_or_default();
            if entry & NODE == 0 {
                return entry;
            }
            at = (entry ^ NODE) as usize;
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * 4
    }
}

/// The base, size (as a power of two) and number of a node's slots.
fn shape(cuts: &[(u128, u32)]) -> (u128, u32, u128) {
    let (first, last) = match cuts {
        [(first, _), .., (last, _)] => (*first, *last),
        [(only, _)] => return (*only, 0, 0),
        [] => return (0, 0, 0),
    };
    let limit = (4 * cuts.len()).next_power_of_two().clamp(SLOTS.0, SLOTS.1) as u128;
    // Slots that end at every cut: no level below.
    let exact = cuts.iter().fold(0, |bits, (at, _)| bits | (at - first)).trailing_zeros();
    if (last - first) >> exact <= limit {
        return (first, exact, (last - first) >> exact);
    }
    let around = |shift: u32| {
        let base = first >> shift << shift;
        (base, shift, ((last - base) >> shift) + 1)
    };
    // First and last cut are never in one slot (the next finer slots were more than 16), so nodes below have fewer cuts.
    (1..128).map(around).find(|(_, _, slots)| *slots <= limit).unwrap_or((first, 127, 1))
}

/// Appends a node for some cuts; below the first one lies `before`.
fn node<T: Number>(words: &mut Vec<u32>, cuts: &[(u128, u32)], before: u32) {
    let (base, shift, slots) = shape(cuts);
    let wide = [96, 64, 32, 0].map(|bits| (base >> bits) as u32);
    words.extend(wide.iter().skip(4 - T::WORDS));
    words.push((slots as u32) << 8 | shift);
    let start = words.len();
    words.push(before);
    words.resize(start + 1 + slots as usize, before);
    words.push(cuts.last().map_or(before, |last| last.1));
    let mut rest = cuts;
    let mut name = before;
    for slot in 0..slots {
        let low = base + (slot << shift);
        let high = low | ((1 << shift) - 1);
        let (here, after) = rest.split_at(rest.partition_point(|(at, _)| *at <= high.max(low)));
        let (at_start, inside) = here.split_at(here.partition_point(|(at, _)| *at <= low));
        name = at_start.last().map_or(name, |cut| cut.1);
        let entry = if inside.is_empty() { name } else { NODE | words.len() as u32 };
        if let Some(word) = words.get_mut(start + 1 + slot as usize) {
            *word = entry;
        }
        if !inside.is_empty() {
            node::<T>(words, inside, name);
        }
        name = inside.last().map_or(name, |cut| cut.1);
        rest = after;
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
        assert!(Trie::<u128>::new(&intervals).unwrap().bytes() < 64_000);
    }
}
