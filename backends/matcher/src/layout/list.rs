//! Candidate lists, for chains that fit nothing else: time and memory to build grow with the rules, not their product.
//!
//! Each rule stands in the lists of one address, the one where the lists that it meets are shortest. Rules that meet too
//! many of both are few as a rule, and go to bitsets of their own; where they are not, they stand in the lists of a
//! service or a source port, or are tried on every packet. A look-up reads one list per field, each until its first match.

use alloc::vec::Vec;

use super::bitsets::Bitsets;
use super::cuts::{Cuts, spread};
use super::gather::LANES;
use super::pages::Pages;
use super::rows::{Entry, INEXACT, MORE, NONE, Row, Rows};
use super::rules::{LAST_SERVICE, Rules};
use super::trie::{Number, Trie};
use super::{LAST, MEDIUM, Point};
use crate::stored::stored;

/// Entries of all lists together, unless there are more than this many rules per [`FEWEST`].
const ENTRIES: usize = 1 << 20;
/// A rule may always stand in this many lists.
const FEWEST: usize = 8;
/// A rule may never stand in more lists than this.
const MOST: usize = 1024;
/// The most bytes of the bitsets of rules that stand in no list.
const REST: u64 = 4 << 20;

/// A chain's rules of one family as lists.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    /// To the first row of a list.
    pub(super) source: Option<Trie<T>>,
    pub(super) destination: Option<Trie<T>>,
    /// To an interval, and from there to the first row of a list.
    pub(super) service: (Option<Pages>, Vec<u32>),
    pub(super) source_port: (Option<Pages>, Vec<u32>),
    /// The first row of the rules tried on every packet.
    pub(super) wide: u32,
    /// Bitsets of the rules that stand in no list, and their numbers.
    pub(super) rest: Option<Bitsets<T>>,
    pub(super) rest_numbers: Vec<u32>,
    /// Row 0 is empty.
    pub(super) rows: Vec<Row<T>>,
}

stored!(List<T> { source, destination, service, source_port, wide, rest, rest_numbers, rows });

impl<T: Number> List<T> {
    pub(super) fn new(rules: &Rules<'_>, last: u128) -> Self {
        let lasts = [last, last, LAST.0, LAST.1];
        let mut fields = lasts.map(|_| Cuts::default());
        for ((cuts, values), last) in fields.iter_mut().zip(&rules.fields).zip(lasts) {
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
        let rest_numbers = if rest.is_some() { core::mem::take(&mut wide) } else { Vec::new() };
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

    /// Whether some hull says too little.
    pub(super) fn asks_for_rules(&self) -> bool {
        self.rows
            .iter()
            .flat_map(|row| &row.entries)
            .any(|entry| entry.tag & INEXACT != 0 && entry.tag < NONE)
    }

    pub(super) fn bytes(&self) -> usize {
        let tries = [&self.source, &self.destination].into_iter().flatten().map(Trie::bytes);
        let fields = [&self.service, &self.source_port].into_iter();
        let pages = fields.map(|(pages, rows)| pages.as_ref().map_or(0, Pages::bytes) + rows.len() * 4);
        let rest = self.rest.as_ref().map_or(0, Bitsets::bytes) + self.rest_numbers.len() * 4;
        tries.chain(pages).sum::<usize>() + rest + self.rows.len() * size_of::<Row<T>>()
    }
}
