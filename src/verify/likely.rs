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
    let local = || own.iter().take(MOST).copied();
    let remote = |now: IpAddr| [stranger].into_iter().chain(host(now));
    let replace = |packet: &mut Packet, others: &mut dyn Iterator<Item = Option<Packet>>| {
        if let Some(other) = others.flatten().find(&differs) {
            *packet = other;
        }
    };
    let mut best = packet;
    let at = best;
    let with_source = |source: IpAddr| Packet::new(source, at.destination(), at.protocol(), at.ports()).ok();
    let source = at.source();
    match hook {
        _ if own.contains(&source) => {}
        PacketHook::Input => replace(&mut best, &mut remote(source).map(with_source)),
        PacketHook::Output => replace(&mut best, &mut local().chain(remote(source)).map(with_source)),
        PacketHook::Forward => replace(&mut best, &mut remote(source).chain(local()).map(with_source)),
    }
    let at = best;
    let with_destination = |to: IpAddr| Packet::new(at.source(), to, at.protocol(), at.ports()).ok();
    let destination = at.destination();
    match hook {
        _ if own.contains(&destination) => {}
        PacketHook::Output => replace(&mut best, &mut remote(destination).map(with_destination)),
        PacketHook::Input | PacketHook::Forward => {
            replace(&mut best, &mut local().chain(remote(destination)).map(with_destination));
        }
    }
    for port in [40_000, 1_024] {
        let at = best;
        let ports = at.ports().filter(|ports| ports.source < 1_024);
        let ports = ports.map(|ports| PacketPorts { source: port, ..ports });
        let other = ports
            .and_then(|ports| Packet::new(at.source(), at.destination(), at.protocol(), Some(ports)).ok());
        replace(&mut best, &mut [other].into_iter());
    }
    for port in [443, 80, 53] {
        let at = best;
        let ports = at.ports().filter(|ports| ports.destination == 0);
        let ports = ports.map(|ports| PacketPorts { destination: port, ..ports });
        let other = ports
            .and_then(|ports| Packet::new(at.source(), at.destination(), at.protocol(), Some(ports)).ok());
        replace(&mut best, &mut [other].into_iter());
    }
    best
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
