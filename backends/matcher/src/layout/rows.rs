//! The rows that candidate lists are made of: the hulls of rules, two in a row.

use alloc::vec::Vec;

use super::Point;
use super::rules::{FIELDS, Rules};
use super::trie::Number;
use crate::hash::HashMap;
use crate::stored::Stored;

/// Two entries of a list; for IPv4, one line of a processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Row<T> {
    pub(super) entries: [Entry<T>; 2],
}

/// A rule's number and hull. Entries are copies, so that a list is one run of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<T> {
    /// First value and what the last has more, in every field: a test is one subtraction and one comparison.
    pub(super) source: (T, T),
    pub(super) destination: (T, T),
    pub(super) service: (u32, u32),
    pub(super) source_port: (u16, u16),
    /// The rule's number; then a bit that says that the hull holds packets that the rule does not match; then a bit
    /// that says that the list goes on in the next row.
    pub(super) tag: u32,
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
pub(super) const INEXACT: u32 = 2;
pub(super) const MORE: u32 = 1;
/// The tag of no rule.
pub(super) const NONE: u32 = u32::MAX ^ MORE;

impl<T: Number> Entry<T> {
    pub(super) fn new(rules: &Rules<'_>, rule: usize, lasts: [u128; FIELDS]) -> Option<Self> {
        let mut exact = true;
        let mut hulls = [(0, 0); FIELDS];
        for ((hull, values), last) in hulls.iter_mut().zip(&rules.fields).zip(lasts) {
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
    pub(super) fn found(&self, point: &Point<T>) -> u32 {
        // All tests at once: a branch per test would be guessed wrong too often.
        let port = point.source_port as u16;
        let holds = (point.service.wrapping_sub(self.service.0) <= self.service.1)
            & (point.source.less(self.source.0) <= self.source.1)
            & (point.destination.less(self.destination.0) <= self.destination.1)
            & (port.wrapping_sub(self.source_port.0) <= self.source_port.1);
        (self.tag & !MORE) | u32::from(holds).wrapping_sub(1) & NONE
    }
}

/// Lists while they are written, each distinct one once.
pub(super) struct Rows<T> {
    pub(super) all: Vec<Row<T>>,
    known: HashMap<Vec<u32>, u32>,
    /// By rule.
    entries: Vec<Entry<T>>,
}

impl<T: Number> Rows<T> {
    pub(super) fn new(entries: Vec<Entry<T>>) -> Self {
        let mut rows = Self { all: Vec::new(), known: HashMap::default(), entries };
        rows.list(Vec::new());
        rows
    }

    /// The first row of a list of rules.
    pub(super) fn list(&mut self, rules: Vec<u32>) -> u32 {
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
