//! The proof of emitted rulesets: true of everything that is emitted, and false of whatever changes its meaning.
//!
//! What it does not prove: that the kernel reads the text as the lift does; the kernel suites do.

mod faults;
mod judge;

use palisade::compile::{Emitted, Selection, emit};
use palisade::front::read_text;
use palisade::lower::lower;
use palisade::optimize::optimize_plan;
use palisade::targets::Target;
use palisade::verify::verify;
use palisade::verify::{Difference, Failure};
use palisade_ir::decide::Budget;
use palisade_ir::{
    ConnState, Ifname, Lifted, Options, Outcome, Packet, PacketHook, Placement, Plan, Prelude, Traversal,
    Verdict,
};
use palisade_testkit::sample::{Dice, boundary_packets, random_policy};

use crate::case;

/// How to emit: target and options; the placement is set later.
pub fn layouts() -> Vec<(Target, Options)> {
    let host = || Options::at(Placement::Gateway);
    let bare = || Options { prelude: Default::default(), ..host() };
    vec![
        (Target::Nftables, host()),
        (Target::Nftables, Options { unmanaged: Verdict::Deny, counters: true, ..bare() }),
        (Target::Iptables, host()),
        (Target::Iptables, Options { ipset: true, unmanaged: Verdict::Deny, ..bare() }),
        (Target::Iptables, Options { chains_only: true, ..host() }),
        (Target::Iptables, Options { prelude: [Prelude::Dhcp, Prelude::Invalid].into(), ..host() }),
    ]
}

pub fn plan(title: &str, text: &str) -> Plan {
    let front = read_text("policy.sg", text);
    lower(front.policy.as_ref().unwrap_or_else(|| panic!("{title}: {:#?}", front.diagnostics)))
}

/// Everything that can be emitted for a plan in a layout.
pub fn emitted(plan: &Plan, target: Target, options: &Options) -> Vec<Emitted> {
    let optimized = optimize_plan(plan).0;
    let gateway = Options { prelude: Default::default(), unmanaged: Verdict::Allow, ..options.clone() };
    let hosts = emit(&optimized, target, &Selection::Instances, options).unwrap_or_default();
    // A gateway refuses addresses that it cannot tell apart.
    let gateway = emit(&optimized, target, &Selection::Gateway, &gateway).unwrap_or_default();
    hosts.into_iter().chain(gateway).collect()
}

/// Steps for one proof here: a hard one ends soon.
const STEPS: u64 = 3_000_000;

/// How much was proved.
#[derive(Debug, Default)]
struct Count {
    hosts: usize,
    gateways: usize,
    /// Gateways of iptables for which the budget did not suffice: rules for protocol 0 enter the receivers' chains from
    /// within the senders'.
    unproved: usize,
}

/// Proves everything that can be emitted for a policy.
fn all_equal(title: &str, text: &str, count: &mut Count) {
    let plan = plan(title, text);
    for (target, options) in layouts() {
        for Emitted { stem, options, artifact } in emitted(&plan, target, &options) {
            let gateway = options.placement == Placement::Gateway;
            match verify(&plan, target, &options, &artifact, &mut Budget::new(STEPS)) {
                Ok(_) if gateway => count.gateways += 1,
                Ok(_) => count.hosts += 1,
                Err(Failure::Unproved(_)) if gateway && target == Target::Iptables => count.unproved += 1,
                Err(why) => panic!("{title}: {stem} {target:?} {options:?}: {why:#?}\n{text}"),
            }
        }
    }
}

#[test]
fn every_case_is_proved() {
    let mut count = Count::default();
    for file in ["conformance.md", "language.md"] {
        for case in case::read(file).iter().filter(|case| case.refused.is_none()) {
            all_equal(&case.title, &case.policy, &mut count);
        }
    }
    println!("{count:?}");
    assert!(count.hosts > 300 && count.gateways > 100 && count.unproved == 0, "{count:?}");
}

/// Policies in an ordinary run.
const POLICIES: u64 = 40;

#[test]
fn random_policies_are_proved() {
    let wanted = std::env::var("PALISADE_RANDOM_POLICIES").ok();
    let policies = wanted.map_or(POLICIES, |number| number.parse().expect("a number of policies"));
    let mut count = Count::default();
    for seed in 0..policies {
        all_equal(&format!("seed {seed}"), &random_policy(seed), &mut count);
    }
    println!("{policies} policies: {count:?}");
    assert!(count.hosts as u64 > policies * 6 && count.gateways as u64 > policies, "{count:?}");
    assert!(count.unproved * 4 < count.gateways, "{count:?}");
}

