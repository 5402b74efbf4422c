//! Invented policies and packets: valid, varied, and the same for the same seed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{
    Addresses, Chain, Direction, Family, Ifname, InstanceId, InstancePlan, Match, MatchParts, Name,
    NetworkId, NicPlan, NicRef, Origin, Outcome, Packet, Plan, PortMatch, PortSet, PrefixSet, Priority,
    Protocol, ProtocolSet, Rank, Rule, RuleId, Verdict,
};
use palisade_testkit::sample::{boundary_packets, hook_packets, random_policy};

#[test]
fn policies_are_in_the_language_and_use_all_of_it() {
    let mut missing: BTreeSet<&str> = [
        "network lab.two = vpc",
        "network old = classic",
        "set set-1",
        "except [set core",
        "] except",
        "service svc1",
        "service svc0, ",
        "proto 253",
        "proto 6",
        "icmpv6",
        "gre",
        "all from any",
        "all to any",
        "kind basic",
        "kind enterprise",
        "inner allow",
        "inner deny",
        "default {",
        "default with web",
        "clone",
        "remove in",
        "remove out",
        "in public",
        "out internal",
        "from group",
        "to group",
        "set nothing",
        "to set own-half",
        "from port",
        "from any port",
        " log",
        " as r",
        "1-65535",
        "via tap2",
        "nic eth1",
        "network bare-1\n",
        "public address",
        "session timeout 910s",
        "inner scope both",
        "::/0",
        "\\\"hello",
        "icmp from",
        "0.0.0.0/0",
    ]
    .into();
    for seed in 0..400 {
        let text = random_policy(seed);
        assert_eq!(text, random_policy(seed));
        let read = palisade_grammar::parse(&text);
        assert!(read.errors.is_empty(), "seed {seed}: {:#?}\n{text}", read.errors);
        missing.retain(|feature| !text.contains(feature));
    }
    assert!(missing.is_empty(), "never seen: {missing:?}");
    assert_ne!(random_policy(1), random_policy(2));
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rule(prefix: &str, protocol: Protocol, ports: Option<(u16, u16)>) -> Rule {
    let net = prefix.parse().unwrap();
    let family = Family::of(&net_address(prefix));
    let matches = Match::new(MatchParts {
        source: Addresses::unnamed(PrefixSet::from_prefixes(family, &[net])),
        destination: Addresses::any(family),
        protocols: ProtocolSet::only(protocol),
        source_ports: PortMatch::Any,
        destination_ports: ports.map_or(PortMatch::Any, |range| PortMatch::In(PortSet::from_ranges([range]))),
    });
    Rule {
        matches: matches.unwrap(),
        outcome: Outcome::silent(Verdict::Allow),
        rank: Rank::user(Priority::LAST, Verdict::Allow),
        origin: Origin::one(RuleId(0)),
    }
}

fn net_address(prefix: &str) -> IpAddr {
    address(prefix.split('/').next().unwrap())
}

fn plan() -> Plan {
    let ingress = vec![
        rule("198.51.100.0/24", Protocol::TCP, Some((80, 443))),
        rule("2001:db8::/32", Protocol::UDP, None),
        rule("0.0.0.0/0", Protocol::GRE, None),
    ];
    let nic = NicPlan {
        interface: Ifname::new("eth0").unwrap(),
        via: None,
        network: NetworkId(0),
        side: None,
        addresses: vec![address("10.0.0.1"), address("fd00::1")],
        ingress: Chain::new(ingress, Verdict::Deny, RuleId(1)).into(),
        egress: Chain::new(Vec::new(), Verdict::Allow, RuleId(2)).into(),
    };
    Plan {
        session_timeout: 910,
        networks: vec![Name::new("prod").unwrap()],
        sets: Vec::new(),
        services: Vec::new(),
        rules: Vec::new(),
        instances: vec![InstancePlan { name: Name::new("web").unwrap(), description: None, nics: vec![nic] }],
    }
}

#[test]
fn boundary_packets_stand_on_both_sides_of_every_edge() {
    let at = NicRef { instance: InstanceId(0), nic: 0 };
    let packets = hook_packets(&plan(), at, Direction::In, 7, usize::MAX);
    let has = |test: &dyn Fn(&Packet) -> bool| packets.iter().any(test);
    for source in [
        "198.51.99.255",
        "198.51.100.0",
        "198.51.100.255",
        "198.51.101.0",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "0.0.0.0",
        "255.255.255.255",
        "10.0.0.0",
        "10.0.0.2",
    ] {
        assert!(has(&|it| it.source() == address(source)), "{source}");
    }
    let inside: IpAddr = address("198.51.100.255");
    for port in [79, 80, 443, 444] {
        let in_range = |it: &Packet| it.source() == inside && it.protocol() == Protocol::TCP;
        assert!(has(&|it| in_range(it) && it.destination_port() == Some(port)), "{port}");
    }
    for number in [6, 17, 1, 58, 47, 132, 253, 0, 255] {
        assert!(has(&|it| it.protocol() == Protocol(number)), "{number}");
    }
    assert!(has(&|it| it.protocol().has_ports() && it.ports().is_none()));
    let own = [address("10.0.0.1"), address("fd00::1")];
    assert!(packets.iter().all(|it| own.contains(&it.destination())));
    assert!(packets.is_sorted());
    let unique: BTreeSet<&Packet> = packets.iter().collect();
    assert_eq!(unique.len(), packets.len());
}

#[test]
fn boundary_packets_are_capped_and_seeded() {
    let plan = plan();
    let packets = boundary_packets(&plan, 3);
    assert!((50..=160).contains(&packets.len()), "{}", packets.len());
    assert_eq!(packets, boundary_packets(&plan, 3));
    assert_ne!(packets, boundary_packets(&plan, 4));
    let at = NicRef { instance: InstanceId(0), nic: 0 };
    assert_eq!(hook_packets(&plan, at, Direction::Out, 3, 10).len(), 10);
    assert_eq!(hook_packets(&plan, NicRef { nic: 1, ..at }, Direction::Out, 3, 10), []);
}
