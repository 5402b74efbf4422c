//! A field of a chain while candidate lists are made: where its intervals begin, and which rules stand in each.

use alloc::vec::Vec;

use palisade_ir::Ranges;

use super::LAST;
use super::number::Number;
use super::rows::{Key, Rows};
use super::rules::Values;

/// Sets of more ranges do not cut a field.
const PIECES: usize = 64;
/// A port field is cut into at most this many intervals: names of pages have 16 bits.
const INTERVALS: usize = 1 << 16;

/// A field while it is filled: where its intervals begin, and the rules of each.
#[derive(Default)]
pub(super) struct Cuts {
    starts: Vec<u128>,
    rules: Vec<Vec<u32>>,
}

impl Cuts {
    pub(super) fn new(values: &[Values<'_>], last: u128) -> Self {
        let few = values.iter().flatten().filter(|ranges| ranges.len() <= PIECES);
        let ends =
            few.flat_map(|ranges| ranges.iter()).flat_map(|(first, end)| [first, end.saturating_add(1)]);
        let mut starts: Vec<u128> = ends.filter(|at| *at <= last && *at > 0).chain([0]).collect();
        starts.sort_unstable();
        starts.dedup();
        if last <= LAST.0 && starts.len() > INTERVALS {
            starts.truncate(1);
        }
        let rules = vec![Vec::new(); starts.len()];
        Self { starts, rules }
    }

    /// The places of the intervals that ranges meet.
    fn places(&self, ranges: &Ranges) -> impl Iterator<Item = (usize, usize)> {
        let after = |value: u128| self.starts.partition_point(|start| *start <= value);
        ranges.iter().map(move |(first, last)| (after(first).saturating_sub(1), after(last)))
    }

    /// The longest list that ranges meet, and how many; `None` where that is more than allowed, or for a field that is not
    /// cut.
    fn met(&self, ranges: &Ranges, limits: Limits) -> Option<(usize, usize)> {
        if self.starts.len() < 2 || ranges.len() > PIECES {
            return None;
        }
        let count = self.places(ranges).map(|(first, end)| end - first).sum();
        if count > limits.lists {
            return None;
        }
        let lists =
            self.places(ranges).flat_map(|(first, end)| self.rules.get(first..end).unwrap_or_default());
        let longest = lists.map(Vec::len).max().unwrap_or_default();
        (longest < limits.rules).then_some((longest, count))
    }

    fn put(&mut self, rule: u32, ranges: &Ranges) {
        let places: Vec<(usize, usize)> = self.places(ranges).collect();
        for (first, end) in places {
            for list in self.rules.get_mut(first..end).unwrap_or_default() {
                // Two ranges may meet in one interval where a wider set did not cut the field.
                if list.last() != Some(&rule) {
                    list.push(rule);
                }
            }
        }
    }

    /// Takes all rules out again.
    pub(super) fn clear(&mut self) {
        self.rules.iter_mut().for_each(Vec::clear);
    }

    /// The first row of each interval's list, neighbours of the same list joined.
    pub(super) fn rows<T: Number>(self, key: Key, rows: &mut Rows<'_, T>) -> Vec<(u128, u32)> {
        let lists = self.rules.into_iter().map(|list| rows.list(key, list));
        let mut intervals: Vec<(u128, u32)> = self.starts.into_iter().zip(lists).collect();
        intervals.dedup_by_key(|(_, row)| *row);
        intervals
    }
}

/// How far a rule may be spread.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The lists that it may stand in.
    pub(super) lists: usize,
    /// The rules that a list may have.
    pub(super) rules: usize,
}

/// Puts rules into the lists of one of two fields, and returns those that would stand in too many of both, or in too long ones.
pub(super) fn spread<'v, F: Fn(u32) -> Option<&'v Ranges>>(
    rules: impl Iterator<Item = u32>,
    fields: [(&mut Cuts, &F); 2],
    limits: Limits,
) -> Vec<u32> {
    let [(first, in_first), (second, in_second)] = fields;
    let mut rest = Vec::new();
    for rule in rules {
        let [a, b] = [(&*first, in_first(rule)), (&*second, in_second(rule))]
            .map(|(cuts, values)| values.and_then(|ranges| Some((cuts.met(ranges, limits)?, ranges))));
        match (a, b) {
            (Some((cost, ranges)), other) if other.is_none_or(|(less, _)| cost <= less) => {
                first.put(rule, ranges);
            }
            (_, Some((_, ranges))) => second.put(rule, ranges),
            (_, None) => rest.push(rule),
        }
    }
    rest
}
