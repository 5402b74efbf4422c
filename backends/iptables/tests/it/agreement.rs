//! What is read back from emitted files decides as the plan's chains do, on packets at the edges of random plans.
//!
//! Says nothing about what the kernel makes of the files (the kernel suite asks that), nor about packets that no edge
//! is near.

use std::collections::BTreeMap;

use crate::common::judge::{self, Expected};
use crate::common::random::Random;
use crate::common::{packets, plans};
use palisade_iptables::Iptables;
use palisade_ir::{
    Artifact, Backend, ConnState, Ifname, InstanceId, Lifted, Options, Packet, Placement, Plan, Style,
    Traversal, Verdict,
};

const PLANS: u64 = 300;
const PACKETS: usize = 120;

fn lift(artifact: &Artifact) -> Box<dyn Lifted> {
    Iptables.lift(artifact).unwrap_or_else(|error| {
        let file = String::from_utf8_lossy(&artifact.file(error.file).unwrap().contents).into_owned();
        panic!("{error}: {:?}", file.lines().nth(error.line - 1))
    })
}

fn agree(seed: u64, lifted: &dyn Lifted, packet: &Packet, at: &Traversal, expected: &Expected) {
    let found = lifted.decide(packet, at);
    let context = || format!("seed {seed}, {packet:?}, {at:?}: {found:?}, expected {expected:?}");
    assert_eq!((found.verdict, found.logged), (expected.verdict, expected.logged), "{}", context());
    // A tree leaves out what would be decided the same way without it.
    if let (Some(origin), Style::Rules) = (&expected.origin, layout(seed)) {
        let comment = found.comment.clone().unwrap_or_else(|| panic!("no comment: {}", context()));
        assert!(comment.starts_with(origin.as_str()), "{}", context());
        assert!(found.line.is_some(), "{}", context());
    }
}

fn layout(seed: u64) -> Style {
    if seed.is_multiple_of(5) { Style::Rules } else { Style::Maps }
}

fn options(placement: Placement, seed: u64) -> Options {
    Options {
        ipset: seed.is_multiple_of(2),
        chains_only: seed.is_multiple_of(3),
        layout: layout(seed),
        ..crate::common::bare(placement)
    }
}

#[test]
fn on_a_host() {
    for seed in 0..PLANS {
        let plan = plans::some_plan(seed);
        let at = InstanceId((seed % 3) as u32);
        let artifact = Iptables.emit(&plan, &options(Placement::Host(at), seed)).unwrap();
        let lifted = lift(&artifact);
        let names: Vec<Ifname> = ["eth0", "eth1", "wan0"].map(|text| Ifname::new(text).unwrap()).into();
        for packet in packets::at_edges(&plan, seed, PACKETS) {
            for name in &names {
                let incoming = judge::host(&plan, at, true, name, &packet);
                agree(seed, lifted.as_ref(), &packet, &Traversal::input(name.clone()), &incoming);
                let outgoing = judge::host(&plan, at, false, name, &packet);
                agree(seed, lifted.as_ref(), &packet, &Traversal::output(name.clone()), &outgoing);
            }
        }
    }
}

#[test]
fn on_a_gateway() {
    let mut refused = 0;
    for seed in 0..PLANS {
        let plan = plans::some_plan(seed);
        let artifact = match Iptables.emit(&plan, &options(Placement::Gateway, seed)) {
            Ok(artifact) => artifact,
            Err(error) => {
                let known = ["palisade::emit::ambiguous-address", "palisade::emit::protocol-zero"];
                assert!(known.contains(&error.code), "{error}");
                refused += 1;
                continue;
            }
        };
        let lifted = lift(&artifact);
        let interfaces = judge::gateway_interfaces(&plan);
        for packet in packets::at_edges(&plan, seed, PACKETS) {
            for iif in &interfaces {
                for oif in &interfaces {
                    let expected = judge::gateway(&plan, iif, oif, &packet);
                    let at = Traversal::forward(iif.clone(), oif.clone());
                    agree(seed, lifted.as_ref(), &packet, &at, &expected);
                }
            }
        }
    }
    assert!(refused < PLANS / 2, "{refused} of {PLANS} plans were refused");
}

