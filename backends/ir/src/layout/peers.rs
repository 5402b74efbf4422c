//! Leaves by remote prefix: for rules whose services are too many to be looked up.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::groups::Own;
use super::{Key, Service};
use crate::Family;

/// Up to so many lengths of prefix, one look-up each costs less than one among ranges.
const LENGTHS: usize = 4;

/// A family, first and last address.
type Prefix = (Family, u128, u128);

/// The rules of each prefix.
#[derive(Default)]
pub(super) struct Peers(BTreeMap<Prefix, BTreeMap<usize, Vec<Service>>>);

/// A leaf of a prefix, before it has items.
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) own: Vec<Own>,
    pub(super) ranges: Vec<(u128, u128)>,
    pub(super) parent: Option<usize>,
}

/// The leaves that one look-up leads to.
pub(super) struct Lengths {
    pub(super) family: Family,
    /// The length of all their prefixes, if it is one.
    pub(super) length: Option<u8>,
    pub(super) places: Vec<Place>,
}

impl Peers {
    pub(super) fn add(&mut self, prefix: Prefix, rule: usize, service: &Service) {
        self.0.entry(prefix).or_default().entry(rule).or_default().push(service.clone());
    }

    /// How many rules there are, counted once for each prefix.
    pub(super) fn rules(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// The look-ups, those of long prefixes first.
    pub(super) fn into_lookups(self) -> Vec<Lengths> {
        let mut lookups = Vec::new();
        for family in Family::ALL {
            let own = |prefix: &&Prefix| prefix.0 == family;
            let lengths: BTreeSet<u8> = self.0.keys().filter(own).map(length).collect();
            if lengths.len() > LENGTHS {
                lookups.push(Lengths { family, length: None, places: nested(self.places(family, None)) });
                continue;
            }
            lookups.extend(lengths.into_iter().rev().map(|length| Lengths {
                family,
                length: Some(length),
                places: self.places(family, Some(length)),
            }));
        }
        lookups
    }

    fn places(&self, family: Family, wanted: Option<u8>) -> Vec<Place> {
        let fits =
            |prefix: &Prefix| prefix.0 == family && wanted.is_none_or(|wanted| length(prefix) == wanted);
        let mut prefixes: Vec<&Prefix> = self.0.keys().filter(|prefix| fits(prefix)).collect();
        // A wider prefix before those inside it.
        prefixes.sort_unstable_by_key(|(_, first, last)| (*first, core::cmp::Reverse(*last)));
        let place = |prefix: &&Prefix| {
            let (family, first, last) = **prefix;
            let rules = self.0.get(*prefix);
            let own =
                |(rule, services): (&usize, &Vec<Service>)| Own { rule: *rule, services: services.clone() };
            Place {
                key: Key::Prefix(family, first, last),
                own: rules.into_iter().flatten().map(own).collect(),
                ranges: Vec::new(),
                parent: None,
            }
        };
        prefixes.iter().map(place).collect()
    }
}

/// The length of a prefix.
fn length((family, first, last): &Prefix) -> u8 {
    let bits = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    bits - (128 - (last - first).leading_zeros()) as u8
}

/// Gives each of the sorted prefixes its parent, and the addresses that no narrower one takes.
fn nested(mut places: Vec<Place>) -> Vec<Place> {
    let bounds: Vec<(u128, u128)> = places
        .iter()
        .map(|place| match place.key {
            Key::Prefix(_, first, last) => (first, last),
            Key::All | Key::Service(_) => (0, 0),
        })
        .collect();
    // The prefixes that hold the present one, each with the first address not given away yet.
    let mut open: Vec<(usize, u128, u128)> = Vec::new();
    let mut given: Vec<(usize, (u128, u128))> = Vec::new();
    let close = |open: &mut Vec<(usize, u128, u128)>, given: &mut Vec<(usize, (u128, u128))>| {
        let Some((at, next, last)) = open.pop() else { return };
        if next <= last {
            given.push((at, (next, last)));
        }
        if let Some((_, outer, _)) = open.last_mut() {
            *outer = last.saturating_add(1);
        }
    };
    for (at, (first, last)) in bounds.iter().enumerate() {
        while open.last().is_some_and(|(_, _, end)| end < first) {
            close(&mut open, &mut given);
        }
        if let Some((outer, next, _)) = open.last() {
            if next < first {
                given.push((*outer, (*next, first - 1)));
            }
            if let Some(place) = places.get_mut(at) {
                place.parent = Some(*outer);
            }
        }
        open.push((at, *first, *last));
    }
    while !open.is_empty() {
        close(&mut open, &mut given);
    }
    for (at, range) in given {
        if let Some(place) = places.get_mut(at) {
            place.ranges.push(range);
        }
    }
    places
}
