//! Gateway placement: packets between every two interfaces, with sources and destinations that belong there or not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{Direction, Options, PacketHook, Placement, Verdict};
use palisade_testkit::lab::{Interface, Lab};
use palisade_testkit::probe::{Fate, Probe, deliverable};
use palisade_testkit::require_kernel;
use palisade_testkit::sample::hook_packets;

use crate::expected;
use crate::firewall::{Firewall, LAYOUTS, bare};
use crate::packets::{form, packet};
use crate::subject::{Subject, named};
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
