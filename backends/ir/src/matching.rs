//! What a rule asks of a packet.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Family, Packet, PortMatch, PrefixSet, Protocol, ProtocolSet, SetId};

/// Addresses a rule asks for, with the named set they come from where they are exactly that set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Addresses {
    /// The addresses.
    pub prefixes: Arc<PrefixSet>,
    /// The set of the plan that has exactly these addresses and gives them a name.
    pub set: Option<SetId>,
}

impl Addresses {
    /// Every address of a family.
    pub fn any(family: Family) -> Self {
        Self { prefixes: Arc::new(PrefixSet::any(family)), set: None }
    }

    /// Addresses without a name.
    pub fn unnamed(prefixes: PrefixSet) -> Self {
        Self { prefixes: Arc::new(prefixes), set: None }
    }
}

/// Why a match cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// Some field admits no value: no packet could match.
    #[error("the match is empty")]
    Empty,
    /// Source and destination differ in family.
    #[error("source and destination are of different address families")]
    MixedFamilies,
    /// A port test on protocols other than tcp and udp.
    #[error("ports can be tested for tcp and udp only")]
    PortsWithoutTransport,
}

/// A conjunction of tests on the five fields; never empty, one family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Match {
    source: Addresses,
    destination: Addresses,
    protocols: ProtocolSet,
    source_ports: PortMatch,
    destination_ports: PortMatch,
}

/// The fields of a [`Match`], to be destructured without `..` wherever each of them matters.
#[derive(Clone, Debug)]
pub struct MatchParts {
    /// Source addresses.
    pub source: Addresses,
    /// Destination addresses, of the same family.
    pub destination: Addresses,
    /// Protocols.
    pub protocols: ProtocolSet,
    /// Source ports; a test only when all protocols are tcp or udp.
    pub source_ports: PortMatch,
    /// Destination ports; a test only when all protocols are tcp or udp.
    pub destination_ports: PortMatch,
}

impl Match {
    /// A match, if it makes sense and some packet can match.
    pub fn new(parts: MatchParts) -> Result<Self, MatchError> {
        let MatchParts { source, destination, protocols, source_ports, destination_ports } = parts;
        if source.prefixes.family() != destination.prefixes.family() {
            return Err(MatchError::MixedFamilies);
        }
        let no_port = |ports: &PortMatch| matches!(ports, PortMatch::In(set) if set.is_empty());
        if source.prefixes.is_empty()
            || destination.prefixes.is_empty()
            || protocols.is_empty()
            || no_port(&source_ports)
            || no_port(&destination_ports)
        {
            return Err(MatchError::Empty);
        }
        let untested = source_ports.is_any() && destination_ports.is_any();
        if !untested && !protocols.iter().all(Protocol::has_ports) {
            return Err(MatchError::PortsWithoutTransport);
        }
        Ok(Self { source, destination, protocols, source_ports, destination_ports })
    }

    /// All fields, for destructuring.
    pub fn parts(&self) -> MatchParts {
        let Self { source, destination, protocols, source_ports, destination_ports } = self.clone();
        MatchParts { source, destination, protocols, source_ports, destination_ports }
    }

    /// The family of both ends.
    pub fn family(&self) -> Family {
        self.source.prefixes.family()
    }

    /// Source addresses.
    pub const fn source(&self) -> &Addresses {
        &self.source
    }

    /// Destination addresses.
    pub const fn destination(&self) -> &Addresses {
        &self.destination
    }

    /// Protocols.
    pub const fn protocols(&self) -> &ProtocolSet {
        &self.protocols
    }

    /// Source ports.
    pub const fn source_ports(&self) -> &PortMatch {
        &self.source_ports
    }

    /// Destination ports.
    pub const fn destination_ports(&self) -> &PortMatch {
        &self.destination_ports
    }

    /// Whether another match asks the same of the other family, and neither for an address: the halves of one rule.
    pub fn is_half_with(&self, other: &Self) -> bool {
        let any = |one: &Self| one.source.prefixes.is_any() && one.destination.prefixes.is_any();
        self.family() != other.family()
            && any(self)
            && any(other)
            && self.protocols == other.protocols
            && self.source_ports == other.source_ports
            && self.destination_ports == other.destination_ports
    }

    /// Whether the packet passes every test.
    pub fn matches(&self, packet: &Packet) -> bool {
        self.protocols.contains(packet.protocol())
            && self.destination_ports.matches(packet.destination_port())
            && self.source_ports.matches(packet.source_port())
            && self.source.prefixes.contains(packet.source())
            && self.destination.prefixes.contains(packet.destination())
    }

    /// Whether both test the same, names of sets aside.
    pub fn same_packets(&self, other: &Self) -> bool {
        self.source.prefixes == other.source.prefixes
            && self.destination.prefixes == other.destination.prefixes
            && self.protocols == other.protocols
            && self.source_ports == other.source_ports
            && self.destination_ports == other.destination_ports
    }
}
