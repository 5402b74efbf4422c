//! A second judge: sets of packets as decision diagrams of biodivine-lib-bdd, over the plain bits of a packet.
//!
//! Shares nothing with the module but the programs: no coordinates, no composition of functions. A set of packets walks
//! through the steps and is divided, as a packet would walk, and what arrives at each outcome is compared.

use biodivine_lib_bdd::{Bdd, BddVariable, BddVariableSet};

use super::*;
use crate::symbolic::tests::{Random, program};
use crate::symbolic::{Act, flatten};
use crate::{Chain, Family, Ranges, Region, Verdict};

/// Where each field's bits begin, and how many there are: addresses, protocol with or without ports, ports.
const FIELDS: [(usize, usize); 5] = [(0, 32), (32, 32), (64, 9), (73, 16), (89, 16)];

struct Judge {
    variables: BddVariableSet,
    bits: Vec<BddVariable>,
}

/// The packets with each outcome: allowed or denied, and logged or not.
#[derive(PartialEq)]
struct Outcomes([[Bdd; 2]; 2]);

impl Judge {
    fn new() -> Self {
        let variables = BddVariableSet::new_anonymous(105);
        let bits = variables.variables();
        Self { variables, bits }
    }

    /// The numbers of a field not above a bound.
    fn up_to(&self, (start, bits): (usize, usize), bound: u128) -> Bdd {
        (0..bits).rev().fold(self.variables.mk_true(), |below, bit| {
            let high = self.variables.mk_literal(self.bits[start + bit], true);
            if bound >> (bits - 1 - bit) & 1 == 1 { high.not().or(&below) } else { high.not().and(&below) }
        })
    }

    fn set(&self, field: (usize, usize), values: &Ranges) -> Bdd {
        values.iter().fold(self.variables.mk_false(), |all, (first, last)| {
            let below = first.checked_sub(1).map_or(self.variables.mk_false(), |end| self.up_to(field, end));
            all.or(&self.up_to(field, last).and_not(&below))
        })
    }

    /// The packets of a region: the last bit of the protocol says that there are ports.
    fn region(&self, region: &Region) -> Bdd {
        let [source, destination, protocols, source_ports, destination_ports] = region.fields();
        let [first, second, protocol, third, fourth] = FIELDS;
        let addresses = self.set(first, source).and(&self.set(second, destination));
        let real = Ranges::span(0, 65_535);
        let with = self
            .set(third, &source_ports.intersect(&real))
            .and(&self.set(fourth, &destination_ports.intersect(&real)));
        let transport: Ranges = [(6, 6), (17, 17)].into_iter().collect();
        let single = |numbers: &Ranges, ports| {
            let parts = numbers.iter().flat_map(|(first, last)| first..=last);
            parts.fold(self.variables.mk_false(), |all, number| {
                let number = number * 2 + ports;
                all.or(&self.set(protocol, &Ranges::span(number, number)))
            })
        };
        let bare = source_ports.contains(65_536) && destination_ports.contains(65_536);
        let ported = single(&protocols.intersect(&transport), 1).and(&with);
        let portless = if bare { single(protocols, 0) } else { self.variables.mk_false() };
        addresses.and(&ported.or(&portless))
    }

    /// What becomes of packets that walk through a chain.
    fn chain(&self, chain: &Chain) -> Outcomes {
        let mut open = self.region(&Region::full(Family::V4));
        let mut all = self.nothing();
        for rule in chain.rules() {
            let here = open.and(&self.region(&Region::of(&rule.matches)));
            open = open.and_not(&here);
            all.add(rule.outcome.verdict, rule.outcome.log, &here);
        }
        all.add(chain.default(), false, &open);
        all
    }

    fn nothing(&self) -> Outcomes {
        let none = || [self.variables.mk_false(), self.variables.mk_false()];
        Outcomes([none(), none()])
    }

    fn program(&self, program: &Program) -> Outcomes {
        let mut all = self.nothing();
        let entering = [self.region(&Region::full(Family::V4)), self.variables.mk_false()];
        let back = self.block(program, 0, entering, &mut all);
        all.add(Verdict::Allow, false, &back[0]);
        all.add(Verdict::Allow, true, &back[1]);
        all
    }

    /// Sends packets, not logged and logged, through a block; returns those that come back.
    fn block(&self, program: &Program, at: usize, mut open: [Bdd; 2], all: &mut Outcomes) -> [Bdd; 2] {
        let mut back = [self.variables.mk_false(), self.variables.mk_false()];
        for step in &program.blocks[at].steps {
            let guard = self.region(&step.guard);
            let here = [open[0].and(&guard), open[1].and(&guard)];
            open = [open[0].and_not(&guard), open[1].and_not(&guard)];
            let join = |to: &mut [Bdd; 2], from: [Bdd; 2]| *to = [to[0].or(&from[0]), to[1].or(&from[1])];
            match step.act {
                Act::Decide(verdict) => {
                    all.add(verdict, false, &here[0]);
                    all.add(verdict, true, &here[1]);
                }
                Act::Log => open[1] = open[1].or(&here[0]).or(&here[1]),
                Act::Return => join(&mut back, here),
                Act::Goto(to) => join(&mut back, self.block(program, to, here, all)),
                Act::Call(to) => join(&mut open, self.block(program, to, here, all)),
            }
        }
        [back[0].or(&open[0]), back[1].or(&open[1])]
    }
}

impl Outcomes {
    fn add(&mut self, verdict: Verdict, logged: bool, packets: &Bdd) {
        let place = &mut self.0[usize::from(verdict == Verdict::Allow)][usize::from(logged)];
        *place = place.or(packets);
    }
}

#[test]
fn programs_are_alike_where_the_library_says_so() {
    let judge = Judge::new();
    let mut random = Random(11);
    let mut alike = 0;
    for _ in 0..150 {
        let one = program(&mut random, true);
        let other = super::tests::changed(&mut random, &one);
        let known = judge.program(&one) == judge.program(&other);
        let ways = Ways::of(&[&one, &other]).unwrap();
        let question = Question { policy: &one, ruleset: &other, unasked: &[], ways: &ways };
        let found = compare(&question, &mut Budget::default()).unwrap();
        assert_eq!(known, found == Answer::Alike, "{one:#?}\n{other:#?}");
        // And the chain that a program flattens to.
        let flat = flatten(&one, 0, Verdict::Allow, &mut Budget::default()).unwrap().unwrap();
        assert!(judge.chain(&flat.chain) == judge.program(&one), "{one:#?}");
        alike += usize::from(known);
    }
    assert!((30..140).contains(&alike), "{alike}");
}
