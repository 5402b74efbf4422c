//! Candidate lists, for chains that fit nothing else: time and memory to build grow with the rules, not their product.
//!
//! Each rule stands in the lists of one field only, the one where the lists that it meets are shortest; a rule that meets
//! too many in every field is tried on every packet. A look-up reads one list per field, each until its first match.

use palisade_ir::Ranges;

use super::pages::Pages;
use super::rules::{FIELDS, LAST_SERVICE, Rules, Values};
use super::trie::{Number, Trie};
use super::{LAST, Point};

/// Entries of all lists together, unless there are more than this many rules per [`FEWEST`].
const ENTRIES: usize = 1 << 20;
/// A rule may always stand in this many lists.
const FEWEST: usize = 8;
/// A rule may never stand in more lists than this.
const MOST: usize = 1024;
/// Sets of more ranges do not cut a field.
const PIECES: usize = 64;
/// A port field is cut into at most this many intervals: names of pages have 16 bits.
const INTERVALS: usize = 1 << 16;

/// A chain's rules of one family as lists.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    source: Option<Trie<T>>,
    destination: Option<Trie<T>>,
    service: Option<Pages>,
    source_port: Option<Pages>,
    lists: [Lists<T>; FIELDS],
    /// Rules tried on every packet.
    wide: Vec<Entry<T>>,
}

/// Rules by interval, ascending in each.
#[derive(Clone, Debug)]
struct Lists<T> {
    ends: Vec<u32>,
    entries: Vec<Entry<T>>,
}

/// A rule's number and hull. Entries are copies, so that a list is one run of memory.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    source: (T, T),
    destination: (T, T),
    service: (u32, u32),
    source_port: (u16, u16),
    /// Twice the rule's number, and one more when the hull holds packets that the rule does not match.
    tag: u32,
}

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
        let mut wide = Vec::new();
        for (rule, entry) in entries.iter().enumerate() {
            let home = fields
                .iter()
                .zip(fields_of(rules))
                .enumerate()
                .filter_map(|(at, (cuts, values))| Some((cuts.met(values.get(rule)?.as_deref()?, most)?, at)))
                .min();
            match home.and_then(|(_, at)| Some((fields.get_mut(at)?, fields_of(rules).nth(at)?.get(rule)?))) {
                Some((cuts, Some(ranges))) => cuts.put(rule as u32, ranges),
                Some((_, None)) | None => wide.push(*entry),
            }
        }
        let [source, destination, service, source_port] = fields.each_ref().map(Cuts::intervals);
        Self {
            source: Trie::new(&source),
            destination: Trie::new(&destination),
            service: Pages::new(&service, LAST_SERVICE),
            source_port: Pages::new(&source_port, u16::MAX.into()),
            lists: fields.map(|cuts| cuts.lists(&entries)),
            wide,
        }
    }

    /// The number of the first rule that matches; `exact` is asked about a rule whose hull says too little.
    pub(super) fn find(&self, point: &Point<T>, exact: impl Fn(u32) -> bool) -> Option<u32> {
        let [sources, destinations, services, source_ports] = &self.lists;
        let candidates = [
            services.of(self.service.as_ref().map(|pages| pages.find(point.service).into())),
            sources.of(self.source.as_ref().map(|trie| trie.find(point.source))),
            destinations.of(self.destination.as_ref().map(|trie| trie.find(point.destination))),
            source_ports.of(self.source_port.as_ref().map(|pages| pages.find(point.source_port).into())),
            &self.wide,
        ];
        let mut best = u32::MAX;
        for list in candidates {
            for entry in list {
                if entry.tag >= best {
                    break;
                }
                if entry.holds(point) && (entry.tag & 1 == 0 || exact(entry.tag >> 1)) {
                    best = entry.tag;
                    break;
                }
            }
        }
        (best < u32::MAX).then_some(best >> 1)
    }

    pub(super) fn bytes(&self) -> usize {
        let tries = [&self.source, &self.destination].into_iter().flatten().map(Trie::bytes);
        let pages = [&self.service, &self.source_port].into_iter().flatten().map(Pages::bytes);
        let lists = self.lists.iter().map(|lists| lists.ends.len() * 4);
        let entries = self.lists.iter().map(|lists| lists.entries.len()).sum::<usize>() + self.wide.len();
        tries.chain(pages).chain(lists).sum::<usize>() + entries * size_of::<Entry<T>>()
    }
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
        let address = |(first, last)| (T::narrow(first), T::narrow(last));
        Some(Self {
            source: address(source),
            destination: address(destination),
            service: (service.0 as u32, service.1 as u32),
            source_port: (source_port.0 as u16, source_port.1 as u16),
            tag: (rule as u32) << 1 | u32::from(!exact),
        })
    }

    /// All tests at once: a branch per test would be guessed wrong too often.
    #[inline]
    fn holds(&self, point: &Point<T>) -> bool {
        let port = point.source_port as u16;
        (self.service.0 <= point.service)
            & (point.service <= self.service.1)
            & (self.source.0 <= point.source)
            & (point.source <= self.source.1)
            & (self.destination.0 <= point.destination)
            & (point.destination <= self.destination.1)
            & (self.source_port.0 <= port)
            & (port <= self.source_port.1)
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

    /// Intervals, numbered.
    fn intervals(&self) -> Vec<(u128, u32)> {
        self.starts.iter().copied().zip(0..).collect()
    }

    fn lists<T: Number>(self, entries: &[Entry<T>]) -> Lists<T> {
        let mut lists = Lists { ends: Vec::new(), entries: Vec::new() };
        for list in self.rules {
            lists.entries.extend(list.iter().filter_map(|rule| entries.get(*rule as usize)));
            lists.ends.push(lists.entries.len() as u32);
        }
        lists.entries.shrink_to_fit();
        lists
    }
}

impl<T> Lists<T> {
    /// The rules of an interval.
    #[inline]
    fn of(&self, interval: Option<u32>) -> &[Entry<T>] {
        let Some(interval) = interval.map(|at| at as usize) else { return &[] };
        let start =
            interval.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(interval).copied().unwrap_or_default();
        self.entries.get(start as usize..end as usize).unwrap_or_default()
    }
}
