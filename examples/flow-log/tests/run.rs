//! The program on real files: a capture written here packet by packet, and a flow log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use etherparse::PacketBuilder;
use palisade_matcher::Matcher;
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};

const POLICY: &str = "network prod = vpc

group web {
  kind basic
  network prod
  inner deny

  in {
    1 deny all from 203.0.113.66 \"abuse\"
    10 allow tcp from any to port 443
  }
}

instance web-1 {
  nic eth0 address [10.0.0.1, fd00::1] groups web
}
";

fn compile(folder: &Path) {
    let front = palisade::front::read_text("policy.sg", POLICY);
    let plan = palisade::lower::lower(&front.policy.expect("a policy"));
    std::fs::write(folder.join("web-1.palisade"), Matcher::new(&plan).to_bytes()).unwrap();
}

/// The exit code, standard output and error.
fn run(folder: &Path, log: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-flow-log"));
    let output = command.args(["web-1.palisade", log]).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A tcp packet on an Ethernet.
fn tcp(source: [u8; 4], destination: [u8; 4], ports: (u16, u16)) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(source, destination, 64);
    let mut bytes = Vec::new();
    builder.tcp(ports.0, ports.1, 1, 1000).write(&mut bytes, b"payload").unwrap();
    bytes
}

#[test]
fn a_capture() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path());
    let (web, client, abuser) = ([10, 0, 0, 1], [203, 0, 113, 9], [203, 0, 113, 66]);
    let mut v6 = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv6(
        [0xfe; 16],
        *b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
        64,
    );
    builder.udp(50_000, 443).write(&mut v6, b"quic").unwrap();
    let mut arp = vec![0xff; 12];
    arp.extend([0x08, 0x06, 0, 1]);
    let packets = [
        (0, tcp(client, web, (50_000, 443))),
        (1, tcp(web, client, (443, 50_000))),
        (2, tcp(abuser, web, (50_000, 443))),
        (3, tcp(client, web, (50_000, 22))),
        (4, tcp(client, web, (50_001, 22))),
        (5, v6),
        (6, arp),
        // The server asks; the answer comes in time, and much later.
        (7, tcp(web, abuser, (40_000, 80))),
        (8, tcp(abuser, web, (80, 40_000))),
        (2000, tcp(abuser, web, (80, 40_000))),
    ];
    let file = std::fs::File::create(folder.path().join("log.pcap")).unwrap();
    let header = PcapHeader { datalink: DataLink::ETHERNET, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(file, header).unwrap();
    for (second, data) in &packets {
        let packet = PcapPacket::new(Duration::from_secs(*second), data.len() as u32, data);
        writer.write_packet(&packet).unwrap();
    }
    drop(writer);
    let expected = "9 packets, 1 that are no IP
allowed        4
denied         5

denied most by
       3  web-1 eth0: default in
       2  web-1 eth0: web in 1
";
    assert_eq!(run(folder.path(), "log.pcap"), (0, expected.to_owned(), String::new()));
}

/// Interfaces of several kinds in one file: each packet is read by its own, and so is its time.
#[test]
fn a_capture_of_several_interfaces() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path());
    let (web, client) = ([10, 0, 0, 1], [203, 0, 113, 9]);
    let ethernet = |source, destination, ports| tcp(source, destination, ports);
    // The same from the IP header on.
    let raw = |source, destination, ports| tcp(source, destination, ports)[14..].to_vec();
    let packets = [
        (0, 0, ethernet(client, web, (50_000, 443))),
        (1, 1, raw(web, client, (443, 50_000))),
        (1, 2, raw(client, web, (50_000, 22))),
        // An interface whose packets nobody here can read, and no packet at all.
        (2, 3, raw(client, web, (50_001, 443))),
        (0, 5, vec![0; 3]),
        // The server asks; the answer comes in time, and much later.
        (0, 6, ethernet(web, client, (40_000, 80))),
        (1, 7, raw(client, web, (80, 40_000))),
        (0, 2000, ethernet(client, web, (80, 40_000))),
    ];
    // Microseconds, as nothing is said; nanoseconds; and powers of two.
    let interfaces = [
        (DataLink::ETHERNET, None, 1_000_000),
        (DataLink::RAW, Some(9), 1_000_000_000),
        (DataLink::BLUETOOTH_HCI_H4, Some(0x80 + 10), 1 << 10),
    ];
    let file = std::fs::File::create(folder.path().join("log.pcapng")).unwrap();
    let mut writer = PcapNgWriter::new(file).unwrap();
    for (linktype, digits, _) in interfaces {
        let options = digits.into_iter().map(InterfaceDescriptionOption::IfTsResol).collect();
        let interface = InterfaceDescriptionBlock { linktype, snaplen: 0xffff, options };
        writer.write_block(&interface.into_block()).unwrap();
    }
    for (interface_id, second, data) in &packets {
        let parts = interfaces.get(*interface_id as usize).map_or(1, |(_, _, parts)| *parts);
        let block = EnhancedPacketBlock {
            interface_id: *interface_id,
            // Written as a number of nanoseconds, whatever the interface counts.
            timestamp: Duration::from_nanos(second * parts),
            original_len: data.len() as u32,
            data: data.into(),
            options: Vec::new(),
        };
        writer.write_block(&block.into_block()).unwrap();
    }
    drop(writer);
    let expected = "6 packets, 2 that are no IP
allowed        4
denied         2

denied most by
       2  web-1 eth0: default in
";
    assert_eq!(run(folder.path(), "log.pcapng"), (0, expected.to_owned(), String::new()));
}

#[test]
fn a_flow_log_and_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path());
    let flow = |source: &str, port: u16| {
        format!(
            "{{\"src\":\"{source}\",\"dst\":\"10.0.0.1\",\"proto\":6,\"sport\":5,\"dport\":{port},\"bytes\":1}}\n"
        )
    };
    let mut log = String::new();
    for number in 0..200_000_u32 {
        let port = if number % 4 == 0 { 25 } else { 443 };
        log += &flow(&format!("198.51.{}.{}", number / 256 % 256, number % 256), port);
    }
    std::fs::write(folder.path().join("long.jsonl"), &log).unwrap();
    assert!(log.len() > 8 << 20, "long enough to show its progress");
    let expected = "200000 packets
allowed   150000
denied     50000

denied most by
   50000  web-1 eth0: default in
";
    assert_eq!(run(folder.path(), "long.jsonl"), (0, expected.to_owned(), String::new()));

    std::fs::write(folder.path().join("bad.jsonl"), flow("198.51.100.1", 443) + "\n{}\n").unwrap();
    let (code, _, error) = run(folder.path(), "bad.jsonl");
    assert!(code == 1 && error.contains("`bad.jsonl`: line 3: missing field `src`"), "{error}");
    std::fs::write(folder.path().join("cut.pcap"), [0xd4, 0xc3, 0xb2, 0xa1, 2, 0]).unwrap();
    let (code, _, error) = run(folder.path(), "cut.pcap");
    assert!(code == 1 && error.starts_with("`cut.pcap`: "), "{error}");
}
