//! Bitsets over intervals: a row of bits per class of each field, a word per 64 rules. For chains whose classes do not
//! fit tables, up to a few thousand rules.

use alloc::vec::Vec;

use super::axis::Axis;
use super::gather::{Loads, WORDS};
use super::number::Number;
use super::pages::Pages;
use super::rules::{FIELDS, LAST_SERVICE, Rules};
use super::trie::Trie;
use super::{LAST, Point};
use crate::stored::stored;

/// A chain's rules of one family as rows of bits.
#[derive(Clone, Debug)]
pub(crate) struct Bitsets<T> {
    pub(super) source: Option<Trie<T>>,
    pub(super) destination: Option<Trie<T>>,
    pub(super) service: Option<Pages>,
    pub(super) source_port: Option<Pages>,
    /// The words of a row, a multiple of [`WORDS`].
    pub(super) words: u32,
    /// The rows of all classes, by field; of a field that no rule looks at, one row.
    pub(super) rows: Vec<Vec<u64>>,
}

stored!(Bitsets<T> { source, destination, service, source_port, words, rows });

/// The rows of all classes, with words for no rules at the end of each.
fn padded(axis: &Axis) -> Vec<u64> {
    let padding = |row: &[u64]| row.len().max(1).next_multiple_of(WORDS) - row.len();
    let row = |class| {
        let row = axis.row(class);
        row.iter().copied().chain(core::iter::repeat_n(0, padding(row)))
    };
    (0..axis.classes()).flat_map(row).collect()
}

impl<T: Number> Bitsets<T> {
    /// `None` when it would take more than `limit` bytes, or names of more than 16 bits for services.
    pub(super) fn new(rules: &Rules<'_>, last: u128, limit: u64) -> Option<Self> {
        let axis = |values, last| Axis::new(values, last, limit / FIELDS as u64);
        let [source, destination, service, source_port] = &rules.fields;
        let (source, destination) = (axis(source, last)?, axis(destination, last)?);
        let (service, source_port) = (axis(service, LAST.0)?, axis(source_port, LAST.1)?);
        if service.classes().max(source_port.classes()) > 1 << 16 {
            return None;
        }
        Some(Self {
            source: Trie::new(&source.intervals),
            destination: Trie::new(&destination.intervals),
            service: Pages::new(&service.intervals, LAST_SERVICE),
            source_port: Pages::new(&source_port.intervals, u16::MAX.into()),
            words: (rules.len().div_ceil(64).max(1).next_multiple_of(WORDS)) as u32,
            rows: [source, destination, service, source_port].map(|axis| padded(&axis)).into(),
        })
    }

    /// The number of the first rule that matches.
    #[inline(always)]
    pub(super) fn find<L: Loads>(&self, loads: L, point: &Point<T>) -> Option<u32> {
        let classes = [
            self.source.as_ref().map_or(0, |trie| trie.find_by(loads, point.source)),
            self.destination.as_ref().map_or(0, |trie| trie.find_by(loads, point.destination)),
            self.service.as_ref().map_or(0, |pages| pages.find(point.service).into()),
            self.source_port.as_ref().map_or(0, |pages| pages.find(point.source_port).into()),
        ];
        let mut rows = self.rows.iter().zip(classes).map(|(rows, class)| {
            let start = (class as usize).wrapping_mul(self.words as usize);
            rows.get(start..start.wrapping_add(self.words as usize)).unwrap_or_default()
        });
        let mut next = || rows.next().unwrap_or_default().as_chunks().0.iter();
        let rows = next().zip(next()).zip(next()).zip(next());
        for (at, (((a, b), c), d)) in rows.enumerate() {
            if let Some(bit) = loads.first_common([a, b, c, d]) {
                return Some(at as u32 * 64 * WORDS as u32 + bit);
            }
        }
        None
    }

    pub(super) fn bytes(&self) -> usize {
        let tries = [&self.source, &self.destination].into_iter().flatten().map(Trie::bytes);
        let pages = [&self.service, &self.source_port].into_iter().flatten().map(Pages::bytes);
        let rows = self.rows.iter().map(|rows| rows.len() * 8);
        tries.chain(pages).chain(rows).sum()
    }
}
