//! A host's ruleset, read back, decides as the plan does.

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{
    Backend, ConnState, Direction, Ifname, InstanceId, InstancePlan, Lifted, NicPlan, Options, Outcome,
    Packet, Placement, Plan, Prelude, Protocol, Style, Traversal, Verdict,
};
use palisade_nftables::{Nftables, read};

use crate::build::{ifname, name};
use crate::packets::Edges;
use crate::plans;
use crate::random::{Random, random_plan};

/// The NIC a packet belongs to: by its local address where exactly one NIC has it, else by its interface.
fn nic<'a>(instance: &'a InstancePlan, local: IpAddr, interface: &Ifname) -> Option<&'a NicPlan> {
    let owners: Vec<&NicPlan> = instance.nics.iter().filter(|nic| nic.addresses.contains(&local)).collect();
    match owners.as_slice() {
        [owner] => Some(owner),
        _ => instance.nics.iter().find(|nic| nic.interface == *interface),
    }
}

fn expected(
    instance: &InstancePlan,
    packet: &Packet,
    direction: Direction,
    interface: &Ifname,
    unmanaged: Verdict,
) -> Outcome {
    let local = match direction {
        Direction::In => packet.destination(),
        Direction::Out => packet.source(),
    };
    let Some(nic) = nic(instance, local, interface) else { return Outcome::silent(unmanaged) };
    match direction {
        Direction::In => nic.ingress.decide(packet).outcome,
        Direction::Out => nic.egress.decide(packet).outcome,
    }
}

fn bare(id: usize, random: &mut Random) -> Options {
    let mut options = Options::at(Placement::Host(InstanceId(id as u32)));
    options.prelude = BTreeSet::new();
    options.counters = random.chance(30);
    options.layout = random.pick(&Style::ALL);
    options.unmanaged = if random.chance(50) { Verdict::Allow } else { Verdict::Deny };
    options
}

fn check(plan: &Plan, seed: u64, packets: usize) {
    let mut random = Random::new(seed);
    let edges = Edges::of(plan);
    for (id, instance) in plan.instances.iter().enumerate() {
        let options = bare(id, &mut random);
        let artifact = Nftables.emit(plan, &options).unwrap();
        let lifted = Nftables.lift(&artifact).unwrap();
        let mut interfaces: Vec<Ifname> = instance.nics.iter().map(|nic| nic.interface.clone()).collect();
        interfaces.extend([ifname("eth7"), ifname("lo")]);
        for _ in 0..packets {
            let packet = edges.packet(&mut random, plan);
            let interface = random.pick(&interfaces);
            for direction in [Direction::In, Direction::Out] {
                let at = match direction {
                    Direction::In => Traversal::input(interface.clone()),
                    Direction::Out => Traversal::output(interface.clone()),
                };
                let expected = expected(instance, &packet, direction, &interface, options.unmanaged);
                let got = lifted.decide(&packet, &at);
                let got = Outcome { verdict: got.verdict, log: got.logged };
                assert_eq!(
                    got, expected,
                    "seed {seed}, {}: {packet:?} {direction} by {interface}",
                    instance.name
                );
            }
        }
    }
}

#[test]
fn on_random_plans() {
    for seed in 0..300 {
        check(&random_plan(seed), seed, 200);
    }
}

#[test]
fn on_plans_by_hand() {
    for (seed, plan) in [plans::web(), plans::odd()].iter().enumerate() {
        check(plan, seed as u64, 5000);
    }
}

fn packet(from: &str, to: &str, protocol: u8) -> Packet {
    Packet::new(from.parse().unwrap(), to.parse().unwrap(), Protocol(protocol), None).unwrap()
}

