//! Raw IP packets judged by a compiled policy, without std: no files, no clock, no threads, only an allocator.
//!
//! What cannot be judged does not pass: bytes that are no IP packet, fragments, and IPv6 extension headers.

#![no_std]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use palisade_ir::{Packet, PacketPorts, Protocol, Verdict};
use palisade_matcher::{LoadError, Matcher, SessionTable};

/// A policy and the sessions that it has allowed.
pub struct Filter {
    matcher: Matcher,
    sessions: SessionTable,
}

impl Filter {
    /// From the bytes of a `.palisade` file; remembers at most so many sessions.
    pub fn new(policy: &[u8], sessions: usize) -> Result<Self, LoadError> {
        let matcher = Matcher::from_bytes(policy)?;
        Ok(Self { matcher, sessions: SessionTable::new(sessions) })
    }

    /// Whether a packet, from its IP header on, may pass at this time.
    pub fn passes(&mut self, bytes: &[u8], since_boot: Duration) -> bool {
        let judge = |packet| self.sessions.check(&self.matcher, &packet, since_boot);
        read(bytes).map(judge) == Some(Verdict::Allow)
    }
}

/// What rules look at.
fn read(bytes: &[u8]) -> Option<Packet> {
    match bytes.first()? >> 4 {
        4 => v4(bytes),
        6 => v6(bytes),
        _ => None,
    }
}

fn v4(bytes: &[u8]) -> Option<Packet> {
    let (header, _) = bytes.split_first_chunk::<20>()?;
    let [first, _, _, _, _, _, flags, offset, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let (more_fragments, offset) = (flags & 0x20 != 0, u16::from_be_bytes([flags & 0x1f, offset]));
    if more_fragments || offset > 0 {
        return None;
    }
    let ends = (Ipv4Addr::new(s0, s1, s2, s3).into(), Ipv4Addr::new(d0, d1, d2, d3).into());
    let length = usize::from(first & 0x0f).checked_mul(4).filter(|length| *length >= header.len())?;
    packet(ends, protocol, bytes.get(length..)?)
}

fn v6(bytes: &[u8]) -> Option<Packet> {
    let (header, payload) = bytes.split_first_chunk::<40>()?;
    let (fixed, addresses) = header.split_first_chunk::<8>()?;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let [_, _, _, _, _, _, next, _] = *fixed;
    let ends = (Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination.first_chunk::<16>()?).into());
    // Hop-by-hop options, routing, fragment, authentication and destination options.
    if matches!(next, 0 | 43 | 44 | 51 | 60) { None } else { packet(ends, next, payload) }
}

fn packet((source, destination): (IpAddr, IpAddr), protocol: u8, payload: &[u8]) -> Option<Packet> {
    let protocol = Protocol(protocol);
    let ports = match payload {
        _ if !protocol.has_ports() => None,
        [s0, s1, d0, d1, ..] => Some(PacketPorts {
            source: u16::from_be_bytes([*s0, *s1]),
            destination: u16::from_be_bytes([*d0, *d1]),
        }),
        _ => return None,
    };
    Packet::new(source, destination, protocol, ports).ok()
}

#[cfg(feature = "alone")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
