//! A second judge of proofs: sets of packets as decision diagrams of biodivine-lib-bdd, over the plain bits of a packet.
//!
//! Shares nothing with the prover but the programs that it is about: no coordinates, no composition of functions. A set
//! of packets walks through the steps and is divided, as a packet would walk, and what arrives at each outcome is
//! compared.

use std::cell::RefCell;
use std::collections::BTreeMap;

pub use biodivine_lib_bdd::Bdd;
use biodivine_lib_bdd::{BddVariable, BddVariableSet};
use palisade_ir::symbolic::{Act, Program};
use palisade_ir::{Chain, Family, Outcome, Protocol, Ranges, Region, Traversal, Verdict};

/// Sets of packets of one family.
pub struct Judge {
    family: Family,
    variables: BddVariableSet,
    bits: Vec<BddVariable>,
    /// How many bits an address has.
    width: usize,
    /// Sets of regions that were asked about before.
    known: RefCell<BTreeMap<Region, Bdd>>,
}

/// The packets with each outcome.
#[derive(Clone, PartialEq)]
pub struct Outcomes {
    /// Not logged and logged.
    denied: [Bdd; 2],
    allowed: [Bdd; 2],
}

/// A field's first bit and how many there are.
type Field = (usize, usize);

impl Judge {
    /// A judge for a family.
    #[must_use]
    pub fn new(family: Family) -> Self {
        let width = (128 - family.last().leading_zeros()) as usize;
        // Two addresses, a protocol, whether there are ports, two ports.
        let variables = BddVariableSet::new_anonymous((2 * width + 8 + 1 + 32) as u16);
        let bits = variables.variables();
        Self { family, variables, bits, width, known: RefCell::default() }
    }

    /// No packets.
    pub fn none(&self) -> Bdd {
        self.variables.mk_false()
    }

    fn bit(&self, at: usize, value: bool) -> Bdd {
        self.bits.get(at).map_or_else(|| self.none(), |bit| self.variables.mk_literal(*bit, value))
    }

    /// The numbers of a field not above a bound.
    fn up_to(&self, (start, bits): Field, bound: u128) -> Bdd {
        (0..bits).rev().fold(self.variables.mk_true(), |below, bit| {
            let low = self.bit(start + bit, false);
            if bound >> (bits - 1 - bit) & 1 == 1 { low.or(&below) } else { low.and(&below) }
        })
    }

    fn set(&self, field: Field, values: &Ranges) -> Bdd {
        values.iter().fold(self.none(), |all, (first, last)| {
            let below = first.checked_sub(1).map_or_else(|| self.none(), |end| self.up_to(field, end));
            all.or(&self.up_to(field, last).and_not(&below))
        })
    }

    /// The packets of a region.
    pub fn region(&self, region: &Region) -> Bdd {
        if let Some(known) = self.known.borrow().get(region) {
            return known.clone();
        }
        let [source, destination, protocols, source_ports, destination_ports] = region.fields();
        let width = self.width;
        let (protocol, with) = (2 * width, 2 * width + 8);
        let addresses = self.set((0, width), source).and(&self.set((width, width), destination));
        let real = Ranges::span(0, 65_535);
        let ports = self
            .set((with + 1, 16), &source_ports.intersect(&real))
            .and(&self.set((with + 17, 16), &destination_ports.intersect(&real)));
        let transport = (0..=255).map(Protocol).filter(|protocol| protocol.has_ports());
        let transport = transport.map(|Protocol(number)| (number.into(), number.into())).collect();
        let these = |some: &Ranges| self.set((protocol, 8), some);
        let ported = these(&protocols.intersect(&transport)).and(&ports).and(&self.bit(with, true));
        let bare = source_ports.contains(65_536) && destination_ports.contains(65_536);
        let portless = if bare { these(protocols).and(&self.bit(with, false)) } else { self.none() };
        let all = addresses.and(&ported.or(&portless));
        self.known.borrow_mut().insert(region.clone(), all.clone());
        all
    }

    /// No packets yet.
    pub fn nothing(&self) -> Outcomes {
        let none = || [self.none(), self.none()];
        Outcomes { denied: none(), allowed: none() }
    }

