//! Seeded random chains over a space so small that all its packets can be tried.

use std::net::IpAddr;

use crate::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, PacketPorts, PortMatch, PortSet,
    PrefixSet, Priority, Protocol, ProtocolSet, Ranges, Rank, Region, Rule, RuleId, Verdict,
};

/// A small generator (splitmix64): the same seed, the same tests.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn family(&mut self) -> Family {
        if self.one_in(2) { Family::V4 } else { Family::V6 }
    }
}

const BASE: [u128; 2] = [0x0a00_0000, 0x2001_0db8 << 96];

fn base(family: Family) -> u128 {
    match family {
        Family::V4 => BASE[0],
        Family::V6 => BASE[1],
    }
}

/// A set of up to two ranges below `end`, never empty.
fn ranges(random: &mut Random, from: u128, end: u64) -> Ranges {
    let mut parts = Vec::new();
    for _ in 0..1 + random.below(2) {
        let (a, b) = (u128::from(random.below(end)), u128::from(random.below(end)));
        parts.push((from + a.min(b), from + a.max(b)));
    }
    Ranges::from_unsorted(parts)
}

pub(super) fn addresses(random: &mut Random, family: Family, end: u64) -> Addresses {
    if random.one_in(3) {
        return Addresses::any(family);
    }
    Addresses::unnamed(PrefixSet::from_ranges(family, &ranges(random, base(family), end)))
}

fn ports(random: &mut Random) -> PortMatch {
    match random.below(8) {
        0 => PortMatch::In(PortSet::from_ranges([(0, 65_535)])),
        1 => PortMatch::In(PortSet::from_ranges([(2, 65_535)])),
        2 | 3 => PortMatch::Any,
        _ => PortMatch::In(PortSet::from_numbers(&ranges(random, 0, 5))),
    }
}

pub(super) fn matches(random: &mut Random, family: Family) -> Match {
    let tcp = ProtocolSet::only(Protocol::TCP);
    let udp = ProtocolSet::only(Protocol::UDP);
    let (protocols, has_ports) = match random.below(8) {
        0 => (ProtocolSet::all(), false),
        1 => (ProtocolSet::only(Protocol::ICMP), false),
        2 => (tcp.union(&ProtocolSet::only(Protocol::ICMP)), false),
        3 => (udp, true),
        4 => (tcp.union(&udp), true),
        _ => (tcp, true),
    };
    let (mut source_ports, mut destination_ports) = (PortMatch::Any, PortMatch::Any);
    if has_ports {
        destination_ports = ports(random);
        if random.one_in(3) {
            source_ports = ports(random);
        }
    }
    let source = addresses(random, family, 6);
    let destination = if random.one_in(3) { addresses(random, family, 2) } else { Addresses::any(family) };
    Match::new(MatchParts { source, destination, protocols, source_ports, destination_ports }).unwrap()
}

/// Up to `most` rules of both families.
pub(super) fn chain(random: &mut Random, most: u64) -> Chain {
    let count = random.below(most + 1) as u32;
    let only = random.one_in(3).then(|| random.family());
    let rules = (0..count).map(|id| {
        let family = only.unwrap_or_else(|| random.family());
        let verdict = if random.one_in(2) { Verdict::Allow } else { Verdict::Deny };
        let priority = Priority::user(1 + random.below(4) as u32).unwrap();
        Rule {
            matches: matches(random, family),
            outcome: Outcome { verdict, log: random.one_in(6) },
            rank: Rank::user(priority, verdict),
            origin: Origin::one(RuleId(id)),
        }
    });
    let rules = rules.collect();
    let default = if random.one_in(2) { Verdict::Allow } else { Verdict::Deny };
    Chain::new(rules, default, RuleId(count))
}

/// A region that need not follow the cuts of any rule.
pub(super) fn region(random: &mut Random, family: Family) -> Region {
    let region = Region::of(&matches(random, family));
    match random.below(4) {
        0 => Region::full(family),
        1 => region.subtract(&Region::of(&matches(random, family))).pop().unwrap_or(region),
        2 => region.intersect(&Region::of(&matches(random, family))).unwrap_or(region),
        _ => region,
    }
}

