//! Packets at the edges of what a plan's rules ask for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{Family, Packet, PacketPorts, Plan, PortMatch, Protocol, ProtocolSet, Ranges, Region};

use super::random::Random;

struct Edges {
    addresses: [Vec<u128>; 2],
    ports: Vec<u16>,
    protocols: Vec<Protocol>,
}

fn around(ranges: &Ranges, last: u128, into: &mut BTreeSet<u128>) {
    for (first, end) in ranges.iter() {
        into.extend([first.saturating_sub(1), first, end, end.saturating_add(1).min(last)]);
    }
}

fn edges(plan: &Plan) -> Edges {
    let mut addresses = [BTreeSet::new(), BTreeSet::new()];
    let mut ports = BTreeSet::from([0, 1, 65_535]);
    let mut protocols: BTreeSet<Protocol> = [0, 1, 2, 6, 17, 47, 58, 132, 255].map(Protocol).into();
    for (_, _, nic) in plan.nics() {
        for (at, family) in Family::ALL.into_iter().enumerate() {
            let own =
                nic.addresses.iter().filter(|ip| Family::of(ip) == family).map(|ip| Family::number(*ip));
            addresses[at].extend(own);
        }
        for rule in nic.ingress.rules().iter().chain(nic.egress.rules()) {
            let at = usize::from(rule.matches.family() == Family::V6);
            let last = rule.matches.family().last();
            around(rule.matches.source().prefixes.ranges(), last, &mut addresses[at]);
            around(rule.matches.destination().prefixes.ranges(), last, &mut addresses[at]);
            for field in [rule.matches.source_ports(), rule.matches.destination_ports()] {
                if let PortMatch::In(set) = field {
                    around(set.numbers(), 65_535, &mut ports);
                }
            }
            if rule.matches.protocols().len() < 8 {
                protocols.extend(rule.matches.protocols().iter());
            }
            let missing = ProtocolSet::all().subtract(rule.matches.protocols());
            protocols.extend(missing.iter().take(3));
        }
    }
    Edges {
        addresses: addresses.map(|set| set.into_iter().collect()),
        ports: ports.into_iter().map(|port| port as u16).collect(),
        protocols: protocols.into_iter().collect(),
    }
}

/// A packet per rule that it matches, and `count` combinations of edges.
pub fn at_edges(plan: &Plan, seed: u64, count: usize) -> Vec<Packet> {
    let edges = edges(plan);
    let mut random = Random::new(seed);
    let mut packets = Vec::new();
    for (_, _, nic) in plan.nics() {
        for rule in nic.ingress.rules().iter().chain(nic.egress.rules()) {
            packets.extend(Region::of(&rule.matches).witness());
        }
    }
    for _ in 0..count {
        let at = random.below(2);
        if edges.addresses[at].is_empty() {
            continue;
        }
        let address =
            |random: &mut Random| -> IpAddr { Family::ALL[at].address(*random.pick(&edges.addresses[at])) };
        let (source, destination) = (address(&mut random), address(&mut random));
        let protocol = if random.one_in(2) {
            *random.pick(&[Protocol::TCP, Protocol::UDP])
        } else {
            *random.pick(&edges.protocols)
        };
        let ports = (protocol.has_ports() && !random.one_in(8)).then(|| PacketPorts {
            source: *random.pick(&edges.ports),
            destination: *random.pick(&edges.ports),
        });
        packets.push(Packet::new(source, destination, protocol, ports).unwrap());
    }
    packets
}
