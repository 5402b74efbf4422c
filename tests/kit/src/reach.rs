//! What the kernel discards before any rule of a hook sees it.
//!
//! Sources: ip_route_input_slow (net/ipv4/route.c), ip_local_deliver (net/ipv4/ip_input.c), ip6_rcv_core
//! (net/ipv6/ip6_input.c), ip6_forward (net/ipv6/ip6_output.c), ipv6_find_hdr (net/ipv6/exthdrs_core.c); each case
//! is tried with real packets by this crate's tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use palisade_ir::{Packet, PacketHook};

/// Numbers that are extension headers in IPv6: the protocol is what follows them, it is never one of these.
const EXTENSIONS: [u8; 5] = [0, 43, 44, 51, 60];

/// Whether the kernel brings such a packet to the hook, with just these fields; if not, no ruleset can be asked about it.
///
/// A packet to one of the host's own addresses is a case of its own: at output it leaves by the loopback interface.
pub fn deliverable(packet: &Packet, hook: PacketHook) -> bool {
    // A later fragment alone is kept for its first one wherever connection tracking or local delivery reassembles.
    let lone_fragment = packet.protocol().has_ports() && packet.ports().is_none();
    !lone_fragment
        && match (packet.source(), packet.destination()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => v4(source, destination, hook),
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                !EXTENSIONS.contains(&packet.protocol().0) && v6(source, destination, hook)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
}

fn v4(source: Ipv4Addr, destination: Ipv4Addr, hook: PacketHook) -> bool {
    let from_somewhere =
        !source.is_multicast() && !source.is_broadcast() && !source.is_loopback() && !source.is_unspecified();
    let to_somewhere = !destination.is_loopback() && !destination.is_unspecified();
    let to_one = !destination.is_multicast() && !destination.is_broadcast();
    from_somewhere && to_somewhere && (hook != PacketHook::Forward || to_one)
}

fn v6(source: Ipv6Addr, destination: Ipv6Addr, hook: PacketHook) -> bool {
    let [_, flags_and_scope, ..] = destination.octets();
    // RFC 4291 2.7: scope 0 is reserved, scope 1 stays on the interface.
    let leaves_interface = !destination.is_multicast() || flags_and_scope & 0x0f > 1;
    let from_somewhere = !source.is_multicast() && !source.is_loopback();
    // A host that sends to the unspecified address means itself; what arrives so is delivered.
    let to_itself = destination.is_unspecified() && hook == PacketHook::Output;
    let to_somewhere = !destination.is_loopback() && !to_itself && leaves_interface;
    let crosses_links =
        |ip: Ipv6Addr| !ip.is_unicast_link_local() && !ip.is_unspecified() && !ip.is_multicast();
    let routed = crosses_links(source) && crosses_links(destination);
    from_somewhere && to_somewhere && (hook != PacketHook::Forward || routed)
}
