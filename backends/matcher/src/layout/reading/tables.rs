//! Class tables, read service by service: which addresses have which outcome there. Services with the same answer
//! are one piece, so what is read does not depend on how the tables divide them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use palisade_ir::{Family, Ranges};

use super::super::cells::{Deciders, Outcomes};
use super::super::number::Number;
use super::super::packed::Packed;
use super::super::rules::{FIELDS, LAST_SERVICE};
use super::super::tables::{Classes, ServiceTables};
use super::super::trie::Trie;
use super::piece::{Piece, Values};
use super::runs::{Axes, Runs};
use super::trie::Intervals;
use super::{Reading, Unread};

/// The services of a word.
pub(super) const WORD: u32 = 16;

impl Outcomes {
    /// The outcomes of 16 services, verdicts in the low half and what is logged in the high one.
    pub(super) fn word(&self, at: u32) -> Option<u32> {
        self.words.get(at as usize).copied()
    }
}

impl Deciders {
    /// The same of all pages, with the outcomes of their rules.
    pub(super) fn words(&self, code: impl Fn(u32) -> u8) -> Result<Vec<u32>, Unread> {
        let Self { rows: _, numbers } = self;
        let word = |page: &[u32]| {
            let bits = (0..).zip(page).map(|(at, number)| {
                let code = u32::from(code(*number));
                (code & 1) << at | (code >> 1) << (at + WORD)
            });
            bits.fold(0, |word, bits| word | bits)
        };
        let numbers: Vec<u32> = match numbers {
            Packed::Narrow(numbers) => numbers.iter().map(|number| u32::from(*number)).collect(),
            Packed::Wide(numbers) => numbers.clone(),
        };
        // A page that is cut short is padded, or is none.
        Ok(numbers.chunks_exact(WORD as usize).map(word).collect())
    }

    /// The word of a page.
    pub(super) fn page(&self, at: u32, words: &[u32]) -> Option<u32> {
        words.get(at_place(&self.rows, at)? as usize).copied()
    }
}

/// The number at a place, if there is one.
pub(super) fn at_place(numbers: &Packed, at: u32) -> Option<u32> {
    match numbers {
        Packed::Narrow(numbers) => numbers.get(at as usize).map(|number| u32::from(*number)),
        Packed::Wide(numbers) => numbers.get(at as usize).copied(),
    }
}

impl<T: Number> Classes<T> {
    /// What the tables say; `word` gives the outcomes of 16 services by their place.
    pub(super) fn read(&self, family: Family, word: impl Fn(u32) -> Option<u32>) -> Reading {
        let Self { source, destination, services, pairs } = self;
        let services = Services::read(services)?;
        let intervals = |trie: &Option<Trie<T>>| match trie {
            Some(trie) => trie.intervals().ok_or(Unread::Broken),
            None => Ok(vec![(0, 0)]),
        };
        let (source, destination) = (intervals(source)?, intervals(destination)?);
        let row = |source: u32, destination: u32| {
            let name = source.wrapping_add(destination);
            match pairs {
                Some(pairs) => at_place(pairs, name),
                None => Some(name),
            }
        };
        // The longer axis is swept.
        let swapped = destination.len() > source.len();
        let swept = if swapped { &destination } else { &source };
        let (across, members) = classes(if swapped { &source } else { &destination }, family.last());
        let axes = Axes { swept, across: &across, services: services.count };
        let turned = |swept: u32, across: u32| if swapped { row(across, swept) } else { row(swept, across) };
        let runs = Runs::new(&axes, turned, word)?;
        let places = Places { services: &services, members: &members, last: family.last(), swapped };
        Ok(places.pieces(&runs))
    }
}

/// The names of intervals, and the values that have each.
pub(super) fn classes(intervals: &Intervals, last: u128) -> (Vec<u32>, Vec<Ranges>) {
    let mut by_name: BTreeMap<u32, Vec<(u128, u128)>> = BTreeMap::new();
    let ends = intervals.iter().skip(1).map(|(next, _)| next - 1).chain([last]);
    for ((first, name), end) in intervals.iter().zip(ends) {
        by_name.entry(*name).or_default().push((*first, end));
    }
    by_name.into_iter().map(|(name, parts)| (name, Ranges::from_unsorted(parts))).unzip()
}

/// Which services and source ports lead to a number.
pub(super) struct Services {
    /// How many numbers there are.
    pub(super) count: u32,
    pub(super) services: Vec<Ranges>,
    pub(super) source_ports: Vec<Ranges>,
    /// By number, the pairs of both.
    pub(super) pairs: Vec<Vec<(usize, usize)>>,
}

impl Services {
    pub(super) fn read(tables: &ServiceTables) -> Result<Self, Unread> {
        let ServiceTables { service, source_port, cross } = tables;
        let whole = || Some(vec![(0, 0)]);
        let service = service.as_ref().map_or_else(whole, |pages| pages.intervals(LAST_SERVICE));
        let (source_port, cross) = match (source_port, cross) {
            (Some(pages), Some(cross)) => (pages.intervals(u16::MAX.into()), Some(cross)),
            // Without one of them the service is the number.
            _ => (whole(), None),
        };
        let (names, services) = classes(&service.ok_or(Unread::Broken)?, LAST_SERVICE.into());
        let (ports, source_ports) = classes(&source_port.ok_or(Unread::Broken)?, u16::MAX.into());
        if names.len().saturating_mul(ports.len()) > 1 << 20 {
            return Err(Unread::TooLarge);
        }
        let mut by_number: BTreeMap<u32, Vec<(usize, usize)>> = BTreeMap::new();
        for (a, name) in names.iter().enumerate() {
            for (b, port) in ports.iter().enumerate() {
                let number = match cross {
                    Some(cross) => at_place(cross, name + port).ok_or(Unread::Broken)?,
                    None => *name,
                };
                by_number.entry(number).or_default().push((a, b));
            }
        }
        let count = by_number.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        if count > 1 << 17 {
            return Err(Unread::Broken);
        }
        let mut pairs = vec![Vec::new(); count as usize];
        for (number, found) in by_number {
            if let Some(place) = pairs.get_mut(number as usize) {
                *place = found;
            }
        }
        Ok(Self { count, services, source_ports, pairs })
    }

