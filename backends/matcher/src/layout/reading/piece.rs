//! A piece of what a structure says: a product of sets of values, and what happens to its packets.

use alloc::vec::Vec;

use palisade_ir::{Family, Outcome, Protocol, Ranges, Region};

use super::super::outcome;
use super::super::rules::{BARE, FIELDS, LAST_SERVICE, UDP};

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

/// The packets of a region with some services and source ports.
fn services(whole: Region, services: Option<&Ranges>, source_ports: Option<&Ranges>) -> Vec<Region> {
    let ports = Ranges::span(0, u16::MAX.into());
    let source_ports = source_ports.filter(|some| **some != ports);
    if services.is_none() && source_ports.is_none() {
        return vec![whole];
    }
    let every = Ranges::span(0, LAST_SERVICE.into());
    let services = services.unwrap_or(&every);
    let part = |first: u32, last: u32| {
        let (first, last) = (u128::from(first), u128::from(last));
        let inside = services.intersect(&Ranges::span(first, last));
        inside.iter().map(|(low, high)| (low - first, high - first)).collect::<Ranges>()
    };
    let (tcp, udp) = (part(0, UDP - 1), part(UDP, BARE - 1));
    // The source port of packets without ports is looked up as 0.
    let without = part(BARE, LAST_SERVICE);
    let without = Some(without).filter(|_| source_ports.is_none_or(|some| some.contains(0)));
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
