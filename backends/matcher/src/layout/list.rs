//! Candidate lists, for chains that fit nothing else: time and memory to build grow with the rules, not their product.
//!
//! Each rule stands in the lists of one address, the one where the lists that it meets are shortest. Rules that meet too
//! many of both are few as a rule, and go to bitsets of their own; where they are not, they stand in the lists of a
//! service or a source port, or are tried on every packet. A look-up reads one list per field, each until its first match.

use std::collections::HashMap;

use palisade_ir::Ranges;

use super::bitsets::Bitsets;
use super::pages::Pages;
use super::rules::{FIELDS, LAST_SERVICE, Rules, Values};
use super::tables::LANES;
use super::trie::{Number, Trie};
use super::{LAST, MEDIUM, Point};
use crate::stored::{Stored, stored};

/// Entries of all lists together, unless there are more than this many rules per [`FEWEST`].
const ENTRIES: usize = 1 << 20;
/// A rule may always stand in this many lists.
const FEWEST: usize = 8;
/// A rule may never stand in more lists than this.
const MOST: usize = 1024;
/// The most bytes of the bitsets of rules that stand in no list.
const REST: u64 = 4 << 20;
/// Sets of more ranges do not cut a field.
const PIECES: usize = 64;
/// A port field is cut into at most this many intervals: names of pages have 16 bits.
const INTERVALS: usize = 1 << 16;

/// A chain's rules of one family as lists.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    /// To the first row of a list.
    source: Option<Trie<T>>,
    destination: Option<Trie<T>>,
    /// To an interval, and from there to the first row of a list.
    service: (Option<Pages>, Vec<u32>),
    source_port: (Option<Pages>, Vec<u32>),
    /// The first row of the rules tried on every packet.
    wide: u32,
    /// Bitsets of the rules that stand in no list, and their numbers.
    rest: Option<Bitsets<T>>,
    rest_numbers: Vec<u32>,
    /// Row 0 is empty.
    rows: Vec<Row<T>>,
}

stored!(List<T> { source, destination, service, source_port, wide, rest, rest_numbers, rows });

/// Two entries of a list; for IPv4, one line of a processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Row<T> {
    entries: [Entry<T>; 2],
}

/// A rule's number and hull. Entries are copies, so that a list is one run of memory.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    /// First value and what the last has more, in every field: a test is one subtraction and one comparison.
    source: (T, T),
    destination: (T, T),
    service: (u32, u32),
    source_port: (u16, u16),
    /// The rule's number; then a bit that says that the hull holds packets that the rule does not match; then a bit
    /// that says that the list goes on in the next row.
    tag: u32,
}

impl<T: Number> Stored for Row<T> {
    const FEWEST: usize = 2 * Entry::<T>::FEWEST;

    fn write(&self, out: &mut Vec<u8>) {
        self.entries.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Stored::read(input).map(|entries| Self { entries })
    }
}

impl<T: Number> Stored for Entry<T> {
    const FEWEST: usize = 4 * T::FEWEST + 16;

    fn write(&self, out: &mut Vec<u8>) {
        let Self { source, destination, service, source_port, tag } = self;
        ((*source, *destination), (*service, (*source_port, *tag))).write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        let ((source, destination), (service, (source_port, tag))) = Stored::read(input)?;
        Some(Self { source, destination, service, source_port, tag })
    }
}

/// The bits of a tag.
const INEXACT: u32 = 2;
const MORE: u32 = 1;
/// The tag of no rule.
const NONE: u32 = u32::MAX ^ MORE;

