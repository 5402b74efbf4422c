//! Packets as JSON lines: `{"src","dst","proto","sport","dport","from_instance","to_instance"}`.

use std::net::IpAddr;

use palisade_ir::{Packet, PacketPorts, Protocol};
use serde::Deserialize;

/// Why a line is no packet.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// Not the JSON that is asked for.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// An unknown protocol.
    #[error("unknown protocol `{0}`: write tcp, udp, icmp, icmpv6, gre or a number from 0 to 255")]
    Protocol(String),
    /// One port without the other.
    #[error("a packet has both ports or neither (neither stands for a fragment without ports)")]
    OnePort,
    /// Fields that do not go together.
    #[error(transparent)]
    Packet(#[from] palisade_ir::PacketError),
}

/// One line of a packet file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketLine {
    /// The packet.
    pub packet: Packet,
    /// Which instance sends, where the source address is ambiguous.
    pub from_instance: Option<String>,
    /// Which instance receives, where the destination address is ambiguous.
    pub to_instance: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    src: IpAddr,
    dst: IpAddr,
    proto: ProtocolField,
    sport: Option<u16>,
    dport: Option<u16>,
    from_instance: Option<String>,
    to_instance: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ProtocolField {
    Number(u8),
    Name(String),
}

impl PacketLine {
    /// Reads one line.
    pub fn parse(line: &str) -> Result<Self, PacketError> {
        let Line { src, dst, proto, sport, dport, from_instance, to_instance } = serde_json::from_str(line)?;
        let protocol = match proto {
            ProtocolField::Number(number) => Protocol(number),
            ProtocolField::Name(name) => Protocol::parse(&name).ok_or(PacketError::Protocol(name))?,
        };
        let ports = match (sport, dport) {
            (Some(source), Some(destination)) => Some(PacketPorts { source, destination }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(PacketError::OnePort),
        };
        let packet = Packet::new(src, dst, protocol, ports)?;
        Ok(Self { packet, from_instance, to_instance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_numbers_and_fragments() {
        let line = r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":"tcp","sport":1,"dport":2}"#;
        let packet = PacketLine::parse(line).unwrap().packet;
        assert_eq!(packet.ports(), Some(PacketPorts { source: 1, destination: 2 }));
        let by_number = line.replace("\"tcp\"", "6");
        assert_eq!(PacketLine::parse(&by_number).unwrap().packet, packet);
        let fragment = r#"{"src":"::1","dst":"::2","proto":17,"to_instance":"web-1"}"#;
        let fragment = PacketLine::parse(fragment).unwrap();
        assert_eq!(fragment.packet.ports(), None);
        assert_eq!(fragment.to_instance.as_deref(), Some("web-1"));
    }

    #[test]
    fn refuses_what_is_no_packet() {
        for (line, words) in [
            (r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":"tcp","sport":1}"#, "both ports"),
            (r#"{"src":"10.0.0.1","dst":"::2","proto":"tcp"}"#, "different address families"),
            (r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":"icmp","sport":1,"dport":1}"#, "only tcp and udp"),
            (r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":"http"}"#, "unknown protocol"),
            (r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":"tcp","port":1}"#, "unknown field"),
            (r#"{"src":"10.0.0","dst":"10.0.0.2","proto":"tcp"}"#, "invalid"),
        ] {
            let error = PacketLine::parse(line).unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