/// Faults per artifact in an ordinary run.
const FAULTS: usize = 2;

#[derive(Debug, Default)]
struct Tally {
    faults: usize,
    refused: usize,
    different: usize,
    equal: usize,
    unproved: usize,
}

/// Interfaces of the plan and one that it does not know.
fn interfaces(plan: &Plan, options: &Options) -> Vec<Ifname> {
    let nics = plan.nics().filter_map(|(_, _, nic)| match options.placement {
        Placement::Gateway => nic.via.clone(),
        Placement::Host(_) => Some(nic.interface.clone()),
    });
    nics.chain([Ifname::new("strange0").unwrap()]).collect()
}

fn ways(plan: &Plan, options: &Options, dice: &mut Dice) -> Vec<Traversal> {
    let interfaces = interfaces(plan, options);
    let states = [ConnState::New, ConnState::Established, ConnState::Related, ConnState::Untracked];
    let mut all = Vec::new();
    for hook in [PacketHook::Input, PacketHook::Output, PacketHook::Forward] {
        for _ in 0..8 {
            let mut one = || dice.pick(&interfaces).cloned();
            let (iif, oif) = match hook {
                PacketHook::Input => (one(), None),
                PacketHook::Output => (None, one()),
                PacketHook::Forward => (one(), one()),
            };
            let state = if dice.percent(60) { ConnState::New } else { *dice.pick(&states).unwrap() };
            all.push(Traversal { hook, iif, oif, state, icmp_type: None, hop_limit: None });
        }
    }
    all
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

/// Every fault that verify calls a difference comes with a packet on which it is one; every fault that it calls none is
/// none on any packet tried.
#[test]
fn faults_are_found() {
    let wanted = std::env::var("PALISADE_FAULTS").ok();
    let faults = wanted.map_or(FAULTS, |number| number.parse().expect("a number of faults"));
    let mut tally = Tally::default();
    for seed in 0..10 {
        let mut dice = Dice::new(seed);
        let plan = plan(&format!("seed {seed}"), &random_policy(1000 + seed));
        let packets = boundary_packets(&plan, seed);
        for (target, options) in layouts() {
            let options = Options { prelude: Default::default(), ..options };
            for Emitted { stem, options, artifact } in emitted(&plan, target, &options) {
                if verify(&plan, target, &options, &artifact, &mut Budget::new(STEPS)).is_err() {
                    continue;
                }
                let ways = ways(&plan, &options, &mut dice);
                for _ in 0..faults {
                    let Some(fault) = faults::fault(&artifact, &mut dice) else { continue };
                    let at = || format!("seed {seed} {stem} {target:?} {options:?}: {}", fault.what);
                    tally.faults += 1;
                    match verify(&plan, target, &options, &fault.artifact, &mut Budget::new(STEPS)) {
                        Ok(_) => {
                            let lifted = target.backend().lift(&fault.artifact).unwrap();
                            let wrong = wrong(&plan, &options, &*lifted, &packets, &ways);
                            assert_eq!(wrong, None, "{}", at());
                            tally.equal += 1;
                        }
                        Err(Failure::Different(found)) => {
                            let Difference { packet, at: way, expected, rules: _, found } = *found;
                            let judged = judge::expected(&plan, &options, &packet, &way);
                            assert_eq!(judged, Some(expected), "{}: {packet:?} {way:?}", at());
                            let lifted = target.backend().lift(&fault.artifact).unwrap();
                            assert_eq!(lifted.decide(&packet, &way), found, "{}", at());
                            assert_ne!(
                                (found.verdict, found.logged),
                                (expected.verdict, expected.log),
                                "{}",
                                at()
                            );
                            tally.different += 1;
                        }
                        Err(Failure::Unreadable(_)) => tally.refused += 1,
                        Err(Failure::Unproved(_)) => tally.unproved += 1,
                    }
                }
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.different > tally.faults / 5 && tally.equal > tally.faults / 50, "{tally:?}");
    assert!(tally.unproved <= tally.faults / 10, "{tally:?}");
}
