//! The columns of a table of rows: for each service, and each class of one address, the outcomes along the other
//! address. Rows are compared with the row before, so what costs is where they differ.

use alloc::vec::Vec;

use palisade_ir::Ranges;

use super::Unread;
use super::tables::WORD;
use super::trie::Intervals;
use crate::hash::HashMap;

/// The most words of rows that are compared, and the most columns.
const WORDS: usize = 1 << 28;
const COLUMNS: usize = 1 << 24;

/// What a table is read along.
pub(super) struct Axes<'a> {
    /// The intervals of the address that is swept.
    pub(super) swept: &'a Intervals,
    /// The names of the classes of the other.
    pub(super) across: &'a [u32],
    /// How many services there are.
    pub(super) services: u32,
}

/// Outcomes along an address: by the first value of each run, ascending from 0; neighbours differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Column(Vec<(u128, u8)>);

impl Column {
    /// The values that have each outcome.
    pub(super) fn values(&self, last: u128) -> Vec<(u8, Ranges)> {
        let mut parts: [Vec<(u128, u128)>; 4] = Default::default();
        let ends = self.0.iter().skip(1).map(|(next, _)| next - 1).chain([last]);
        for ((first, code), end) in self.0.iter().zip(ends) {
            if let Some(parts) = parts.get_mut(usize::from(*code)) {
                parts.push((*first, end));
            }
        }
        let some = (0..).zip(parts).filter(|(_, parts)| !parts.is_empty());
        some.map(|(code, parts)| (code, Ranges::from_unsorted(parts))).collect()
    }
}

/// All columns, equal ones once.
pub(super) struct Runs {
    columns: Vec<Column>,
    /// The column of each service, by class of the address that is not swept.
    classes: Vec<Vec<u32>>,
}

impl Runs {
    /// `row` gives the row of two names, and `word` the outcomes of 16 services from a place on.
    pub(super) fn new(
        axes: &Axes<'_>,
        row: impl Fn(u32, u32) -> Option<u32>,
        word: impl Fn(u32) -> Option<u32>,
    ) -> Result<Self, Unread> {
        let Axes { swept, across, services } = axes;
        if across.len().saturating_mul(*services as usize) > COLUMNS {
            return Err(Unread::TooLarge);
        }
        let words = services.div_ceil(WORD);
        let mut left = WORDS;
        let (mut known, mut runs) = (HashMap::default(), Self { columns: Vec::new(), classes: Vec::new() });
        for across in across.iter() {
            let mut sweep = Sweep::new(*services as usize);
            let mut before = None;
            for (first, name) in swept.iter() {
                let row = row(*name, *across).ok_or(Unread::Broken)?;
                if before.replace(row) == Some(row) {
                    continue;
                }
                left = left.checked_sub(words as usize).ok_or(Unread::TooLarge)?;
                for at in 0..words {
                    let word = row.checked_add(at).and_then(&word).ok_or(Unread::Broken)?;
                    sweep.word(*first, at as usize, word);
                }
            }
            let columns = sweep.columns.into_iter().map(|column| {
                *known.entry(column).or_insert_with_key(|column| {
                    runs.columns.push(column.clone());
                    runs.columns.len() as u32 - 1
                })
            });
            runs.classes.push(columns.collect());
        }
        Ok(runs)
    }

    /// The columns of a service, by class.
    pub(super) fn of(&self, service: u32) -> Vec<u32> {
        self.classes.iter().filter_map(|columns| columns.get(service as usize).copied()).collect()
    }

    /// A column by its number.
    pub(super) fn column(&self, number: u32) -> Option<&Column> {
        self.columns.get(number as usize)
    }
}

/// The columns of one class while rows are read.
struct Sweep {
    columns: Vec<Column>,
    /// The words of the row before; none yet.
    row: Vec<Option<u32>>,
}

impl Sweep {
    fn new(services: usize) -> Self {
        Self { columns: vec![Column::default(); services], row: vec![None; services.div_ceil(WORD as usize)] }
    }

    /// From a value on, 16 services have these outcomes.
    fn word(&mut self, first: u128, at: usize, word: u32) {
        let Some(before) = self.row.get_mut(at).map(|place| place.replace(word)) else { return };
        let halves = before.map_or(u32::MAX, |before| before ^ word);
        let mut changed = (halves | halves >> WORD) & 0xffff;
        while changed != 0 {
            let bit = changed.trailing_zeros();
            changed &= changed - 1;
            let code = (word >> bit & 1) as u8 | ((word >> (bit + WORD) & 1) as u8) << 1;
            if let Some(Column(column)) = self.columns.get_mut(at * WORD as usize + bit as usize) {
                column.push((first, code));
            }
        }
    }
}
