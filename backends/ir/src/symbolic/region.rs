//! Regions narrowed field by field, and regions as matches.

use alloc::vec::Vec;

use crate::region::NO_PORTS;
use crate::{
    Addresses, Match, MatchParts, Packet, PortMatch, PortSet, PrefixSet, Protocol, ProtocolSet, Ranges,
    Region,
};

impl Region {
    /// Narrowed to some protocols, by number; `None` when nothing is left.
    pub fn with_protocols(&self, numbers: &Ranges) -> Option<Self> {
        self.narrowed(2, numbers)
    }

    /// Narrowed to packets that have ports and whose source port is one of these.
    pub fn with_source_ports(&self, ports: &Ranges) -> Option<Self> {
        self.narrowed(3, &real(ports))
    }

    /// Narrowed to packets that have ports and whose destination port is one of these.
    pub fn with_destination_ports(&self, ports: &Ranges) -> Option<Self> {
        self.narrowed(4, &real(ports))
    }

    /// One packet alone.
    pub fn point(packet: &Packet) -> Self {
        let one = |number: u128| Ranges::span(number, number);
        let port = |port: Option<u16>| one(port.map_or(NO_PORTS, u128::from));
        let address = |address| one(crate::Family::number(address));
        let fields = [
            address(packet.source()),
            address(packet.destination()),
            one(packet.protocol().0.into()),
            port(packet.source_port()),
            port(packet.destination_port()),
        ];
        Self::from_fields(packet.family(), fields)
    }

    fn narrowed(&self, at: usize, values: &Ranges) -> Option<Self> {
        let mut fields = self.fields().clone();
        let field = fields.get_mut(at)?;
        *field = field.intersect(values);
        Some(Self::from_fields(self.family(), fields)).filter(Self::holds_packets)
    }

    /// The region as matches; `None` where only packets of tcp or udp without ports are left, which no match can say.
    pub fn matches(&self) -> Option<Vec<Match>> {
        let [source, destination, protocols, source_ports, destination_ports] = self.fields();
        let (source_ports, destination_ports) = (Ports::of(source_ports), Ports::of(destination_ports));
        let transport: Ranges =
            [Protocol::TCP, Protocol::UDP].iter().map(|p| (u128::from(p.0), u128::from(p.0))).collect();
        let addresses = |ranges| Addresses::unnamed(PrefixSet::from_ranges(self.family(), ranges));
        let of = |protocols: &Ranges, source_ports, destination_ports| {
            let numbers = protocols.iter().flat_map(|(first, last)| first..=last);
            let parts = MatchParts {
                source: addresses(source),
                destination: addresses(destination),
                protocols: numbers.map(|number| Protocol(number as u8)).collect::<ProtocolSet>(),
                source_ports,
                destination_ports,
            };
            Match::new(parts).ok()
        };
        if source_ports.all && destination_ports.all {
            return Some(of(protocols, PortMatch::Any, PortMatch::Any).into_iter().collect());
        }
        let (with, without) = (protocols.intersect(&transport), protocols.subtract(&transport));
        let absent = source_ports.absent && destination_ports.absent;
        if absent && !with.is_empty() {
            return None;
        }
        let bare =
            Some(without).filter(|_| absent).and_then(|rest| of(&rest, PortMatch::Any, PortMatch::Any));
        let tested = of(&with, source_ports.test(), destination_ports.test());
        Some(bare.into_iter().chain(tested).collect())
    }
}

fn real(ports: &Ranges) -> Ranges {
    ports.intersect(&Ranges::span(0, NO_PORTS - 1))
}

/// A port field.
struct Ports {
    real: Ranges,
    absent: bool,
    all: bool,
}

impl Ports {
    fn of(field: &Ranges) -> Self {
        Self { real: real(field), absent: field.contains(NO_PORTS), all: *field == Ranges::span(0, NO_PORTS) }
    }

    fn test(&self) -> PortMatch {
        if self.all { PortMatch::Any } else { PortMatch::In(PortSet::from_numbers(&self.real)) }
    }
}
