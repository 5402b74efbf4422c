//! Packets at the edges of a plan's rules: where a verdict can change, and a little beside it.
//!
//! For each rule and field: the numbers just before, at both ends of, and just after each range, the other fields
//! inside the rule. Then some that mix edges of different rules, and some of no rule at all.

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{
    Direction, Family, NicPlan, NicRef, Packet, PacketPorts, Plan, PortMatch, Protocol, Ranges, Rule,
};

use super::Dice;

/// How many packets [`boundary_packets`] returns at most.
const MOST: usize = 160;
/// How many numbers are tried for one field of one rule.
const EDGES: usize = 10;
/// Protocols of which every plan gets some: those with names, and some without.
const PROTOCOLS: [u8; 9] = [6, 17, 1, 58, 47, 132, 253, 0, 255];
const PORTS: [u16; 12] = [0, 1, 22, 53, 79, 80, 81, 443, 1024, 3306, 40_000, 65_535];
/// Addresses that no policy manages.
const STRANGERS: [&str; 5] = ["203.0.113.9", "8.8.8.8", "192.0.2.1", "2001:db8:ffff::9", "2a00::1"];

/// Packets from and to the managed NICs of a plan, at most 160, sorted.
pub fn boundary_packets(plan: &Plan, seed: u64) -> Vec<Packet> {
    let hooks: Vec<(NicRef, Direction)> =
        plan.nics().flat_map(|(at, ..)| [(at, Direction::In), (at, Direction::Out)]).collect();
    let share = MOST.div_ceil(hooks.len().max(1));
    let all = hooks.iter().flat_map(|(at, direction)| hook_packets(plan, *at, *direction, seed, share));
    some_of(all.collect(), seed, MOST)
}

/// Packets to (`In`) or from (`Out`) the own addresses of one NIC, at most `most`, sorted.
pub fn hook_packets(plan: &Plan, at: NicRef, direction: Direction, seed: u64, most: usize) -> Vec<Packet> {
    let Some(nic) = plan.nic(at) else { return Vec::new() };
    let chain = match direction {
        Direction::In => &nic.ingress,
        Direction::Out => &nic.egress,
    };
    let mixed = seed ^ (u64::from(at.instance.0) << 20) ^ (u64::from(at.nic) << 10) ^ direction as u64;
    let mut draw = Draw { dice: Dice::new(mixed), direction, nic };
    let neighbours = neighbours(plan);
    let spots: Vec<Spot<'_>> =
        chain.rules().iter().map(|rule| Spot::new(rule, direction, &neighbours)).collect();
    let mut found = BTreeSet::new();
    for spot in &spots {
        draw.around(spot, &mut found);
    }
    for _ in 0..found.len() / 2 + 40 {
        found.extend(draw.mixture(&spots, &neighbours));
    }
    some_of(found, seed, most)
}

fn some_of(packets: BTreeSet<Packet>, seed: u64, most: usize) -> Vec<Packet> {
    let mut packets: Vec<Packet> = packets.into_iter().collect();
    Dice::new(seed).shuffle(&mut packets);
    packets.truncate(most);
    packets.sort_unstable();
    packets
}

/// Every managed address, the numbers beside it, and some strangers.
fn neighbours(plan: &Plan) -> Vec<IpAddr> {
    let managed = plan.nics().flat_map(|(_, _, nic)| &nic.addresses).flat_map(|address| {
        let (family, number) = (Family::of(address), Family::number(*address));
        [number.wrapping_sub(1), number, number.wrapping_add(1)].map(|number| family.address(number))
    });
    managed.chain(STRANGERS.iter().filter_map(|address| address.parse().ok())).collect()
}

/// The fields of a packet, seen from the NIC.
struct Fields {
    remote: IpAddr,
    protocol: Protocol,
    /// Source and destination.
    ports: [u16; 2],
}

/// A rule, and values that it matches.
struct Spot<'a> {
    rule: &'a Rule,
    remotes: &'a Ranges,
    inside: Vec<IpAddr>,
    protocols: Vec<Protocol>,
}

impl<'a> Spot<'a> {
    fn new(rule: &'a Rule, direction: Direction, neighbours: &[IpAddr]) -> Self {
        let remotes = match direction {
            Direction::In => &rule.matches.source().prefixes,
            Direction::Out => &rule.matches.destination().prefixes,
        };
        let near = neighbours.iter().copied().filter(|address| remotes.contains(*address));
        let ends = remotes.ranges().iter().take(EDGES).map(|(_, last)| remotes.family().address(last));
        let all = rule.matches.protocols().is_all();
        let protocols = match all {
            true => PROTOCOLS.map(Protocol).to_vec(),
            false => rule.matches.protocols().iter().take(EDGES).collect(),
        };
        Self { rule, remotes: remotes.ranges(), inside: near.chain(ends).collect(), protocols }
    }
}

