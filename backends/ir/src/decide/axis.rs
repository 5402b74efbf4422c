//! One field of header space, cut at every value where some rule starts or stops to match.
//!
//! Between two cuts lies an elementary interval: no rule tells its values apart. Intervals with the same rules form
//! a class. Classes are numbered by first appearance, so that the classes of a prefix are neighbours: within a prefix
//! only classes of that prefix appear. Per class a row of bits says which rules contain it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use bitvec::prelude::{BitVec, Lsb0};
use hashbrown::HashMap;

use crate::Ranges;

/// A set of rules, by their place in the chain.
pub type RuleBits = BitVec<u64, Lsb0>;

/// The most bytes the rows of one axis may take (10,000 rules need up to some ten MB, 100,000 would need gigabytes).
/// Above it an axis has no rows: its intervals are its classes, and each rule the other axes leave is tested alone.
pub(super) const ROWS_LIMIT: usize = 256 << 20;

/// The elementary intervals and classes of one field.
#[derive(Clone, Debug)]
pub struct Axis {
    last: u128,
    /// The first value of each interval, ascending from 0.
    starts: Vec<u128>,
    /// The class of each interval.
    classes: Vec<u32>,
    /// The values of each class.
    values: Vec<Ranges>,
    /// The rules of each class; empty when that would take too much memory.
    rows: Vec<RuleBits>,
    /// Where the classes of a rule begin, and begin again after a gap: class and rule, ascending.
    beginnings: Vec<(u128, usize)>,
}

impl Axis {
    /// The class of a value.
    pub fn class(&self, value: u128) -> u32 {
        self.classes.get(self.interval(value)).copied().unwrap_or_default()
    }

    /// How many classes there are, at least one.
    pub const fn class_count(&self) -> usize {
        self.values.len()
    }

    /// The values of a class.
    pub fn values(&self, class: u32) -> Option<&Ranges> {
        self.values.get(class as usize)
    }

