//! Captures: the packets of a pcap or pcapng file with their times.

use std::io::Read;
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use palisade_ir::{Packet, PacketPorts, Protocol};
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, PcapError};

use crate::tally::Tally;

/// How a capture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pcap,
    PcapNg,
}

impl Kind {
    /// By the first bytes; `None` when this is no capture.
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        // The magic numbers of draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng, in either byte order.
        match start.first_chunk()? {
            [0xa1, 0xb2, 0xc3, 0xd4 | 0x4d] | [0xa1, 0xb2, 0x3c, 0x4d] => Some(Self::Pcap),
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => Some(Self::Pcap),
            [0x0a, 0x0d, 0x0d, 0x0a] => Some(Self::PcapNg),
            _ => None,
        }
    }
}

pub(crate) fn read(kind: Kind, reader: impl Read, tally: &mut Tally<'_>) -> Result<(), String> {
    match kind {
        Kind::Pcap => pcap(reader, tally),
        Kind::PcapNg => pcapng(reader, tally),
    }
    .map_err(|error| error.to_string())
}

fn pcap(reader: impl Read, tally: &mut Tally<'_>) -> Result<(), PcapError> {
    let mut reader = PcapReader::new(reader)?;
    let link = reader.header().datalink;
    while let Some(packet) = reader.next_packet() {
        let packet = packet?;
        tally.packet(parse(link, &packet.data), packet.timestamp);
    }
    Ok(())
}

fn pcapng(reader: impl Read, tally: &mut Tally<'_>) -> Result<(), PcapError> {
    let mut reader = PcapNgReader::new(reader)?;
    let (mut links, mut now) = (Vec::new(), Duration::ZERO);
    while let Some(block) = reader.next_block() {
        let (interface, data) = match block? {
            Block::SectionHeader(_) => {
                links.clear();
                continue;
            }
            Block::InterfaceDescription(interface) => {
                links.push(interface.linktype);
                continue;
            }
            Block::EnhancedPacket(packet) => {
                now = packet.timestamp;
                (packet.interface_id as usize, packet.data)
            }
            Block::SimplePacket(packet) => (0, packet.data),
            _ => continue,
        };
        let packet = links.get(interface).and_then(|link| parse(*link, &data));
        tally.packet(packet, now);
    }
    Ok(())
}

/// The fields that rules test; `None` for what is no IP.
fn parse(link: DataLink, data: &[u8]) -> Option<Packet> {
    let sliced = match link {
        DataLink::ETHERNET => SlicedPacket::from_ethernet(data),
        DataLink::LINUX_SLL => SlicedPacket::from_linux_sll(data),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => SlicedPacket::from_ip(data),
        _ => return None,
    }
    .ok()?;
    let (source, destination, protocol) = match sliced.net? {
        NetSlice::Ipv4(v4) => {
            let header = v4.header();
            (header.source_addr().into(), header.destination_addr().into(), v4.payload().ip_number)
        }
        NetSlice::Ipv6(v6) => {
            let header = v6.header();
            (header.source_addr().into(), header.destination_addr().into(), v6.payload().ip_number)
        }
        NetSlice::Arp(_) => return None,
    };
    // Fragments behind the first have no transport header.
    let ports = match sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => Some((tcp.source_port(), tcp.destination_port())),
        Some(TransportSlice::Udp(udp)) => Some((udp.source_port(), udp.destination_port())),
        _ => None,
    };
    let ports = ports.map(|(source, destination)| PacketPorts { source, destination });
    Packet::new(source, destination, Protocol(protocol.0), ports).ok()
}
