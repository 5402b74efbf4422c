//! The rows that candidate lists are made of: boxes of packets, two in a row.

use alloc::vec;
use alloc::vec::Vec;

use super::number::Number;
use super::rules::{FIELDS, Rules};
use crate::hash::HashMap;
use crate::stored::Stored;

/// Two entries of a list; for IPv4, one line of a processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Row<T> {
    pub(super) entries: [Entry<T>; 2],
}

impl<T: Number> Row<T> {
    /// No rule.
    pub(super) const NONE: Self = Self { entries: [Entry::NONE; 2] };

    /// The least of `best` and the tags of boxes that hold a packet.
    #[inline(always)]
    pub(super) fn best(&self, seen: &Seen<T>, best: u32) -> u32 {
        let [a, b] = &self.entries;
        best.min(a.found(seen)).min(b.found(seen))
    }

    /// Whether the next row may have a lesser tag: those of later rows are not less.
    #[inline(always)]
    pub(super) const fn goes_on(&self, best: u32) -> bool {
        let [_, last] = &self.entries;
        Tag::more(last.tag) & (last.tag < best)
    }
}

/// A box of packets and the rule that matches them. Entries are copies, so that a list is one run of memory.
///
/// The field that leads to a list is not among those of its entries: all that led there has the values of the rule.
/// First values, then what the last ones have more: a test is one subtraction and one comparison.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Entry<T> {
    pub(super) address: T,
    pub(super) service: u32,
    pub(super) source_port: u32,
    /// As in [`Tag`]; stands here so that the fields of IPv4 are two vectors.
    pub(super) tag: u32,
    pub(super) more_addresses: T,
    pub(super) more_services: u32,
    pub(super) more_source_ports: u32,
}

/// A rule by number and outcome; ordered by strength. Two low bits belong to an entry: whether its box holds packets that
/// the rule does not match, and whether the list goes on in the next row.
pub(super) struct Tag;

impl Tag {
    pub(super) const INEXACT: u32 = 2;
    pub(super) const MORE: u32 = 1;
    /// No rule; whatever is above says the same.
    pub(super) const NONE: u32 = u32::MAX ^ Self::MORE;
    /// The numbers that tags have room for.
    pub(super) const LIMIT: usize = (1 << 28) - 1;

    pub(super) const fn of(number: u32, code: u8) -> u32 {
        number << 4 | (code as u32) << 2
    }

    /// The number of the rule.
    #[inline]
    pub(super) const fn number(tag: u32) -> Option<u32> {
        if tag < Self::NONE { Some(tag >> 4) } else { None }
    }

    /// The coded outcome of the rule.
    #[inline]
    pub(super) const fn code(tag: u32) -> Option<u8> {
        if tag < Self::NONE { Some((tag >> 2 & 3) as u8) } else { None }
    }

    #[inline]
    pub(super) const fn inexact(tag: u32) -> bool {
        tag & Self::INEXACT != 0 && tag < Self::NONE
    }

    #[inline]
    pub(super) const fn more(tag: u32) -> bool {
        tag & Self::MORE != 0
    }
}

/// What entries look at, of a packet.
#[derive(Clone, Copy)]
pub(super) struct Seen<T> {
    pub(super) address: T,
    pub(super) service: u32,
    pub(super) source_port: u32,
}

impl<T: Number> Stored for Row<T> {
    const FEWEST: usize = 2 * Entry::<T>::FEWEST;

    fn write(&self, out: &mut Vec<u8>) {
        self.entries.write(out);
    }

    #[inline]
    fn read(input: &mut &[u8]) -> Option<Self> {
        Stored::read(input).map(|entries| Self { entries })
    }
}

impl<T: Number> Stored for Entry<T> {
    const FEWEST: usize = 2 * T::FEWEST + 20;

    fn write(&self, out: &mut Vec<u8>) {
        let Self { address, service, source_port, tag, more_addresses, more_services, more_source_ports } =
            self;
        [*address, *more_addresses].write(out);
        [*service, *source_port, *tag, *more_services, *more_source_ports].write(out);
    }

    #[inline]
    fn read(input: &mut &[u8]) -> Option<Self> {
        let [address, more_addresses] = Stored::read(input)?;
        let [service, source_port, tag, more_services, more_source_ports] = Stored::read(input)?;
        Some(Self { address, service, source_port, tag, more_addresses, more_services, more_source_ports })
    }
}

