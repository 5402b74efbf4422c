//! The structures that answer look-ups, one per chain and family, chosen when they are built by what they cost.
//!
//! Tables tell outcomes only; bitsets and lists find the rule that decides, and outcomes where tables do not fit. All
//! say the same as the chain read in order. This module knows nothing of NICs, files and sessions.

mod axis;
mod bitsets;
mod build;
mod cells;
mod cuts;
mod effects;
mod finder;
mod gather;
mod line;
mod list;
mod near;
mod node;
mod number;
mod packed;
mod pages;
mod reading;
mod rest;
mod rows;
mod rules;
mod services;
mod shape;
mod tables;
mod trie;

use alloc::boxed::Box;
use alloc::vec::Vec;

use palisade_ir::{Chain, Family, Outcome, Packet, RuleId, Verdict};

use cells::{Cells, Outcomes};
use finder::{Finder, Kind};
use gather::{Loads, Task, fastest};
pub(crate) use number::Number;
pub(crate) use reading::{Reading, Unread};
use rows::Seen;
use rules::{Rules, service, source_port};
use tables::Tables;
pub(crate) use trie::Trie;

use crate::later::Chained;
use crate::stored::{Stored, stored};

/// The last service and the last source port.
const LAST: (u128, u128) = (rules::LAST_SERVICE as u128, u16::MAX as u128);
/// The most rules for bitsets where tables do not fit. Tables are faster wherever they fit, down to no rules at all
/// (`benches/lookup.rs`); lists are slower where rules are wide.
const MEDIUM: usize = 2000;
/// The most work that one family of a chain may take, in words: some tenths of a second.
const WORK: u64 = 3 << 22;

/// How a chain is prepared for look-ups of one family. All layouts give the same verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// Bitsets over the intervals between the ends of rules: chains of up to 2000 rules whose tables do not fit.
    Bitsets,
    /// Classes of addresses and services, and tables of what happens to each pair: fastest, where they fit.
    Tables,
    /// Short lists of candidate rules: whatever fits nothing else.
    List,
}

/// A packet as the numbers that rules look at.
struct Point<T> {
    source: T,
    destination: T,
    service: u32,
    source_port: u32,
}

impl<T: Number> Point<T> {
    #[inline(always)]
    fn of(packet: &Packet) -> Self {
        Self {
            source: T::of(packet.source()),
            destination: T::of(packet.destination()),
            service: service(packet),
            source_port: source_port(packet),
        }
    }
}

impl<T: Number> Point<T> {
    /// What entries of lists look at.
    #[inline]
    const fn seen(&self, address: T) -> Seen<T> {
        Seen { address, service: self.service, source_port: self.source_port }
    }
}

/// An outcome as two bits.
const fn code(outcome: Outcome) -> u8 {
    matches!(outcome.verdict, Verdict::Allow) as u8 | (outcome.log as u8) << 1
}

/// The outcome of two bits.
#[inline]
pub(crate) const fn outcome(code: u8) -> Outcome {
    let verdict = if code & 1 == 1 { Verdict::Allow } else { Verdict::Deny };
    Outcome { verdict, log: code & 2 != 0 }
}

/// What the structures of one matcher may still cost. However hostile a policy is, building ends soon and takes no
/// more than this; what it does not cover becomes a list, slower and with the same verdicts.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: u64,
    work: u64,
    forced: Option<Layout>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 256 << 20, work: 1 << 29, forced: None }
    }
}

impl Budget {
    /// For tests and benchmarks: one layout wherever it fits at all.
    pub(crate) fn forced(layout: Layout) -> Self {
        Self { forced: Some(layout), ..Self::default() }
    }

    fn bytes(&mut self, bytes: usize) -> Option<()> {
        self.bytes = self.bytes.checked_sub(bytes as u64)?;
        Some(())
    }
}

/// What a chain is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// What happens to packets.
    Outcomes,
    /// Which rule decides.
    Rules,
    /// Both.
    Both,
}

