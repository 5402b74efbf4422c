//! Thousands of small faults in emitted text: verify finds each that changes what it means, and calls no other one.
//!
//! What it calls a difference must be one on the packet that it shows; what it calls none must be none on the packets
//! at the edges of the rules and of the fault, and on all packets by sets of another library. A fault may also be
//! refused as no text of the language.

use std::collections::{BTreeMap, BTreeSet};

use palisade::compile::Emitted;
use palisade::lower::lower;
use palisade::source::LoadOptions;
use palisade::targets::Target;
use palisade::verify::{Difference, Failure, verify};
use palisade_ir::decide::Budget;
use palisade_ir::symbolic::Program;
use palisade_ir::{
    ConnState, Family, Ifname, Lifted, Options, Outcome, Packet, PacketHook, Placement, Plan, Traversal,
};
use palisade_testkit::sample::{Dice, boundary_packets, random_policy};
use palisade_testkit::sets::{Bdd, Judge, Outcomes};

use super::faults::{self, Kind};
use super::{edges, emitted, judge, layouts, plan};
use crate::command::root;

/// Faults of each kind per artifact in an ordinary run.
const FAULTS: usize = 1;
/// Random policies in an ordinary run.
const POLICIES: u64 = 10;
/// Ways on which a packet is tried.
const WAYS: usize = 10;
/// Packets of the policy that are tried for a fault.
const PACKETS: usize = 60;

/// How many faults had which answer.
#[derive(Clone, Debug, Default)]
struct Tally {
    refused: usize,
    different: usize,
    equal: usize,
    unproved: usize,
}

impl Tally {
    fn sum(all: &BTreeMap<Kind, Self>) -> Self {
        all.values().fold(Self::default(), |sum, one| Self {
            refused: sum.refused + one.refused,
            different: sum.different + one.different,
            equal: sum.equal + one.equal,
            unproved: sum.unproved + one.unproved,
        })
    }

    const fn faults(&self) -> usize {
        self.refused + self.different + self.equal + self.unproved
    }
}

/// Interfaces of the plan and one that it does not know.
fn interfaces(plan: &Plan, options: &Options) -> Vec<Ifname> {
    let nics = plan.nics().filter_map(|(_, _, nic)| match options.placement {
        Placement::Gateway => nic.via.clone(),
        Placement::Host(_) => Some(nic.interface.clone()),
    });
    nics.chain([Ifname::new("strange0").unwrap()]).collect()
}

/// Every way by these interfaces, new and known sessions, related packets and those that are not tracked.
fn all_ways(plan: &Plan, options: &Options) -> Vec<Traversal> {
    let states = [ConnState::New, ConnState::Established, ConnState::Related, ConnState::Untracked];
    let interfaces: Vec<_> =
        interfaces(plan, options).into_iter().collect::<BTreeSet<_>>().into_iter().map(Some).collect();
    let none = vec![None];
    let hooks = match options.placement {
        Placement::Gateway => vec![(PacketHook::Forward, &interfaces, &interfaces)],
        Placement::Host(_) => {
            vec![(PacketHook::Input, &interfaces, &none), (PacketHook::Output, &none, &interfaces)]
        }
    };
    let mut ways = Vec::new();
    for (hook, inputs, outputs) in hooks {
        for (iif, oif) in inputs.iter().flat_map(|iif| outputs.iter().map(move |oif| (iif, oif))) {
            ways.extend(states.map(|state| {
                let (iif, oif) = (iif.clone(), oif.clone());
                Traversal { hook, iif, oif, state, icmp_type: None, hop_limit: None }
            }));
        }
    }
    ways
}

/// Some of them, most of new sessions.
fn ways(all: &[Traversal], dice: &mut Dice) -> Vec<Traversal> {
    let (new, others): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|at| at.state == ConnState::New);
    (0..WAYS)
        .filter_map(|_| {
            let some = if dice.percent(70) { &new } else { &others };
            dice.pick(some).cloned()
        })
        .collect()
}

