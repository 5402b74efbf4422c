//! The rules that stand in no list, read rule by rule.
//!
//! Tables say of each cell (a class of sources, one of destinations, a number of services) which rule is first. The hull
//! of a rule is the product of all classes and services where it is first. Hulls in the order of tags say the same as the
//! table unless some cell in the hull of a rule has a weaker one; such a rule is read cell by cell. Tables that palisade
//! writes have none: a hull is within its rule.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use palisade_ir::{Family, Ranges};

use super::super::axis::ones;
use super::super::cells::Deciders;
use super::super::number::Number;
use super::super::rest::Rest;
use super::super::rows::Tag;
use super::super::rules::{FIELDS, LAST_SERVICE};
use super::super::tables::{Classes, Tables};
use super::super::trie::Trie;
use super::Unread;
use super::piece::Values;
use super::tables::{Services, at_place, classes};
use crate::hash::HashMap;

/// The most cells, and the most words that they are compared by.
const CELLS: usize = 1 << 26;
const WORDS: usize = 1 << 30;
/// The services of a page.
const PAGE: u32 = 16;

/// Some of the packets that a rule decides, by its tag.
type Parts = Vec<(u32, [Values; FIELDS])>;

/// The rules by tag; where several hold a packet, the least is found.
pub(super) fn rules<T: Number>(rest: &Rest<T>, family: Family) -> Result<Parts, Unread> {
    match rest {
        Rest::None => Ok(Parts::new()),
        Rest::Tables(tables) => Grid::read(tables, family)?.parts(),
        Rest::Bitsets(bitsets, tags) => {
            // The first that matches there is the one with the smallest tag.
            if !tags.is_sorted_by(|a, b| a < b) || tags.last().is_some_and(|last| *last >= Tag::NONE) {
                return Err(Unread::Broken);
            }
            let tag = |place: u32| tags.get(place as usize).copied().ok_or(Unread::Broken);
            let rules = bitsets.rules(family)?.into_iter();
            rules.map(|(place, fields)| Ok((tag(place)?, fields))).collect()
        }
    }
}

/// A table with its rules in ascending order of tags, numbered from 0.
struct Grid {
    tags: Vec<u32>,
    /// The addresses of each class.
    sources: Vec<Ranges>,
    destinations: Vec<Ranges>,
    services: Services,
    last: u128,
    /// The row of each pair of classes, by source.
    pairs: Vec<usize>,
    /// Each distinct row: the rule of each service, or how many rules there are.
    rows: Vec<Vec<usize>>,
}

/// A set of rules.
type Set = Vec<u64>;

/// The rules that are first somewhere, by what their hulls hold.
struct Hulls {
    sources: Vec<Set>,
    destinations: Vec<Set>,
    /// By class of services and of source ports.
    services: Vec<Set>,
    source_ports: Vec<Set>,
}