/// The structures for one chain and family.
#[derive(Clone, Debug)]
pub(crate) struct Engine<T> {
    tables: Option<Box<Tables<T, Outcomes>>>,
    /// There wherever rules are asked for, or tables do not fit.
    finder: Option<Box<Finder<T>>>,
}

stored!(Engine<T> { tables, finder });

impl Stored for RuleId {
    const FEWEST: usize = 4;

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        u32::read(input).map(RuleId)
    }
}

impl<T: Number> Engine<T> {
    pub(crate) fn new(chain: &Chain, family: Family, purpose: Purpose, budget: &mut Budget) -> Self {
        let rules = Rules::new(chain, family);
        let last = family.last();
        let wanted = matches!(budget.forced, None | Some(Layout::Tables)) && purpose != Purpose::Rules;
        let tables = if wanted { tables(&rules, last, budget) } else { None };
        let found = tables.is_some() && purpose == Purpose::Outcomes;
        // Where tables of outcomes do not fit, those of rules do not either.
        let try_tables = tables.is_some() || purpose == Purpose::Rules;
        let finder = (!found).then(|| Box::new(Finder::new(rules, chain, last, try_tables, budget)));
        Self { tables: tables.map(Box::new), finder }
    }

    /// The coded outcome for a packet.
    #[inline]
    pub(crate) fn find(&self, packet: &Packet, chain: &Chained) -> u8 {
        fastest(One { engine: self, packet, chain })
    }

    /// The outcome for a packet, and the source rule behind it.
    #[inline]
    pub(crate) fn decide(&self, packet: &Packet, chain: &Chained) -> (Outcome, RuleId) {
        let (id, code) = fastest(Decider { engine: self, packet, chain });
        (outcome(code), id)
    }

    /// As many outcomes as the shorter of both has.
    pub(crate) fn find_all(&self, packets: &[Packet], chain: &Chained, found: &mut [u8]) {
        match (&self.tables, self.finder.as_deref()) {
            (Some(tables), _) => tables.find_all(packets, found),
            (None, Some(finder)) => finder.codes(packets, chain, found),
            (None, None) => {
                for (found, packet) in found.iter_mut().zip(packets) {
                    *found = self.find(packet, chain);
                }
            }
        }
    }

    /// Whether look-ups ask for the rules of the chain.
    pub(crate) fn asks_for_rules(&self) -> bool {
        match (&self.tables, self.finder.as_deref()) {
            (None, None) => true,
            (_, Some(Finder { kind: Kind::List(list), .. })) => list.asks_for_rules(),
            (_, Some(Finder { kind: Kind::Bitsets(_) | Kind::Tables(_), .. })) | (Some(_), None) => false,
        }
    }

    /// What gives outcomes.
    pub(crate) fn layout(&self) -> Layout {
        match (&self.tables, self.finder.as_deref()) {
            (Some(_), _) => Layout::Tables,
            (None, Some(Finder { kind: Kind::Tables(_), .. })) => Layout::Tables,
            (None, Some(Finder { kind: Kind::Bitsets(_), .. })) => Layout::Bitsets,
            (None, _) => Layout::List,
        }
    }

    /// The memory of both structures.
    pub(crate) fn bytes(&self) -> usize {
        let tables = self.tables.as_ref().map_or(0, |tables| tables.bytes());
        tables + self.finder.as_ref().map_or(0, |finder| finder.bytes())
    }
}

/// A look-up of an outcome.
struct One<'a, T> {
    engine: &'a Engine<T>,
    packet: &'a Packet,
    chain: &'a Chained,
}

impl<T: Number> Task for One<'_, T> {
    type Found = u8;

    #[inline(always)]
    fn run<L: Loads>(self, loads: L) -> u8 {
        let Self { engine, packet, chain } = self;
        let point = Point::of(packet);
        match (&engine.tables, &engine.finder) {
            (Some(tables), _) => tables.get(loads, &point),
            (None, Some(finder)) => finder.code(loads, &point, packet, chain),
            (None, None) => code(chain.get().decide(packet).outcome),
        }
    }
}