impl<T: Number> List<T> {
    pub(super) fn new(rules: &Rules<'_>, last: u128) -> Self {
        let lasts = [last, last, LAST.0, LAST.1];
        let mut fields = lasts.map(|_| Cuts::default());
        let places = || fields_of(rules).zip(lasts);
        for (cuts, (values, last)) in fields.iter_mut().zip(places()) {
            *cuts = Cuts::new(values, last);
        }
        let most = (ENTRIES / rules.len().max(1)).clamp(FEWEST, MOST);
        let entries: Vec<Entry<T>> =
            (0..rules.len()).filter_map(|rule| Entry::new(rules, rule, lasts)).collect();
        let [source, destination, service, source_port] = &mut fields;
        let values = |field: usize| move |rule: u32| rules.fields.get(field)?.get(rule as usize)?.as_deref();
        let all = 0..entries.len() as u32;
        let mut wide = spread(all, [(source, &values(0)), (destination, &values(1))], most);
        let few = wide.len() <= MEDIUM;
        let rest = few.then(|| Bitsets::new(&rules.only(&wide), last, REST)).flatten();
        let rest_numbers = if rest.is_some() { std::mem::take(&mut wide) } else { Vec::new() };
        let wide = spread(wide.into_iter(), [(service, &values(2)), (source_port, &values(3))], most);
        let mut rows = Rows::new(entries);
        let wide = rows.list(wide);
        let [source, destination, service, source_port] = fields.map(|cuts| cuts.rows(&mut rows));
        let pages = |intervals: Vec<(u128, u32)>, last| {
            let numbered: Vec<(u128, u32)> = intervals.iter().map(|(at, _)| *at).zip(0..).collect();
            (Pages::new(&numbered, last), intervals.into_iter().map(|(_, row)| row).collect())
        };
        rows.all.shrink_to_fit();
        Self {
            source: Trie::new(&source),
            destination: Trie::new(&destination),
            service: pages(service, LAST_SERVICE),
            source_port: pages(source_port, u16::MAX.into()),
            wide,
            rest,
            rest_numbers,
            rows: rows.all,
        }
    }

    /// The number of the first rule that matches; `exact` is asked about a rule whose hull says too little.
    #[inline]
    pub(super) fn find(&self, point: &Point<T>, exact: impl Fn(u32) -> bool) -> Option<u32> {
        let lists = self.lists(point);
        let rest = self.rest(point);
        let mut best = rest;
        for row in lists {
            best = self.best(row, point, best);
        }
        if best & INEXACT != 0 && best < NONE && !exact(best >> 2) {
            return self.exactly(rest, lists, point, exact);
        }
        (best < NONE).then_some(best >> 2)
    }

    /// As many look-ups as there are points, step by step, so that waits for memory overlap.
    pub(super) fn find_all(
        &self,
        points: &[Point<T>],
        exact: impl Fn(usize, u32) -> bool,
        mut each: impl FnMut(usize, Option<u32>),
    ) {
        let (mut lists, mut best) = ([[0; 5]; LANES], [NONE; LANES]);
        for (at, points) in points.chunks(LANES).enumerate() {
            for (lists, point) in lists.iter_mut().zip(points) {
                *lists = self.near(point);
            }
            for ([.., source, _], point) in lists.iter_mut().zip(points) {
                *source = self.source.as_ref().map_or(0, |trie| trie.find(point.source));
            }
            for ([.., destination], point) in lists.iter_mut().zip(points) {
                *destination = self.destination.as_ref().map_or(0, |trie| trie.find(point.destination));
            }
            for (best, point) in best.iter_mut().zip(points) {
                *best = self.rest(point);
            }
            for field in (0..5).rev() {
                for ((best, lists), point) in best.iter_mut().zip(&lists).zip(points) {
                    *best = self.best(lists.get(field).copied().unwrap_or_default(), point, *best);
                }
            }
            for (lane, ((lists, best), point)) in lists.iter().zip(best).zip(points).enumerate() {
                let lane = at * LANES + lane;
                if best & INEXACT != 0 && best < NONE && !exact(lane, best >> 2) {
                    each(lane, self.exactly(self.rest(point), *lists, point, |rule| exact(lane, rule)));
                } else {
                    each(lane, (best < NONE).then_some(best >> 2));
                }
            }
        }
    }

    /// The tag of the first rule in no list that matches.
    #[inline]
    fn rest(&self, point: &Point<T>) -> u32 {
        let found = self.rest.as_ref().and_then(|rest| rest.find(point));
        let number = found.and_then(|found| self.rest_numbers.get(found as usize));
        number.map_or(NONE, |number| number << 2)
    }

