//! What an administrator or a later layout may load, and how the kernel lists it: large maps, masks, keys of several
//! fields, comments and counters everywhere.

use palisade_ir::decide::Budget;
use palisade_ir::symbolic::run;
use palisade_ir::{
    Artifact, ArtifactFile, Family, Lifted, Packet, PacketPorts, Protocol, Region, Traversal, Verdict,
};
use palisade_nftables::read;

use crate::build::ifname;
use crate::kernel::{LISTS, bare, lift, load, missing};
use crate::random::Random;

pub(crate) const TEXT: &str = r#"table inet palisade {
    comment "made by hand"
    set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 22-25, 192.0.2.4 . 80 } }
    set nets { typeof ip saddr; size 100; elements = { 10.1.0.0, 10.3.0.0 } }
    set merged { type ipv4_addr; flags interval; auto-merge; elements = { 198.18.0.0/16, 198.19.0.0/16 } }
    map services {
        type inet_proto . inet_service : verdict
        flags interval
        comment "ports"
        elements = { tcp . 80-90 : goto web, udp . 53 : jump odd, tcp . 443 comment "https" : accept }
    }
    map first { type ipv4_addr : verdict; elements = { 10.0.1.0 : goto web, 10.0.2.0 : drop } }
    map spans { type ipv4_addr : verdict; flags interval; elements = { 172.16.0.0/12 : drop, 10.9.0.0-10.9.0.9 : drop } }
    map tuples {
        typeof ip saddr . meta l4proto . th dport : verdict
        flags interval
        counter
        elements = { 10.0.0.0/9 . tcp . 22 : accept, 10.128.0.0/9 . tcp . 0-1000 : drop, 0.0.0.0/0 . udp . 0-65535 : jump odd }
    }
    map first6 { type ipv6_addr : verdict; elements = { fd00:1:: : drop } }
    map doors { type ifname : verdict; elements = { "eth0" : jump inner, "eth1" : drop } }
    chain web { comment "web in 1"; tcp sport 1-1023 drop; accept; }
    chain odd { udp sport 53 drop; }
    chain inner {
        ip saddr & 255.255.255.0 vmap @first
        ip6 saddr & ffff:ffff:ffff:: vmap @first6
        ip saddr vmap @spans
        ip saddr . meta l4proto . th dport vmap @tuples
    }
    chain input {
        type filter hook input priority filter; policy drop;
        meta l4proto . th dport vmap @services
        iifname vmap @doors
        ip saddr . tcp dport @pairs counter accept
        ip saddr & 255.255.0.0 @nets accept
        ip saddr & 255.0.0.0 { 100.0.0.0, 101.0.0.0 } accept
        ip daddr & 255.0.0.0 != { 10.0.0.0, 12.0.0.0 } drop
        meta l4proto tcp ip saddr @merged accept
        meta l4proto vmap { icmp : accept, gre : drop }
        ct state established,related counter accept
        ct state vmap { invalid : drop, untracked : return }
        ct state != new drop
        meta l4proto { tcp, udp } th sport 22 th dport 80 accept
        ip saddr . udp dport { 10.0.0.1 . 22-25, 10.0.0.2 . 80 } accept
        ip saddr 10.0.0.1-10.0.0.9 tcp dport 22-25 jump inner
        ip saddr != 10.0.0.0/8 udp dport != { 1-5, 77 } jump inner
        icmp type echo-request accept
        icmpv6 type 200 accept
        limit rate 5/minute burst 3 packets log prefix "x: " level warn
        log
        iifname "eth7" return comment "done"
        drop
    }
}
"#;

fn artifact(text: &str) -> Artifact {
    Artifact { files: vec![ArtifactFile::text("nft", text.to_owned())] }
}

#[test]
fn every_spelling_of_the_kernel_means_the_same() {
    if missing().is_some() {
        return;
    }
    for list in LISTS {
        let listing = load(&[TEXT], list).unwrap();
        assert_eq!(bare(lift(&listing)), bare(lift(TEXT)), "{list}\n{listing}");
    }
}