    /// What becomes of packets that walk through chains until one denies them, and are
    /// treated as said if none does.
    pub fn chains(&self, packets: Bdd, chains: &[&Chain], end: Verdict) -> Outcomes {
        let mut all = self.nothing();
        let (mut open, mut logged) = (packets, self.none());
        for chain in chains {
            let (mut passed, mut passed_logged) = (self.none(), self.none());
            let rules = chain.rules().iter().filter(|rule| rule.matches.family() == self.family);
            let rules = rules.map(|rule| (self.region(&Region::of(&rule.matches)), rule.outcome));
            let default = Outcome::silent(chain.default());
            for (guard, outcome) in rules.chain([(self.region(&Region::full(self.family)), default)]) {
                let (mut here, mut here_logged) = (open.and(&guard), logged.and(&guard));
                (open, logged) = (open.and_not(&guard), logged.and_not(&guard));
                if outcome.log {
                    (here, here_logged) = (self.none(), here.or(&here_logged));
                }
                match outcome.verdict {
                    Verdict::Allow => {
                        (passed, passed_logged) = (passed.or(&here), passed_logged.or(&here_logged));
                    }
                    Verdict::Deny => all.add(Verdict::Deny, &[here, here_logged]),
                }
            }
            (open, logged) = (passed, passed_logged);
        }
        all.add(end, &[open, logged]);
        all
    }

    /// What becomes of all packets on a way through a program; those that come back pass.
    pub fn program(&self, program: &Program, at: &Traversal) -> Outcomes {
        match program.entry(at.hook) {
            Some(entry) => self.block(program, entry, at, Verdict::Allow),
            None => self.chains(self.region(&Region::full(self.family)), &[], Verdict::Allow),
        }
    }

    /// What becomes of all packets that enter a block; those that come back are treated as said.
    pub fn block(&self, program: &Program, block: usize, at: &Traversal, returned: Verdict) -> Outcomes {
        let mut all = self.nothing();
        let entering = [self.region(&Region::full(self.family)), self.none()];
        let back = self.walk(program, block, at, entering, &mut all);
        all.add(returned, &back);
        all
    }

    /// Sends packets, not logged and logged, through a block; returns those that come back.
    fn walk(
        &self,
        program: &Program,
        block: usize,
        at: &Traversal,
        mut open: [Bdd; 2],
        all: &mut Outcomes,
    ) -> [Bdd; 2] {
        let mut back = [self.none(), self.none()];
        let steps = program.blocks.get(block).map(|block| block.steps.as_slice()).unwrap_or_default();
        for step in steps.iter().filter(|step| step.applies(at)) {
            let guard = self.region(&step.guard);
            let here = open.each_ref().map(|open| open.and(&guard));
            if here.iter().all(Bdd::is_false) {
                continue;
            }
            open = open.map(|open| open.and_not(&guard));
            match step.act {
                Act::Decide(verdict) => all.add(verdict, &here),
                Act::Log => {
                    let [quiet, logged] = here;
                    open = [open[0].clone(), open[1].or(&quiet).or(&logged)];
                }
                Act::Return => back = joined(&back, &here),
                Act::Goto(to) => back = joined(&back, &self.walk(program, to, at, here, all)),
                Act::Call(to) => open = joined(&open, &self.walk(program, to, at, here, all)),
            }
        }
        joined(&back, &open)
    }
}

fn joined(one: &[Bdd; 2], other: &[Bdd; 2]) -> [Bdd; 2] {
    [one[0].or(&other[0]), one[1].or(&other[1])]
}

impl Outcomes {
    fn add(&mut self, verdict: Verdict, packets: &[Bdd; 2]) {
        let place = match verdict {
            Verdict::Allow => &mut self.allowed,
            Verdict::Deny => &mut self.denied,
        };
        *place = joined(place, packets);
    }

    /// Both together.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self { denied: joined(&self.denied, &other.denied), allowed: joined(&self.allowed, &other.allowed) }
    }

    /// What becomes of some of the packets.
    #[must_use]
    pub fn within(&self, packets: &Bdd) -> Self {
        let within = |sets: &[Bdd; 2]| sets.each_ref().map(|set| set.and(packets));
        Self { denied: within(&self.denied), allowed: within(&self.allowed) }
    }
}