    /// The elementary intervals, ascending: first value and class.
    pub fn intervals(&self) -> impl ExactSizeIterator<Item = (u128, u32)> + '_ {
        self.starts.iter().copied().zip(self.classes.iter().copied())
    }

    /// The rules that contain a class, as bits by place in the chain; `None` when the axis is too large for rows.
    pub fn row(&self, class: u32) -> Option<&[u64]> {
        self.rows.get(class as usize).map(BitVec::as_raw_slice)
    }

    /// Cuts the values 0 to `last` by sets of values and the rules that ask for them. Rows are `rules` bits long and
    /// together take at most `limit` bytes. Also returns the classes of each set.
    pub(super) fn new(
        last: u128,
        rules: usize,
        limit: usize,
        groups: &BTreeMap<&Ranges, Vec<usize>>,
    ) -> (Self, Vec<Ranges>) {
        let mut axis = Self::cut(last, rules, limit, groups);
        axis.collect_values();
        let classes: Vec<Ranges> = groups.keys().map(|values| axis.touched(values)).collect();
        for (classes, members) in classes.iter().zip(groups.values()) {
            let runs = classes.iter().map(|run| run.0);
            axis.beginnings.extend(runs.flat_map(|first| members.iter().map(move |rule| (first, *rule))));
        }
        axis.beginnings.sort_unstable();
        (axis, classes)
    }

    fn cut(last: u128, rules: usize, limit: usize, groups: &BTreeMap<&Ranges, Vec<usize>>) -> Self {
        let mut turns: Vec<(u128, &[usize])> = Vec::new();
        for (values, members) in groups {
            for (first, end) in values.iter() {
                turns.push((first, members));
                if end < last {
                    turns.push((end + 1, members));
                }
            }
        }
        turns.sort_unstable_by_key(|turn| turn.0);
        let cuts = 1 + turns.chunk_by(|a, b| a.0 == b.0).count();
        let dense = cuts.saturating_mul(rules.div_ceil(64)).saturating_mul(8) <= limit;
        let (starts, classes, values, rows, beginnings) = (vec![0], vec![], vec![], vec![], vec![]);
        let mut axis = Self { last, starts, classes, values, rows, beginnings };
        let mut row: RuleBits = BitVec::repeat(false, rules);
        let mut seen = HashMap::new();
        for turn in turns.chunk_by(|a, b| a.0 == b.0) {
            if let Some((at, _)) = turn.first().filter(|(at, _)| *at > 0) {
                axis.close(&row, dense, &mut seen);
                axis.starts.push(*at);
            }
            for &rule in turn.iter().flat_map(|(_, members)| *members) {
                if let Some(mut bit) = row.get_mut(rule) {
                    *bit = !*bit;
                }
            }
        }
        axis.close(&row, dense, &mut seen);
        axis
    }

    /// Gives the interval that starts last its class: the one with the same rules, or a new one.
    fn close(&mut self, row: &RuleBits, dense: bool, seen: &mut HashMap<u64, Vec<u32>>) {
        if !dense {
            self.classes.push(self.classes.len() as u32);
            return;
        }
        let words = row.as_raw_slice();
        let hash = seen.hasher().hash_one(words);
        let alike = seen.entry(hash).or_default();
        let known = alike.iter().copied().find(|class| self.row(*class) == Some(words));
        let class = known.unwrap_or_else(|| {
            let class = self.rows.len() as u32;
            self.rows.push(row.clone());
            alike.push(class);
            class
        });
        self.classes.push(class);
    }

    fn collect_values(&mut self) {
        let count = self.classes.iter().max().map_or(0, |class| class + 1);
        let mut parts = vec![Vec::new(); count as usize];
        let ends = self.starts.iter().skip(1).map(|start| start - 1).chain([self.last]);
        for ((start, end), class) in self.starts.iter().zip(ends).zip(&self.classes) {
            if let Some(parts) = parts.get_mut(*class as usize) {
                parts.push((*start, end));
            }
        }
        self.values = parts.into_iter().map(Ranges::from_unsorted).collect();
    }

    fn interval(&self, value: u128) -> usize {
        self.starts.partition_point(|start| *start <= value).saturating_sub(1)
    }

    /// All classes.
    pub(super) fn all(&self) -> Ranges {
        Ranges::span(0, (self.class_count() as u128).saturating_sub(1))
    }

    /// The classes that share a value with `values`.
    pub(super) fn touched(&self, values: &Ranges) -> Ranges {
        if *values == Ranges::span(0, self.last) {
            return self.all();
        }
        let mut runs: Vec<(u128, u128)> = Vec::new();
        for (first, last) in values.iter() {
            let classes = self.classes.get(self.interval(first)..=self.interval(last)).unwrap_or_default();
            for class in classes.iter().map(|class| u128::from(*class)) {
                match runs.last_mut() {
                    Some(run) if run.0 <= class && class <= run.1 + 1 => run.1 = run.1.max(class),
                    _ => runs.push((class, class)),
                }
            }
        }
        Ranges::from_unsorted(runs)
    }

    /// The values of some classes.
    pub(super) fn values_of(&self, classes: &Ranges) -> Ranges {
        if *classes == self.all() {
            return Ranges::span(0, self.last);
        }
        let count: u128 = classes.iter().map(|(first, last)| last - first + 1).sum();
        if count < self.class_count() as u128 / 16 {
            let members = classes.iter().flat_map(|(first, last)| {
                self.values.get(first as usize..=last as usize).unwrap_or_default().iter()
            });
            return members.flat_map(Ranges::iter).collect();
        }
        // Many classes: their intervals in order need no sorting.
        let mut inside = vec![false; self.class_count()];
        for (first, last) in classes.iter() {
            inside.get_mut(first as usize..=last as usize).unwrap_or_default().fill(true);
        }
        let mut parts: Vec<(u128, u128)> = Vec::new();
        let ends = self.starts.iter().skip(1).map(|start| start - 1).chain([self.last]);
        let mut before = false;
        for ((start, end), class) in self.starts.iter().zip(ends).zip(&self.classes) {
            let is_inside = inside.get(*class as usize) == Some(&true);
            match parts.last_mut().filter(|_| before) {
                Some(open) if is_inside => open.1 = end,
                _ if is_inside => parts.push((*start, end)),
                _ => {}
            }
            before = is_inside;
        }
        Ranges::from_unsorted(parts)
    }

    /// The rules that have one of these classes; `None` when the axis is too large for rows. A rule has a class of a
    /// run when it has the first one, or else begins further on in it.
    pub(super) fn touching(&self, classes: &Ranges) -> Option<RuleBits> {
        let mut found = RuleBits::new();
        for (first, last) in classes.iter() {
            let row = self.rows.get(first as usize)?;
            if found.is_empty() {
                found.clone_from(row);
            } else {
                let words = found.as_raw_mut_slice().iter_mut().zip(row.as_raw_slice());
                words.for_each(|(word, theirs)| *word |= theirs);
            }
            let from = self.beginnings.partition_point(|(class, _)| *class <= first);
            let inside = self.beginnings.iter().skip(from).take_while(|(class, _)| *class <= last);
            for (_, rule) in inside {
                if let Some(mut bit) = found.get_mut(*rule) {
                    *bit = true;
                }
            }
        }
        Some(found)
    }
}
