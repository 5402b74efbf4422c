//! Any bytes load or are refused; what loads decides, explains and writes itself again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_ir::{Packet, PacketPorts, Protocol};
use palisade_matcher::Matcher;

fuzz_target!(|bytes: &[u8]| {
    let Ok(matcher) = Matcher::from_bytes(bytes) else { return };
    let ports = Some(PacketPorts { source: 40_000, destination: 443 });
    let (from, to) = ([203, 0, 113, 9].into(), [10, 0, 1, 1].into());
    let packet = Packet::new(from, to, Protocol::TCP, ports).expect("a packet");
    assert_eq!(matcher.decide(&packet), matcher.explain(&packet).verdict);
    Matcher::from_bytes(&matcher.to_bytes()).expect("its own bytes");
});
