//! Real packets through a gateway: one namespace forwards, each of its interfaces leads to a namespace of its own.
//!
//! IPv4 datagrams only; the IPv6 table is built and read by the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use palisade_iptables::Iptables;
use palisade_ir::{
    Backend, Family, Ifname, Options, Packet, PacketPorts, Placement, Plan, Protocol, Verdict,
};

use crate::common::loading::{VARIANTS, load};
use crate::common::netns::Namespace;
use crate::common::random::Random;
use crate::common::{self, judge, packets, plans};
use crate::live::{self, STRANGERS, TOOLS};

/// A gateway and what lies behind each of its interfaces.
struct Network {
    gateway: Namespace,
    behind: BTreeMap<Ifname, Namespace>,
}

/// Where addresses live: the interface that leads to each, and the sources each interface's side sends from.
struct Map {
    homes: BTreeMap<IpAddr, Ifname>,
    sources: BTreeMap<Ifname, BTreeSet<IpAddr>>,
}

fn map(plan: &Plan, interfaces: &[Ifname], random: &mut Random) -> Map {
    let mut homes = BTreeMap::new();
    for (_, _, nic) in plan.nics() {
        for address in nic.addresses.iter().filter(|address| Family::of(address) == Family::V4) {
            let via = nic.via.clone().filter(|_| !random.one_in(3));
            homes.insert(*address, via.unwrap_or_else(|| random.pick(interfaces).clone()));
        }
    }
    for stranger in STRANGERS.iter().filter_map(|text| text.parse().ok()).filter(IpAddr::is_ipv4) {
        homes.insert(stranger, random.pick(interfaces).clone());
    }
    let all: Vec<IpAddr> = homes.keys().copied().collect();
    let sources = interfaces.iter().map(|interface| {
        let own = homes.iter().filter(|(_, home)| *home == interface).map(|(address, _)| *address);
        let spoofed: Vec<IpAddr> = (0..2).map(|_| *random.pick(&all)).collect();
        (interface.clone(), own.chain(spoofed).collect())
    });
    Map { sources: sources.collect(), homes }
}

/// Nothing on the way but the firewall may drop: no reverse path filter, own addresses accepted as sources.
const LENIENT: &str = "for key in rp_filter accept_local forwarding; do \
    for at in all default; do echo $([ $key = rp_filter ] && echo 0 || echo 1) \
    > /proc/sys/net/ipv4/conf/$at/$key; done; done";

fn build(map: &Map) -> Option<Network> {
    let gateway = Namespace::new(&TOOLS)?;
    gateway.must(&["sh", "-c", LENIENT], "");
    let mut behind = BTreeMap::new();
    for (interface, sources) in &map.sources {
        let inner = Namespace::new(&TOOLS)?;
        inner.must(&["sh", "-c", LENIENT], "");
        let name = interface.as_str();
        gateway.must(
            &["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", inner.name()],
            "",
        );
        gateway.must(&["ip", "addr", "add", "169.254.0.1/32", "dev", name], "");
        gateway.must(&["ip", "link", "set", name, "up"], "");
        for address in sources {
            inner.must(&["ip", "addr", "add", &address.to_string(), "dev", "lo"], "");
        }
        inner.must(&["ip", "link", "set", "eth0", "up"], "");
        inner.must(&["ip", "route", "add", "default", "via", "169.254.0.1", "dev", "eth0", "onlink"], "");
        behind.insert(interface.clone(), inner);
    }
    for (address, home) in &map.homes {
        gateway.must(&["ip", "route", "add", &address.to_string(), "dev", home.as_str()], "");
    }
    Some(Network { gateway, behind })
}

struct Case {
    iif: Ifname,
    oif: Ifname,
    packet: Packet,
    ends: (SocketAddr, SocketAddr),
}

