//! Packets for a rule set: such that a rule decides, and such that none does.

use std::net::IpAddr;

use palisade_ir::{Chain, Family, Match, Packet, PacketHook, PacketPorts, PortMatch, PrefixSet, Protocol};
use palisade_testkit::probe::deliverable;
use palisade_testkit::sample::Dice;

const INSTANCE: [&str; 2] = ["10.0.0.1", "fd00::1"];
/// How often one packet is rolled before it is given up: some rule sets leave nothing undecided.
const TRIES: usize = 200;

/// Hits and misses, at most so many of each.
pub fn packets(chain: &Chain, family: Family, count: usize) -> (Vec<Packet>, Vec<Packet>) {
    let dice = &mut Dice::new(7);
    let rules: Vec<&Match> =
        chain.rules().iter().map(|rule| &rule.matches).filter(|it| it.family() == family).collect();
    let decided = |packet: &Packet| chain.decide(packet).rule.is_some();
    let mut hits = Vec::new();
    let mut misses = Vec::new();
    while hits.len() < count {
        let Some(rule) = dice.pick(&rules) else { break };
        hits.extend(point(dice, rule, rule));
    }
    let mut left = count * TRIES;
    while misses.len() < count && left > 0 {
        left -= 1;
        let (Some(one), Some(other)) = (dice.pick(&rules), dice.pick(&rules)) else { break };
        // Rules that ask for ports of every source decide nearly all mixtures: look elsewhere too.
        let packet = if left.is_multiple_of(2) { point(dice, one, other) } else { anywhere(dice, family) };
        misses.extend(packet.filter(|packet| !decided(packet)));
        // Where a rule decides everything there is nothing to find.
        if misses.is_empty() && left < count * (TRIES - 5) {
            break;
        }
    }
    (hits, misses)
}

/// A random packet with the source of one match and the transport of another.
fn point(dice: &mut Dice, source: &Match, transport: &Match) -> Option<Packet> {
    let protocols: Vec<Protocol> = match transport.protocols().is_all() {
        true => vec![Protocol::TCP, Protocol::UDP],
        false => transport.protocols().iter().collect(),
    };
    let protocol = *dice.pick(&protocols)?;
    let ports = protocol.has_ports().then(|| PacketPorts {
        source: port(dice, transport.source_ports()),
        destination: port(dice, transport.destination_ports()),
    });
    packet(address(dice, &source.source().prefixes)?, protocol, ports)
}

fn anywhere(dice: &mut Dice, family: Family) -> Option<Packet> {
    let protocol = if dice.percent(50) { Protocol::TCP } else { Protocol::UDP };
    let ports = PacketPorts { source: port(dice, &PortMatch::Any), destination: port(dice, &PortMatch::Any) };
    packet(address(dice, &PrefixSet::any(family))?, protocol, Some(ports))
}

fn packet(source: IpAddr, protocol: Protocol, ports: Option<PacketPorts>) -> Option<Packet> {
    let [v4, v6] = INSTANCE;
    let instance = if source.is_ipv4() { v4 } else { v6 };
    let packet = Packet::new(source, instance.parse().unwrap(), protocol, ports).ok()?;
    let own = source == packet.destination();
    // The prelude answers DHCP, and IGMP is its own.
    let prelude = packet.destination_port() == Some(68) || protocol == Protocol(2);
    (deliverable(&packet, PacketHook::Input) && !own && !prelude).then_some(packet)
}

fn address(dice: &mut Dice, prefixes: &PrefixSet) -> Option<IpAddr> {
    let ranges: Vec<(u128, u128)> = prefixes.ranges().iter().collect();
    let (first, last) = *dice.pick(&ranges)?;
    let number =
        first + (u128::from(dice.roll()) << 64 | u128::from(dice.roll())) % (last - first).saturating_add(1);
    Some(prefixes.family().address(number))
}

/// From 1024 up where the rule does not ask.
fn port(dice: &mut Dice, ports: &PortMatch) -> u16 {
    let ranges: Vec<(u16, u16)> = match ports {
        PortMatch::Any => vec![(1024, u16::MAX)],
        PortMatch::In(set) => set.ranges().collect(),
    };
    let (first, last) = *dice.pick(&ranges).expect("a rule asks for some port");
    dice.between(first.into(), last.into()) as u16
}
