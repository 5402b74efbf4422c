//! Reloads under a flood: no denied packet slips through, no allowed one is lost.

use std::net::IpAddr;

use palisade_ir::{Artifact, InstanceId, Options, Packet, PacketHook, Placement, Style};
use palisade_testkit::flood::Flood;
use palisade_testkit::lab::{Interface, Lab, Variant};
use palisade_testkit::probe::Probe;
use palisade_testkit::require_kernel;

use crate::firewall::Firewall;
use crate::packets::packet;
use crate::sessions::{OWN, addresses, host};
use crate::subject::{Subject, read};

const RELOADS: usize = 50;
/// Many more packets than the reloads take time for.
const MOST: u32 = 20_000_000;
/// Senders that neither policy knows.
const STRANGERS: [&str; 2] = ["8.8.8.8", "2a00::1"];

/// A policy with sets that are too long to stand in a rule, and with more addresses and NICs than rules tell apart one
/// by one. What it says of the flood's packets is the same for every `third`, and nothing else is.
fn policy(third: u8) -> Subject {
    let spare: String = (1..=5)
        .map(|number| {
            let address = format!("[10.0.2.{number}, fd00:2::{number}]");
            format!("instance spare-{number} {{\n  nic eth0 via tap-{number} address {address} groups server\n}}\n")
        })
        .collect();
    let friends: String = (0..30).map(|number| format!("  192.0.{}.0/24,\n", number * 3 + third)).collect();
    let text = format!(
        "network prod = vpc
set friends = [
  203.0.113.0/{},
  2001:db8::/{},
{friends}
]
group server {{
  kind basic
  network prod
  inner deny
  in {{
    {} allow udp from set friends to port [53, 123, 161, 514, {}]
    30 deny tcp from set friends log
    40 allow tcp from any to port {}
  }}
}}
instance server {{
  nic eth0 via tap1 address [{}, 10.0.1.21, 10.0.1.22, 10.0.1.23, 10.0.1.24] groups server
}}
{spare}",
        24 + third,
        48 + third,
        10 + third,
        1000 + u16::from(third),
        80 + third,
        OWN.join(", "),
    );
    read("flood", &text)
}

/// The second policy as look-ups, so that one layout takes the place of the other.
fn files(firewall: Firewall, placement: Placement, third: u8) -> Artifact {
    let layout = if third == 0 { Style::Auto } else { Style::Maps };
    let emitted = firewall.emit(&policy(third).optimized, &Options { layout, ..Options::at(placement) });
    let text: String = emitted.files.iter().map(|file| String::from_utf8_lossy(&file.contents)).collect();
    match firewall {
        Firewall::Nft => assert!(text.contains("flush set"), "the rules use a set:\n{text}"),
        Firewall::Ipset(_) => assert!(text.contains("swap"), "the rules use a set:\n{text}"),
        Firewall::Iptables(_) | Firewall::Chains(_) => {}
    }
    emitted
}

/// Floods one hook while rules are loaded; `probe` says which way a packet takes.
fn flood(
    firewall: Firewall,
    lab: &Lab,
    placement: Placement,
    hook: PacketHook,
    probe: impl Fn(Packet) -> Probe,
) {
    let [first, second] = [0, 1].map(|third| files(firewall, placement, third));
    firewall.load(lab, &first);
    for ((own, friend), stranger) in addresses().zip(STRANGERS) {
        let datagram = |from: IpAddr| probe(packet(from, own, (17, 4000, 53)).unwrap());
        let flood = Flood {
            hook,
            allowed: datagram(friend),
            denied: datagram(stranger.parse().unwrap()),
            most: MOST,
        };
        let count = lab.flood(&flood, || {
            for reload in 0..RELOADS {
                firewall.load(lab, if reload % 2 == 0 { &second } else { &first });
            }
            Ok(())
        });
        let count = count.unwrap();
        println!("{firewall:?} {hook:?} to {own}: {RELOADS} reloads, {count:?}");
        assert_eq!((count.leaked, count.lost), (0, 0), "{firewall:?} {hook:?} to {own}: {count:?}");
        assert!(count.allowed > 1000 && count.denied > 1000, "{count:?}");
    }
}

fn host_flood(firewall: Firewall) {
    let at = Placement::Host(InstanceId(0));
    flood(firewall, &host(&policy(0)), at, PacketHook::Input, |packet| Probe::at(packet, "eth0"));
}

fn gateway_flood(firewall: Firewall) {
    let lab = Lab::gateway(&["tap1", "up0"].map(|name| Interface::parse(name).unwrap())).unwrap();
    let inward = |packet| Probe::through(packet, "up0", "tap1");
    flood(firewall, &lab, Placement::Gateway, PacketHook::Forward, inward);
}

#[test]
fn nft_under_a_flood() {
    require_kernel!();
    host_flood(Firewall::Nft);
}

#[test]
fn iptables_under_a_flood() {
    require_kernel!();
    for variant in Variant::ALL {
        host_flood(Firewall::Iptables(variant));
    }
}

#[test]
fn ipset_under_a_flood() {
    require_kernel!();
    for variant in Variant::ALL {
        host_flood(Firewall::Ipset(variant));
    }
}

#[test]
fn a_gateway_under_a_flood() {
    require_kernel!();
    for firewall in [Firewall::Nft, Firewall::Iptables(Variant::Nft), Firewall::Ipset(Variant::Legacy)] {
        gateway_flood(firewall);
    }
}
