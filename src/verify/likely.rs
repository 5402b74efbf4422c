//! A packet that shows a difference as well as another and looks more like one from real life: addresses of the policy's
//! NICs at their ends, a stranger's at the other, no first address of a prefix, ordinary ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use palisade_ir::{Family, Packet, PacketHook, PacketPorts, Placement, Plan};

/// The most addresses of NICs that are tried for an end.
const MOST: usize = 8;

/// The packet, with each field changed to a likelier value on which `differs` still says yes.
pub(super) fn likelier(
    packet: Packet,
    hook: PacketHook,
    plan: &Plan,
    placement: Placement,
    differs: impl Fn(&Packet) -> bool,
) -> Packet {
    let family = packet.family();
    let own: Vec<IpAddr> = plan
        .nics()
        .filter(|(at, ..)| match placement {
            Placement::Host(instance) => at.instance == instance,
            Placement::Gateway => true,
        })
        .flat_map(|(_, _, nic)| nic.addresses.iter().copied())
        .filter(|address| Family::of(address) == family)
        .collect();
    // Addresses for documentation (RFC 5737, RFC 3849).
    let stranger: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(203, 0, 113, 9).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).into(),
    };
    let local: Vec<IpAddr> = own.iter().take(MOST).copied().collect();
    let remote = |now: IpAddr| [stranger].into_iter().chain(host(now)).collect::<Vec<_>>();
    let better = |best: Packet, others: Vec<Packet>| others.into_iter().find(&differs).unwrap_or(best);

    let (now, mut best) = (packet.source(), packet);
    let sources = match hook {
        _ if own.contains(&now) => Vec::new(),
        PacketHook::Input => remote(now),
        PacketHook::Output => [local.clone(), remote(now)].concat(),
        PacketHook::Forward => [remote(now), local.clone()].concat(),
    };
    best = better(
        best,
        sources.into_iter().filter_map(|from| with_ends(&best, from, best.destination())).collect(),
    );
    let now = best.destination();
    let destinations = match hook {
        _ if own.contains(&now) => Vec::new(),
        PacketHook::Output => remote(now),
        PacketHook::Input | PacketHook::Forward => [local, remote(now)].concat(),
    };
    best =
        better(best, destinations.into_iter().filter_map(|to| with_ends(&best, best.source(), to)).collect());
    let sources = [40_000, 1_024].map(|source| with_ports(&best, |ports| PacketPorts { source, ..ports }));
    if best.ports().is_some_and(|ports| ports.source < 1_024) {
        best = better(best, sources.into_iter().flatten().collect());
    }
    let destinations =
        [443, 80, 53].map(|destination| with_ports(&best, |ports| PacketPorts { destination, ..ports }));
    if best.ports().is_some_and(|ports| ports.destination == 0) {
        best = better(best, destinations.into_iter().flatten().collect());
    }
    best
}

fn with_ends(packet: &Packet, from: IpAddr, to: IpAddr) -> Option<Packet> {
    Packet::new(from, to, packet.protocol(), packet.ports()).ok()
}

fn with_ports(packet: &Packet, change: impl Fn(PacketPorts) -> PacketPorts) -> Option<Packet> {
    Packet::new(packet.source(), packet.destination(), packet.protocol(), Some(change(packet.ports()?))).ok()
}

/// Near an address that may be the first of a prefix, one that a host could have.
fn host(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) if address.octets()[3] == 0 => {
            Some(Ipv4Addr::from_bits(address.to_bits() | 9).into())
        }
        IpAddr::V6(address) if address.segments()[7] == 0 => {
            Some(Ipv6Addr::from_bits(address.to_bits() | 9).into())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}
