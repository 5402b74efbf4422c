//! Connections and floods against hand-written rulesets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use palisade_ir::{Packet, PacketHook, PacketPorts, Protocol};
use palisade_testkit::flood::Flood;
use palisade_testkit::lab::{Interface, Lab};
use palisade_testkit::probe::Probe;
use palisade_testkit::require_kernel;
use palisade_testkit::session::{TcpPair, UdpPair, entries, forget};

const HOST: [&str; 2] = ["10.0.1.10", "fd00:1::10"];
const PEER: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

fn host() -> Lab {
    let lab = Lab::host(&[Interface::parse("eth0 10.0.1.10/32 fd00:1::10/128").unwrap()]).unwrap();
    for peer in PEER {
        lab.add_peer("eth0", peer.parse().unwrap()).unwrap();
    }
    lab
}

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

const RULES: &str = "
table inet fw {
  ct timeout tcp_910 { protocol tcp; policy = { established : 910, unack : 910, retrans : 910 }; }
  chain input { type filter hook input priority 0; policy drop; ct state established accept; tcp dport 80 accept; drop; }
  chain output {
    type filter hook output priority 0; policy drop
    ct state new meta l4proto tcp ct timeout set tcp_910
    ct state established accept
    th dport 53 accept
    tcp dport 443 accept
    drop
  }
}";

#[test]
fn sessions_through_a_host() {
    require_kernel!();
    let lab = host();
    lab.load_nft(RULES).unwrap();
    let (center, peer) = (lab.center(), lab.peer("eth0").unwrap());
    for (mine, theirs) in HOST.iter().zip(PEER) {
        let mut out = TcpPair::open(center, peer, at(theirs, 443)).unwrap().unwrap();
        assert!(out.talks().unwrap());
        let sessions = entries(center).unwrap();
        let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
        assert_eq!((session.protocol, session.destination), (6, theirs.parse().unwrap()));
        assert!((900..=910).contains(&session.seconds), "{session:?}");
        assert!(TcpPair::open(center, peer, at(theirs, 444)).unwrap().is_none());
        assert!(TcpPair::open(peer, center, at(mine, 443)).unwrap().is_none());
        let mut inward = TcpPair::open(peer, center, at(mine, 80)).unwrap().unwrap();
        assert!(inward.talks().unwrap());
        forget(center).unwrap();
        assert_eq!(entries(center).unwrap(), []);

        let udp = UdpPair::open((center, at(mine, 4000)), (peer, at(theirs, 53))).unwrap();
        assert!(!udp.answers().unwrap(), "nobody asked");
        assert!(udp.asks().unwrap());
        assert!(udp.answers().unwrap());
        forget(center).unwrap();
        assert!(!udp.answers().unwrap(), "forgotten");
        forget(center).unwrap();
        let silent = UdpPair::open((center, at(mine, 4001)), (peer, at(theirs, 54))).unwrap();
        assert!(!silent.asks().unwrap());
    }
}

#[test]
fn sessions_through_a_gateway() {
    require_kernel!();
    let interfaces = ["tap1 10.9.1.1/24", "tap2 10.9.2.1/24"].map(|text| Interface::parse(text).unwrap());
    let lab = Lab::gateway(&interfaces).unwrap();
    lab.add_peer("tap1", "10.9.1.2".parse().unwrap()).unwrap();
    lab.add_peer("tap2", "10.9.2.2".parse().unwrap()).unwrap();
    lab.add_way("tap1", "10.9.2.2".parse().unwrap()).unwrap();
    lab.add_way("tap2", "10.9.1.2".parse().unwrap()).unwrap();
    lab.load_nft(
        "table inet fw {
           chain forward { type filter hook forward priority 0; policy drop; ct state established accept; tcp dport 80 accept; }
         }",
    )
    .unwrap();
    let (left, right) = (lab.peer("tap1").unwrap(), lab.peer("tap2").unwrap());
    let mut open = TcpPair::open(left, right, at("10.9.2.2", 80)).unwrap().unwrap();
    assert!(open.talks().unwrap());
    assert!(TcpPair::open(right, left, at("10.9.1.2", 81)).unwrap().is_none());
}

fn udp(from: &str, to: &str, port: u16) -> Packet {
    let ports = Some(PacketPorts { source: 4000, destination: port });
    Packet::new(from.parse().unwrap(), to.parse().unwrap(), Protocol::UDP, ports).unwrap()
}

/// Replacing a table under traffic leaks and loses; filling it anew in one transaction does neither. Only the second
/// is certain, so only that is asserted, and that the counts can tell: rules removed for a moment show as leaks.
#[test]
fn a_flood_counts_leaks_and_losses() {
    require_kernel!();
    let lab = host();
    let rules = "table inet fw {
        chain input { type filter hook input priority 0; policy drop; }
      }
      flush table inet fw
      table inet fw { chain input { udp dport 53 accept; drop; }; }";
    for (mine, theirs) in HOST.iter().zip(PEER) {
        lab.load_nft(rules).unwrap();
        let flood = Flood {
            hook: PacketHook::Input,
            allowed: Probe::at(udp(theirs, mine, 53), "eth0"),
            denied: Probe::at(udp(theirs, mine, 54), "eth0"),
            most: 1_000_000,
        };
        let refilled = lab.flood(&flood, || (0..5).try_for_each(|_| lab.load_nft(rules))).unwrap();
        assert_eq!((refilled.lost, refilled.leaked), (0, 0), "{refilled:?}");
        assert!(refilled.allowed > 100 && refilled.denied > 100, "{refilled:?}");
        let closed = lab.flood(&flood, || lab.load_nft("flush table inet fw")).unwrap();
        assert!(closed.lost > 0 && closed.leaked == 0, "{closed:?}");
        let opened = lab.flood(&flood, || lab.load_nft("delete table inet fw")).unwrap();
        assert!(opened.leaked > 0, "{opened:?}");
    }
}

#[test]
fn a_flood_is_bounded() {
    require_kernel!();
    let lab = host();
    let packet = udp(PEER[0], HOST[0], 53);
    let probe = Probe::at(packet, "eth0");
    let flood = Flood { hook: PacketHook::Output, allowed: probe.clone(), denied: probe, most: 10 };
    let pause = || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        Ok(())
    };
    assert!(lab.flood(&flood, pause).is_err());
}
