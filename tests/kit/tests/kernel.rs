//! The lab against hand-written rulesets whose verdicts are plain to see: what it reports must be exactly right.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::IpAddr;

use palisade_ir::{Packet, PacketHook, PacketPorts, Protocol};
use palisade_testkit::lab::{Interface, Lab, Variant};
use palisade_testkit::probe::{Fate, Form, Probe, deliverable};
use palisade_testkit::require_kernel;

const INSIDE: &str = "eth0 10.0.1.10/24 10.0.1.11/24 fd00:1::10/64";
const BESIDE: &str = "eth1 10.0.2.10/24 fd00:2::10/64";

fn interfaces() -> Vec<Interface> {
    [INSIDE, BESIDE].iter().map(|text| Interface::parse(text).unwrap()).collect()
}

fn packet(from: &str, to: &str, protocol: u8, ports: Option<(u16, u16)>) -> Packet {
    let ports = ports.map(|(source, destination)| PacketPorts { source, destination });
    Packet::new(from.parse().unwrap(), to.parse().unwrap(), Protocol(protocol), ports).unwrap()
}

/// Every mix of some addresses, protocols and ports that the kernel delivers.
fn many(sources: &[&str], destinations: &[&str], hook: PacketHook) -> Vec<Packet> {
    let mut packets = Vec::new();
    for (from, to) in sources.iter().flat_map(|from| destinations.iter().map(move |to| (*from, *to))) {
        if from.contains(':') != to.contains(':') {
            continue;
        }
        for protocol in [6, 17] {
            let ports = [(1024, 22), (1024, 23), (53, 79), (53, 80), (65535, 81), (1, 65535), (1, 0), (0, 1)];
            packets.extend(ports.map(|ports| packet(from, to, protocol, Some(ports))));
        }
        packets.extend([1, 2, 47, 50, 58, 132, 136, 253, 255].map(|number| packet(from, to, number, None)));
    }
    packets.retain(|packet| deliverable(packet, hook));
    packets
}

fn foreign() -> Vec<&'static str> {
    vec![
        "203.0.113.9",
        "10.0.1.77",
        "10.0.1.10",
        "192.0.2.255",
        "255.0.0.1",
        "0.1.2.3",
        "2001:db8::9",
        "fd00:1::77",
        "fe80::9",
        "::",
    ]
}

/// Where a host can send to by any interface.
fn remote() -> Vec<&'static str> {
    let own = |address: &&str| *address != "10.0.1.10";
    foreign().into_iter().filter(own).chain(["255.255.255.255", "239.1.2.3", "ff05::1:3"]).collect()
}

fn local() -> Vec<&'static str> {
    vec![
        "10.0.1.10",
        "10.0.1.11",
        "10.0.2.10",
        "10.0.1.255",
        "255.255.255.255",
        "224.0.0.1",
        "239.1.2.3",
        "198.51.100.7",
        "0.0.0.7",
        "240.0.0.1",
        "fd00:1::10",
        "fd00:2::10",
        "2001:db8:5::5",
        "ff02::1",
        "ff05::1:3",
        "fe80::1",
        "::",
    ]
}

fn check(lab: &Lab, hook: PacketHook, probes: &[Probe], passes: impl Fn(&Probe) -> bool) {
    let fates = match hook {
        PacketHook::Input => lab.input(probes),
        PacketHook::Output => lab.output(probes),
        PacketHook::Forward => lab.forward(probes),
    };
    let fates = fates.unwrap();
    assert_eq!(fates.len(), probes.len());
    let wrong: Vec<String> = probes
        .iter()
        .zip(&fates)
        .filter(|(probe, fate)| **fate != if passes(probe) { Fate::Passed } else { Fate::Dropped })
        .map(|(probe, fate)| format!("{fate:?}: {probe:?}"))
        .collect();
    assert!(wrong.is_empty(), "{} of {} at {hook:?}:\n{}", wrong.len(), probes.len(), wrong.join("\n"));
    for fate in [Fate::Passed, Fate::Dropped] {
        assert!(fates.contains(&fate), "no packet was {fate:?}: the case proves nothing");
    }
}

fn is_web(packet: &Packet) -> bool {
    packet.protocol() == Protocol::TCP
        && packet.destination_port().is_some_and(|port| (80..=443).contains(&port))
}

