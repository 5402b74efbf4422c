//! Packets at the edges of what a fault changed: where a verdict would show it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use palisade_ir::{Artifact, Family, Packet, PacketPorts, Plan, Protocol};
use palisade_testkit::sample::Dice;

/// How many packets are tried for one fault.
const MOST: usize = 120;

/// Packets between the addresses and with the ports and protocols that the changed lines name, and those beside them.
pub fn edges(plan: &Plan, before: &Artifact, after: &Artifact, dice: &mut Dice) -> Vec<Packet> {
    let (old, new) = (lines(before), lines(after));
    let changed: Vec<&String> = old.symmetric_difference(&new).collect();
    let (mut addresses, mut numbers) = (BTreeSet::new(), BTreeSet::from([1]));
    for word in changed.iter().flat_map(|line| line.split(|c: char| !is_part(c))) {
        addresses.extend(prefix(word).into_iter().flat_map(around));
        for number in word.split(['-', ':', '/']).filter_map(|part| part.parse::<u16>().ok()) {
            numbers.extend([number.saturating_sub(1), number, number.saturating_add(1)]);
        }
    }
    let calls = changed.iter().flat_map(|line| rust_prefixes(line));
    addresses.extend(calls.flat_map(around));
    let own: Vec<IpAddr> = plan.nics().flat_map(|(_, _, nic)| nic.addresses.clone()).collect();
    addresses.extend(own.iter().copied());
    let (addresses, numbers): (Vec<IpAddr>, Vec<u16>) =
        (addresses.into_iter().collect(), numbers.into_iter().collect());
    let mut packets = BTreeSet::new();
    for _ in 0..3 * MOST {
        let (Some(one), Some(other)) = (dice.pick(&own), dice.pick(&addresses)) else { break };
        let (source, destination) = if dice.percent(50) { (*one, *other) } else { (*other, *one) };
        let mut number = || dice.pick(&numbers).copied().unwrap_or_default();
        let (ports, named) = (PacketPorts { source: number(), destination: number() }, number() as u8);
        let named = [Protocol::TCP, Protocol::UDP, Protocol::TCP, Protocol::UDP, Protocol(named)];
        let protocol = dice.pick(&named).copied().unwrap_or(Protocol::TCP);
        let ports = protocol.has_ports().then_some(ports);
        packets.extend(Packet::new(source, destination, protocol, ports));
    }
    let mut packets: Vec<Packet> = packets.into_iter().collect();
    dice.shuffle(&mut packets);
    packets.truncate(MOST);
    packets
}

/// The lines of all files, each with how often it stood before: moved lines are no edges.
fn lines(artifact: &Artifact) -> BTreeSet<String> {
    artifact
        .files
        .iter()
        .flat_map(|file| std::str::from_utf8(&file.contents))
        .flat_map(str::lines)
        .map(str::to_owned)
        .collect()
}

fn is_part(c: char) -> bool {
    c.is_ascii_hexdigit() || ".:/-".contains(c)
}

fn prefix(word: &str) -> Option<IpNet> {
    word.parse().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `net(10, 0, 0, 0, 8)`, `ip6(0xfd00, ...)` and the like, as Rust modules write prefixes and addresses.
fn rust_prefixes(line: &str) -> Vec<IpNet> {
    let mut found = Vec::new();
    for (name, bits) in [("net(", 8), ("ip(", 8), ("net6(", 16), ("ip6(", 16)] {
        for arguments in line.split(name).skip(1).filter_map(|rest| rest.split(')').next()) {
            let number = |word: &str| match word.trim().strip_prefix("0x") {
                Some(hex) => u128::from_str_radix(hex, 16).ok(),
                None => word.trim().parse().ok(),
            };
            let Some(numbers) = arguments.split(',').map(number).collect::<Option<Vec<u128>>>() else {
                continue;
            };
            let (family, parts) = if bits == 8 { (Family::V4, 4) } else { (Family::V6, 8) };
            let address = numbers.iter().take(parts).fold(0, |all, part| (all << bits) | part);
            let whole = if family == Family::V4 { 32 } else { 128 };
            let length = numbers.get(parts).copied().unwrap_or(whole);
            found.extend(IpNet::new(family.address(address), length as u8).ok());
        }
    }
    found
}

fn around(net: IpNet) -> [IpAddr; 4] {
    let family = Family::of(&net.addr());
    let (first, last) = (Family::number(net.network()), Family::number(net.broadcast()));
    let all = [first.saturating_sub(1), first, last, last.saturating_add(1).min(family.last())];
    all.map(|number| family.address(number))
}