    /// The services and source ports that lead to some numbers, as disjoint products.
    pub(super) fn products(&self, numbers: &[u32]) -> Vec<[Values; 2]> {
        let pairs = || numbers.iter().filter_map(|number| self.pairs.get(*number as usize)).flatten();
        let mut ports: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (a, b) in pairs() {
            ports.entry(*a).or_default().push(*b);
        }
        let mut services: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (a, mut ports) in ports {
            ports.sort_unstable();
            services.entry(ports).or_default().push(a);
        }
        let of = |all: &[Ranges], places: Vec<usize>, last: u128| {
            let parts = places.iter().filter_map(|place| all.get(*place)).flat_map(Ranges::iter).collect();
            Some(Ranges::from_unsorted(parts)).filter(|values| *values != Ranges::span(0, last))
        };
        services
            .into_iter()
            .map(|(ports, services)| {
                [
                    of(&self.services, services, LAST_SERVICE.into()),
                    of(&self.source_ports, ports, u16::MAX.into()),
                ]
            })
            .collect()
    }
}

/// What the columns of tables are about.
struct Places<'a> {
    services: &'a Services,
    /// The addresses of each class of the axis that is not swept.
    members: &'a [Ranges],
    last: u128,
    swapped: bool,
}

impl Places<'_> {
    /// For services with the same columns, the addresses with other outcomes than the usual one; then the usual ones.
    fn pieces(&self, runs: &Runs) -> Vec<Piece> {
        let mut groups: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for (number, found) in (0..).zip(&self.services.pairs) {
            if !found.is_empty() {
                groups.entry(runs.of(number)).or_default().push(number);
            }
        }
        let mut pieces = Vec::new();
        let mut usual: [Vec<u32>; 4] = Default::default();
        for (columns, numbers) in groups {
            let mut classes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for (class, column) in columns.iter().enumerate() {
                classes.entry(*column).or_default().push(class);
            }
            let most = self.usual(runs, &classes);
            let services = self.services.products(&numbers);
            for (column, classes) in &classes {
                for (code, swept) in
                    runs.column(*column).map(|column| column.values(self.last)).unwrap_or_default()
                {
                    if code != most {
                        pieces.extend(self.product(code, &swept, classes, &services));
                    }
                }
            }
            if let Some(all) = usual.get_mut(usize::from(most)) {
                all.extend(numbers);
            }
        }
        // They share no packets. In this order tables with the same answers have the same pieces.
        pieces.sort();
        pieces.extend(self.ends(usual));
        pieces
    }

    /// The usual outcomes, the one that would take most to say last and for all.
    fn ends(&self, usual: [Vec<u32>; 4]) -> Vec<Piece> {
        let products = |numbers: Vec<u32>| self.services.products(&numbers);
        let mut ends: Vec<(u8, Vec<[Values; 2]>)> = (0..).zip(usual.map(products)).collect();
        let ranges = |products: &[[Values; 2]]| -> usize {
            products.iter().flatten().map(|values| values.as_ref().map_or(1, Ranges::len)).sum()
        };
        ends.sort_by_key(|(_, products)| ranges(products));
        let last = ends.pop().map_or(0, |(code, _)| code);
        let mut pieces = Vec::new();
        for (code, products) in ends {
            let fields = |[service, source_port]: [Values; 2]| [None, None, service, source_port];
            pieces.extend(
                products.into_iter().map(|values| Piece { fields: fields(values), ..Piece::all(code) }),
            );
        }
        pieces.push(Piece::all(last));
        pieces
    }

    /// The outcome that would take most to say.
    fn usual(&self, runs: &Runs, classes: &BTreeMap<u32, Vec<usize>>) -> u8 {
        let mut weights = [0_usize; 4];
        for (column, members) in classes {
            for (code, values) in
                runs.column(*column).map(|column| column.values(self.last)).unwrap_or_default()
            {
                if let Some(weight) = weights.get_mut(usize::from(code)) {
                    *weight += values.len() * members.len();
                }
            }
        }
        let weights = (0..).zip(weights);
        weights
            .max_by_key(|(code, weight)| (*weight, core::cmp::Reverse(*code)))
            .map_or(0, |(code, _): (u8, _)| code)
    }

    fn product(&self, code: u8, swept: &Ranges, classes: &[usize], services: &[[Values; 2]]) -> Vec<Piece> {
        let some = |values: Ranges| Some(values).filter(|values| *values != Ranges::span(0, self.last));
        let members =
            classes.iter().filter_map(|class| self.members.get(*class)).flat_map(Ranges::iter).collect();
        let (swept, across) = (some(swept.clone()), some(Ranges::from_unsorted(members)));
        let (source, destination) = if self.swapped { (across, swept) } else { (swept, across) };
        let piece = |[service, source_port]: &[Values; 2]| {
            let fields: [Values; FIELDS] =
                [source.clone(), destination.clone(), service.clone(), source_port.clone()];
            Piece { fields, ..Piece::all(code) }
        };
        services.iter().map(piece).collect()
    }
}