/// All packets of the small space: every chain made here treats any other packet like one of these.
pub(super) fn packets(family: Family) -> Vec<Packet> {
    let base = base(family);
    let address = |offset: u128| -> IpAddr { family.address(base - 1 + offset) };
    let mut packets = Vec::new();
    for source in (0..8).map(address) {
        for destination in (0..4).map(address) {
            for protocol in [1, 6, 17, 47].map(Protocol) {
                packets.push(Packet::new(source, destination, protocol, None).unwrap());
                if !protocol.has_ports() {
                    continue;
                }
                for source_port in [0, 1, 2, 3, 4, 5, 65_535] {
                    for destination_port in [0, 1, 2, 3, 4, 5, 65_535] {
                        let ports = PacketPorts { source: source_port, destination: destination_port };
                        packets.push(Packet::new(source, destination, protocol, Some(ports)).unwrap());
                    }
                }
            }
        }
    }
    packets
}

/// Whether a packet lies in a region.
pub(super) fn is_in(region: &Region, packet: &Packet) -> bool {
    let number = |port: Option<u16>| port.map_or(65_536, u128::from);
    let point = [
        Family::number(packet.source()),
        Family::number(packet.destination()),
        u128::from(packet.protocol().0),
        number(packet.source_port()),
        number(packet.destination_port()),
    ];
    packet.family() == region.family()
        && region.fields().iter().zip(point).all(|(f, value)| f.contains(value))
}

/// A tcp packet.
pub(super) fn packet(family: Family, ports: Option<PacketPorts>) -> Packet {
    let address = family.address(base(family));
    Packet::new(address, address, Protocol::TCP, ports).unwrap()
}

/// An allow rule for a tcp port in IPv6.
pub(super) fn to_port(port: u16, id: RuleId) -> Rule {
    let parts = MatchParts {
        source: Addresses::any(Family::V6),
        destination: Addresses::any(Family::V6),
        protocols: ProtocolSet::only(Protocol::TCP),
        source_ports: PortMatch::Any,
        destination_ports: PortMatch::In(PortSet::from_ranges([(port, port)])),
    };
    Rule {
        matches: Match::new(parts).unwrap(),
        outcome: Outcome::silent(Verdict::Allow),
        rank: Rank::user(Priority::LAST, Verdict::Allow),
        origin: Origin::one(id),
    }
}

/// A tcp rule without narrow fields and so many below it that each ask for few addresses and ports.
pub(super) fn narrow_chain(random: &mut Random, family: Family, count: u32) -> Chain {
    let like = to_port(0, RuleId(0));
    let rule = |id: u32| {
        let mut narrow = |end| {
            let first = random.below(end) as u16;
            let last = if random.one_in(3) { end as u16 } else { first + random.below(3) as u16 };
            (first, last)
        };
        let (source, ports) = if id == 0 { ((0, 5), (0, 4)) } else { (narrow(5), narrow(4)) };
        let source = Ranges::span(base(family) + u128::from(source.0), base(family) + u128::from(source.1));
        let parts = MatchParts {
            source: Addresses::unnamed(PrefixSet::from_ranges(family, &source)),
            destination: Addresses::any(family),
            destination_ports: PortMatch::In(PortSet::from_ranges([ports])),
            source_ports: if id == 0 { PortMatch::Any } else { self::ports(random) },
            ..like.matches.parts()
        };
        Rule { matches: Match::new(parts).unwrap(), origin: Origin::one(RuleId(id)), ..like.clone() }
    };
    Chain::from_ordered((0..=count).map(rule).collect(), Verdict::Deny, RuleId(count + 1))
}

/// The match of a rule with other destination ports.
pub(super) fn with_ports(rule: &Rule, destination_ports: PortMatch) -> Match {
    let mut parts = rule.matches.parts();
    parts.destination_ports = destination_ports;
    Match::new(parts).unwrap()
}

/// A test of ports.
pub(super) fn span(first: u16, last: u16) -> PortMatch {
    PortMatch::In(PortSet::from_ranges([(first, last)]))
}