/// Sessions pass whatever the rules say; of what is related, only icmp errors.
#[test]
fn sessions() {
    let plan = plans::web();
    let options = Options::at(Placement::Host(InstanceId(0)));
    let ruleset = read(&Nftables.emit(&plan, &options).unwrap()).unwrap();
    let verdict = |packet: &Packet, state| {
        ruleset.decide(packet, &Traversal { state, ..Traversal::input(ifname("eth0")) }).verdict
    };
    let (tcp, icmp, icmpv6) = (
        packet("192.0.2.9", "10.0.1.10", 6),
        packet("192.0.2.9", "10.0.1.10", 1),
        packet("2001:db8:1::", "2001:db8::10", 58),
    );
    assert_eq!(verdict(&tcp, ConnState::New), Verdict::Deny);
    assert_eq!(verdict(&tcp, ConnState::Established), Verdict::Allow);
    assert_eq!(verdict(&tcp, ConnState::Related), Verdict::Deny);
    assert_eq!(verdict(&icmp, ConnState::Related), Verdict::Allow);
    assert_eq!(verdict(&icmpv6, ConnState::Related), Verdict::Allow);
    // The rules allow this one, but it is no packet of a session.
    assert_eq!(verdict(&icmp, ConnState::New), Verdict::Allow);
    assert_eq!(verdict(&icmp, ConnState::Invalid), Verdict::Deny);
}

/// Each prelude block lets pass what it names, and nothing when it is off.
#[test]
fn prelude() {
    let mut plan = plans::web();
    plan.instances[0].name = name("web1");
    let udp = |from: &str, to: &str, source, destination| {
        let ports = Some(palisade_ir::PacketPorts { source, destination });
        Packet::new(from.parse().unwrap(), to.parse().unwrap(), Protocol::UDP, ports).unwrap()
    };
    let input = || Traversal::input(ifname("eth0"));
    let output = || Traversal::output(ifname("eth0"));
    let ndp = |kind, hops| Traversal {
        state: ConnState::Untracked,
        icmp_type: Some(kind),
        hop_limit: Some(hops),
        ..input()
    };
    let link = packet("fe80::1", "ff02::1", 58);
    let cases: Vec<(Prelude, Packet, Traversal, bool)> = vec![
        (Prelude::Loopback, packet("127.0.0.1", "127.0.0.1", 1), Traversal::input(ifname("lo")), true),
        (Prelude::Ndp, link, ndp(134, 255), true),
        (Prelude::Ndp, link, ndp(134, 254), false),
        (Prelude::Ndp, link, ndp(137, 255), false),
        (Prelude::Ndp, link, ndp(143, 1), true),
        (Prelude::Dhcp, udp("10.0.1.1", "255.255.255.255", 67, 68), input(), true),
        (Prelude::Dhcp, udp("10.0.1.1", "255.255.255.255", 67, 69), input(), false),
        (Prelude::Dhcp, udp("10.0.1.1", "255.255.255.255", 68, 67), input(), false),
        (Prelude::Dhcp, udp("10.0.0.0", "10.255.255.255", 68, 67), output(), true),
        (Prelude::Dhcp, udp("fe80::1", "fe80::2", 547, 546), input(), true),
        (Prelude::Dhcp, udp("fe80::1", "fe80::2", 67, 68), input(), false),
        (Prelude::Igmp, packet("10.0.1.1", "224.0.0.1", 2), input(), true),
        (Prelude::Igmp, packet("fe80::1", "ff02::1", 2), input(), false),
    ];
    // Everything on eth0 is denied both ways, so only the prelude lets pass; so that lo is no unmanaged interface, too.
    let nic = &mut plan.instances[0].nics[0];
    nic.ingress = palisade_ir::Chain::new(Vec::new(), Verdict::Deny, palisade_ir::RuleId(0)).into();
    nic.egress = palisade_ir::Chain::new(Vec::new(), Verdict::Deny, palisade_ir::RuleId(1)).into();
    let decide = |prelude: BTreeSet<Prelude>, packet: &Packet, at: &Traversal| {
        let mut options = Options::at(Placement::Host(InstanceId(0)));
        options.prelude = prelude;
        options.unmanaged = Verdict::Deny;
        read(&Nftables.emit(&plan, &options).unwrap()).unwrap().decide(packet, at).verdict == Verdict::Allow
    };
    for (block, packet, at, passes) in cases {
        assert_eq!(decide(BTreeSet::from([block]), &packet, &at), passes, "{block:?} {packet:?} {at:?}");
        let others: BTreeSet<Prelude> = Prelude::ALL.into_iter().filter(|other| *other != block).collect();
        assert!(!decide(others, &packet, &at), "without {block:?}: {packet:?} {at:?}");
    }
}
