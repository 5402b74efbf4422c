//! Candidate lists, read rule by rule: a rule decides where a list that leads to it is read and its entry holds the
//! packet, unless one with a smaller number does. So rules are pieces in the order of their numbers.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use palisade_ir::{Family, Ranges, Region};

use super::super::LAST;
use super::super::list::List;
use super::super::pages::Pages;
use super::super::rows::{Entry, INEXACT, MORE, NONE};
use super::super::rules::{FIELDS, LAST_SERVICE};
use super::super::trie::{Number, Trie};
use super::piece::{Piece, Values};
use super::{Reading, Unread};

/// The most entries that are read.
const ENTRIES: usize = 1 << 24;

/// The values of one field by the list that they lead to.
type Leading = BTreeMap<u32, Vec<(u128, u128)>>;

/// The field by which a list is found and the hull of an entry, by the entry's tag.
type Found<T> = BTreeMap<(u32, Option<usize>, Hull<T>), Vec<(u128, u128)>>;

/// First values and what the last have more.
type Hull<T> = ((T, T), (T, T), (u32, u32), (u16, u16));

impl<T: Number> List<T> {
    /// `code` knows rules by number, and `exact` the packets of those whose hulls say too little.
    pub(super) fn read(
        &self,
        family: Family,
        code: impl Fn(u32) -> u8,
        exact: impl Fn(u32) -> Option<Region>,
    ) -> Reading {
        let mut pieces: Vec<(u32, Piece)> = self.rest_pieces(family, &code)?;
        for ((tag, by, hull), leading) in self.entries(family)? {
            let within = match tag & INEXACT {
                0 => None,
                _ => match exact(tag >> 2) {
                    Some(region) => Some(region),
                    // A rule that is not there matches nothing.
                    None => continue,
                },
            };
            let mut fields = values(&hull, family);
            if let Some(field) = by.and_then(|by| fields.get_mut(by)) {
                let leading = Ranges::from_unsorted(leading);
                *field = Some(match field.take() {
                    Some(inside) => inside.intersect(&leading),
                    None => leading,
                });
            }
            let lasts = [family.last(), family.last(), LAST.0, LAST.1];
            for (field, last) in fields.iter_mut().zip(lasts) {
                *field = field.take().filter(|values| *values != Ranges::span(0, last));
            }
            pieces.push((tag, Piece { fields, within, code: code(tag >> 2) }));
        }
        pieces.sort_by_key(|(tag, _)| *tag);
        Ok(pieces.into_iter().map(|(_, piece)| piece).collect())
    }

    /// The rules that stand in no list, by tag.
    fn rest_pieces(&self, family: Family, code: &impl Fn(u32) -> u8) -> Result<Vec<(u32, Piece)>, Unread> {
        let Some(rest) = &self.rest else { return Ok(Vec::new()) };
        // The first that matches there is the one with the smallest number.
        if !self.rest_numbers.is_sorted_by(|a, b| a < b) {
            return Err(Unread::Broken);
        }
        let mut pieces = Vec::new();
        for (place, fields) in rest.rules(family)? {
            let number = *self.rest_numbers.get(place as usize).ok_or(Unread::Broken)?;
            let tag = number.checked_mul(4).filter(|tag| *tag < NONE).ok_or(Unread::Broken)?;
            pieces.push((tag, Piece { fields, ..Piece::all(code(number)) }));
        }
        Ok(pieces)
    }

