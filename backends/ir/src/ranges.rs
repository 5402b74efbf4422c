//! Sets of whole numbers as sorted, disjoint, non-adjacent inclusive ranges: the arithmetic under prefixes and ports.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// A set of numbers, canonical: equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// The empty set.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// The numbers from `first` to `last`, both included; empty when reversed.
    pub fn span(first: u128, last: u128) -> Self {
        Self::from_unsorted(vec![(first, last)])
    }

    /// Whether these are the numbers from `first` to `last`, neither more nor fewer.
    pub(crate) fn is_span(&self, first: u128, last: u128) -> bool {
        *self.0 == [(first, last)]
    }

    /// The union of inclusive ranges in any order; reversed ones count as empty.
    pub fn from_unsorted(mut parts: Vec<(u128, u128)>) -> Self {
        parts.retain(|(first, last)| first <= last);
        if parts.len() < 2 {
            return Self(parts);
        }
        // Most come as some ascending rows, one behind the other.
        parts.sort();
        parts.dedup_by(|(first, last), open| {
            let joins = *first <= open.1.saturating_add(1);
            if joins {
                open.1 = open.1.max(*last);
            }
            joins
        });
        // Thousands of neighbours may have become one.
        if parts.len() < parts.capacity() / 2 {
            parts.shrink_to_fit();
        }
        Self(parts)
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u128, u128)> + ExactSizeIterator + '_ {
        self.0.iter().copied()
    }

    /// Whether no number is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many ranges the set has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest number of the set.
    pub fn first(&self) -> Option<u128> {
        self.0.first().map(|range| range.0)
    }

    /// The largest number of the set.
    pub fn last(&self) -> Option<u128> {
        self.0.last().map(|range| range.1)
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: u128) -> bool {
        let after = self.0.partition_point(|range| range.0 <= value);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|range| value <= range.1)
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut parts = self.0.clone();
        parts.extend_from_slice(&other.0);
        Self::from_unsorted(parts)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.common(other).collect())
    }

    /// The ranges that are in both sets, ascending.
    pub(crate) fn common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (u128, u128)> + 'a {
        let mut left = self.reaching(other.first()).iter().peekable();
        let mut right = other.reaching(self.first()).iter().peekable();
        core::iter::from_fn(move || {
            while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
                if a.1 <= b.1 {
                    left.next();
                } else {
                    right.next();
                }
                let (first, last) = (a.0.max(b.0), a.1.min(b.1));
                if first <= last {
                    return Some((first, last));
                }
            }
            None
        })
    }

    /// Whether some number from `first` to `last` is in the set.
    pub(crate) fn meets(&self, first: u128, last: u128) -> bool {
        self.reaching(Some(first)).first().is_some_and(|range| range.0 <= last)
    }

    /// Whether all numbers from `first` to `last` are in the set.
    pub(crate) fn holds(&self, first: u128, last: u128) -> bool {
        self.reaching(Some(first)).first().is_some_and(|range| range.0 <= first && last <= range.1)
    }

    /// The last number of the range that a number is in, or that comes next.
    pub(crate) fn end_of_run(&self, number: u128) -> Option<u128> {
        self.reaching(Some(number)).first().map(|range| range.1)
    }

    /// The least number of the set above a number.
    pub(crate) fn above(&self, number: u128) -> Option<u128> {
        let next = number.checked_add(1)?;
        self.reaching(Some(next)).first().map(|range| range.0.max(next))
    }

    /// The ranges from the first one that reaches a number.
    fn reaching(&self, number: Option<u128>) -> &[(u128, u128)] {
        let before = number.map_or(0, |number| self.0.partition_point(|range| range.1 < number));
        self.0.get(before..).unwrap_or_default()
    }

    /// What is in `self` and not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut holes = other.0.iter().peekable();
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            while let (Some(start), Some(&&hole)) = (from, holes.peek()) {
                if hole.1 < start {
                    holes.next();
                    continue;
                }
                if hole.0 > last {
                    break;
                }
                if hole.0 > start {
                    rest.push((start, hole.0 - 1));
                }
                if hole.1 >= last {
                    from = None;
                } else {
                    from = hole.1.checked_add(1);
                    holes.next();
                }
            }
            if let Some(start) = from {
                rest.push((start, last));
            }
        }
        Self(rest)
    }

    /// Whether every number of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        if let (Some(first), Some(last)) = (self.first(), self.last())
            && other.holds(first, last)
        {
            return true;
        }
        self.0.iter().all(|&(first, last)| {
            let after = other.0.partition_point(|range| range.0 <= first);
            after.checked_sub(1).and_then(|at| other.0.get(at)).is_some_and(|range| last <= range.1)
        })
    }

    /// Whether some number is in both sets.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.common(other).next().is_some()
    }
}

impl FromIterator<(u128, u128)> for Ranges {
    fn from_iter<I: IntoIterator<Item = (u128, u128)>>(parts: I) -> Self {
        Self::from_unsorted(parts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(set: &Ranges) -> u32 {
        (0..32).filter(|bit| set.contains(u128::from(*bit as u32))).fold(0, |all, bit| all | 1 << bit)
    }

    fn of(mask: u32) -> Ranges {
        (0..32u32).filter(|bit| mask >> bit & 1 == 1).map(|bit| (u128::from(bit), u128::from(bit))).collect()
    }

    #[test]
    fn agrees_with_bit_sets() {
        let mut seed = 0x9e37_79b9_u32;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed
        };
        for _ in 0..2000 {
            let (a, b) = (next() & next(), next() | next());
            let (x, y) = (of(a), of(b));
            assert_eq!(bits(&x), a);
            assert_eq!(bits(&x.union(&y)), a | b);
            assert_eq!(bits(&x.intersect(&y)), a & b);
            assert_eq!(bits(&x.subtract(&y)), a & !b);
            assert_eq!(x.is_subset(&y), a & !b == 0);
            assert_eq!(x.overlaps(&y), a & b != 0);
            assert_eq!(x.subtract(&y), of(a & !b), "canonical");
        }
    }

    #[test]
    fn reaches_both_ends_of_the_number_line() {
        let all = Ranges::span(0, u128::MAX);
        assert_eq!(all.subtract(&Ranges::span(0, 0)), Ranges::span(1, u128::MAX));
        assert_eq!(all.subtract(&Ranges::span(u128::MAX, u128::MAX)), Ranges::span(0, u128::MAX - 1));
        assert!(all.subtract(&all).is_empty());
        assert!(Ranges::span(2, 1).is_empty());
    }
}
