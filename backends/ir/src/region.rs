//! Regions of header space: products of a set per field, with exact intersection, subtraction and witnesses.
//!
//! The port fields have one more point, [`NO_PORTS`], for packets without ports. Some points are no packets (one port
//! present and the other absent, ports on icmp); a region that holds only such points counts as empty.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Family, Match, Packet, PacketPorts, PortMatch, Protocol, ProtocolSet, Ranges};

/// The coordinate of "no port" in the port fields.
pub(crate) const NO_PORTS: u128 = 65_536;

/// A product of five sets within one family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Region {
    family: Family,
    /// Source, destination, protocol, source port, destination port.
    fields: [Ranges; 5],
}

impl Region {
    /// All packets of a family.
    pub fn full(family: Family) -> Self {
        let address = Ranges::span(0, family.last());
        let ports = Ranges::span(0, NO_PORTS);
        Self { family, fields: [address.clone(), address, Ranges::span(0, 255), ports.clone(), ports] }
    }

    /// The packets a match matches.
    pub fn of(matches: &Match) -> Self {
        let fields = [
            matches.source().prefixes.ranges().clone(),
            matches.destination().prefixes.ranges().clone(),
            protocols(matches.protocols()),
            ports(matches.source_ports()),
            ports(matches.destination_ports()),
        ];
        Self { family: matches.family(), fields }
    }

    /// Source, destination, protocol, source port and destination port, numbered as in [`Region::fields`].
    pub(crate) const fn from_fields(family: Family, fields: [Ranges; 5]) -> Self {
        Self { family, fields }
    }

    /// The family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Source, destination, protocol, source port and destination port; 65536 in a port field stands for no ports.
    pub const fn fields(&self) -> &[Ranges; 5] {
        &self.fields
    }

    /// Whether some packet is in the region.
    pub fn holds_packets(&self) -> bool {
        self.witness().is_some()
    }

    /// The packets in both regions; `None` when there are none.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        let mut fields = self.fields.clone();
        for (field, theirs) in fields.iter_mut().zip(&other.fields) {
            *field = field.intersect(theirs);
            if field.is_empty() {
                return None;
            }
        }
        Some(Self { family: self.family, fields }).filter(Self::holds_packets)
    }

    /// The packets of `self` that are not in `other`, as at most five disjoint regions.
    pub fn subtract(&self, other: &Self) -> Vec<Self> {
        if self.intersect(other).is_none() {
            return vec![self.clone()];
        }
        let mut rest = Vec::new();
        let mut common = self.clone();
        for (at, theirs) in other.fields.iter().enumerate() {
            let Some(field) = common.fields.get_mut(at) else { continue };
            let outside = field.subtract(theirs);
            let inside = field.intersect(theirs);
            if !outside.is_empty() {
                *field = outside;
                let piece = common.clone();
                if piece.holds_packets() {
                    rest.push(piece);
                }
            }
            if let Some(field) = common.fields.get_mut(at) {
                *field = inside;
            }
        }
        rest
    }

    /// Whether every packet of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        if self.family != other.family {
            return !self.holds_packets();
        }
        self.fields.iter().zip(&other.fields).all(|(mine, theirs)| mine.is_subset(theirs))
            || self.subtract(other).is_empty()
    }

    /// Some packet of the region: the smallest addresses, ports where possible. `None` when it holds no packet.
    pub fn witness(&self) -> Option<Packet> {
        let [source, destination, protocols, source_ports, destination_ports] = &self.fields;
        let (source, destination) = (source.first()?, destination.first()?);
        let port = |ports: &Ranges| ports.first().filter(|port| *port < NO_PORTS).map(|port| port as u16);
        let real = port(source_ports).zip(port(destination_ports));
        let absent = source_ports.contains(NO_PORTS) && destination_ports.contains(NO_PORTS);
        let transport =
            [Protocol::TCP, Protocol::UDP].into_iter().find(|p| protocols.contains(u128::from(p.0)));
        let (protocol, ports) = match (transport, real) {
            (Some(protocol), Some((source, destination))) => {
                (protocol, Some(PacketPorts { source, destination }))
            }
            (Some(protocol), None) if absent => (protocol, None),
            (Some(_), None) => return None,
            (None, _) if absent => (Protocol(protocols.first()? as u8), None),
            (None, _) => return None,
        };
        let (source, destination) = (self.family.address(source), self.family.address(destination));
        Packet::new(source, destination, protocol, ports).ok()
    }

    /// The region narrowed to some source addresses; `None` when nothing is left.
    pub fn with_source(&self, addresses: &Ranges) -> Option<Self> {
        let mut narrowed = self.clone();
        let [source, ..] = &mut narrowed.fields;
        *source = source.intersect(addresses);
        Some(narrowed).filter(Self::holds_packets)
    }

    /// The region narrowed to some destination addresses; `None` when nothing is left.
    pub fn with_destination(&self, addresses: &Ranges) -> Option<Self> {
        let mut narrowed = self.clone();
        let [_, destination, ..] = &mut narrowed.fields;
        *destination = destination.intersect(addresses);
        Some(narrowed).filter(Self::holds_packets)
    }
}

fn protocols(set: &ProtocolSet) -> Ranges {
    set.iter().map(|protocol| (u128::from(protocol.0), u128::from(protocol.0))).collect()
}

fn ports(ports: &PortMatch) -> Ranges {
    match ports {
        PortMatch::Any => Ranges::span(0, NO_PORTS),
        PortMatch::In(set) => set.numbers().clone(),
    }
}
