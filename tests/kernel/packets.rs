//! Which packets to try: the edges of every rule, at the addresses and interfaces where packets can meet them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{
    Direction, Family, InstanceId, NicPlan, NicRef, Packet, PacketHook, PacketPorts, Protocol,
};
use palisade_testkit::probe::{Form, Probe, deliverable};
use palisade_testkit::sample::hook_packets;

use crate::subject::{Subject, UNNAMED};

/// Packets at the edges of one NIC's rules in one direction.
const MOST: usize = 300;
/// Local addresses that no NIC owns.
const NOBODYS: [&str; 9] = [
    "255.255.255.255",
    "10.0.1.255",
    "224.0.0.1",
    "224.0.0.251",
    "239.1.2.3",
    "10.0.1.200",
    "ff02::1",
    "ff05::1:3",
    "fd00:1::200",
];
const REMOTES: [&str; 9] = [
    "203.0.113.9",
    "10.0.1.77",
    "10.0.0.5",
    "10.1.2.3",
    "192.0.2.66",
    "198.51.100.7",
    "2001:db8::9",
    "fd00:1::77",
    "fe80::9",
];
/// Protocol, source port and destination port; ports count where there are any.
const KINDS: [(u8, u16, u16); 12] = [
    (6, 40_000, 22),
    (6, 40_000, 80),
    (6, 1024, 443),
    (6, 22, 50_000),
    (17, 67, 68),
    (17, 68, 67),
    (17, 5353, 5353),
    (1, 0, 0),
    (2, 0, 0),
    (58, 0, 0),
    (47, 0, 0),
    (253, 0, 0),
];

/// A packet, where these fields go together.
pub fn packet(from: IpAddr, to: IpAddr, (protocol, source, destination): (u8, u16, u16)) -> Option<Packet> {
    let protocol = Protocol(protocol);
    let ports = protocol.has_ports().then_some(PacketPorts { source, destination });
    (Family::of(&from) == Family::of(&to)).then(|| Packet::new(from, to, protocol, ports).unwrap())
}

/// The packets of an instance's input or output hook.
pub fn host(subject: &Subject, at: InstanceId, direction: Direction) -> Vec<Probe> {
    let nics = &subject.plan.instances[at.0 as usize].nics;
    let mut interfaces: Vec<&str> = nics.iter().map(|nic| nic.interface.as_str()).collect();
    interfaces.push(UNNAMED);
    let mut probes = BTreeSet::new();
    for (number, nic) in nics.iter().enumerate() {
        let at = NicRef { instance: at, nic: number as u32 };
        let edges = hook_packets(&subject.plan, at, direction, 1, MOST);
        for (count, packet) in edges.iter().enumerate() {
            probes.insert(Probe::at(*packet, nic.interface.as_str()).form(form(count)));
            let elsewhere = interfaces[count % interfaces.len()];
            if count % 4 == 0 {
                probes.insert(Probe::at(*packet, elsewhere));
            }
            if count % 3 == 0 {
                probes.extend(elsewhere_local(packet, direction, count).map(|it| Probe::at(it, elsewhere)));
            }
        }
        probes.extend(
            plain(nic, direction)
                .into_iter()
                .enumerate()
                .map(|(count, packet)| Probe::at(packet, interfaces[count % interfaces.len()])),
        );
    }
    let hook = match direction {
        Direction::In => PacketHook::Input,
        Direction::Out => PacketHook::Output,
    };
    let own = |address: IpAddr| nics.iter().any(|nic| nic.addresses.contains(&address));
    // What a host sends to itself leaves by the loopback interface; only its source says whose it is.
    let comes_round = |it: &Packet| direction == Direction::Out && own(it.destination()) && !own(it.source());
    probes.into_iter().filter(|it| deliverable(&it.packet, hook) && !comes_round(&it.packet)).collect()
}

/// Most packets whole, some in fragments, some without a byte of payload.
pub fn form(count: usize) -> Form {
    match count % 8 {
        6 => Form::Fragments,
        7 => Form::Bare,
        _ => Form::Whole,
    }
}

/// The packet with a local address that no NIC owns.
fn elsewhere_local(packet: &Packet, direction: Direction, count: usize) -> Option<Packet> {
    let family = packet.family();
    let nobodys: Vec<IpAddr> = addresses(&NOBODYS).filter(|it| Family::of(it) == family).collect();
    let local = nobodys[count / 3 % nobodys.len()];
    let (from, to) = match direction {
        Direction::In => (packet.source(), local),
        Direction::Out if local.is_multicast() || local.to_string().ends_with(".255") => return None,
        Direction::Out => (local, packet.destination()),
    };
    Packet::new(from, to, packet.protocol(), packet.ports()).ok()
}

/// Every mix of some plain packets with one of the NIC's addresses, or with the addresses that a group of hosts hears.
fn plain(nic: &NicPlan, direction: Direction) -> Vec<Packet> {
    let mut pairs = Vec::new();
    for remote in addresses(&REMOTES) {
        for local in nic.addresses.iter().copied().filter(|it| Family::of(it) == Family::of(&remote)) {
            pairs.push(match direction {
                Direction::In => (remote, local),
                Direction::Out => (local, remote),
            });
        }
    }
    for group in addresses(&NOBODYS) {
        let family = Family::of(&group);
        let partner = match direction {
            Direction::In => addresses(&REMOTES).find(|it| Family::of(it) == family),
            Direction::Out => nic.addresses.iter().copied().find(|it| Family::of(it) == family),
        };
        pairs.extend(partner.map(|partner| (partner, group)));
    }
    let kinds = |(from, to): &(IpAddr, IpAddr)| KINDS.map(|kind| packet(*from, *to, kind));
    pairs.iter().flat_map(kinds).flatten().collect()
}

fn addresses(texts: &[&str]) -> impl Iterator<Item = IpAddr> {
    texts.iter().map(|text| text.parse().unwrap())
}