impl<T: Number> Entry<T> {
    /// Holds no packet: none has such a source port.
    const NONE: Self = Self {
        address: T::ZERO,
        service: 0,
        source_port: u32::MAX,
        tag: Tag::NONE,
        more_addresses: T::ZERO,
        more_services: 0,
        more_source_ports: 0,
    };

    /// The tag when the box holds a packet, else none.
    #[inline(always)]
    pub(super) fn found(&self, seen: &Seen<T>) -> u32 {
        // All tests at once: a branch per test would be guessed wrong too often.
        let holds = (seen.address.less(self.address) <= self.more_addresses)
            & (seen.service.wrapping_sub(self.service) <= self.more_services)
            & (seen.source_port.wrapping_sub(self.source_port) <= self.more_source_ports);
        (self.tag & !Tag::MORE) | u32::from(holds).wrapping_sub(1) & Tag::NONE
    }
}

/// Boxes that one rule may have in a list; a rule of more has one around them all, and is asked again.
const BOXES: usize = 4;

/// The field that leads to a list, and the address that its entries look at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// By source; entries look at destinations.
    Source,
    /// By destination; entries look at sources.
    Destination,
    /// By a port, or none; entries look at destinations and nothing looks at sources.
    Near,
}

/// Lists while they are written, each distinct one once.
pub(super) struct Rows<'a, T> {
    pub(super) all: Vec<Row<T>>,
    known: HashMap<(Key, Vec<u32>), u32>,
    rules: &'a Rules<'a>,
    /// The last value of each field.
    lasts: [u128; FIELDS],
}

impl<'a, T: Number> Rows<'a, T> {
    /// Row 0 is an empty list.
    pub(super) fn new(rules: &'a Rules<'a>, lasts: [u128; FIELDS]) -> Self {
        let all = vec![Row::NONE];
        Self { all, known: HashMap::default(), rules, lasts }
    }

    /// The first row of a list of rules.
    pub(super) fn list(&mut self, key: Key, rules: Vec<u32>) -> u32 {
        if rules.is_empty() {
            return 0;
        }
        if let Some(row) = self.known.get(&(key, rules.clone())) {
            return *row;
        }
        let first = self.all.len();
        let entries: Vec<Entry<T>> =
            rules.iter().flat_map(|rule| self.entries(key, *rule as usize)).collect();
        for pair in entries.chunks(2) {
            let mut row = Row::NONE;
            row.entries.iter_mut().zip(pair).for_each(|(place, entry)| *place = *entry);
            if let Some(Row { entries: [_, last] }) = self.all.get_mut(first..).and_then(<[_]>::last_mut) {
                last.tag |= Tag::MORE;
            }
            self.all.push(row);
        }
        let row = if entries.is_empty() { 0 } else { first as u32 };
        self.known.insert((key, rules), row);
        row
    }

    /// The boxes of a rule in lists of a kind.
    fn entries(&self, key: Key, rule: usize) -> Vec<Entry<T>> {
        let ranges = |field: usize| {
            let values = self.rules.fields.get(field).and_then(|values| values.get(rule)?.as_deref());
            let all = (0, self.lasts.get(field).copied().unwrap_or_default());
            values.map_or_else(|| vec![all], |ranges| ranges.iter().collect::<Vec<_>>())
        };
        let [sources, destinations, services, source_ports] = [0, 1, 2, 3].map(ranges);
        let mut exact = match key {
            Key::Source | Key::Destination => true,
            Key::Near => sources == [(0, self.lasts[0])],
        };
        let mut fields =
            [if key == Key::Destination { sources } else { destinations }, services, source_ports];
        if fields.iter().map(Vec::len).product::<usize>() > BOXES {
            exact = false;
            fields.iter_mut().for_each(hull);
        }
        let code = self.rules.outcomes.get(rule).copied().unwrap_or_default();
        let tag = Tag::of(rule as u32, code) | if exact { 0 } else { Tag::INEXACT };
        let [addresses, services, source_ports] = &fields;
        let mut entries = Vec::new();
        for (address, last_address) in addresses {
            for (service, last_service) in services {
                entries.extend(source_ports.iter().map(|(source_port, last_port)| Entry {
                    address: T::narrow(*address),
                    service: *service as u32,
                    source_port: *source_port as u32,
                    tag,
                    more_addresses: T::narrow(last_address - address),
                    more_services: (last_service - service) as u32,
                    more_source_ports: (last_port - source_port) as u32,
                }));
            }
        }
        entries
    }
}

/// One range around all.
fn hull(ranges: &mut Vec<(u128, u128)>) {
    if let [(first, _), .., (_, last)] = ranges.as_slice() {
        *ranges = vec![(*first, *last)];
    }
}
