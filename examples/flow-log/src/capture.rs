//! Captures: the packets of a pcap or pcapng file with their times.

use std::io::Read;
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use palisade_ir::{Packet, PacketPorts, Protocol};
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
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
    let (mut interfaces, mut now) = (Vec::new(), Duration::ZERO);
    while let Some(block) = reader.next_block() {
        let (interface, data) = match block? {
            Block::SectionHeader(_) => {
                interfaces.clear();
                continue;
            }
            Block::InterfaceDescription(interface) => {
                interfaces.push(Interface::new(&interface));
                continue;
            }
            Block::EnhancedPacket(packet) => {
                let interface = interfaces.get(packet.interface_id as usize);
                now = interface.map_or(now, |interface| interface.time(packet.timestamp));
                (interface, packet.data)
            }
            Block::SimplePacket(packet) => (interfaces.first(), packet.data),
            _ => continue,
        };
        tally.packet(interface.and_then(|interface| parse(interface.link, &data)), now);
    }
    Ok(())
}

/// An interface of a pcapng file: what its packets begin with, and what its clock counts (if_tsresol and if_tsoffset of
/// draft-ietf-opsawg-pcapng): so many parts of a second, microseconds where nothing is said, since so many seconds.
struct Interface {
    link: DataLink,
    parts: Option<u128>,
    since: Duration,
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock<'_>) -> Self {
        let mut interface = Self { link: block.linktype, parts: Some(1_000_000), since: Duration::ZERO };
        for option in &block.options {
            match option {
                InterfaceDescriptionOption::IfTsResol(digits) => {
                    let base: u128 = if digits & 0x80 == 0 { 10 } else { 2 };
                    interface.parts = base.checked_pow((digits & 0x7f).into());
                }
                InterfaceDescriptionOption::IfTsOffset(seconds) => {
                    interface.since = Duration::from_secs(*seconds)
                }
                _ => {}
            }
        }
        interface
    }

    /// When a packet came, of which pcap-file says what its clock counted as if it always were nanoseconds.
    fn time(&self, counted: Duration) -> Duration {
        // What counts parts too small for a number did not count a nanosecond.
        let nanos = self.parts.map_or(0, |parts| counted.as_nanos().saturating_mul(1_000_000_000) / parts);
        self.since.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
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