fn in_net(address: IpAddr, net: &str) -> bool {
    net.parse::<ipnet::IpNet>().unwrap().contains(&address)
}

const NFT: &str = "
table inet fw {
  chain input { type filter hook input priority 0; policy drop;
    ct state established,related accept
    tcp dport 80-443 accept
    ip saddr 10.0.1.0/24 udp dport 79-81 accept
    ip6 saddr fd00:1::/64 meta l4proto udp accept
    meta l4proto 253 accept
    meta l4proto gre iifname \"eth1\" accept
    ip daddr 255.255.255.255 accept
    drop
  }
  chain output { type filter hook output priority 0; policy drop;
    ip daddr 239.1.2.3 accept
    tcp dport 80-443 oifname \"eth0\" accept
    ip6 daddr ff05::1:3 accept
    meta l4proto 132 accept
    drop
  }
}";

fn nft_input(probe: &Probe) -> bool {
    let it = &probe.packet;
    is_web(it)
        || in_net(it.source(), "10.0.1.0/24")
            && it.protocol() == Protocol::UDP
            && it.destination_port().is_some_and(|port| (79..=81).contains(&port))
        || in_net(it.source(), "fd00:1::/64") && it.protocol() == Protocol::UDP
        || it.protocol() == Protocol(253)
        || it.protocol() == Protocol::GRE && probe.interface == "eth1"
        || it.destination().to_string() == "255.255.255.255"
}

fn nft_output(probe: &Probe) -> bool {
    let to = probe.packet.destination().to_string();
    to == "239.1.2.3"
        || to == "ff05::1:3"
        || is_web(&probe.packet) && probe.interface == "eth0"
        || probe.packet.protocol() == Protocol(132)
}

fn at_both(packets: &[Packet]) -> Vec<Probe> {
    let both = packets.iter().flat_map(|packet| ["eth0", "eth1"].map(|name| Probe::at(*packet, name)));
    both.collect()
}

#[test]
fn a_host_with_nft_rules() {
    require_kernel!();
    let lab = Lab::host(&interfaces()).unwrap();
    lab.load_nft(NFT).unwrap();
    let probes = at_both(&many(&foreign(), &local(), PacketHook::Input));
    assert!(probes.len() > 2000);
    check(&lab, PacketHook::Input, &probes, nft_input);
    let probes = at_both(&many(&local(), &remote(), PacketHook::Output));
    assert!(probes.len() > 2000);
    check(&lab, PacketHook::Output, &probes, nft_output);
}

const IPTABLES: &str = "*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80:443 -j ACCEPT
-A INPUT -s NET -p udp -j ACCEPT
-A INPUT -p 253 -j ACCEPT
-A INPUT -i eth1 -p 47 -j ACCEPT
-A OUTPUT -d GROUP -j ACCEPT
-A OUTPUT -o eth0 -p tcp -m tcp --dport 80:443 -j ACCEPT
-A OUTPUT -p 132 -j ACCEPT
COMMIT
";

fn iptables_input(probe: &Probe) -> bool {
    let it = &probe.packet;
    let near = in_net(it.source(), "10.0.1.0/24") || in_net(it.source(), "fd00:1::/64");
    is_web(it)
        || near && it.protocol() == Protocol::UDP
        || it.protocol() == Protocol(253)
        || it.protocol() == Protocol::GRE && probe.interface == "eth1"
}

#[test]
fn a_host_with_iptables_rules() {
    require_kernel!();
    for variant in Variant::ALL {
        let lab = Lab::host(&interfaces()).unwrap();
        let v4 = IPTABLES.replace("NET", "10.0.1.0/24").replace("GROUP", "239.1.2.3/32");
        let v6 = IPTABLES.replace("NET", "fd00:1::/64").replace("GROUP", "ff05::1:3/128");
        lab.load_iptables(variant, &v4, &v6).unwrap();
        let probes = at_both(&many(&foreign(), &local(), PacketHook::Input));
        check(&lab, PacketHook::Input, &probes, iptables_input);
        let probes = at_both(&many(&local(), &remote(), PacketHook::Output));
        check(&lab, PacketHook::Output, &probes, nft_output);
    }
}

