//! Any text lifts or is refused by line, and what lifts decides every packet without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_ir::{Artifact, ArtifactFile, Backend, Ifname, Packet, PacketPorts, Protocol, Traversal};

fuzz_target!(|text: &str| {
    let artifact = Artifact { files: vec![ArtifactFile::text("nft", text.to_owned())] };
    let Ok(lifted) = palisade_nftables::Nftables.lift(&artifact) else { return };
    let eth0 = Ifname::new("eth0").expect("a name");
    let ports = Some(PacketPorts { source: 40_000, destination: 443 });
    let (from, to) = ([203, 0, 113, 9].into(), [10, 0, 1, 1].into());
    let packet = Packet::new(from, to, Protocol::TCP, ports).expect("a packet");
    lifted.decide(&packet, &Traversal::input(eth0.clone()));
    lifted.decide(&packet.reply(), &Traversal::output(eth0));
});
