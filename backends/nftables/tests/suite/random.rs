//! Random plans from a seed: every shape of address, protocol and port, named and unnamed, with and without logs.

use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{
    Addresses, Chain, Direction, Family, Match, MatchParts, NamedPorts, NetworkId, NicPlan, Origin, Outcome,
    Plan, PortMatch, PortSet, PrefixSet, Priority, Protocol, ProtocolSet, Rank, Rule, RuleId, RuleSource,
    SetId, SetKind, Verdict,
};

use crate::build::{add_info, add_instance, add_set, ifname, name, plan};

/// xorshift64*; good enough, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

const NETS: [&[&str]; 2] = [
    &[
        "10.0.0.0/8",
        "10.0.0.0/24",
        "10.0.0.1/32",
        "10.0.0.2/32",
        "10.0.0.3/32",
        "10.0.1.0/24",
        "10.0.1.128/25",
        "0.0.0.0/1",
        "0.0.0.0/8",
        "203.0.113.0/24",
        "203.0.113.9/32",
        "255.255.255.255/32",
        "224.0.0.0/4",
        "192.168.0.0/16",
        "192.168.1.1/32",
        "10.0.0.9/32",
        "10.0.0.11/32",
    ],
    &[
        "2001:db8::/32",
        "2001:db8::/64",
        "2001:db8::1/128",
        "2001:db8::2/128",
        "2001:db8::3/128",
        "::/1",
        "::1/128",
        "fe80::/10",
        "ff00::/8",
        "::ffff:1.2.3.4/128",
        "1:0:0:2::3/128",
        "1::2:3:4:5:6:7/128",
        "2001:db8:1::/48",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "2001:db8::9/128",
        "64:ff9b::/96",
    ],
];
/// Addresses that NICs own; several NICs may draw the same.
const OWN: [&[&str]; 2] = [
    &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.5", "192.168.1.1"],
    &["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:1::4"],
];
const PORTS: [(u16, u16); 10] = [
    (0, 0),
    (1, 1),
    (22, 22),
    (80, 90),
    (443, 443),
    (1, 65535),
    (0, 65535),
    (65535, 65535),
    (1024, 2047),
    (7, 8),
];
const GROUPS: [&str; 4] = ["web", "db", "a.b-c", "input"];
const INTERFACES: [&str; 5] = ["eth0", "eth1", "eth0.7:1@x", "6to4", "drop"];
const VIAS: [&str; 4] = ["tap0", "tap1", "br0", "br0.7"];

fn nets(random: &mut Random, family: Family, most: usize) -> PrefixSet {
    let pool = NETS[family as usize];
    let nets: Vec<IpNet> = (0..=random.below(most)).map(|_| random.pick(pool).parse().unwrap()).collect();
    PrefixSet::from_prefixes(family, &nets)
}

fn addresses(random: &mut Random, plan: &Plan, family: Family) -> Addresses {
    match random.below(10) {
        0..4 => Addresses::any(family),
        4..7 if !plan.sets.is_empty() => {
            let id = SetId(random.below(plan.sets.len()) as u32);
            let prefixes = plan.sets[id.0 as usize].family(family);
            // A reference is a hint: the addresses count.
            let prefixes =
                if random.chance(10) { Arc::new(nets(random, family, 3)) } else { Arc::clone(prefixes) };
            Addresses { prefixes, set: Some(id) }
        }
        7 => Addresses::unnamed(PrefixSet::any(family).subtract(&nets(random, family, 3))),
        8 => Addresses::unnamed(nets(random, family, 14)),
        _ => Addresses::unnamed(nets(random, family, 3)),
    }
}

fn port_match(random: &mut Random) -> PortMatch {
    if random.chance(40) {
        return PortMatch::Any;
    }
    let most = if random.chance(20) { 14 } else { 2 };
    let ranges = (0..=random.below(most)).map(|_| match random.chance(70) {
        true => random.pick(&PORTS),
        false => (random.below(60_000) as u16, 0),
    });
    PortMatch::In(PortSet::from_ranges(
        ranges.map(|(first, last)| (first, last.max(first))).collect::<Vec<_>>(),
    ))
}

fn transport(random: &mut Random, family: Family) -> (ProtocolSet, PortMatch, PortMatch) {
    let icmp = match family {
        Family::V4 => Protocol::ICMP,
        Family::V6 => Protocol::ICMPV6,
    };
    let of = |numbers: &[u8]| numbers.iter().map(|number| Protocol(*number)).collect::<ProtocolSet>();
    let protocols = match random.below(9) {
        0 => ProtocolSet::all(),
        1 => ProtocolSet::only(icmp),
        2 => of(&[47]),
        3 => ProtocolSet::all().subtract(&of(&[random.pick(&[0, 6, 58, 255]), 132])),
        4 => of(&[1, 2, 3, 47, 58, 132]),
        5 => of(&[6]),
        6 => of(&[17]),
        _ => of(&[6, 17]),
    };
    if protocols.is_subset(&of(&[6, 17])) {
        (protocols, port_match(random), port_match(random))
    } else {
        (protocols, PortMatch::Any, PortMatch::Any)
    }
}

