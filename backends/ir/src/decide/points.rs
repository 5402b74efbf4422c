//! Packets as points of a space of five numbers, without the holes that regions have.
//!
//! Regions mark absent ports by a value of the port fields and so contain points that are no packets. Here the third
//! number says both protocol and whether there are ports: 0 to 255 is a packet of that protocol without ports,
//! [`TCP_PORTS`] and [`UDP_PORTS`] are packets with them. A packet without ports stands for all values of the port
//! numbers at once; no rule can tell these apart. Every point is a packet, so boxes never come out empty by surprise.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::region::NO_PORTS;
use crate::{Family, Match, Packet, PacketPorts, PortMatch, Protocol, Ranges, Region};

/// Protocol number of tcp with ports.
pub(crate) const TCP_PORTS: u128 = 256;
/// Protocol number of udp with ports.
pub(crate) const UDP_PORTS: u128 = 257;
/// The protocols with ports, by the number without them.
const TRANSPORT: [(Protocol, u128); 2] = [(Protocol::TCP, TCP_PORTS), (Protocol::UDP, UDP_PORTS)];
/// The last port.
const LAST_PORT: u128 = 65_535;

/// The last value of each number.
pub(crate) const fn last(family: Family) -> [u128; 5] {
    [family.last(), family.last(), UDP_PORTS, LAST_PORT, LAST_PORT]
}

/// The point of a packet.
pub(super) fn of_packet(packet: &Packet) -> [u128; 5] {
    let (source, destination) = (Family::number(packet.source()), Family::number(packet.destination()));
    let bare = u128::from(packet.protocol().0);
    let Some(ports) = packet.ports() else { return [source, destination, bare, 0, 0] };
    let protocol = if packet.protocol() == Protocol::UDP { UDP_PORTS } else { TCP_PORTS };
    [source, destination, protocol, u128::from(ports.source), u128::from(ports.destination)]
}

/// The packet at a point.
pub(crate) fn packet(family: Family, point: [u128; 5]) -> Option<Packet> {
    let [source, destination, protocol, source_port, destination_port] = point;
    let (source, destination) = (family.address(source), family.address(destination));
    let ports = PacketPorts { source: source_port as u16, destination: destination_port as u16 };
    match TRANSPORT.into_iter().find(|(_, with_ports)| *with_ports == protocol) {
        Some((transport, _)) => Packet::new(source, destination, transport, Some(ports)).ok(),
        None => Packet::new(source, destination, Protocol(protocol as u8), None).ok(),
    }
}

/// The points a match matches.
pub(super) fn of_match(matches: &Match) -> [Cow<'_, Ranges>; 5] {
    let tests_ports = !(matches.source_ports().is_any() && matches.destination_ports().is_any());
    let bare = matches.protocols().iter().map(|protocol| u128::from(protocol.0)).filter(|_| !tests_ports);
    let with_ports = TRANSPORT.into_iter().filter(|(bare, _)| matches.protocols().contains(*bare));
    let protocols = bare.chain(with_ports.map(|(_, number)| number)).map(|number| (number, number)).collect();
    [
        Cow::Borrowed(matches.source().prefixes.ranges()),
        Cow::Borrowed(matches.destination().prefixes.ranges()),
        Cow::Owned(protocols),
        ports(matches.source_ports()),
        ports(matches.destination_ports()),
    ]
}

fn ports(ports: &PortMatch) -> Cow<'_, Ranges> {
    match ports {
        PortMatch::Any => Cow::Owned(Ranges::span(0, LAST_PORT)),
        PortMatch::In(set) => Cow::Borrowed(set.numbers()),
    }
}

/// The points of a region: one product without ports and one with, or a single one where they join.
pub(crate) fn of_region(region: &Region) -> Vec<[Ranges; 5]> {
    let [source, destination, protocols, source_ports, destination_ports] = region.fields();
    let all_ports = Ranges::span(0, LAST_PORT);
    let real = [source_ports.intersect(&all_ports), destination_ports.intersect(&all_ports)];
    let product = |protocols: Ranges, [source_ports, destination_ports]: [Ranges; 2]| {
        [source.clone(), destination.clone(), protocols, source_ports, destination_ports]
    };
    let bare = if source_ports.contains(NO_PORTS) && destination_ports.contains(NO_PORTS) {
        protocols.intersect(&Ranges::span(0, 255))
    } else {
        Ranges::empty()
    };
    let with_ports: Ranges = TRANSPORT
        .into_iter()
        .filter(|(bare, _)| protocols.contains(u128::from(bare.0)))
        .map(|(_, number)| (number, number))
        .collect();
    let products = if real.iter().all(|ports| *ports == all_ports) {
        vec![product(bare.union(&with_ports), real)]
    } else {
        vec![product(bare, [all_ports.clone(), all_ports]), product(with_ports, real)]
    };
    products.into_iter().filter(|product| product.iter().all(|field| !field.is_empty())).collect()
}

/// A product of points as regions. The port numbers of packets without ports are taken to be all there.
pub(super) fn to_regions(family: Family, product: [Ranges; 5]) -> Vec<Region> {
    let [source, destination, protocols, source_ports, destination_ports] = product;
    let region = |protocols: Ranges, source_ports: &Ranges, destination_ports: &Ranges| {
        let (source, destination) = (source.clone(), destination.clone());
        let ports = [source_ports.clone(), destination_ports.clone()];
        let [source_ports, destination_ports] = ports;
        Region::from_fields(family, [source, destination, protocols, source_ports, destination_ports])
    };
    let any = Ranges::span(0, NO_PORTS);
    let all_ports = Ranges::span(0, LAST_PORT);
    let full = source_ports == all_ports && destination_ports == all_ports;
    // Without a port test where that says the same; tcp and udp else apart, with and without ports.
    let mut untested = protocols.intersect(&Ranges::span(0, 255));
    let (mut bare, mut with_ports) = (Ranges::empty(), Ranges::empty());
    for (transport, number) in TRANSPORT {
        let number_alone = Ranges::span(u128::from(transport.0), u128::from(transport.0));
        let is_bare = untested.overlaps(&number_alone);
        let has_ports = protocols.contains(number);
        if has_ports && is_bare && full {
            continue;
        }
        untested = untested.subtract(&number_alone);
        if is_bare {
            bare = bare.union(&number_alone);
        }
        if has_ports {
            with_ports = with_ports.union(&number_alone);
        }
    }
    let none = Ranges::span(NO_PORTS, NO_PORTS);
    [
        region(untested, &any, &any),
        region(bare, &none, &none),
        region(with_ports, &source_ports, &destination_ports),
    ]
    .into_iter()
    .filter(Region::holds_packets)
    .collect()
}