    /// The entries of all lists, with the values that lead to them.
    fn entries(&self, family: Family) -> Result<Found<T>, Unread> {
        // Row 0 stands for no list: some look-ups pass it by, and others read it.
        if self.rows.first().is_some_and(|row| row.entries.iter().any(|entry| entry.tag != NONE)) {
            return Err(Unread::Broken);
        }
        let Self { source, destination, service, source_port, wide, rest: _, rest_numbers: _, rows: _ } =
            self;
        let fields = [
            (Some(0), by_address(source, family)?),
            (Some(1), by_address(destination, family)?),
            (Some(2), by_number(service, LAST_SERVICE)?),
            (Some(3), by_number(source_port, u16::MAX.into())?),
            (None, Leading::from([(*wide, vec![(0, 0)])])),
        ];
        let mut found = Found::new();
        let mut left = ENTRIES;
        for (by, leading) in fields {
            for (first, values) in leading {
                for (tag, hull) in self.list(first)? {
                    left = left.checked_sub(values.len()).ok_or(Unread::TooLarge)?;
                    found.entry((tag, by, hull)).or_default().extend_from_slice(&values);
                }
            }
        }
        Ok(found)
    }

    /// The entries of the list that begins with a row. Look-ups stop where greater tags than the one found begin, so
    /// tags have to ascend.
    fn list(&self, first: u32) -> Result<Vec<(u32, Hull<T>)>, Unread> {
        let mut entries: Vec<(u32, Hull<T>)> = Vec::new();
        if first == 0 {
            return Ok(entries);
        }
        for row in self.rows.get(first as usize..).unwrap_or_default() {
            let [.., last] = &row.entries;
            for Entry { source, destination, service, source_port, tag } in row.entries {
                let tag = tag & !MORE;
                if entries.last().is_some_and(|before| before.0 >= tag) {
                    return Err(Unread::Broken);
                }
                if tag < NONE {
                    entries.push((tag, (source, destination, service, source_port)));
                }
            }
            if last.tag & MORE == 0 {
                return Ok(entries);
            }
            if last.tag & !MORE == NONE {
                return Err(Unread::Broken);
            }
        }
        Err(Unread::Broken)
    }
}

fn by_address<T: Number>(trie: &Option<Trie<T>>, family: Family) -> Result<Leading, Unread> {
    let intervals = match trie {
        Some(trie) => trie.intervals().ok_or(Unread::Broken)?,
        None => return Ok(Leading::new()),
    };
    leading(&intervals, family.last(), Some)
}

fn by_number((pages, rows): &(Option<Pages>, Vec<u32>), last: u32) -> Result<Leading, Unread> {
    let intervals = match pages {
        Some(pages) => pages.intervals(last).ok_or(Unread::Broken)?,
        None => vec![(0, 0)],
    };
    leading(&intervals, last.into(), |place| rows.get(place as usize).copied())
}

/// The values of a field by the rows that they lead to; no list begins with row 0.
fn leading(
    intervals: &[(u128, u32)],
    last: u128,
    row: impl Fn(u32) -> Option<u32>,
) -> Result<Leading, Unread> {
    let mut all = Leading::new();
    let ends = intervals.iter().skip(1).map(|(next, _)| next - 1).chain([last]);
    for ((first, name), end) in intervals.iter().zip(ends) {
        let row = row(*name).ok_or(Unread::Broken)?;
        if row != 0 {
            all.entry(row).or_default().push((*first, end));
        }
    }
    Ok(all)
}

/// The values in a hull, which may go round the end.
fn values<T: Number>(
    (source, destination, service, source_port): &Hull<T>,
    family: Family,
) -> [Values; FIELDS] {
    let around = |first: u128, more: u128, last: u128, all: u128| {
        let whole = match first.checked_add(more).filter(|end| *end <= all) {
            Some(end) => Ranges::span(first, end),
            None => {
                Ranges::from_unsorted(vec![(first, all), (0, more.wrapping_sub(all - first).wrapping_sub(1))])
            }
        };
        Some(whole.intersect(&Ranges::span(0, last)))
    };
    let address = |(first, more): (T, T)| around(first.into(), more.into(), family.last(), family.last());
    [
        address(*source),
        address(*destination),
        around(service.0.into(), service.1.into(), LAST_SERVICE.into(), u32::MAX.into()),
        around(source_port.0.into(), source_port.1.into(), u16::MAX.into(), u16::MAX.into()),
    ]
}