#[test]
fn all_packets_at_once_and_one_by_one() {
    let ruleset = read(&artifact(TEXT)).unwrap();
    let mut random = Random::new(7);
    let sources = [
        "10.0.1.7",
        "10.0.2.7",
        "10.0.3.7",
        "10.1.9.9",
        "10.2.9.9",
        "10.9.0.9",
        "10.9.0.10",
        "10.200.0.1",
        "172.16.0.1",
        "172.32.0.1",
        "192.0.2.4",
        "100.1.2.3",
        "102.1.2.3",
        "198.19.255.255",
        "198.20.0.0",
        "fd00:1::9",
        "fd00:1:0:1::9",
        "fd00:2::9",
    ];
    let ports = [1, 22, 25, 26, 53, 79, 80, 90, 91, 443, 1000, 1001, 1024, 65535];
    let mut seen = [0, 0];
    for _ in 0..20_000 {
        let source: std::net::IpAddr = random.pick(&sources).parse().unwrap();
        let family = Family::of(&source);
        let own = if family == Family::V4 { ["10.0.0.1", "11.0.0.1"] } else { ["fd00::1", "fd00:1::1"] };
        let protocol = Protocol(random.pick(&[1, 6, 6, 6, 17, 17, 47, 58, 132]));
        let ported = [6, 17].contains(&protocol.0) && random.chance(90);
        let ports =
            ported.then(|| PacketPorts { source: random.pick(&ports), destination: random.pick(&ports) });
        let packet = Packet::new(source, random.pick(&own).parse().unwrap(), protocol, ports).unwrap();
        let at = Traversal::input(ifname(random.pick(&["eth0", "eth1", "eth2"])));
        let one = ruleset.decide(&packet, &at).verdict;
        let program = ruleset.program(family).unwrap();
        let leaves = run(
            &program,
            &at,
            &Region::point(&packet),
            &vec![false; program.blocks.len()],
            &mut Budget::default(),
        )
        .unwrap();
        assert_eq!(leaves.iter().map(|leaf| leaf.end).collect::<Vec<_>>(), [one], "{packet:?} {at:?}");
        seen[usize::from(one == Verdict::Allow)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 2_000), "{seen:?}");
}

#[test]
fn refuses_what_it_could_misread() {
    let with = |old: &str, new: &str| {
        assert!(TEXT.contains(old), "{old}");
        TEXT.replace(old, new)
    };
    for (text, why) in [
        (with("10.9.0.0-10.9.0.9 : drop", "172.17.0.1 : accept"), "overlaps"),
        (with("10.128.0.0/9 . tcp . 0-1000", "10.1.0.0/16 . tcp . 0-1000"), "overlaps"),
        (with("udp . 53 : jump odd", "gre . 53 : jump odd"), "neither tcp nor udp"),
        (with("0.0.0.0/0 . udp . 0-65535", "0.0.0.0/0 . 17-18 . 0-65535"), "neither tcp nor udp"),
        (with("255.255.255.0 vmap", "255.0.255.0 vmap"), "a mask of leading bits"),
        (with("ip saddr & 255.255.255.0 vmap", "tcp dport & 255 vmap"), "a mask of leading bits"),
        (with("10.0.2.0 : drop } }", "10.0.2.0/24 : drop } }"), "without `flags interval`"),
        (with("comment \"made by hand\"", "flags dormant"), "dormant"),
        (with("@pairs counter", "!= @pairs counter"), "`!=` before several fields"),
        (with("flags interval; auto-merge;", "flags interval, timeout;"), "end of the statement"),
        (with("\"eth1\" : drop", "* : drop"), "means nothing here"),
    ] {
        match read(&artifact(&text)) {
            Ok(_) => panic!("taken: {why}"),
            Err(error) => assert!(error.message.contains(why), "{why}: {error}"),
        }
    }
}