/// A packet and a way on which the ruleset does not do what the policy says.
fn wrong(
    plan: &Plan,
    options: &Options,
    lifted: &dyn Lifted,
    packets: &[Packet],
    ways: &[Traversal],
) -> Option<String> {
    for (packet, at) in packets.iter().flat_map(|packet| ways.iter().map(move |at| (packet, at))) {
        let Some(expected) = judge::expected(plan, options, packet, at) else { continue };
        let found = lifted.decide(packet, at);
        if expected != (Outcome { verdict: found.verdict, log: found.logged }) {
            return Some(format!("{packet:?} {at:?}: {expected:?}, not {found:?}"));
        }
    }
    None
}

/// Once, or twice where a target answers twice.
fn readings(lifted: &dyn Lifted) -> impl Iterator<Item = &dyn Lifted> {
    [Some(lifted), lifted.again()].into_iter().flatten()
}

/// What is said of all packets on all ways, exactly and without the prover.
struct Exact<'a> {
    plan: &'a Plan,
    options: Options,
    ways: Vec<Traversal>,
    judges: [Judge; 2],
    /// What the policy says, per family and way, from when it is first asked.
    expected: BTreeMap<(Family, usize), (Outcomes, Bdd)>,
    /// Programs that do so.
    right: Vec<Program>,
}

impl<'a> Exact<'a> {
    fn new(plan: &'a Plan, options: &Options) -> Self {
        let (ways, judges, options) = (all_ways(plan, options), Family::ALL.map(Judge::new), options.clone());
        Self { plan, options, ways, judges, expected: BTreeMap::new(), right: Vec::new() }
    }

    /// Whether the policy says the same to these options, whatever the layout.
    fn is_for(&self, options: &Options) -> bool {
        self.options.placement == options.placement && self.options.unmanaged == options.unmanaged
    }

    /// Whether a ruleset does so on a way with all packets of a family.
    fn is_right(&self, family: Family, lifted: &dyn Lifted, at: &Traversal) -> bool {
        let judge = Judge::new(family);
        let (expected, asked) = judge::expected_of_all(&judge, self.plan, &self.options, family, at);
        judge.program(&lifted.program(family).unwrap(), at).within(&asked) == expected
    }

    /// A way on which a ruleset does something else than the policy with some packets.
    fn wrong_way(&mut self, lifted: &dyn Lifted) -> Option<(Family, &Traversal)> {
        for (family, judge) in Family::ALL.into_iter().zip(&self.judges) {
            let program = lifted.program(family).unwrap();
            if self.right.contains(&program) {
                continue;
            }
            for (number, at) in self.ways.iter().enumerate() {
                let (expected, asked) = self
                    .expected
                    .entry((family, number))
                    .or_insert_with(|| judge::expected_of_all(judge, self.plan, &self.options, family, at));
                if judge.program(&program, at).within(asked) != *expected {
                    return Some((family, at));
                }
            }
            self.right.push(program);
        }
        None
    }
}

/// A policy and one of its rulesets, which means it.
struct Subject<'a, 'plan> {
    plan: &'plan Plan,
    target: Target,
    emitted: &'a Emitted,
    packets: Vec<Packet>,
    exact: &'a mut Exact<'plan>,
}

impl Subject<'_, '_> {
    /// Puts one fault into the ruleset and holds the answer against the judge.
    fn try_fault(&mut self, kind: Kind, dice: &mut Dice, tally: &mut BTreeMap<Kind, Tally>) {
        let Self { plan, target, emitted: Emitted { stem, options, artifact }, packets, exact } = self;
        let Some(fault) = faults::fault(artifact, kind, dice) else { return };
        let at = || format!("{stem} {target:?} {options:?}: {}", fault.what);
        let tally = tally.entry(kind).or_default();
        match verify(plan, *target, options, &fault.artifact, &mut Budget::new(super::STEPS)) {
            Ok(_) => {
                tally.equal += 1;
                let lifted = target.backend().lift(&fault.artifact).unwrap();
                let mut tried = packets.clone();
                dice.shuffle(&mut tried);
                // Bytes do not say which packets they are about.
                tried.truncate(if *target == Target::Matcher { usize::MAX } else { PACKETS });
                tried.extend(edges::edges(plan, artifact, &fault.artifact, dice));
                let ways = ways(&exact.ways, dice);
                for lifted in readings(&*lifted) {
                    assert_eq!(wrong(plan, options, lifted, &tried, &ways), None, "{}", at());
                }
                for lifted in readings(&*lifted) {
                    assert_eq!(exact.wrong_way(lifted), None, "{}", at());
                }
            }
            Err(Failure::Different(found)) => {
                tally.different += 1;
                let Difference { packet, at: way, expected, rules: _, found } = *found;
                let judged = judge::expected(plan, options, &packet, &way);
                assert_eq!(judged, Some(expected), "{}: {packet:?} {way:?}", at());
                let lifted = target.backend().lift(&fault.artifact).unwrap();
                let shown = readings(&*lifted).any(|lifted| lifted.decide(&packet, &way) == found);
                assert!(shown, "{}: {found:?}", at());
                if dice.percent(25) {
                    let family = packet.family();
                    let right = readings(&*lifted).all(|lifted| exact.is_right(family, lifted, &way));
                    assert!(!right, "{}: the other judge sees no difference", at());
                }
                assert_ne!((found.verdict, found.logged), (expected.verdict, expected.log), "{}", at());
            }
            Err(Failure::Unreadable(_)) => tally.refused += 1,
            Err(Failure::Unproved(_)) => tally.unproved += 1,
        }
    }
}

