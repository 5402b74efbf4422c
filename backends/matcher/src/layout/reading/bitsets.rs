//! Bitsets, read rule by rule: of each bit the values whose rows have it.

use alloc::vec::{self, Vec};

use palisade_ir::{Family, Ranges};

use super::super::LAST;
use super::super::bitsets::Bitsets;
use super::super::gather::WORDS;
use super::super::number::Number;
use super::super::rules::{FIELDS, LAST_SERVICE};
use super::super::trie::Trie;
use super::piece::{Piece, Values};
use super::trie::Intervals;
use super::{Reading, Unread};

/// The most words of rows that are looked at.
const MOST: usize = 1 << 26;

impl<T: Number> Bitsets<T> {
    /// The first rule whose bit all rows have decides: so rules are pieces in order.
    pub(super) fn read(&self, family: Family, code: impl Fn(u32) -> u8) -> Reading {
        let rules = self.rules(family)?;
        let piece = |(number, fields)| Piece { fields, ..Piece::all(code(number)) };
        Ok(rules.into_iter().map(piece).collect())
    }

    /// The rules by number, with the values that have their bits.
    pub(super) fn rules(&self, family: Family) -> Result<Vec<(u32, [Values; FIELDS])>, Unread> {
        let Self { source, destination, service, source_port, words, rows } = self;
        // Look-ups pass over what is left of a row.
        if !(*words as usize).is_multiple_of(WORDS) {
            return Err(Unread::Broken);
        }
        let address = |trie: &Option<Trie<T>>| match trie {
            Some(trie) => trie.intervals(),
            None => Some(vec![(0, 0)]),
        };
        let service = match service {
            Some(pages) => pages.intervals(LAST_SERVICE),
            None => Some(vec![(0, 0)]),
        };
        let source_port = match source_port {
            Some(pages) => pages.intervals(u16::MAX.into()),
            None => Some(vec![(0, 0)]),
        };
        let fields = [address(source), address(destination), service, source_port];
        let lasts = [family.last(), family.last(), LAST.0, LAST.1];
        let mut all: Vec<vec::IntoIter<Ranges>> = Vec::new();
        for (at, (intervals, last)) in fields.into_iter().zip(lasts).enumerate() {
            // At least one row, so nobody takes memory for bits that no file holds.
            let rows = rows.get(at).filter(|rows| rows.len() >= *words as usize).ok_or(Unread::Broken)?;
            let bits = bits(&intervals.ok_or(Unread::Broken)?, last, rows, *words as usize)?;
            all.push(bits.into_iter());
        }
        let mut rules = Vec::new();
        for (number, last) in (0..words.saturating_mul(64)).map(|number| (number, lasts)) {
            let mut fields = [const { None }; FIELDS];
            let mut some = true;
            for ((field, values), last) in fields.iter_mut().zip(&mut all).zip(last) {
                let values = values.next().ok_or(Unread::Broken)?;
                some &= !values.is_empty();
                *field = Some(values).filter(|values| *values != Ranges::span(0, last));
            }
            if some {
                rules.push((number, fields));
            }
        }
        Ok(rules)
    }
}

/// By bit, the values whose rows have it.
fn bits(intervals: &Intervals, last: u128, rows: &[u64], words: usize) -> Result<Vec<Ranges>, Unread> {
    if intervals.len().saturating_mul(words) > MOST {
        return Err(Unread::TooLarge);
    }
    let mut parts: Vec<Vec<(u128, u128)>> = vec![Vec::new(); words * 64];
    let none = vec![0; words];
    let mut before = none.as_slice();
    for (first, class) in intervals {
        let start = (*class as usize).checked_mul(words).ok_or(Unread::Broken)?;
        let row = rows.get(start..).and_then(|rows| rows.get(..words)).ok_or(Unread::Broken)?;
        for (at, (old, new)) in before.iter().zip(row).enumerate() {
            let mut turned = old ^ new;
            while turned != 0 {
                let bit = turned.trailing_zeros() as usize;
                turned &= turned - 1;
                let Some(parts) = parts.get_mut(at * 64 + bit) else { continue };
                if new >> bit & 1 == 1 {
                    parts.push((*first, last));
                } else if let Some(open) = parts.last_mut() {
                    open.1 = first - 1;
                }
            }
        }
        before = row;
    }
    Ok(parts.into_iter().map(Ranges::from_unsorted).collect())
}
