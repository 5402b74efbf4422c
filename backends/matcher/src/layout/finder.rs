//! What finds the rule that decides: tables of rules where they are small, else bitsets or lists.

use alloc::vec::Vec;

use palisade_ir::{Chain, Packet, RuleId};

use super::bitsets::Bitsets;
use super::cells::Deciders;
use super::gather::{Loads, Plain};
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
    /// The source rule behind the end of the chain and its coded outcome, then those of the family's rules by number.
    pub(super) deciders: Vec<(RuleId, u8)>,
    /// The places of the family's rules in the chain; empty where it has no others.
    pub(super) places: Vec<u32>,
}

stored!(Finder<T> { kind, deciders, places });

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
        chain: &Chain,
        last: u128,
        try_tables: bool,
        budget: &mut Budget,
    ) -> Self {
        let kind = Self::kind(&rules, last, try_tables, budget);
        let Rules { fields: _, outcomes, deciders, places, default } = rules;
        let places = if places.len() == chain.rules().len() { Vec::new() } else { places };
        let end = (chain.default_id(), default);
        let deciders = [end].into_iter().chain(deciders.into_iter().zip(outcomes)).collect();
        Self { kind, deciders, places }
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
            budget.bytes(bitsets.bytes() + (rules.len() + 1) * size_of::<(RuleId, u8)>()).is_some()
        });
        bitsets.map_or_else(|| Kind::List(List::new(rules, last)), Kind::Bitsets)
    }

    /// The source rule that decides and the coded outcome.
    #[inline(always)]
    pub(super) fn decide<L: Loads>(
        &self,
        loads: L,
        point: &Point<T>,
        packet: &Packet,
        chain: &Chained,
    ) -> (RuleId, u8) {
        let place = match &self.kind {
            Kind::Tables(tables) => tables.get(loads, point),
            Kind::Bitsets(bitsets) => bitsets.find(loads, point).map_or(0, |number| number + 1),
            Kind::List(list) => {
                let tag = list.find(loads, point, |number| self.matches(number, packet, chain));
                Tag::number(tag).map_or(0, |number| number + 1)
            }
        };
        // Whether there is a rule is not to be guessed: the end of the chain stands among them.
        self.decider(place)
    }

    /// The source rule of a number and one more, and its coded outcome; 0 stands for the end of the chain, and so do
    /// numbers that no rule has.
    #[inline(always)]
    fn decider(&self, place: u32) -> (RuleId, u8) {
        self.deciders.get(place as usize).copied().unwrap_or_else(|| self.end())
    }

    /// What stands behind the last rule.
    pub(super) fn end(&self) -> (RuleId, u8) {
        self.deciders.first().copied().unwrap_or((RuleId(0), 0))
    }

    /// The coded outcome.
    #[inline(always)]
    pub(super) fn code<L: Loads>(&self, loads: L, point: &Point<T>, packet: &Packet, chain: &Chained) -> u8 {
        let Kind::List(list) = &self.kind else { return self.decide(loads, point, packet, chain).1 };
        let tag = list.find(loads, point, |number| self.matches(number, packet, chain));
        Tag::code(tag).unwrap_or(self.end().1)
    }

    /// The outcomes of many packets, as far as there is room for them.
    pub(super) fn codes(&self, packets: &[Packet], chain: &Chained, found: &mut [u8]) {
        let Kind::List(list) = &self.kind else {
            for (found, packet) in found.iter_mut().zip(packets) {
                *found = self.code(Plain, &Point::of(packet), packet, chain);
            }
            return;
        };
        let (_, end) = self.end();
        for (packets, found) in packets.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            let mut tags = [Tag::NONE; BATCH];
            list.find_all(packets, tags.get_mut(..packets.len()).unwrap_or_default());
            for ((place, tag), packet) in found.iter_mut().zip(tags).zip(packets) {
                *place = match Tag::code(tag) {
                    Some(_) if Tag::inexact(tag) => self.code(Plain, &Point::of(packet), packet, chain),
                    code => code.unwrap_or(end),
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