struct Draw<'a> {
    dice: Dice,
    direction: Direction,
    nic: &'a NicPlan,
}

impl Draw<'_> {
    /// Packets at the edges of one rule.
    fn around(&mut self, spot: &Spot<'_>, found: &mut BTreeSet<Packet>) {
        let (matches, family) = (&spot.rule.matches, spot.rule.matches.family());
        for number in self.edges(spot.remotes, family.last()) {
            let fields = self.inside(spot);
            found.extend(self.packet(Fields { remote: family.address(number), ..fields }));
        }
        for protocol in spot.protocols.iter().copied().chain(PROTOCOLS.map(Protocol)) {
            let fields = self.inside(spot);
            found.extend(self.packet(Fields { protocol, ..fields }));
        }
        for (at, ports) in [matches.source_ports(), matches.destination_ports()].into_iter().enumerate() {
            let PortMatch::In(set) = ports else { continue };
            for number in self.edges(set.numbers(), u128::from(u16::MAX)) {
                let mut fields = self.inside(spot);
                if let Some(port) = fields.ports.get_mut(at) {
                    *port = number as u16;
                }
                found.extend(self.packet(fields));
            }
        }
    }

    /// Fields that the rule matches, unless its local filter excludes the NIC.
    fn inside(&mut self, spot: &Spot<'_>) -> Fields {
        let matches = &spot.rule.matches;
        Fields {
            remote: self.dice.pick(&spot.inside).copied().unwrap_or(matches.family().address(0)),
            protocol: self.dice.pick(&spot.protocols).copied().unwrap_or(Protocol::TCP),
            ports: [matches.source_ports(), matches.destination_ports()].map(|ports| self.port(ports)),
        }
    }

    /// Fields taken from anywhere.
    fn mixture(&mut self, spots: &[Spot<'_>], neighbours: &[IpAddr]) -> Option<Packet> {
        let mut one = || self.dice.pick(spots).map(|spot| self.inside(spot));
        let (a, b) = (one(), one());
        let stranger = *self.dice.pick(neighbours)?;
        let protocol = Protocol(*self.dice.pick(&PROTOCOLS)?);
        let ports = [self.port(&PortMatch::Any), self.port(&PortMatch::Any)];
        let mixed = match (a, b) {
            (Some(a), Some(b)) if self.dice.percent(60) => Fields { remote: a.remote, ..b },
            (Some(a), _) if self.dice.percent(50) => Fields { remote: stranger, ..a },
            _ => Fields { remote: stranger, protocol, ports },
        };
        self.packet(mixed)
    }

    fn port(&mut self, ports: &PortMatch) -> u16 {
        match ports {
            PortMatch::Any => self.dice.pick(&PORTS).copied().unwrap_or_default(),
            PortMatch::In(set) => {
                let ends: Vec<u16> = set.ranges().flat_map(|(first, last)| [first, last]).collect();
                self.dice.pick(&ends).copied().unwrap_or_default()
            }
        }
    }

    /// The numbers around both ends of some of the ranges.
    fn edges(&mut self, ranges: &Ranges, end: u128) -> Vec<u128> {
        let around = |(first, last): (u128, u128)| {
            let (before, after) = (first.checked_sub(1), last.checked_add(1).filter(|after| *after <= end));
            [before, Some(first), Some(last), after]
        };
        let mut edges: Vec<u128> = ranges.iter().flat_map(around).flatten().collect();
        edges.dedup();
        if edges.len() > EDGES {
            self.dice.shuffle(&mut edges);
            edges.truncate(EDGES);
        }
        edges
    }

    /// The packet between the fields' remote end and one of the NIC's own addresses of that family, if it has one.
    fn packet(&mut self, fields: Fields) -> Option<Packet> {
        let Fields { remote, protocol, ports: [source_port, destination_port] } = fields;
        let family = Family::of(&remote);
        let own: Vec<IpAddr> =
            self.nic.addresses.iter().copied().filter(|address| Family::of(address) == family).collect();
        let local = *self.dice.pick(&own)?;
        let (source, destination) = match self.direction {
            Direction::In => (remote, local),
            Direction::Out => (local, remote),
        };
        // Now and then a fragment without ports.
        let ports = (protocol.has_ports() && !self.dice.percent(4))
            .then_some(PacketPorts { source: source_port, destination: destination_port });
        Packet::new(source, destination, protocol, ports).ok()
    }
}
