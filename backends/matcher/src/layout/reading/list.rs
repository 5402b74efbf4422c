//! Candidate lists, read rule by rule: a rule decides where a list that leads to it is read and its entry holds the
//! packet, unless one with a smaller tag does. So rules are pieces in the order of their tags.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use palisade_ir::{Family, Ranges, Region};

use super::super::LAST;
use super::super::list::List;
use super::super::near::Near;
use super::super::number::Number;
use super::super::pages::Pages;
use super::super::rows::{Entry, Key, Tag};
use super::super::rules::{FIELDS, LAST_SERVICE};
use super::super::trie::Trie;
use super::piece::{Piece, Values};
use super::{Reading, Unread, rest};

/// The most entries that are read.
const ENTRIES: usize = 1 << 24;

/// The values of one field by the list that they lead to.
type Leading = BTreeMap<u32, Vec<(u128, u128)>>;

/// The way to an entry: the kind of its list, and the field that leads there.
type Way = (Key, Option<usize>);

/// The values that lead to an entry, by tag, way and box.
type Found<T> = BTreeMap<(u32, Way, Inside<T>), Vec<(u128, u128)>>;

/// First values and what the last have more: address, service, source port.
type Inside<T> = ((T, T), (u32, u32), (u32, u32));

impl<T: Number> List<T> {
    /// `code` knows rules by number, and `exact` the packets of those whose boxes say too little.
    pub(super) fn read(
        &self,
        family: Family,
        code: impl Fn(u32) -> Option<u8>,
        exact: impl Fn(u32) -> Option<Region>,
    ) -> Reading {
        // Outcomes are found by what tags say, and deciding rules by their number.
        let known = |tag: u32| {
            let number = Tag::number(tag).ok_or(Unread::Broken)?;
            Tag::code(tag).filter(|said| code(number) == Some(*said)).ok_or(Unread::Broken)
        };
        let mut pieces: Vec<(u32, Piece)> = Vec::new();
        for (tag, fields) in rest::rules(&self.rest, family)? {
            // No look-up asks these rules again.
            if tag & (Tag::INEXACT | Tag::MORE) != 0 {
                return Err(Unread::Broken);
            }
            pieces.push((tag, Piece { fields, ..Piece::all(known(tag)?) }));
        }
        for ((tag, way, inside), leading) in self.entries(family)? {
            let code = known(tag)?;
            let within = match Tag::number(tag).filter(|_| Tag::inexact(tag)) {
                None => None,
                Some(number) => match exact(number) {
                    Some(region) => Some(region),
                    // A rule that is not there matches nothing.
                    None => continue,
                },
            };
            let fields = values(way, &inside, leading, family);
            pieces.push((tag, Piece { fields, within, code }));
        }
        pieces.sort_by_key(|(tag, _)| *tag);
        Ok(pieces.into_iter().map(|(_, piece)| piece).collect())
    }

    /// The entries of all lists, with the values that lead to them.
    fn entries(&self, family: Family) -> Result<Found<T>, Unread> {
        // Row 0 stands for no list: some look-ups pass it by, and others read it.
        if self.rows.first().is_none_or(|row| row.entries.iter().any(|entry| entry.tag != Tag::NONE)) {
            return Err(Unread::Broken);
        }
        let Self { source, destination, rest: _, near, rows: _ } = self;
        let mut ways: Vec<(Way, Leading)> = vec![
            ((Key::Source, Some(0)), by_address(source, family)?),
            ((Key::Destination, Some(1)), by_address(destination, family)?),
        ];
        if let Some(Near { wide, service, source_port }) = near.as_deref() {
            let wide = Leading::from([(*wide, vec![(0, 0)])]);
            ways.push(((Key::Near, None), wide));
            ways.push(((Key::Near, Some(2)), by_number(service, LAST_SERVICE)?));
            ways.push(((Key::Near, Some(3)), by_number(source_port, u16::MAX.into())?));
        }
        let mut found = Found::new();
        let mut left = ENTRIES;
        for (way, leading) in ways {
            for (first, values) in leading {
                for (tag, inside) in self.list(first)? {
                    left = left.checked_sub(values.len()).ok_or(Unread::TooLarge)?;
                    found.entry((tag, way, inside)).or_default().extend_from_slice(&values);
                }
            }
        }
        Ok(found)
    }

    /// The entries of the list that begins with a row. Look-ups stop where greater tags than the one found begin, so
    /// tags must not descend.
    fn list(&self, first: u32) -> Result<Vec<(u32, Inside<T>)>, Unread> {
        let mut entries: Vec<(u32, Inside<T>)> = Vec::new();
        if first == 0 {
            return Ok(entries);
        }
        for row in self.rows.get(first as usize..).unwrap_or_default() {
            let [.., last] = &row.entries;
            for entry in &row.entries {
                let Entry { address, service, source_port, tag, .. } = *entry;
                let Entry { more_addresses, more_services, more_source_ports, .. } = *entry;
                let tag = tag & !Tag::MORE;
                if entries.last().is_some_and(|before| before.0 > tag) {
                    return Err(Unread::Broken);
                }
                if tag < Tag::NONE {
                    let (address, service) = ((address, more_addresses), (service, more_services));
                    entries.push((tag, (address, service, (source_port, more_source_ports))));
                }
            }
            if !Tag::more(last.tag) {
                return Ok(entries);
            }
            if last.tag >= Tag::NONE {
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

/// The values in a box, which may go round the end, and those that lead to it.
fn values<T: Number>(
    (key, by): Way,
    (address, service, source_port): &Inside<T>,
    leading: Vec<(u128, u128)>,
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
    let (first, more) = *address;
    let address = around(first.into(), more.into(), family.last(), T::MAX.into());
    let [source, destination] = match key {
        Key::Source | Key::Near => [None, address],
        Key::Destination => [address, None],
    };
    let number = |(first, more): (u32, u32), last| around(first.into(), more.into(), last, u32::MAX.into());
    let mut fields = [source, destination, number(*service, LAST.0), number(*source_port, LAST.1)];
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
    fields
}