fn cases(plan: &Plan, map: &Map, random: &mut Random, seed: u64) -> Vec<Case> {
    let edges: Vec<u16> = packets::at_edges(plan, seed, 200)
        .iter()
        .filter_map(Packet::ports)
        .flat_map(|ports| [ports.source, ports.destination])
        .filter(|port| *port != 0)
        .collect();
    let interfaces: Vec<&Ifname> = map.sources.keys().collect();
    let destinations: Vec<(&IpAddr, &Ifname)> = map.homes.iter().collect();
    let (mut sending, mut receiving, mut used) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut cases = Vec::new();
    for _ in 0..300 {
        let iif = *random.pick(&interfaces);
        let sources: Vec<IpAddr> = map.sources[iif].iter().copied().collect();
        let (to, oif) = *random.pick(&destinations);
        if sources.is_empty() || edges.is_empty() || sources.contains(to) || iif == oif {
            continue;
        }
        let from = *random.pick(&sources);
        let ports = PacketPorts { source: *random.pick(&edges), destination: *random.pick(&edges) };
        let ends = (SocketAddr::new(from, ports.source), SocketAddr::new(*to, ports.destination));
        // No socket both sends and receives, so no packet is an answer to another.
        if sending.contains(&ends.1) || receiving.contains(&ends.0) || !used.insert(ends) {
            continue;
        }
        sending.insert(ends.0);
        receiving.insert(ends.1);
        let packet = Packet::new(from, *to, Protocol::UDP, Some(ports)).unwrap();
        cases.push(Case { iif: iif.clone(), oif: oif.clone(), packet, ends });
    }
    cases
}

/// The numbers of the cases that arrived.
fn arrivals(network: &Network, cases: &[Case]) -> BTreeSet<usize> {
    let ports: BTreeSet<(Ifname, SocketAddr)> =
        cases.iter().map(|case| (case.oif.clone(), case.ends.1)).collect();
    let receivers: Vec<_> = network
        .behind
        .iter()
        .map(|(interface, inner)| {
            let own = ports.iter().filter(|(oif, _)| oif == interface);
            let input = own.map(|(_, end)| format!("{end}\n")).collect::<String>();
            live::start_inside(inner, "receive", &input)
        })
        .collect();
    for (interface, inner) in &network.behind {
        let own = cases.iter().enumerate().filter(|(_, case)| case.iif == *interface);
        let input: String =
            own.map(|(number, case)| format!("{number} {} {}\n", case.ends.0, case.ends.1)).collect();
        let said = live::run_inside(inner, "send", &input);
        assert!(said.success, "{}\n{}", said.out, said.err);
    }
    receivers.into_iter().flat_map(live::Receiver::finish).collect()
}

#[test]
fn a_gateway_forwards_what_both_ends_allow() {
    let mut seen = BTreeMap::new();
    for (seed, variant) in (100..112).map(|seed| (seed, VARIANTS[(seed % 2) as usize])) {
        let plan = plans::some_plan(seed);
        let options = Options { ipset: seed.is_multiple_of(3), ..common::bare(Placement::Gateway) };
        let Ok(artifact) = Iptables.emit(&plan, &options) else { continue };
        let mut random = Random::new(seed);
        let map = map(&plan, &judge::gateway_interfaces(&plan), &mut random);
        let Some(network) = build(&map) else { return };
        load(&network.gateway, variant, &artifact);
        let cases = cases(&plan, &map, &mut random, seed);
        let arrived = arrivals(&network, &cases);
        for (number, case) in cases.iter().enumerate() {
            let found = if arrived.contains(&number) { Verdict::Allow } else { Verdict::Deny };
            let expected = judge::gateway(&plan, &case.iif, &case.oif, &case.packet).verdict;
            assert_eq!(
                found, expected,
                "seed {seed} {variant} {} to {}: {:?}",
                case.iif, case.oif, case.packet
            );
            *seen.entry(found).or_insert(0) += 1;
        }
    }
    assert!(seen.len() == 2 && seen.values().all(|count| *count > 100), "{seen:?}");
}