#[test]
fn an_ipset_behind_iptables() {
    require_kernel!();
    for variant in Variant::ALL {
        let lab = Lab::host(&interfaces()).unwrap();
        lab.load_ipset("create near hash:net family inet\nadd near 10.0.1.0/24\n").unwrap();
        let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set near src -j ACCEPT\nCOMMIT\n";
        lab.load_iptables(variant, rules, "").unwrap();
        let packets =
            many(&["10.0.1.0", "10.0.1.254", "10.0.0.255", "10.0.2.0"], &["10.0.1.10"], PacketHook::Input);
        check(&lab, PacketHook::Input, &at_both(&packets), |it| in_net(it.packet.source(), "10.0.1.0/24"));
    }
}

#[test]
fn a_gateway() {
    require_kernel!();
    let text = ["tap1 10.9.9.1/24", "tap2", "up@0"];
    let interfaces = text.map(|text| Interface::parse(text).unwrap());
    let lab = Lab::gateway(&interfaces).unwrap();
    lab.load_nft(
        "table inet fw {
           chain forward { type filter hook forward priority 0; policy drop;
             ct state established accept
             iifname tap1 oifname tap2 accept
             iifname \"up@0\" tcp dport 80-443 accept
             ip6 daddr 2001:db8::9 accept
             drop
           }
         }",
    )
    .unwrap();
    let names = ["tap1", "tap2", "up@0"];
    let to = ["203.0.113.9", "10.0.1.77", "10.0.1.10", "192.0.2.255", "2001:db8::9", "fd00:1::77"];
    let packets = many(&to, &to, PacketHook::Forward);
    let ways = names.iter().flat_map(|from| names.iter().map(move |to| (from, to)));
    let probes: Vec<Probe> = ways
        .flat_map(|(from, to)| packets.iter().map(move |packet| Probe::through(*packet, from, to)))
        .collect();
    assert!(probes.len() > 2000);
    check(&lab, PacketHook::Forward, &probes, |it| {
        (it.interface == "tap1" && it.onward == "tap2")
            || it.interface == "up@0" && is_web(&it.packet)
            || it.packet.destination().to_string() == "2001:db8::9"
    });
}

/// Connection tracking puts fragments together before rules see them, at every hook.
#[test]
fn fragments_and_bare_packets() {
    require_kernel!();
    let lab = Lab::host(&interfaces()).unwrap();
    lab.load_nft(NFT).unwrap();
    for (hook, passes) in
        [(PacketHook::Input, nft_input as fn(&Probe) -> bool), (PacketHook::Output, nft_output)]
    {
        let (from, to) = if hook == PacketHook::Input { (foreign(), local()) } else { (local(), remote()) };
        for form in [Form::Fragments, Form::Bare] {
            let probes = at_both(&many(&from, &to, hook)).into_iter().map(|probe| probe.form(form));
            check(&lab, hook, &probes.collect::<Vec<_>>(), passes);
        }
    }
}

/// Later fragments that come alone reach rules only where nothing reassembles: forwarding without connection tracking.
///
/// A rule on ports would not skip them there: nft_payload_fast_eval (net/netfilter/nf_tables_core.c) reads whatever
/// bytes the fragment has in that place. So a ruleset on ports must also have a rule on connection tracking.
#[test]
fn a_fragment_without_a_head() {
    require_kernel!();
    let interfaces = ["tap1", "tap2"].map(|text| Interface::parse(text).unwrap());
    let lab = Lab::gateway(&interfaces).unwrap();
    let rules = "table inet fw {
      chain forward { type filter hook forward priority 0; policy drop;
        meta l4proto udp accept
      }
    }";
    lab.load_nft(rules).unwrap();
    let pairs = [("203.0.113.9", "10.0.1.10"), ("2001:db8::9", "fd00:1::10")];
    let lone: Vec<Probe> = pairs
        .iter()
        .flat_map(|(from, to)| [6, 17].map(|protocol| packet(from, to, protocol, None)))
        .map(|packet| Probe::through(packet, "tap1", "tap2"))
        .collect();
    check(&lab, PacketHook::Forward, &lone, |it| it.packet.protocol() == Protocol::UDP);
    lab.load_nft("add rule inet fw forward ct state established accept").unwrap();
    assert_eq!(lab.forward(&lone).unwrap(), [Fate::Absent; 4], "kept for a head that never comes");
}