/// A look-up of the rule that decides, with the outcome.
struct Decider<'a, T> {
    engine: &'a Engine<T>,
    packet: &'a Packet,
    chain: &'a Chained,
}

impl<T: Number> Task for Decider<'_, T> {
    type Found = (RuleId, u8);

    #[inline(always)]
    fn run<L: Loads>(self, loads: L) -> (RuleId, u8) {
        let Self { engine, packet, chain } = self;
        if let Some(finder) = &engine.finder {
            return finder.decide(loads, &Point::of(packet), packet, chain);
        }
        let decision = chain.get().decide(packet);
        (decision.id, code(decision.outcome))
    }
}

fn tables<T: Number, C: Cells>(rules: &Rules<'_>, last: u128, budget: &mut Budget) -> Option<Tables<T, C>> {
    let mut work = WORK.min(budget.work);
    let (given, tables) = (work, build::build(rules, last, &mut work));
    budget.work -= given - work;
    let tables = tables?;
    budget.bytes(tables.bytes())?;
    Some(tables)
}

#[cfg(test)]
mod tests {
    use palisade_ir::{
        Addresses, Match, MatchParts, Origin, PortMatch, PortSet, Protocol, ProtocolSet, Rank, Rule,
    };

    use super::*;

    /// A rule per port, and a default that allows.
    fn chain(ports: u16) -> Chain {
        let rule = |port| Rule {
            matches: Match::new(MatchParts {
                source: Addresses::any(Family::V4),
                destination: Addresses::any(Family::V4),
                protocols: ProtocolSet::only(Protocol::TCP),
                source_ports: PortMatch::Any,
                destination_ports: PortMatch::In(PortSet::from_ranges([(port, port)])),
            })
            .unwrap(),
            outcome: Outcome { verdict: Verdict::Deny, log: port % 2 == 0 },
            rank: Rank::INNER_ACCESS,
            origin: Origin::one(RuleId(0)),
        };
        Chain::from_ordered((0..ports).map(rule).collect(), Verdict::Allow, RuleId(0))
    }

    #[test]
    fn what_the_budget_does_not_cover_becomes_a_list() {
        let engine = |rules, budget: &mut Budget| {
            Engine::<u32>::new(&chain(rules), Family::V4, Purpose::Outcomes, budget)
        };
        let ample = Budget::default();
        for (rules, bytes, work, expected) in [
            (10, ample.bytes, ample.work, Layout::Tables),
            (10, ample.bytes, 0, Layout::Bitsets),
            (10, 100, 0, Layout::List),
            (500, ample.bytes, ample.work, Layout::Tables),
            (500, ample.bytes, 1000, Layout::Bitsets),
            (500, 1000, ample.work, Layout::List),
            (5000, ample.bytes, ample.work, Layout::Tables),
            (5000, ample.bytes, 1000, Layout::List),
        ] {
            let mut budget = Budget { bytes, work, forced: None };
            let engine = engine(rules, &mut budget);
            assert_eq!(engine.layout(), expected, "{rules} rules, {bytes} bytes, {work} words");
            let spent = if expected == Layout::List { 0 } else { engine.bytes() as u64 };
            assert_eq!(bytes - budget.bytes, spent, "lists cost no budget: they grow with the rules only");
            assert!(budget.work <= work);
            for port in [0, 1, rules - 1, rules] {
                let ports = palisade_ir::PacketPorts { source: 1, destination: port };
                let address = "10.0.0.1".parse().unwrap();
                let packet = Packet::new(address, address, Protocol::TCP, Some(ports)).unwrap();
                let chain = chain(rules);
                let chained = Chained::Ready(chain.clone().into());
                assert_eq!(outcome(engine.find(&packet, &chained)), chain.decide(&packet).outcome);
            }
        }
    }
}
