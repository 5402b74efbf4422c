//! Services: what rules ask of protocol and ports.

use alloc::vec::Vec;

use crate::{Match, Packet, PortMatch, Protocol, ProtocolSet};

/// The end of a packet whose port is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortEnd {
    /// The source port.
    Source,
    /// The destination port.
    Destination,
}

/// An inclusive range of ports; `None` for no test.
pub(super) type Span = Option<(u16, u16)>;

/// Protocols, and one range of ports at each end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// The protocols; only one where a port is tested.
    pub protocols: ProtocolSet,
    /// Source ports.
    pub source: Option<(u16, u16)>,
    /// Destination ports.
    pub destination: Option<(u16, u16)>,
}

/// More protocols than this stay one service.
const PROTOCOLS: usize = 4;

fn contains(wide: Span, narrow: Span) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => wide.0 <= narrow.0 && narrow.1 <= wide.1,
    }
}

fn meet(one: Span, other: Span) -> bool {
    match (one, other) {
        (None, _) | (_, None) => true,
        (Some(one), Some(other)) => one.0 <= other.1 && other.0 <= one.1,
    }
}

impl Service {
    /// Every packet.
    pub fn all() -> Self {
        Self { protocols: ProtocolSet::all(), source: None, destination: None }
    }

    /// Everything of one protocol.
    pub(super) fn protocol(protocol: Protocol) -> Self {
        Self { protocols: ProtocolSet::only(protocol), source: None, destination: None }
    }

    /// The protocol, where there is only one.
    pub fn only(&self) -> Option<Protocol> {
        self.protocols.iter().next().filter(|_| self.protocols.len() == 1)
    }

    /// Whether it asks for nothing.
    pub fn is_all(&self) -> bool {
        self.protocols.is_all() && self.source.is_none() && self.destination.is_none()
    }

    /// The range at one end.
    pub const fn span(&self, end: PortEnd) -> Option<(u16, u16)> {
        match end {
            PortEnd::Source => self.source,
            PortEnd::Destination => self.destination,
        }
    }

    /// The single port at one end.
    pub(super) fn port(&self, end: PortEnd) -> Option<u16> {
        self.span(end).filter(|(first, last)| first == last).map(|(port, _)| port)
    }

    /// Whether every packet of the other is one of this.
    pub(super) fn contains(&self, other: &Self) -> bool {
        contains(self.destination, other.destination)
            && contains(self.source, other.source)
            && other.protocols.is_subset(&self.protocols)
    }

    /// Whether some packet may be of both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        meet(self.destination, other.destination)
            && meet(self.source, other.source)
            && !self.protocols.intersect(&other.protocols).is_empty()
    }

    /// Whether a packet is of it.
    pub fn holds(&self, packet: &Packet) -> bool {
        let port = |span: Span, port: Option<u16>| {
            span.is_none_or(|(first, last)| port.is_some_and(|port| (first..=last).contains(&port)))
        };
        self.protocols.contains(packet.protocol())
            && port(self.source, packet.source_port())
            && port(self.destination, packet.destination_port())
    }

    /// The services of a match: one for each protocol and pair of port ranges.
    pub(super) fn of(matches: &Match) -> Vec<Self> {
        let spans = |ports: &PortMatch| match ports {
            PortMatch::Any => vec![None],
            PortMatch::In(set) => set.ranges().map(Some).collect(),
        };
        let (sources, destinations) = (spans(matches.source_ports()), spans(matches.destination_ports()));
        let protocols = matches.protocols();
        let tests_ports = !(matches.source_ports().is_any() && matches.destination_ports().is_any());
        let protocols: Vec<ProtocolSet> = if tests_ports || protocols.len() <= PROTOCOLS {
            protocols.iter().map(ProtocolSet::only).collect()
        } else {
            vec![*protocols]
        };
        let mut services = Vec::with_capacity(protocols.len() * sources.len() * destinations.len());
        for protocols in protocols {
            for source in &sources {
                let with =
                    |destination: &Span| Self { protocols, source: *source, destination: *destination };
                services.extend(destinations.iter().map(with));
            }
        }
        services
    }
}
