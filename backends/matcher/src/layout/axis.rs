//! One field, cut at every value where some rule starts or stops to match, with a row of bits per class.
//!
//! Intervals between cuts that the same rules contain form a class. Used while building and by the bitsets.

use alloc::vec::Vec;

use super::rules::Values;
use crate::hash::HashMap;

/// The intervals of a field and their classes.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// First value and class of each interval, ascending from 0.
    pub(super) intervals: Vec<(u128, u32)>,
    /// The rules of each class, `words` words each.
    rows: Vec<u64>,
    words: usize,
    classes: usize,
}

impl Axis {
    /// Cuts a field by the values of all rules; `None` when rows would take more than `limit` bytes.
    pub(super) fn new(values: &[Values<'_>], last: u128, limit: u64) -> Option<Self> {
        let words = values.len().div_ceil(64);
        // Each piece of a rule makes two cuts at most, so this many pieces never make too many rows by chance.
        let pieces: usize = values.iter().flatten().map(|ranges| ranges.len()).sum();
        if pieces as u64 > limit / 64 {
            return None;
        }
        let mut row = vec![0; words];
        let mut turns: Vec<(u128, usize)> = Vec::new();
        for (rule, values) in values.iter().enumerate() {
            let Some(ranges) = values else {
                turns.push((0, rule));
                continue;
            };
            for (first, end) in ranges.iter() {
                turns.push((first, rule));
                turns.extend((end < last).then(|| (end + 1, rule)));
            }
        }
        turns.sort_unstable();
        let cuts = 1 + turns.chunk_by(|a, b| a.0 == b.0).count() as u64;
        if cuts.saturating_mul(8 * words as u64) > limit {
            return None;
        }
        let mut axis = Self { intervals: Vec::new(), rows: Vec::new(), words, classes: 0 };
        let mut known: HashMap<Vec<u64>, u32> = HashMap::default();
        let mut start = 0;
        for turn in turns.chunk_by(|a, b| a.0 == b.0) {
            let at = turn.first().map_or(0, |turn| turn.0);
            if at > start {
                axis.close(start, &row, &mut known);
                start = at;
            }
            for (_, rule) in turn {
                if let Some(word) = row.get_mut(rule / 64) {
                    *word ^= 1 << (rule % 64);
                }
            }
        }
        axis.close(start, &row, &mut known);
        Some(axis)
    }

    fn close(&mut self, start: u128, row: &[u64], known: &mut HashMap<Vec<u64>, u32>) {
        let class = known.get(row).copied().unwrap_or_else(|| {
            let class = self.classes as u32;
            known.insert(row.to_vec(), class);
            self.rows.extend_from_slice(row);
            self.classes += 1;
            class
        });
        if self.intervals.last().is_none_or(|last| last.1 != class) {
            self.intervals.push((start, class));
        }
    }

    /// How many classes there are, at least one.
    pub(super) const fn classes(&self) -> usize {
        self.classes
    }

    /// The rules of a class.
    pub(super) fn row(&self, class: usize) -> &[u64] {
        self.rows.get(class * self.words..(class + 1) * self.words).unwrap_or_default()
    }

    /// The rules of all classes, one after the other.
    pub(super) fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// The intervals with other names for their classes, neighbours of one name joined.
    pub(super) fn renamed(&self, names: &[u32]) -> Vec<(u128, u32)> {
        let name = |class: u32| names.get(class as usize).copied().unwrap_or_default();
        let mut renamed: Vec<(u128, u32)> =
            self.intervals.iter().map(|(at, class)| (*at, name(*class))).collect();
        renamed.dedup_by_key(|(_, name)| *name);
        renamed
    }
}

/// The places of the bits that are set, ascending.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(at, word)| {
        core::iter::successors(Some(*word).filter(|word| *word != 0), |word| {
            Some(word & (word - 1)).filter(|rest| *rest != 0)
        })
        .map(move |word| at * 64 + word.trailing_zeros() as usize)
    })
}
