//! The first packet of a session, as far as rules can see it.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Family, Protocol};

/// Why a packet cannot exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Source and destination differ in family.
    #[error("source and destination are of different address families")]
    MixedFamilies,
    /// Ports on a protocol whose ports rules cannot test.
    #[error("only tcp and udp packets carry ports here")]
    PortsWithoutTransport,
}

/// Source and destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PacketPorts {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
}

/// The fields of a packet that rules test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Packet {
    source: IpAddr,
    destination: IpAddr,
    protocol: Protocol,
    ports: Option<PacketPorts>,
}

impl Packet {
    /// A packet; `ports` only for tcp and udp, `None` there meaning a fragment without a transport header.
    pub fn new(
        source: IpAddr,
        destination: IpAddr,
        protocol: Protocol,
        ports: Option<PacketPorts>,
    ) -> Result<Self, PacketError> {
        if Family::of(&source) != Family::of(&destination) {
            return Err(PacketError::MixedFamilies);
        }
        if ports.is_some() && !protocol.has_ports() {
            return Err(PacketError::PortsWithoutTransport);
        }
        Ok(Self { source, destination, protocol, ports })
    }

    /// The source address.
    pub const fn source(&self) -> IpAddr {
        self.source
    }

    /// The destination address.
    pub const fn destination(&self) -> IpAddr {
        self.destination
    }

    /// The protocol.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Source and destination port, if the packet has them.
    pub const fn ports(&self) -> Option<PacketPorts> {
        self.ports
    }

    /// The source port, if any.
    pub fn source_port(&self) -> Option<u16> {
        self.ports.map(|ports| ports.source)
    }

    /// The destination port, if any.
    pub fn destination_port(&self) -> Option<u16> {
        self.ports.map(|ports| ports.destination)
    }

    /// The address family.
    pub const fn family(&self) -> Family {
        Family::of(&self.source)
    }

    /// The first packet of the opposite direction.
    #[must_use]
    pub fn reply(&self) -> Self {
        let ports = self.ports.map(|p| PacketPorts { source: p.destination, destination: p.source });
        Self { source: self.destination, destination: self.source, protocol: self.protocol, ports }
    }
}