    /// The first rows of the lists to read. What takes longest to find is read last.
    #[inline]
    fn lists(&self, point: &Point<T>) -> [u32; 5] {
        let [wide, service, source_port, ..] = self.near(point);
        let source = self.source.as_ref().map_or(0, |trie| trie.find(point.source));
        let destination = self.destination.as_ref().map_or(0, |trie| trie.find(point.destination));
        [wide, service, source_port, source, destination]
    }

    /// The same without those of addresses.
    #[inline]
    fn near(&self, point: &Point<T>) -> [u32; 5] {
        let row = |(pages, rows): &(Option<Pages>, Vec<u32>), number| {
            let interval = pages.as_ref().map_or(0, |pages| pages.find(number));
            rows.get(usize::from(interval)).copied().unwrap_or_default()
        };
        [self.wide, row(&self.service, point.service), row(&self.source_port, point.source_port), 0, 0]
    }

    /// The least of `best` and the tags in a list whose hulls hold a packet.
    #[inline]
    fn best(&self, first: u32, point: &Point<T>, mut best: u32) -> u32 {
        if first == 0 {
            return best;
        }
        for row in self.rows.get(first as usize..).unwrap_or_default() {
            let [a, b] = &row.entries;
            best = best.min(a.found(point)).min(b.found(point));
            // Later rows have greater tags.
            if b.tag & MORE == 0 || b.tag > best {
                break;
            }
        }
        best
    }

    /// As [`List::find`] where some hull was not enough.
    fn exactly(
        &self,
        rest: u32,
        lists: [u32; 5],
        point: &Point<T>,
        exact: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut best = rest;
        for row in lists {
            let entries =
                self.rows.get(row as usize..).unwrap_or_default().iter().flat_map(|row| &row.entries);
            for (place, entry) in entries.enumerate() {
                let found = entry.found(point);
                if found < best && (found & INEXACT == 0 || exact(found >> 2)) {
                    best = found;
                }
                if place % 2 == 1 && (entry.tag & MORE == 0 || entry.tag > best) {
                    break;
                }
            }
        }
        (best < NONE).then_some(best >> 2)
    }

    pub(super) fn bytes(&self) -> usize {
        let tries = [&self.source, &self.destination].into_iter().flatten().map(Trie::bytes);
        let fields = [&self.service, &self.source_port].into_iter();
        let pages = fields.map(|(pages, rows)| pages.as_ref().map_or(0, Pages::bytes) + rows.len() * 4);
        let rest = self.rest.as_ref().map_or(0, Bitsets::bytes) + self.rest_numbers.len() * 4;
        tries.chain(pages).sum::<usize>() + rest + self.rows.len() * size_of::<Row<T>>()
    }
}