fn rules(random: &mut Random, plan: &mut Plan, direction: Direction) -> Vec<Rule> {
    let mut rules = Vec::new();
    for _ in 0..random.below(7) {
        let number = 1 + random.below(6) as u16;
        let label = random.chance(50).then(|| name(random.pick(&["ssh", "x-y", "v4"])));
        let source = if random.chance(20) {
            RuleSource::InnerAccess { group: name(random.pick(&GROUPS)) }
        } else {
            RuleSource::Group {
                group: name(random.pick(&GROUPS)),
                direction,
                side: None,
                priority: Priority::user(u32::from(number)).unwrap(),
                label,
            }
        };
        let description = random.chance(30).then_some("a } \"description\" # \\");
        let mut origin = Origin::one(add_info(plan, source.clone(), description));
        if random.chance(20) {
            origin = origin.join(&Origin::one(add_info(plan, source, None)));
        }
        let verdict = if random.chance(50) { Verdict::Allow } else { Verdict::Deny };
        let outcome = Outcome { verdict, log: random.chance(25) };
        let rank = Rank { tier: palisade_ir::Tier::User, number, verdict };
        let mut push = |parts: MatchParts| {
            if let Ok(matches) = Match::new(parts) {
                rules.push(Rule { matches, outcome, rank, origin: origin.clone() });
            }
        };
        // A pass may split a rule: pieces share their origin and differ in anything.
        for _ in 0..1 + usize::from(random.chance(30)) {
            let halves = random.chance(40);
            let family = random.pick(&Family::ALL);
            let (mut protocols, mut source_ports, mut destination_ports) = transport(random, family);
            for family in if halves { Family::ALL.to_vec() } else { vec![family] } {
                let (source, destination) = match halves {
                    true => (Addresses::any(family), Addresses::any(family)),
                    false => (addresses(random, plan, family), addresses(random, plan, family)),
                };
                push(MatchParts {
                    source,
                    destination,
                    protocols,
                    source_ports: source_ports.clone(),
                    destination_ports: destination_ports.clone(),
                });
                if random.chance(20) {
                    (protocols, source_ports, destination_ports) = transport(random, family);
                }
            }
        }
    }
    rules
}

fn chain(random: &mut Random, plan: &mut Plan, direction: Direction) -> Chain {
    let rules = rules(random, plan, direction);
    let verdict = if random.chance(50) { Verdict::Allow } else { Verdict::Deny };
    Chain::new(rules, verdict, RuleId(u32::from(direction == Direction::Out)))
}

/// A plan with one to three instances of one to three NICs.
pub(crate) fn random_plan(seed: u64) -> Plan {
    let mut random = Random::new(seed);
    let mut plan = plan();
    plan.session_timeout = random.pick(&[910, 30, 5, 120, 300, 2_147_483]);
    for (kind, text) in [
        (SetKind::Set, "office"),
        (SetKind::Set, "a.b-c"),
        (SetKind::Group, "office"),
        (SetKind::Group, "web"),
    ] {
        let id = add_set(&mut plan, kind, text, "");
        plan.sets[id.0 as usize].v4 = Arc::new(nets(&mut random, Family::V4, 12));
        if random.chance(70) {
            plan.sets[id.0 as usize].v6 = Arc::new(nets(&mut random, Family::V6, 12));
        }
    }
    for at in 0..=random.below(3) {
        let first = random.below(INTERFACES.len());
        let mut nics = Vec::new();
        for nic in 0..=random.below(3) {
            let mut addresses: Vec<std::net::IpAddr> = vec![random.pick(OWN[0]).parse().unwrap()];
            addresses.extend((0..random.below(3)).map(|_| {
                let family = random.below(2);
                random.pick(OWN[family]).parse::<std::net::IpAddr>().unwrap()
            }));
            nics.push(NicPlan {
                interface: ifname(INTERFACES[(first + nic) % INTERFACES.len()]),
                via: random.chance(60).then(|| ifname(random.pick(&VIAS))),
                network: NetworkId(0),
                side: None,
                addresses,
                ingress: chain(&mut random, &mut plan, Direction::In).into(),
                egress: chain(&mut random, &mut plan, Direction::Out).into(),
            });
        }
        add_instance(&mut plan, ["web1", "a-b", "c.d"][at], nics);
    }
    plan.services = services(&mut random, &plan);
    plan
}

/// Names for some of the ports that rules ask for.
fn services(random: &mut Random, plan: &Plan) -> Vec<NamedPorts> {
    let nics = plan.instances.iter().flat_map(|instance| &instance.nics);
    let rules = nics.flat_map(|nic| nic.ingress.rules().iter().chain(nic.egress.rules()));
    let mut named = Vec::new();
    for rule in rules {
        let protocol = rule.matches.protocols().iter().next();
        if let (Some(protocol), PortMatch::In(ports)) = (protocol, rule.matches.destination_ports())
            && rule.matches.protocols().len() == 1
            && random.chance(60)
        {
            let name = name(["web", "a.b-c", "dns", "ssh"][random.below(4)]);
            named.push(NamedPorts { name, protocol, ports: ports.clone() });
        }
    }
    named.sort_by(|one, other| (&one.name, one.protocol).cmp(&(&other.name, other.protocol)));
    named.dedup_by(|one, other| (&one.name, one.protocol) == (&other.name, other.protocol));
    named
}