impl Grid {
    fn read<T: Number>(tables: &Tables<T, Deciders>, family: Family) -> Result<Self, Unread> {
        let Classes { source, destination, services, pairs } = &tables.classes;
        let services = Services::read(services)?;
        let names = |trie: &Option<Trie<T>>| match trie {
            Some(trie) => Ok(classes(&trie.intervals().ok_or(Unread::Broken)?, family.last())),
            None => Ok((vec![0], vec![Ranges::span(0, family.last())])),
        };
        let ((source_names, sources), (names, destinations)) = (names(source)?, names(destination)?);
        if sources.len().saturating_mul(destinations.len()) > CELLS {
            return Err(Unread::TooLarge);
        }
        let mut known: HashMap<u32, usize> = HashMap::default();
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        for (a, b) in source_names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
            let name = a.wrapping_add(*b);
            let row = match pairs {
                Some(pairs) => at_place(pairs, name).ok_or(Unread::Broken)?,
                None => name,
            };
            let place = match known.get(&row) {
                Some(place) => *place,
                None => {
                    if (rows.len() + 1).saturating_mul(services.count as usize) > CELLS {
                        return Err(Unread::TooLarge);
                    }
                    rows.push(tags(&tables.cells, row, services.count)?);
                    known.insert(row, rows.len() - 1);
                    rows.len() - 1
                }
            };
            places.push(place);
        }
        let tags: BTreeSet<u32> = rows.iter().flatten().copied().filter(|tag| *tag < Tag::NONE).collect();
        let tags: Vec<u32> = tags.into_iter().collect();
        let rule = |tag: &u32| tags.binary_search(tag).unwrap_or(tags.len());
        let rows = rows.iter().map(|row| row.iter().map(rule).collect()).collect();
        Ok(Self { sources, destinations, services, last: family.last(), pairs: places, rows, tags })
    }

    /// The classes of each pair and its row.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let width = self.destinations.len();
        self.pairs.iter().enumerate().map(move |(at, row)| (at / width, at % width, *row))
    }

    /// The parts of all rules.
    fn parts(&self) -> Result<Parts, Unread> {
        let hulls = self.hulls()?;
        let unlike = self.unlike(&hulls)?;
        let mut parts = Parts::new();
        let within = |sets: &[Set], values: &[Ranges], rule: usize, last: u128| {
            let all = sets.iter().zip(values).filter(|(set, _)| holds(set, rule));
            some(all.flat_map(|(_, values)| values.iter()).collect(), last)
        };
        for (rule, tag) in self.tags.iter().enumerate().filter(|(rule, _)| !holds(&unlike, *rule)) {
            let fields = [
                within(&hulls.sources, &self.sources, rule, self.last),
                within(&hulls.destinations, &self.destinations, rule, self.last),
                within(&hulls.services, &self.services.services, rule, LAST_SERVICE.into()),
                within(&hulls.source_ports, &self.services.source_ports, rule, u16::MAX.into()),
            ];
            parts.push((*tag, fields));
        }
        for rule in ones(&unlike) {
            self.one_by_one(rule, &mut parts)?;
        }
        Ok(parts)
    }

    fn hulls(&self) -> Result<Hulls, Unread> {
        let Services { count: _, services, source_ports, pairs } = &self.services;
        let empty = |count: usize| vec![vec![0_u64; self.tags.len().div_ceil(64)]; count];
        let mut hulls = Hulls {
            sources: empty(self.sources.len()),
            destinations: empty(self.destinations.len()),
            services: empty(services.len()),
            source_ports: empty(source_ports.len()),
        };
        let mut sets = empty(self.rows.len());
        for (set, row) in sets.iter_mut().zip(&self.rows) {
            for (rule, pairs) in row.iter().zip(pairs).filter(|(rule, _)| **rule < self.tags.len()) {
                put(Some(set), *rule);
                for (service, port) in pairs {
                    put(hulls.services.get_mut(*service), *rule);
                    put(hulls.source_ports.get_mut(*port), *rule);
                }
            }
        }
        for (source, destination, row) in self.cells() {
            let Some(set) = sets.get(row) else { continue };
            for place in [hulls.sources.get_mut(source), hulls.destinations.get_mut(destination)] {
                place.into_iter().flatten().zip(set).for_each(|(word, more)| *word |= more);
            }
        }
        Ok(hulls)
    }

    /// The rules whose hulls hold a cell of a weaker rule, or of none.
    fn unlike(&self, hulls: &Hulls) -> Result<Set, Unread> {
        // By number, the rules whose hulls hold some of its services.
        let both = |(a, b): &(usize, usize)| Some(meet(hulls.services.get(*a)?, hulls.source_ports.get(*b)?));
        let words = self.tags.len().div_ceil(64);
        let numbers = self.services.pairs.iter().map(|pairs| {
            pairs.iter().filter_map(both).fold(vec![0; words], |mut all, set| {
                all.iter_mut().zip(set).for_each(|(word, more)| *word |= more);
                all
            })
        });
        let numbers: Vec<Set> = numbers.collect();
        let mut unlike = vec![0; words];
        let (mut left, mut known) = (WORDS, BTreeSet::new());
        for (source, destination, at) in self.cells() {
            let (Some(a), Some(b)) = (hulls.sources.get(source), hulls.destinations.get(destination)) else {
                continue;
            };
            let inside = meet(a, b);
            let row = self.rows.get(at).map(Vec::as_slice).unwrap_or_default();
            if !known.insert((at, inside.clone())) {
                continue;
            }
            for (first, number) in row.iter().zip(&numbers) {
                let stronger = first / 64;
                left = left.checked_sub(stronger + 1).ok_or(Unread::TooLarge)?;
                for (at, word) in unlike.iter_mut().enumerate().take(stronger + 1) {
                    let all = inside.get(at).zip(number.get(at)).map_or(0, |(a, b)| a & b);
                    *word |= if at < stronger { all } else { all & ((1 << (first % 64)) - 1) };
                }
            }
        }
        Ok(unlike)
    }

    /// The cells of a rule.
    fn one_by_one(&self, rule: usize, parts: &mut Parts) -> Result<(), Unread> {
        let tag = *self.tags.get(rule).ok_or(Unread::Broken)?;
        let mut found: BTreeMap<(usize, u32), Vec<usize>> = BTreeMap::new();
        for (source, destination, row) in self.cells() {
            let row = self.rows.get(row).map(Vec::as_slice).unwrap_or_default();
            for (number, _) in (0..).zip(row).filter(|(_, first)| **first == rule) {
                found.entry((source, number)).or_default().push(destination);
            }
        }
        for ((source, number), destinations) in found {
            if parts.len() > CELLS {
                return Err(Unread::TooLarge);
            }
            let all = destinations.iter().filter_map(|at| self.destinations.get(*at));
            let destinations = some(all.flat_map(Ranges::iter).collect(), self.last);
            let sources = self.sources.get(source).cloned().and_then(|values| some(values, self.last));
            for [services, source_ports] in self.services.products(&[number]) {
                parts.push((tag, [sources.clone(), destinations.clone(), services, source_ports]));
            }
        }
        Ok(())
    }
}

/// The tags of a row; [`Tag::NONE`] for none.
fn tags(cells: &Deciders, row: u32, services: u32) -> Result<Vec<u32>, Unread> {
    let Deciders { rows, numbers } = cells;
    let number = |service: u32| {
        let page = at_place(rows, row.checked_add(service / PAGE)?)?;
        at_place(numbers, page.checked_mul(PAGE)?.checked_add(service % PAGE)?)
    };
    let tag = |service| match number(service).ok_or(Unread::Broken)?.checked_sub(1) {
        Some(tag) if tag < Tag::NONE => Ok(tag),
        _ => Ok(Tag::NONE),
    };
    (0..services).map(tag).collect()
}

fn holds(set: &[u64], rule: usize) -> bool {
    set.get(rule / 64).is_some_and(|word| word >> (rule % 64) & 1 == 1)
}

fn put(set: Option<&mut Set>, rule: usize) {
    if let Some(word) = set.and_then(|set| set.get_mut(rule / 64)) {
        *word |= 1 << (rule % 64);
    }
}

fn meet(a: &[u64], b: &[u64]) -> Set {
    a.iter().zip(b).map(|(a, b)| a & b).collect()
}

fn some(values: Ranges, last: u128) -> Values {
    Some(values).filter(|values| *values != Ranges::span(0, last))
}
