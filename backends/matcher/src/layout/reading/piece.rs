//! A piece of what a structure says: a product of sets of values, and what happens to its packets.

use alloc::vec::Vec;

use palisade_ir::{Family, Outcome, Protocol, Ranges, Region};

use super::super::outcome;
use super::super::rules::{BARE_TCP, BARE_UDP, FIELDS, LAST_SERVICE, OTHER, UDP};

/// Some values of a field; `None` for all.
pub(crate) type Values = Option<Ranges>;

/// Packets to which the same happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    /// Source, destination, service and source port, as look-ups number them.
    pub(super) fields: [Values; FIELDS],
    /// Beside that.
    pub(super) within: Option<Region>,
    /// The coded outcome.
    pub(super) code: u8,
}

impl Piece {
    /// Every packet.
    pub(super) const fn all(code: u8) -> Self {
        Self { fields: [const { None }; FIELDS], within: None, code }
    }

    /// What happens.
    pub(crate) const fn outcome(&self) -> Outcome {
        outcome(self.code)
    }

    /// The packets, as disjoint regions.
    pub(crate) fn regions(&self, family: Family) -> Vec<Region> {
        let [source, destination, service, source_port] = &self.fields;
        let mut whole = Some(self.within.clone().unwrap_or_else(|| Region::full(family)));
        whole = whole.filter(|whole| whole.family() == family);
        if let Some(source) = source {
            whole = whole.and_then(|whole| whole.with_source(source));
        }
        if let Some(destination) = destination {
            whole = whole.and_then(|whole| whole.with_destination(destination));
        }
        let whole = whole.into_iter();
        whole.flat_map(|whole| services(whole, service.as_ref(), source_port.as_ref())).collect()
    }
}

/// The services from one to another, numbered from a new first number.
fn part(services: &Ranges, first: u32, last: u32, to: u8) -> Ranges {
    let inside = services.intersect(&Ranges::span(first.into(), last.into()));
    let moved = |number: u128| number - u128::from(first) + u128::from(to);
    inside.iter().map(|(low, high)| (moved(low), moved(high))).collect()
}

/// The protocols whose packets without ports have some services.
fn portless(services: &Ranges) -> Ranges {
    let (Protocol(tcp), Protocol(udp)) = (Protocol::TCP, Protocol::UDP);
    // The others follow each other, without the two.
    let (after_tcp, after_udp) = (OTHER + u32::from(tcp), OTHER + u32::from(udp) - 1);
    [
        part(services, BARE_TCP, BARE_TCP, tcp),
        part(services, BARE_UDP, BARE_UDP, udp),
        part(services, OTHER, after_tcp - 1, 0),
        part(services, after_tcp, after_udp - 1, tcp + 1),
        part(services, after_udp, LAST_SERVICE, udp + 1),
    ]
    .iter()
    .flat_map(Ranges::iter)
    .collect()
}

/// The packets of a region with some services and source ports.
fn services(whole: Region, services: Option<&Ranges>, source_ports: Option<&Ranges>) -> Vec<Region> {
    let ports = Ranges::span(0, u16::MAX.into());
    let source_ports = source_ports.filter(|some| **some != ports);
    if services.is_none() && source_ports.is_none() {
        return vec![whole];
    }
    let every = Ranges::span(0, LAST_SERVICE.into());
    let services = services.unwrap_or(&every);
    let (tcp, udp) = (part(services, 0, BARE_TCP - 1, 0), part(services, UDP, OTHER - 1, 0));
    // The source port of packets without ports is looked up as 0.
    let without = Some(portless(services)).filter(|_| source_ports.is_none_or(|some| some.contains(0)));
    let mut without = without.unwrap_or_default();
    let mut untested = without.clone();
    let mut with: Vec<(Ranges, Ranges)> = Vec::new();
    for (protocol, to) in [(Protocol::TCP, tcp), (Protocol::UDP, udp)] {
        let protocol = Ranges::span(protocol.0.into(), protocol.0.into());
        if without.overlaps(&protocol) && source_ports.is_none() && to == ports {
            // With ports and without: no test of them says the same.
            without = without.subtract(&protocol);
            continue;
        }
        untested = untested.subtract(&protocol);
        match with.first_mut().filter(|(_, known)| *known == to) {
            Some((protocols, _)) => *protocols = protocols.union(&protocol),
            None => with.push((protocol, to)),
        }
    }
    let mut regions: Vec<Region> = whole.with_protocols(&untested).into_iter().collect();
    let transport = without.subtract(&untested);
    if let Some(portless) = whole.with_protocols(&transport) {
        regions.extend(match portless.with_source_ports(&ports) {
            Some(ported) => portless.subtract(&ported),
            None => vec![portless],
        });
    }
    for (protocols, to) in with {
        let mut region = whole.with_protocols(&protocols);
        if let Some(from) = source_ports {
            region = region.and_then(|region| region.with_source_ports(from));
        }
        if to != ports || source_ports.is_none() {
            region = region.and_then(|region| region.with_destination_ports(&to));
        }
        regions.extend(region);
    }
    regions
}
