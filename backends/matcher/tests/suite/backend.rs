//! The matcher as a target: what it emits, what it refuses and how its file judges packets on their way.

use palisade_ir::decide::Budget;
use palisade_ir::symbolic::run;
use palisade_ir::{
    Artifact, ArtifactFile, Backend, Chain, ConnState, Family, Ifname, InstanceId, Lifted, Name, Options,
    Packet, Placement, Plan, Protocol, Region, RuleId, Style, Traversal, Verdict,
};
use palisade_matcher::{Layout, Matcher, MatcherBackend};

use crate::plans;

fn emit(plan: &Plan, placement: Placement) -> Artifact {
    MatcherBackend.emit(plan, &Options::at(placement)).unwrap()
}

fn lift(plan: &Plan, placement: Placement) -> Box<dyn Lifted> {
    MatcherBackend.lift(&emit(plan, placement)).unwrap()
}

fn interface(name: &str) -> Ifname {
    Ifname::new(name).unwrap()
}

#[test]
fn one_file_for_an_instance_or_for_all() {
    let plan = plans::random(3);
    assert_eq!(MatcherBackend.name(), "matcher");
    let all = emit(&plan, Placement::Gateway);
    assert_eq!(all.files.len(), 1);
    assert_eq!(all.file("palisade").unwrap().contents, Matcher::new(&plan).to_bytes());
    let one = emit(&plan, Placement::Host(InstanceId(0)));
    let expected = Matcher::for_instance(&plan, InstanceId(0)).unwrap();
    assert_eq!(one.file("palisade").unwrap().contents, expected.to_bytes());
}

#[test]
fn refuses_what_it_cannot_do() {
    let plan = plans::random(3);
    let options = || Options::at(Placement::Gateway);
    for (option, options) in [
        ("counters", Options { counters: true, ..options() }),
        ("table", Options { table: Some("own".to_owned()), ..options() }),
        ("chains-only", Options { chains_only: true, ..options() }),
        ("ipset", Options { ipset: true, ..options() }),
        ("layout", Options { layout: Style::Maps, ..options() }),
    ] {
        let error = MatcherBackend.emit(&plan, &options).unwrap_err();
        assert_eq!(error.code, "palisade::emit::unsupported-option");
        assert!(error.message.contains(&format!("`{option}`")), "{error}");
    }
    let nobody = Options::at(Placement::Host(InstanceId(99)));
    assert_eq!(MatcherBackend.emit(&plan, &nobody).unwrap_err().code, "palisade::emit::unknown-instance");
}

#[test]
fn lift_refuses_other_files() {
    let contents = Matcher::new(&plans::random(3)).to_bytes();
    let good = ArtifactFile { suffix: "palisade", contents: contents.clone() };
    let cut = ArtifactFile { suffix: "palisade", contents: contents[..40].to_vec() };
    let other = ArtifactFile { suffix: "nft", contents };
    for files in [vec![], vec![good.clone(), good], vec![cut], vec![other]] {
        assert!(MatcherBackend.lift(&Artifact { files }).is_err());
    }
}

#[test]
fn a_host_asks_the_owner_of_the_address_else_the_nic_of_the_interface() {
    for seed in 0..30 {
        let plan = plans::random(seed);
        for (at, instance) in plan.instances.iter().enumerate() {
            let lifted = lift(&plan, Placement::Host(InstanceId(at as u32)));
            for packet in plans::boundary_packets(&plan, seed) {
                for nic in &instance.nics {
                    let owner = |address| instance.nics.iter().find(|nic| nic.addresses.contains(&address));
                    let expected = owner(packet.destination()).unwrap_or(nic).ingress.decide(&packet);
                    let actual = lifted.decide(&packet, &Traversal::input(nic.interface.clone()));
                    assert_eq!(
                        (actual.verdict, actual.logged),
                        (expected.outcome.verdict, expected.outcome.log)
                    );
                    assert_eq!(actual.comment, plan.rule(expected.id).map(ToString::to_string));
                    let expected = owner(packet.source()).unwrap_or(nic).egress.decide(&packet);
                    let actual = lifted.decide(&packet, &Traversal::output(nic.interface.clone()));
                    assert_eq!(
                        (actual.verdict, actual.logged),
                        (expected.outcome.verdict, expected.outcome.log)
                    );
                }
            }
        }
    }
}

