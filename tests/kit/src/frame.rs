//! The bytes of a packet from the IP header down: whole or in fragments, labelled, with an ethernet frame around it.
//!
//! It knows the wire format and nothing of namespaces or observers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::err::ValueTooBigError;
use etherparse::{
    EtherType, Ethernet2Header, IpDscp, IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header,
};
use palisade_ir::{Packet, Protocol};

use crate::netns::{LabError, Result};
use crate::segment::segment;

/// Where a datagram is cut: behind a complete tcp header, and a multiple of eight.
const CUT: usize = 24;

/// How a packet is put on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// One datagram. A tcp or udp packet without ports becomes a later fragment that comes alone.
    #[default]
    Whole,
    /// Two fragments, the first one with the transport header.
    Fragments,
    /// One datagram without a byte behind the IP header, for protocols without ports; else as `Whole`.
    Bare,
    /// What answers a first packet (tcp SYN+ACK, echo reply), sent without a session; else as `Whole`.
    Answer,
    /// A neighbour solicitation in place of an icmpv6 echo, whose hop limit is below 255 as that of all packets here: it
    /// comes from farther away than a neighbour (RFC 4861, 7.1.1); else as `Whole`.
    Solicitation,
}

/// What the lab writes into a packet's header to know it again and to choose its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    /// IPv4 identification or IPv6 flow label.
    pub(crate) marker: u32,
    /// The six bits that choose the way out of a gateway.
    pub(crate) way: u8,
}

/// The IP datagrams of a packet, in the order of sending.
pub(crate) fn datagrams(packet: &Packet, label: Label, form: Form) -> Result<Vec<Vec<u8>>> {
    build(packet, label, form).map_err(|error| LabError::new(format!("build {packet:?}"), error))
}

/// An ethernet frame around a datagram.
pub(crate) fn frame(source: [u8; 6], destination: [u8; 6], datagram: &[u8]) -> Vec<u8> {
    let version = datagram.first().map_or(4, |byte| byte >> 4);
    let ether_type = if version == 6 { EtherType::IPV6 } else { EtherType::IPV4 };
    let header = Ethernet2Header { source, destination, ether_type };
    [header.to_bytes().as_slice(), datagram].concat()
}

/// The ethernet address a multicast group is sent to (RFC 1112, RFC 2464).
pub(crate) fn multicast_address(group: IpAddr) -> [u8; 6] {
    match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            [1, 0, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            [0x33, 0x33, a, b, c, d]
        }
    }
}

/// A part of a datagram: offset in units of eight bytes, whether more follow, and the bytes.
type Piece<'a> = (u16, bool, &'a [u8]);

fn build(packet: &Packet, label: Label, form: Form) -> std::result::Result<Vec<Vec<u8>>, String> {
    let body = segment(packet, label.marker as u16, form);
    let lone_fragment = packet.protocol().has_ports() && packet.ports().is_none();
    let pieces: Vec<Piece<'_>> = match (form, body.split_at_checked(CUT)) {
        _ if lone_fragment => vec![(CUT as u16 / 8, false, &body)],
        (Form::Fragments, Some((head, tail))) => vec![(0, true, head), (CUT as u16 / 8, false, tail)],
        _ => vec![(0, false, &body)],
    };
    pieces
        .into_iter()
        .map(|piece| match (packet.source(), packet.destination()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => v4(from, to, packet.protocol(), label, piece),
            (IpAddr::V6(from), IpAddr::V6(to)) => v6(from, to, packet.protocol(), label, piece),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                Err("mixed families".to_owned())
            }
        })
        .collect()
}

fn v4(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: Protocol,
    label: Label,
    (offset, more, bytes): Piece<'_>,
) -> std::result::Result<Vec<u8>, String> {
    let mut header =
        Ipv4Header::new(bytes.len() as u16, 64, IpNumber(protocol.0), from.octets(), to.octets())
            .map_err(|error: ValueTooBigError<u16>| error.to_string())?;
    header.identification = label.marker as u16;
    header.dscp = IpDscp::try_new(label.way).map_err(|error| error.to_string())?;
    header.dont_fragment = false;
    header.more_fragments = more;
    header.fragment_offset = IpFragOffset::try_new(offset).map_err(|error| error.to_string())?;
    header.header_checksum = header.calc_header_checksum();
    Ok([header.to_bytes().as_slice(), bytes].concat())
}

fn v6(
    from: Ipv6Addr,
    to: Ipv6Addr,
    protocol: Protocol,
    label: Label,
    (offset, more, bytes): Piece<'_>,
) -> std::result::Result<Vec<u8>, String> {
    let fragment_offset = IpFragOffset::try_new(offset).map_err(|error| error.to_string())?;
    let extension = (more || offset > 0).then(|| {
        Ipv6FragmentHeader::new(IpNumber(protocol.0), fragment_offset, more, label.marker).to_bytes()
    });
    let extension: &[u8] = extension.as_ref().map_or(&[], |bytes| bytes);
    let header = Ipv6Header {
        traffic_class: label.way << 2,
        flow_label: label.marker.try_into().map_err(|error: ValueTooBigError<u32>| error.to_string())?,
        payload_length: (extension.len() + bytes.len()) as u16,
        next_header: if extension.is_empty() {
            IpNumber(protocol.0)
        } else {
            IpNumber::IPV6_FRAGMENTATION_HEADER
        },
        hop_limit: 64,
        source: from.octets(),
        destination: to.octets(),
    };
    Ok([header.to_bytes().as_slice(), extension, bytes].concat())
}
