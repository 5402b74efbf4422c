//! Gateway placement: packets between every two interfaces, with sources and destinations that belong there or not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use palisade_ir::{Direction, Options, PacketHook, Placement, Verdict};
use palisade_testkit::lab::{Interface, Lab};
use palisade_testkit::probe::{Fate, Probe, deliverable};
use palisade_testkit::require_kernel;
use palisade_testkit::sample::hook_packets;
use palisade_testkit::session::{UdpPair, forget};

use crate::expected;
use crate::firewall::{Firewall, LAYOUTS, bare};
use crate::packets::{form, packet};
use crate::subject::{Subject, named, read};
use crate::verdicts::check;

/// Interfaces that no NIC lives behind.
const OTHERS: [&str; 2] = ["up0", "lan0"];
/// Packets at the edges of one NIC's rules in one direction.
const MOST: usize = 150;
const STRANGERS: [&str; 4] = ["203.0.113.9", "8.8.8.8", "2001:db8::9", "2001:db8::a"];

#[test]
fn gateway() {
    require_kernel!();
    everywhere(&named("gateway"));
}

/// Without any `via` only addresses say whose a packet is.
#[test]
fn gateway_without_via() {
    require_kernel!();
    everywhere(&named("tuple"));
    everywhere(&named("dual"));
}

/// More interfaces and addresses than stand in one chain of iptables, with names that begin alike.
#[test]
fn gateway_of_many() {
    require_kernel!();
    let group = "group web {\n  kind basic\n  network prod\n  inner allow\n  in {\n    10 allow tcp from any to port 443\n  }\n\
                 \n  out {\n    10 deny tcp to any port 25\n  }\n}\n";
    let mut text = format!("network prod = vpc\n{group}");
    for number in 1..=30 {
        let via = if number <= 14 { format!(" via tap{number}") } else { String::new() };
        let _ = writeln!(
            text,
            "instance web-{number} {{\n  nic eth0{via} address [10.0.0.{number}, fd00:b::{number:x}] groups web\n}}"
        );
    }
    everywhere(&read("many", &text));
}

/// Who knows the ports of another's session gets nothing into it from behind an interface of his own: the rules for
/// iptables once accepted what connection tracking called established before they asked where it came from.
#[test]
fn sessions_are_closed_to_spoofed_sources() {
    require_kernel!();
    let text = "network prod = vpc\ngroup asking {\n  kind basic\n  network prod\n  inner deny\n}\n\
                instance one {\n  nic eth0 via tap1 address [10.0.0.1, fd00:b::1] groups asking\n}\n\
                instance two {\n  nic eth0 via tap2 address [10.0.0.2, fd00:b::2] groups asking\n}\n";
    let subject = read("closed", text);
    let lab = Lab::gateway(&["tap1", "tap2", "up0"].map(|name| Interface::parse(name).unwrap())).unwrap();
    let ends: [(IpAddr, IpAddr); 2] = [("10.0.0.1", "8.8.8.8"), ("fd00:b::1", "2001:db8::9")]
        .map(|(own, theirs)| (own.parse().unwrap(), theirs.parse().unwrap()));
    for (own, theirs) in ends {
        lab.add_peer("tap1", own).unwrap();
        lab.add_peer("up0", theirs).unwrap();
        lab.add_way("tap1", theirs).unwrap();
        lab.add_way("up0", own).unwrap();
    }
    let (inside, outside) = (lab.peer("tap1").unwrap(), lab.peer("up0").unwrap());
    for firewall in Firewall::WHOLE {
        firewall.load(&lab, &firewall.emit(&subject.optimized, &bare(Placement::Gateway)));
        for (own, theirs) in ends {
            let (near, far) = (SocketAddr::new(own, 3000), SocketAddr::new(theirs, 4000));
            let pair = UdpPair::open((inside, near), (outside, far)).unwrap();
            assert!(
                !pair.answers().unwrap() && pair.asks().unwrap() && pair.answers().unwrap(),
                "{firewall:?}"
            );
            let asked = packet(own, theirs, (17, 3000, 4000)).unwrap();
            let passes = |packet, from, to| {
                lab.forward(&[Probe::through(packet, from, to)]).unwrap() == [Fate::Passed]
            };
            assert!(passes(asked.reply(), "up0", "tap1"), "{firewall:?}: the session goes on");
            assert!(!passes(asked, "tap2", "up0"), "{firewall:?}: from behind another interface");
            assert!(!passes(asked, "up0", "tap2"), "{firewall:?}: from outside");
            assert!(!passes(asked.reply(), "tap2", "tap1"), "{firewall:?}: an answer of a neighbour");
            assert!(passes(asked, "tap1", "up0"), "{firewall:?}: the session goes on still");
        }
        firewall.unload(&lab);
        forget(lab.center()).unwrap();
    }
}

