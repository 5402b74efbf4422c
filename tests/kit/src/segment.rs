//! What stands behind the IP header: a valid first packet of a session, for every protocol.
//!
//! Connection tracking reads headers and checksums before rules see a packet, and what it cannot read is no new
//! session; so all of them are right here, whatever the protocol.

use etherparse::checksum::Sum16BitWords;
use palisade_ir::{Packet, PacketPorts, Protocol};

use crate::frame::Form;

/// Bytes behind the header: enough for two fragments, and for a rule that wrongly reads ports where there are none.
const PAYLOAD: [u8; 40] = [0; 40];
const SCTP: Protocol = Protocol(132);
const UDP_LITE: Protocol = Protocol(136);

/// The bytes of a packet behind its IP header. `session` makes echo requests differ.
pub(crate) fn segment(packet: &Packet, session: u16, form: Form) -> Vec<u8> {
    let answer = form == Form::Answer;
    match (packet.protocol(), packet.ports()) {
        (Protocol::TCP, Some(ports)) => tcp(packet, ports, answer),
        (Protocol::UDP, Some(ports)) => udp(packet, ports),
        (Protocol::TCP | Protocol::UDP, None) => PAYLOAD.to_vec(),
        (_, _) if form == Form::Bare => Vec::new(),
        (Protocol::ICMP, _) => message(if answer { 0 } else { 8 }, session, Sum16BitWords::new()),
        (Protocol::ICMPV6, _) => {
            let kind = match form {
                Form::Answer => 129,
                Form::Solicitation => 135,
                Form::Whole | Form::Fragments | Form::Bare => 128,
            };
            message(kind, session, pseudo_header(packet, 8 + PAYLOAD.len()))
        }
        (Protocol::GRE, _) => [[0, 0, 8, 0].as_slice(), &PAYLOAD].concat(),
        (SCTP, _) => sctp_init(),
        (UDP_LITE, _) => udp(packet, PacketPorts { source: 5000, destination: 5001 }),
        (Protocol(_), _) => PAYLOAD.to_vec(),
    }
}

/// A SYN, or a SYN+ACK (RFC 9293).
fn tcp(packet: &Packet, ports: PacketPorts, answer: bool) -> Vec<u8> {
    let flags = if answer { 0x12 } else { 0x02 };
    let header = |checksum: [u8; 2]| {
        let [high, low] = checksum;
        let ports = [ports.source.to_be_bytes(), ports.destination.to_be_bytes()].concat();
        let rest = [0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, flags, 0xfa, 0xf0, high, low, 0, 0];
        [ports.as_slice(), &rest, &PAYLOAD].concat()
    };
    let unsummed = header([0, 0]);
    header(checksum(pseudo_header(packet, unsummed.len()), &unsummed))
}

/// UDP (RFC 768), or UDP-Lite with full coverage, which differs in nothing but the number (RFC 3828).
fn udp(packet: &Packet, ports: PacketPorts) -> Vec<u8> {
    let length = 8 + PAYLOAD.len();
    let header = |checksum: [u8; 2]| {
        let head = [ports.source, ports.destination, length as u16].map(u16::to_be_bytes).concat();
        [head.as_slice(), &checksum, &PAYLOAD].concat()
    };
    header(checksum(pseudo_header(packet, length), &header([0, 0])))
}

/// An echo message of ICMP (RFC 792) or ICMPv6 (RFC 4443), or a message of neighbour discovery (RFC 4861) about `::`.
fn message(kind: u8, session: u16, sum: Sum16BitWords) -> Vec<u8> {
    let message = |[high, low]: [u8; 2]| {
        let [id_high, id_low] = session.to_be_bytes();
        [[kind, 0, high, low, id_high, id_low, 0, 1].as_slice(), &PAYLOAD].concat()
    };
    message(checksum(sum, &message([0, 0])))
}

/// An SCTP packet with one INIT chunk, the only one that opens an association (RFC 9260).
fn sctp_init() -> Vec<u8> {
    let chunk = [1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1];
    let ports = [5000_u16, 5001].map(u16::to_be_bytes).concat();
    let packet = |checksum: [u8; 4]| [ports.as_slice(), &[0; 4], &checksum, &chunk].concat();
    packet(crc32c(&packet([0; 4])).to_le_bytes())
}

/// The checksum of SCTP (RFC 9260 appendix A), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 })
    });
    !sum
}

/// What the checksums of tcp, udp and icmpv6 count besides the bytes (RFC 9293, RFC 8200): the same sum in both families.
fn pseudo_header(packet: &Packet, length: usize) -> Sum16BitWords {
    let addresses = [packet.source(), packet.destination()];
    let sum = addresses.into_iter().fold(Sum16BitWords::new(), |sum, address| match address {
        std::net::IpAddr::V4(address) => sum.add_slice(&address.octets()),
        std::net::IpAddr::V6(address) => sum.add_slice(&address.octets()),
    });
    sum.add_2bytes([0, packet.protocol().0]).add_2bytes((length as u16).to_be_bytes())
}

fn checksum(sum: Sum16BitWords, bytes: &[u8]) -> [u8; 2] {
    // A sum of 0 would mean "none" in udp and is written as its other zero.
    sum.add_slice(bytes).to_ones_complement_with_no_zero().to_be().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283, "the check value of CRC-32C");
        let header =
            [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        assert_eq!(checksum(Sum16BitWords::new(), &header), [0xb8, 0x61]);
    }
}