#[test]
fn a_gateway_asks_the_sender_and_then_the_receiver() {
    for seed in 0..30 {
        let plan = plans::random(seed);
        let lifted = lift(&plan, Placement::Gateway);
        let uplink = || interface("uplink");
        for packet in plans::boundary_packets(&plan, seed) {
            let (Ok(sender), Ok(receiver)) =
                (plan.owner(packet.source(), None), plan.owner(packet.destination(), None))
            else {
                continue;
            };
            let expected = plan.decide(&packet, sender, receiver);
            let out = expected.egress.map(|end| end.outcome);
            let stopped = out.is_some_and(|outcome| outcome.verdict == Verdict::Deny);
            let into = expected.ingress.map(|end| end.outcome).filter(|_| !stopped);
            let logged = out.is_some_and(|outcome| outcome.log) || into.is_some_and(|outcome| outcome.log);
            let actual = lifted.decide(&packet, &Traversal::forward(uplink(), uplink()));
            assert_eq!((actual.verdict, actual.logged), (expected.verdict, logged), "{packet:?}");
        }
    }
}

/// What is proved of a file is what its look-ups say, whichever structures they use.
#[test]
fn a_file_is_read_for_all_packets_as_packet_by_packet() {
    let mut tried = 0;
    for seed in 0..12 {
        let plan = if seed % 2 == 0 { plans::random(seed) } else { with_vias(seed) };
        for layout in [Layout::Bitsets, Layout::Tables, Layout::List] {
            let contents = Matcher::with_layout(&plan, layout).to_bytes();
            let files = vec![ArtifactFile { suffix: "palisade", contents }];
            let lifted = MatcherBackend.lift(&Artifact { files }).unwrap();
            let lists_and_bitsets_answer_once = layout == Layout::Tables;
            assert_eq!(lifted.again().is_some(), lists_and_bitsets_answer_once);
            for lifted in [Some(&*lifted), lifted.again()].into_iter().flatten() {
                for family in Family::ALL {
                    let program = lifted.program(family).unwrap();
                    let packets = plans::boundary_packets(&plan, seed);
                    for packet in packets.iter().filter(|packet| packet.family() == family) {
                        for at in ways(&plan) {
                            let leaves =
                                run(&program, &at, &Region::point(packet), &[], &mut Budget::default());
                            let read: Vec<_> =
                                leaves.unwrap().iter().map(|leaf| (leaf.end, leaf.logged)).collect();
                            let found = lifted.decide(packet, &at);
                            assert_eq!(read, [(found.verdict, found.logged)], "{layout:?} {packet:?} {at:?}");
                            tried += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
}

fn ways(plan: &Plan) -> Vec<Traversal> {
    let nics = || plan.nics().map(|(_, _, nic)| nic);
    let near = nics().next().map_or_else(|| interface("eth0"), |nic| nic.interface.clone());
    let mut ways = vec![
        Traversal::input(near.clone()),
        Traversal::output(near),
        Traversal::input(interface("strange")),
        Traversal::forward(interface("uplink"), interface("uplink")),
    ];
    if let [one, .., other] = nics().filter_map(|nic| nic.via.clone()).collect::<Vec<_>>().as_slice() {
        ways.push(Traversal::forward(one.clone(), other.clone()));
        ways.push(Traversal::forward(interface("uplink"), one.clone()));
    }
    let related = ways.iter().map(|at| Traversal { state: ConnState::Related, ..at.clone() });
    ways.extend(related.collect::<Vec<_>>());
    ways
}

#[test]
fn packets_of_live_sessions_pass() {
    let mut plan = plans::random(3);
    let nic = &mut plan.instances[0].nics[0];
    nic.ingress = Chain::new(vec![], Verdict::Deny, RuleId(0)).into();
    let (source, own) = ("10.9.9.9".parse().unwrap(), nic.addresses[0]);
    let input = Traversal::input(nic.interface.clone());
    let lifted = lift(&plan, Placement::Host(InstanceId(0)));
    for (state, protocol, expected) in [
        (ConnState::New, Protocol::TCP, Verdict::Deny),
        (ConnState::Invalid, Protocol::TCP, Verdict::Deny),
        (ConnState::Untracked, Protocol::TCP, Verdict::Deny),
        (ConnState::Related, Protocol::TCP, Verdict::Deny),
        (ConnState::Related, Protocol::ICMP, Verdict::Allow),
        (ConnState::Established, Protocol::TCP, Verdict::Allow),
    ] {
        let packet = Packet::new(source, own, protocol, None).unwrap();
        let at = Traversal { state, ..input.clone() };
        assert_eq!(lifted.decide(&packet, &at).verdict, expected, "{state:?} {protocol}");
    }
}

/// Two networks that use the same addresses now and then, told apart by the interfaces of the gateway.
fn with_vias(seed: u64) -> Plan {
    let mut plan = plans::random(seed);
    let nics = plan.instances.iter_mut().flat_map(|instance| &mut instance.nics);
    for (at, nic) in nics.enumerate() {
        nic.via = Some(interface(&format!("tap{at}")));
    }
    plan
}

#[test]
fn a_gateway_knows_nics_by_their_interface_and_refuses_borrowed_addresses() {
    let mut checked = 0;
    for seed in 0..30 {
        let plan = with_vias(seed);
        let lifted = lift(&plan, Placement::Gateway);
        for packet in plans::boundary_packets(&plan, seed) {
            for (_, _, sender) in plan.nics() {
                for (_, _, receiver) in plan.nics().filter(|(_, _, nic)| nic.via != sender.via) {
                    let (iif, oif) = (sender.via.clone().unwrap(), receiver.via.clone().unwrap());
                    let at = Traversal::forward(iif, oif);
                    let allowed = sender.addresses.contains(&packet.source())
                        && sender.egress.decide(&packet).outcome.verdict == Verdict::Allow
                        && receiver.ingress.decide(&packet).outcome.verdict == Verdict::Allow;
                    let expected = if allowed { Verdict::Allow } else { Verdict::Deny };
                    assert_eq!(lifted.decide(&packet, &at).verdict, expected, "{packet:?}");
                    checked += usize::from(allowed);
                }
            }
        }
    }
    assert!(checked > 100, "only {checked} packets were allowed");
}

#[test]
fn addresses_stray_from_their_interfaces() {
    let mut plan = with_vias(0);
    plan.instances.truncate(1);
    let mut twin = plan.instances[0].clone();
    twin.name = Name::new("web-9").unwrap();
    for (at, nic) in plan.instances[0].nics.iter_mut().chain(&mut twin.nics).enumerate() {
        nic.addresses = vec![format!("10.0.0.{at}").parse().unwrap()];
        nic.ingress = Chain::new(vec![], Verdict::Deny, RuleId(0)).into();
        nic.egress = Chain::new(vec![], Verdict::Allow, RuleId(0)).into();
        nic.via = Some(interface(if at == 0 { "tap0" } else { "shared" }));
    }
    plan.instances.push(twin);
    assert!(plan.nics().count() > 2, "several must share an interface");
    let lifted = lift(&plan, Placement::Gateway);
    let packet = |source: &str, destination: &str| {
        let [source, destination] = [source, destination].map(|text| text.parse().unwrap());
        Packet::new(source, destination, Protocol::GRE, None).unwrap()
    };
    const INET: &str = "203.0.113.9";
    for (source, iif, destination, oif, state, expected) in [
        ("10.0.0.0", "tap0", INET, "uplink", ConnState::New, Some("default")),
        ("10.0.0.0", "uplink", INET, "tap9", ConnState::New, Some("stray address")),
        ("10.0.0.1", "tap0", INET, "uplink", ConnState::New, Some("stray address")),
        ("10.0.0.1", "tap0", INET, "uplink", ConnState::Established, Some("stray address")),
        ("10.0.0.1", "shared", INET, "uplink", ConnState::Established, None),
        (INET, "uplink", "10.0.0.0", "tap0", ConnState::New, Some("default")),
        (INET, "uplink", "10.0.0.0", "tap0", ConnState::Established, None),
        (INET, "uplink", "10.0.0.255", "tap0", ConnState::New, Some("default")),
        (INET, "uplink", "10.0.0.1", "shared", ConnState::New, Some("default")),
        (INET, "uplink", "10.0.0.255", "shared", ConnState::New, Some("stray address")),
        (INET, "uplink", "10.0.0.0", "elsewhere", ConnState::New, Some("default")),
        (INET, "uplink", "192.0.2.1", "elsewhere", ConnState::New, None),
    ] {
        let at = Traversal { state, ..Traversal::forward(interface(iif), interface(oif)) };
        let decision = lifted.decide(&packet(source, destination), &at);
        let words =
            decision.comment.map(|words| if words == "stray address" { words } else { "default".to_owned() });
        assert_eq!(words.as_deref(), expected, "{source} {iif} -> {destination} {oif} {state:?}");
        let denied = expected.is_some() && source != "10.0.0.0" || expected == Some("stray address");
        assert_eq!(
            decision.verdict == Verdict::Deny,
            denied,
            "{source} {iif} -> {destination} {oif} {state:?}"
        );
    }
}

#[test]
fn the_traffic_of_strangers_is_left_alone() {
    let plan = plans::random(3);
    let lifted = lift(&plan, Placement::Gateway);
    let address = |text: &str| text.parse().unwrap();
    let packet = Packet::new(address("192.0.2.1"), address("192.0.2.2"), Protocol::GRE, None).unwrap();
    let strange = || interface("wlan0");
    for at in
        [Traversal::input(strange()), Traversal::output(strange()), Traversal::forward(strange(), strange())]
    {
        let decision = lifted.decide(&packet, &at);
        assert_eq!((decision.verdict, decision.comment), (Verdict::Allow, None));
    }
}
