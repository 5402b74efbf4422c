//! What the cloud does outside the rules: each block does its work when asked for, and nothing else does it.

use std::net::UdpSocket;

use palisade_ir::{InstanceId, Options, Placement, Prelude, Verdict};
use palisade_testkit::lab::{Lab, Variant};
use palisade_testkit::probe::{Fate, Form, Probe};
use palisade_testkit::require_kernel;
use palisade_testkit::session::TcpPair;

use crate::firewall::{Firewall, bare};
use crate::packets::packet;
use crate::subject::{Subject, read};

/// Denied both ways, but for one service.
const POLICY: &str = "
network prod = vpc
group closed {
  kind enterprise
  network prod
  in {
    10 allow tcp from any to port 80
  }
}
instance host {
  nic eth0 address [10.0.5.1, fd00:5::1] groups closed
}
";
const NEAR: &str = "fd00:5::1";
const FAR: &str = "fd00:5::77";

#[test]
fn each_block_alone_and_all_but_each() {
    require_kernel!();
    let subject = read("prelude", POLICY);
    for firewall in [Firewall::Nft, Firewall::Iptables(Variant::Nft), Firewall::Iptables(Variant::Legacy)] {
        let lab = subject.host_lab(InstanceId(0));
        prepare_neighbour(&lab);
        for block in Prelude::ALL {
            for on in [true, false] {
                load(&lab, &subject, firewall, |it| (it == block) == on);
                assert_eq!(works(&lab, block), on, "{firewall:?}: {block:?} with it {on}");
                firewall.unload(&lab);
            }
        }
    }
}

fn load(lab: &Lab, subject: &Subject, firewall: Firewall, wanted: impl Fn(Prelude) -> bool) {
    let prelude = Prelude::ALL.into_iter().filter(|block| wanted(*block)).collect();
    let options = Options { prelude, unmanaged: Verdict::Deny, ..bare(Placement::Host(InstanceId(0))) };
    firewall.load(lab, &firewall.emit(&subject.optimized, &options));
}

/// Whether a block does what it is for: all of it, or none of it.
fn works(lab: &Lab, block: Prelude) -> bool {
    let seen: Vec<bool> = match block {
        Prelude::Loopback => ["127.0.0.1:8080", "[::1]:8080"]
            .map(|to| TcpPair::open(lab.center(), lab.center(), to.parse().unwrap()).unwrap().is_some())
            .to_vec(),
        Prelude::Invalid => {
            let pairs = [("203.0.113.9", "10.0.5.1"), ("2001:db8::9", NEAR)];
            let answers = pairs.map(|(from, to)| probe(from, to, (6, 443, 80)).form(Form::Answer));
            lab.input(&answers).unwrap().into_iter().map(|fate| fate == Fate::Dropped).collect()
        }
        Prelude::Ndp => {
            let from_afar = probe(FAR, NEAR, (58, 0, 0)).form(Form::Solicitation);
            assert_eq!(lab.input(&[from_afar]).unwrap(), [Fate::Dropped], "a router forwarded it");
            vec![finds_neighbour(lab)]
        }
        Prelude::Dhcp => {
            let input = [
                probe("10.0.5.254", "255.255.255.255", (17, 67, 68)),
                probe("10.0.5.254", "10.0.5.1", (17, 67, 68)),
                probe("fe80::1", NEAR, (17, 547, 546)),
            ];
            let output = [
                probe("10.0.5.1", "255.255.255.255", (17, 68, 67)),
                probe(NEAR, "ff02::1:2", (17, 546, 547)),
            ];
            let wrong_way = [
                probe("10.0.5.254", "10.0.5.1", (17, 68, 67)),
                probe("10.0.5.254", "10.0.5.1", (17, 1000, 68)),
                probe("fe80::1", NEAR, (17, 546, 547)),
                probe("fe80::1", NEAR, (17, 1000, 546)),
            ];
            assert_eq!(lab.input(&wrong_way).unwrap(), [Fate::Dropped; 4]);
            [lab.input(&input), lab.output(&output)]
                .into_iter()
                .flat_map(Result::unwrap)
                .map(passed)
                .collect()
        }
        Prelude::Igmp => {
            let input = [probe("10.0.5.254", "224.0.0.1", (2, 0, 0))];
            let output = [probe("10.0.5.1", "224.0.0.22", (2, 0, 0))];
            let other = [probe(FAR, NEAR, (2, 0, 0))];
            assert_eq!(lab.input(&other).unwrap(), [Fate::Dropped], "igmp is IPv4 only");
            [lab.input(&input), lab.output(&output)]
                .into_iter()
                .flat_map(Result::unwrap)
                .map(passed)
                .collect()
        }
    };
    assert!(seen.iter().all(|it| *it == seen[0]), "{block:?} by halves: {seen:?}");
    seen[0]
}

fn probe(from: &str, to: &str, kind: (u8, u16, u16)) -> Probe {
    Probe::at(packet(from.parse().unwrap(), to.parse().unwrap(), kind).unwrap(), "eth0")
}

fn passed(fate: Fate) -> bool {
    fate == Fate::Passed
}

fn prepare_neighbour(lab: &Lab) {
    let peer = lab.peer("eth0").unwrap();
    peer.run("ip", &["addr", "add", &format!("{FAR}/64"), "dev", "wire", "nodad"], "").unwrap();
    peer.sysctl(&[("net/ipv6/neigh/wire/retrans_time_ms", "100")]).unwrap();
}

/// Whether the far end learns the ethernet address of the host: a solicitation comes in, an advertisement goes out.
fn finds_neighbour(lab: &Lab) -> bool {
    let peer = lab.peer("eth0").unwrap();
    peer.run("ip", &["-6", "neigh", "flush", "dev", "wire"], "").unwrap();
    let sent =
        peer.enter(|| UdpSocket::bind((FAR, 4000)).and_then(|socket| socket.send_to(b"x", (NEAR, 4000))));
    sent.unwrap().unwrap();
    loop {
        let state = peer.run("ip", &["-6", "neigh", "show", NEAR, "dev", "wire"], "").unwrap();
        if state.contains("lladdr") || state.contains("FAILED") || state.is_empty() {
            return state.contains("lladdr");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