fn everywhere(subject: &Subject) {
    let names = interfaces(subject);
    let parsed: Vec<Interface> = names.iter().map(|name| Interface::parse(name).unwrap()).collect();
    let lab = Lab::gateway(&parsed).unwrap();
    let probes = probes(subject, &names);
    let verdicts: Vec<Verdict> = probes.iter().map(|probe| expected::gateway(subject, probe)).collect();
    for (firewall, layout) in Firewall::WHOLE.into_iter().flat_map(|it| LAYOUTS.map(|layout| (it, layout))) {
        let options = Options { layout, ..bare(Placement::Gateway) };
        firewall.load(&lab, &firewall.emit(&subject.optimized, &options));
        let title = format!("gateway {} {firewall:?} {layout:?}", subject.name);
        check(&title, &probes, &verdicts, &lab.forward(&probes).unwrap());
        firewall.unload(&lab);
    }
    let count = probes.len();
    println!(
        "gateway {}: {count} packets at each of {} firewalls in two layouts",
        subject.name,
        Firewall::WHOLE.len()
    );
    assert!(count >= 500, "only {count} packets");
}

fn interfaces(subject: &Subject) -> Vec<String> {
    let vias = subject.plan.nics().filter_map(|(_, _, nic)| nic.via.as_ref()).map(ToString::to_string);
    let vias: BTreeSet<String> = vias.collect();
    vias.into_iter().chain(OTHERS.map(str::to_owned)).collect()
}

fn probes(subject: &Subject, names: &[String]) -> Vec<Probe> {
    let mut vias: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
    for (_, _, nic) in subject.plan.nics() {
        for address in &nic.addresses {
            vias.entry(*address).or_default().extend(nic.via.as_ref().map(|via| via.as_str()));
        }
    }
    let home = |address: IpAddr, other: usize, count: usize| match vias.get(&address).map(Vec::as_slice) {
        Some([]) | None => OTHERS[other],
        Some(several) => several[count % several.len()],
    };
    let ways: Vec<(&str, &str)> =
        names.iter().flat_map(|from| names.iter().map(move |to| (from.as_str(), to.as_str()))).collect();
    let mut found = BTreeSet::new();
    let mut packets = BTreeSet::new();
    for (at, ..) in subject.plan.nics() {
        for direction in [Direction::In, Direction::Out] {
            packets.extend(hook_packets(&subject.plan, at, direction, 1, MOST));
        }
    }
    packets.extend(plain(&vias.keys().copied().collect::<Vec<_>>()));
    for (count, packet) in packets.into_iter().enumerate() {
        let (from, to) = (home(packet.source(), 0, count), home(packet.destination(), 1, count / 2));
        found.insert(Probe::through(packet, from, to).form(form(count)));
        // Sources where they do not belong, and destinations that nobody has there.
        let (from, to) = ways[count % ways.len()];
        found.insert(Probe::through(packet, from, to));
    }
    found.into_iter().filter(|probe| deliverable(&probe.packet, PacketHook::Forward)).collect()
}

/// From every address to every other.
fn plain(managed: &[IpAddr]) -> Vec<palisade_ir::Packet> {
    let strangers = STRANGERS.map(|text| text.parse::<IpAddr>().unwrap());
    let all: Vec<IpAddr> = managed.iter().copied().chain(strangers).collect();
    let kinds = [(6, 40_000, 443), (6, 40_000, 22), (17, 40_000, 53), (1, 0, 0), (47, 0, 0)];
    let pairs = all.iter().flat_map(|from| all.iter().map(move |to| (*from, *to)));
    pairs.flat_map(|(from, to)| kinds.map(|kind| packet(from, to, kind))).flatten().collect()
}

/// A gateway's rules say nothing of traffic between two ends that the policy does not name.
#[test]
fn gateway_leaves_others_alone() {
    require_kernel!();
    let subject = named("gateway");
    let lab = Lab::gateway(&OTHERS.map(|name| Interface::parse(name).unwrap())).unwrap();
    let strangers = STRANGERS.map(|text| text.parse::<IpAddr>().unwrap());
    let probes: Vec<Probe> =
        plain(&strangers).into_iter().map(|packet| Probe::through(packet, "up0", "lan0")).collect();
    for firewall in Firewall::WHOLE {
        firewall.load(&lab, &firewall.emit(&subject.optimized, &bare(Placement::Gateway)));
        assert!(lab.forward(&probes).unwrap().iter().all(|fate| *fate == Fate::Passed), "{firewall:?}");
        firewall.unload(&lab);
    }
}
