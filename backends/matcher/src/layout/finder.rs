//! What finds the rule that decides: tables of rules where they are small, else bitsets or lists.

use alloc::vec::Vec;

use palisade_ir::{Packet, RuleId};

use super::bitsets::Bitsets;
use super::cells::Deciders;
use super::list::List;
use super::number::Number;
use super::rows::Tag;
use super::rules::Rules;
use super::tables::Tables;
use super::{Budget, Layout, MEDIUM, Point, tables};
use crate::later::Chained;
use crate::stored::{Stored, stored};

/// Packets of one batch whose tags wait to be looked at.
const BATCH: usize = 256;
/// The most bytes of bitsets.
const ROWS: u64 = 16 << 20;

/// Finds the rule that decides.
#[derive(Clone, Debug)]
pub(super) struct Finder<T> {
    pub(super) kind: Kind<T>,
    /// By number, the source rule behind a rule of the family, and its coded outcome.
    pub(super) deciders: Vec<(RuleId, u8)>,
    /// The places of the family's rules in the chain; empty where it has no others.
    pub(super) places: Vec<u32>,
    pub(super) default: u8,
}

stored!(Finder<T> { kind, deciders, places, default });

#[derive(Clone, Debug)]
pub(super) enum Kind<T> {
    Bitsets(Bitsets<T>),
    List(List<T>),
    Tables(Tables<T, Deciders>),
}

impl<T: Number> Stored for Kind<T> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Kind::Bitsets(bitsets) => (0_u8.write(out), bitsets.write(out)),
            Kind::List(list) => (1_u8.write(out), list.write(out)),
            Kind::Tables(tables) => (2_u8.write(out), tables.write(out)),
        };
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Stored::read(input).map(Kind::Bitsets),
            1 => Stored::read(input).map(Kind::List),
            2 => Stored::read(input).map(Kind::Tables),
            _ => None,
        }
    }
}

impl<T: Number> Finder<T> {
    pub(super) fn new(
        rules: Rules<'_>,
        all: usize,
        last: u128,
        try_tables: bool,
        budget: &mut Budget,
    ) -> Self {
        let kind = Self::kind(&rules, last, try_tables, budget);
        let Rules { fields: _, outcomes, deciders, places, default } = rules;
        let places = if places.len() == all { Vec::new() } else { places };
        let deciders = deciders.into_iter().zip(outcomes).collect();
        Self { kind, deciders, places, default }
    }

    fn kind(rules: &Rules<'_>, last: u128, try_tables: bool, budget: &mut Budget) -> Kind<T> {
        let (by_tables, by_bitsets) = match budget.forced {
            Some(layout) => (layout == Layout::Tables, layout == Layout::Bitsets),
            None => (try_tables, rules.len() <= MEDIUM),
        };
        if let Some(tables) = by_tables.then(|| tables(rules, last, budget)).flatten() {
            return Kind::Tables(tables);
        }
        let bitsets = by_bitsets.then(|| Bitsets::new(rules, last, ROWS.min(budget.bytes))).flatten();
        let bitsets = bitsets.filter(|bitsets| {
            budget.bytes(bitsets.bytes() + rules.len() * size_of::<(RuleId, u8)>()).is_some()
        });
        bitsets.map_or_else(|| Kind::List(List::new(rules, last)), Kind::Bitsets)
    }

    /// The number of the rule among those of the family.
    #[inline]
    pub(super) fn find(&self, point: &Point<T>, packet: &Packet, chain: &Chained) -> Option<u32> {
        match &self.kind {
            Kind::Tables(tables) => tables.find(point),
            Kind::Bitsets(bitsets) => bitsets.find(point),
            Kind::List(list) => Tag::number(list.find(point, |number| self.matches(number, packet, chain))),
        }
    }

    /// The coded outcome.
    #[inline]
    pub(super) fn code(&self, point: &Point<T>, packet: &Packet, chain: &Chained) -> u8 {
        if let Kind::List(list) = &self.kind {
            let tag = list.find(point, |number| self.matches(number, packet, chain));
            return Tag::code(tag).unwrap_or(self.default);
        }
        let number = self.find(point, packet, chain);
        let decider = number.and_then(|number| self.deciders.get(number as usize));
        decider.map_or(self.default, |(_, code)| *code)
    }

    /// The outcomes of many packets, as far as there is room for them.
    pub(super) fn codes(&self, packets: &[Packet], chain: &Chained, found: &mut [u8]) {
        let Kind::List(list) = &self.kind else {
            for (found, packet) in found.iter_mut().zip(packets) {
                *found = self.code(&Point::of(packet), packet, chain);
            }
            return;
        };
        for (packets, found) in packets.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            let mut tags = [Tag::NONE; BATCH];
            list.find_all(packets, tags.get_mut(..packets.len()).unwrap_or_default());
            for ((place, tag), packet) in found.iter_mut().zip(tags).zip(packets) {
                *place = match Tag::code(tag) {
                    Some(_) if Tag::inexact(tag) => self.code(&Point::of(packet), packet, chain),
                    code => code.unwrap_or(self.default),
                };
            }
        }
    }

    /// Asks the rule itself.
    fn matches(&self, number: u32, packet: &Packet, chain: &Chained) -> bool {
        let rule = chain.get().rules().get(self.place(number));
        rule.is_some_and(|rule| rule.matches.matches(packet))
    }

    pub(super) fn place(&self, number: u32) -> usize {
        self.places.get(number as usize).copied().unwrap_or(number) as usize
    }

    pub(super) fn bytes(&self) -> usize {
        let kind = match &self.kind {
            Kind::Tables(tables) => tables.bytes(),
            Kind::Bitsets(bitsets) => bitsets.bytes(),
            Kind::List(list) => list.bytes(),
        };
        kind + self.deciders.len() * size_of::<(RuleId, u8)>() + self.places.len() * 4
    }
}