/// Tries faults of all kinds in everything that a policy is compiled to by a target.
fn try_policy(plan: &Plan, target: Target, seed: u64, tally: &mut BTreeMap<Kind, Tally>) {
    let wanted = std::env::var("PALISADE_FAULTS").ok();
    // Files of a few thousand bytes have more places for faults than so many lines.
    let faults = wanted.map_or(if target == Target::Matcher { 8 * FAULTS } else { FAULTS }, |number| {
        number.parse().expect("a number of faults")
    });
    let mut dice = Dice::new(seed);
    let mut exacts: Vec<Exact<'_>> = Vec::new();
    for (_, options) in layouts().into_iter().filter(|(known, _)| *known == target) {
        let options = Options { prelude: Default::default(), ..options };
        for emitted in emitted(plan, target, &options) {
            let known = exacts.iter().position(|exact| exact.is_for(&emitted.options));
            let known = known.unwrap_or_else(|| {
                exacts.push(Exact::new(plan, &emitted.options));
                exacts.len() - 1
            });
            let mut subject = Subject {
                plan,
                target,
                emitted: &emitted,
                packets: boundary_packets(plan, seed),
                exact: &mut exacts[known],
            };
            for kind in Kind::of(target) {
                for _ in 0..faults {
                    subject.try_fault(kind, &mut dice, tally);
                }
            }
        }
    }
}

fn report(what: &str, kinds: &[Kind], tally: &BTreeMap<Kind, Tally>) {
    for (kind, one) in tally {
        println!("{what}: {kind:?}: {one:?}");
    }
    let sum = Tally::sum(tally);
    println!("{what}: {} faults: {sum:?}", sum.faults());
    assert!(kinds.iter().all(|kind| tally.get(kind).is_some_and(|tally| tally.faults() > 10)), "{tally:#?}");
    assert!(sum.different > sum.faults() / 5 && sum.equal > sum.faults() / 50, "{sum:?}");
    assert_eq!(sum.unproved, 0, "{sum:?}");
}

fn random(target: Target) {
    let mut tally = BTreeMap::new();
    for seed in 0..POLICIES {
        let plan = plan(&format!("seed {seed}"), &random_policy(1000 + seed));
        try_policy(&plan, target, seed, &mut tally);
    }
    report(&format!("random policies, {target:?}"), &Kind::of(target), &tally);
}

#[test]
fn faults_in_nftables_are_found() {
    random(Target::Nftables);
}

#[test]
fn faults_in_iptables_are_found() {
    random(Target::Iptables);
}

#[test]
fn faults_in_rust_modules_are_found() {
    random(Target::Rust);
}

#[test]
fn faults_in_matcher_files_are_found() {
    random(Target::Matcher);
}

#[test]
fn faults_in_the_examples_are_found() {
    let mut tally = BTreeMap::new();
    for example in ["classic", "default-group", "enterprise", "gateway", "three-tier", "web-tier"] {
        let path = root().join("examples").join(example).join("policy.sg");
        let read = palisade::front::read(&path, &LoadOptions::default()).expect("an example");
        let plan = lower(&read.policy.expect("a policy"));
        for target in Target::ALL {
            try_policy(&plan, target, 0, &mut tally);
        }
    }
    report("examples", &[&Kind::TEXT[..], &Kind::BYTES].concat(), &tally);
}