/// Every packet is the first of a session, however often it is sent, and in whatever direction.
#[test]
fn no_packet_opens_a_session() {
    require_kernel!();
    let lab = Lab::host(&interfaces()).unwrap();
    let rules = "table inet fw {
      chain input { type filter hook input priority 0; policy drop; ct state established accept; udp dport 53 accept; }
      chain output { type filter hook output priority 0; policy drop; ct state established accept; udp dport 53 accept; }
    }";
    lab.load_nft(rules).unwrap();
    let there = packet("203.0.113.9", "10.0.1.10", 17, Some((4000, 53)));
    let probes = [there, there.reply(), there, there.reply()].map(|packet| Probe::at(packet, "eth0"));
    let alternating = [Fate::Passed, Fate::Dropped, Fate::Passed, Fate::Dropped];
    assert_eq!(lab.input(&probes).unwrap(), alternating);
    assert_eq!(lab.output(&probes).unwrap()[1..], [Fate::Dropped, Fate::Passed, Fate::Dropped]);
    assert_eq!(lab.input(&probes).unwrap(), alternating);
}

/// What answers a session that never was is no first packet, and is invalid where the protocol can tell.
#[test]
fn unasked_answers_are_invalid() {
    require_kernel!();
    let lab = Lab::host(&interfaces()).unwrap();
    lab.load_nft(
        "table inet fw {
          chain input { type filter hook input priority 0; policy drop; ct state new accept; ct state invalid drop; }
        }",
    )
    .unwrap();
    let packets = [
        packet("203.0.113.9", "10.0.1.10", 6, Some((443, 40000))),
        packet("203.0.113.9", "10.0.1.10", 1, None),
        packet("2001:db8::9", "fd00:1::10", 58, None),
        packet("203.0.113.9", "10.0.1.10", 17, Some((53, 40000))),
    ];
    let probes = packets.map(|packet| Probe::at(packet, "eth0"));
    assert_eq!(lab.input(&probes).unwrap(), [Fate::Passed; 4]);
    let answers = probes.map(|probe| probe.form(Form::Answer));
    assert_eq!(
        lab.input(&answers).unwrap(),
        [Fate::Dropped, Fate::Dropped, Fate::Dropped, Fate::Passed],
        "udp cannot tell"
    );
}

/// What the kit calls undeliverable never comes to the hook.
#[test]
fn the_kernel_discards_some_packets_by_itself() {
    require_kernel!();
    let lab = Lab::host(&interfaces()).unwrap();
    lab.load_nft(
        "table inet fw { chain input { type filter hook input priority 0; ct state new accept; }; }",
    )
    .unwrap();
    let pairs = [
        ("224.0.0.1", "10.0.1.10"),
        ("255.255.255.255", "10.0.1.10"),
        ("0.0.0.0", "10.0.1.10"),
        ("127.0.0.1", "10.0.1.10"),
        ("203.0.113.9", "0.0.0.0"),
        ("203.0.113.9", "127.0.0.1"),
        ("ff05::2", "fd00:1::10"),
        ("::1", "fd00:1::10"),
        ("2001:db8::9", "::1"),
        ("2001:db8::9", "ff00::1"),
        ("2001:db8::9", "ff01::1"),
    ];
    let udp = pairs.map(|(from, to)| packet(from, to, 17, Some((1000, 1000))));
    let fragments = [6, 17].map(|protocol| packet("203.0.113.9", "10.0.1.10", protocol, None));
    for packet in udp.into_iter().chain(fragments) {
        assert!(!deliverable(&packet, PacketHook::Input), "{packet:?}");
        assert_eq!(lab.input(&[Probe::at(packet, "eth0")]).unwrap(), [Fate::Absent], "{packet:?}");
    }
}

#[test]
fn namespaces_go_even_when_a_test_panics() {
    require_kernel!();
    let mut name = String::new();
    let exists = |name: &str| std::path::Path::new("/run/netns").join(name).exists();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let lab = Lab::host(&interfaces()).unwrap();
        name = lab.center().name().to_owned();
        assert!(exists(&name));
        lab.center().enter(|| panic!("on purpose")).unwrap()
    }));
    assert!(panicked.is_err());
    assert!(!exists(&name), "{name}");
}