/// Puts rules into the lists of one of two fields, and returns those that would stand in too many of both.
fn spread<'v, F: Fn(u32) -> Option<&'v Ranges>>(
    rules: impl Iterator<Item = u32>,
    fields: [(&mut Cuts, &F); 2],
    most: usize,
) -> Vec<u32> {
    let [(first, in_first), (second, in_second)] = fields;
    let mut rest = Vec::new();
    for rule in rules {
        let [a, b] = [(&*first, in_first(rule)), (&*second, in_second(rule))]
            .map(|(cuts, values)| values.and_then(|ranges| Some((cuts.met(ranges, most)?, ranges))));
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

fn fields_of<'r, 'a>(rules: &'r Rules<'a>) -> impl Iterator<Item = &'r [Values<'a>]> {
    rules.fields.iter().map(Vec::as_slice)
}

impl<T: Number> Entry<T> {
    fn new(rules: &Rules<'_>, rule: usize, lasts: [u128; FIELDS]) -> Option<Self> {
        let mut exact = true;
        let mut hulls = [(0, 0); FIELDS];
        for ((hull, values), last) in hulls.iter_mut().zip(fields_of(rules)).zip(lasts) {
            *hull = match values.get(rule)? {
                None => (0, last),
                Some(ranges) => {
                    exact &= ranges.len() == 1;
                    (ranges.first()?, ranges.last()?)
                }
            };
        }
        let [source, destination, service, source_port] = hulls;
        let address = |(first, last): (u128, u128)| (T::narrow(first), T::narrow(last - first));
        Some(Self {
            source: address(source),
            destination: address(destination),
            service: (service.0 as u32, (service.1 - service.0) as u32),
            source_port: (source_port.0 as u16, (source_port.1 - source_port.0) as u16),
            tag: (rule as u32) << 2 | if exact { 0 } else { INEXACT },
        })
    }

    /// The tag when the hull holds a packet, else none.
    #[inline]
    fn found(&self, point: &Point<T>) -> u32 {
        // All tests at once: a branch per test would be guessed wrong too often.
        let port = point.source_port as u16;
        let holds = (point.service.wrapping_sub(self.service.0) <= self.service.1)
            & (point.source.less(self.source.0) <= self.source.1)
            & (point.destination.less(self.destination.0) <= self.destination.1)
            & (port.wrapping_sub(self.source_port.0) <= self.source_port.1);
        (self.tag & !MORE) | u32::from(holds).wrapping_sub(1) & NONE
    }
}

/// A field while it is filled: where its intervals begin, and the rules of each.
#[derive(Default)]
struct Cuts {
    starts: Vec<u128>,
    rules: Vec<Vec<u32>>,
}

impl Cuts {
    fn new(values: &[Values<'_>], last: u128) -> Self {
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

    /// The longest list that ranges meet, and how many; `None` for more than `most`, or a field that is not cut.
    fn met(&self, ranges: &Ranges, most: usize) -> Option<(usize, usize)> {
        if self.starts.len() < 2 || ranges.len() > PIECES {
            return None;
        }
        let count = self.places(ranges).map(|(first, end)| end - first).sum();
        if count > most {
            return None;
        }
        let lists =
            self.places(ranges).flat_map(|(first, end)| self.rules.get(first..end).unwrap_or_default());
        Some((lists.map(Vec::len).max().unwrap_or_default(), count))
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

    /// The first row of each interval's list, neighbours of the same list joined.
    fn rows<T: Number>(self, rows: &mut Rows<T>) -> Vec<(u128, u32)> {
        let lists = self.rules.into_iter().map(|list| rows.list(list));
        let mut intervals: Vec<(u128, u32)> = self.starts.into_iter().zip(lists).collect();
        intervals.dedup_by_key(|(_, row)| *row);
        intervals
    }
}

/// Lists while they are written, each distinct one once.
struct Rows<T> {
    all: Vec<Row<T>>,
    known: HashMap<Vec<u32>, u32>,
    /// By rule.
    entries: Vec<Entry<T>>,
}

impl<T: Number> Rows<T> {
    fn new(entries: Vec<Entry<T>>) -> Self {
        let mut rows = Self { all: Vec::new(), known: HashMap::new(), entries };
        rows.list(Vec::new());
        rows
    }

    /// The first row of a list of rules.
    fn list(&mut self, rules: Vec<u32>) -> u32 {
        if let Some(row) = self.known.get(&rules) {
            return *row;
        }
        let first = self.all.len() as u32;
        let none = Entry {
            source: (T::ZERO, T::ZERO),
            destination: (T::ZERO, T::ZERO),
            service: (0, 0),
            source_port: (0, 0),
            // Whatever it holds.
            tag: NONE,
        };
        self.all.push(Row { entries: [none; 2] });
        for (at, rule) in rules.iter().enumerate() {
            let Some(entry) = self.entries.get(*rule as usize) else { continue };
            if at > 0 && at % 2 == 0 {
                if let Some([_, last]) = self.all.last_mut().map(|row| &mut row.entries) {
                    last.tag |= MORE;
                }
                self.all.push(Row { entries: [none; 2] });
            }
            if let Some(place) = self.all.last_mut().and_then(|row| row.entries.get_mut(at % 2)) {
                *place = *entry;
            }
        }
        self.known.insert(rules, first);
        first
    }
}