/// Hundreds of interfaces and addresses are told apart chain by chain: each says what it should, none is long, and what
/// does not belong where it comes from passes in no session either.
#[test]
fn on_a_gateway_for_hundreds() {
    let plan = plans::crowd();
    let options = Options { ipset: false, ..crate::common::bare(Placement::Gateway) };
    let artifact = Iptables.emit(&plan, &options).unwrap();
    let lifted = lift(&artifact);
    let owners = plan.owners();
    let addresses: Vec<_> = owners.keys().copied().collect();
    let strangers = ["192.0.2.77", "10.0.255.9", "2001:db8::77"].map(|text| text.parse().unwrap());
    let mut interfaces = judge::gateway_interfaces(&plan);
    interfaces.extend(["tap", "tap1x", "vm-", "tap4000"].map(|text| Ifname::new(text).unwrap()));
    let mut random = Random::new(1);
    let mut seen = [0; 2];
    for _ in 0..20_000 {
        let mut end = || match random.one_in(6) {
            true => *random.pick(&strangers),
            false => *random.pick(&addresses),
        };
        let Ok(packet) = Packet::new(end(), end(), palisade_ir::Protocol::GRE, None) else { continue };
        let home = owners.get(&packet.source()).and_then(|at| plan.nic(*at.first()?)?.via.clone());
        let iif = home.filter(|_| !random.one_in(3)).unwrap_or_else(|| random.pick(&interfaces).clone());
        let at = Traversal::forward(iif, random.pick(&interfaces).clone());
        let (iif, oif) = (at.iif.as_ref().unwrap(), at.oif.as_ref().unwrap());
        agree(1, lifted.as_ref(), &packet, &at, &judge::gateway(&plan, iif, oif, &packet));
        let live = lifted.decide(&packet, &Traversal { state: ConnState::Established, ..at.clone() });
        let spoofed = judge::is_spoofed(&plan, iif, &packet);
        assert_eq!(live.verdict == Verdict::Deny, spoofed, "{packet:?} {at:?}");
        seen[usize::from(spoofed)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 2000), "{seen:?}");
    let mut lengths = BTreeMap::new();
    for family in ["rules.v4", "rules.v6"] {
        let text = crate::common::text(&artifact, family);
        for line in text.lines().filter(|line| line.starts_with("-A ")) {
            *lengths.entry((family, line.split(' ').nth(1).unwrap())).or_insert(0) += 1;
        }
    }
    let longest = lengths.iter().max_by_key(|(_, length)| **length);
    assert!(longest.is_some_and(|(_, length)| *length <= 17), "{longest:?}");
}

/// Live sessions pass, whatever the rules say; of what is related, only icmp errors do.
#[test]
fn sessions_stand_before_the_rules() {
    for seed in 0..20 {
        let plan = plans::some_plan(seed);
        let lifted = lift(&Iptables.emit(&plan, &options(crate::common::HOST, seed)).unwrap());
        let eth0 = Ifname::new("eth0").unwrap();
        for packet in packets::at_edges(&plan, seed, PACKETS) {
            let at = |state| Traversal { state, ..Traversal::input(eth0.clone()) };
            let verdict = |state| lifted.decide(&packet, &at(state)).verdict;
            assert_eq!(verdict(ConnState::Established), Verdict::Allow);
            let error = match packet.source() {
                std::net::IpAddr::V4(_) => 1,
                std::net::IpAddr::V6(_) => 58,
            };
            let related = if packet.protocol().0 == error { Verdict::Allow } else { verdict(ConnState::New) };
            assert_eq!(verdict(ConnState::Related), related, "{packet:?}");
        }
    }
}

/// Emitting again gives the same bytes.
#[test]
fn is_deterministic() {
    for seed in 0..50 {
        let plan: Plan = plans::some_plan(seed);
        let options = options(crate::common::HOST, seed);
        assert_eq!(Iptables.emit(&plan, &options), Iptables.emit(&plan.clone(), &options));
    }
}
