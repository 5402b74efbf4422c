//! Every layout says the same as the chains read in order, one packet at a time and in batches; and no rule set makes
//! building explode.

use std::sync::Arc;

use palisade_ir::{
    Addresses, Chain, Direction, Family, Match, MatchParts, Origin, Outcome, Packet, PacketPorts, Plan,
    PortMatch, PortSet, PrefixSet, Protocol, ProtocolSet, Rank, Rule, RuleId, Verdict,
};
use palisade_matcher::{Layout, Matcher};

use crate::agreement::{agrees, nics_agree};
use crate::plans::{self, Rng};

const LAYOUTS: [Layout; 3] = [Layout::Bitsets, Layout::Tables, Layout::List];

/// Random packets of both families, ends of address space and packets without ports among them.
fn random_packets(rng: &mut Rng, count: usize) -> Vec<Packet> {
    let packet = |_| {
        let family = *rng.pick(&Family::ALL);
        let mut address = || {
            let wide = u128::from(rng.next()) << 64 | u128::from(rng.next());
            let near =
                if family == Family::V4 { 10 << 24 } else { 0xfd << 120 } + u128::from(rng.next() % 80);
            family.address(*rng.pick(&[wide, near, near, 0, family.last()]))
        };
        let (source, destination) = (address(), address());
        let any = Protocol(rng.next() as u8);
        let protocol = *rng.pick(&[Protocol::TCP, Protocol::UDP, Protocol::ICMP, any]);
        let ports = PacketPorts { source: rng.next() as u16, destination: rng.next() as u16 % 500 };
        let ports = Some(ports).filter(|_| protocol.has_ports() && !rng.one_in(6));
        Packet::new(source, destination, protocol, ports).unwrap()
    };
    (0..count).map(packet).collect()
}

fn batches_agree(matcher: &Matcher, packets: &[Packet]) {
    let mut verdicts = vec![Verdict::Deny; packets.len()];
    matcher.decide_batch(packets, &mut verdicts);
    for (packet, verdict) in packets.iter().zip(verdicts) {
        assert_eq!(verdict, matcher.decide(packet), "{packet:?}");
    }
    for nic in matcher.nics() {
        let mut outcomes = vec![Outcome { verdict: Verdict::Deny, log: true }; packets.len()];
        nic.ingress_batch(packets, &mut outcomes);
        assert!(packets.iter().zip(&outcomes).all(|(packet, outcome)| nic.ingress(packet) == *outcome));
        nic.egress_batch(packets, &mut outcomes);
        assert!(packets.iter().zip(&outcomes).all(|(packet, outcome)| nic.egress(packet) == *outcome));
    }
}

#[test]
fn every_layout_agrees_with_the_chains() {
    for seed in 0..300 {
        let plan = plans::random(seed);
        let mut rng = Rng::new(seed);
        let mut packets = plans::boundary_packets(&plan, seed);
        packets.extend(random_packets(&mut rng, 100));
        for layout in LAYOUTS {
            let matcher = Matcher::with_layout(&plan, layout);
            let layouts = matcher.layout();
            let all = [layouts.bitsets, layouts.tables, layouts.lists];
            assert_eq!(all.iter().filter(|count| **count > 0).count(), 1, "{layout:?}: {layouts:?}");
            agrees(&plan, &matcher, &packets, &mut rng);
            nics_agree(&plan, &matcher, &packets);
            batches_agree(&matcher, &packets);
        }
    }
}

#[test]
fn batches_judge_as_many_as_there_is_room_for() {
    let plan = plans::random(5);
    let matcher = Matcher::new(&plan);
    let packets = random_packets(&mut Rng::new(5), 700);
    for (given, room) in [(700, 700), (700, 3), (3, 700), (0, 5), (300, 257)] {
        let mut verdicts = vec![None; room];
        let mut judged = vec![Verdict::Deny; room];
        matcher.decide_batch(&packets[..given], &mut judged);
        for (place, packet) in verdicts.iter_mut().zip(&packets[..given]) {
            *place = Some(matcher.decide(packet));
        }
        assert!(
            verdicts.iter().zip(&judged).all(|(expected, verdict)| expected.is_none_or(|e| e == *verdict))
        );
        let nic = matcher.nics().next().unwrap();
        let untouched = Outcome { verdict: Verdict::Deny, log: true };
        let mut outcomes = vec![untouched; room];
        nic.ingress_batch(&packets[..given], &mut outcomes);
        assert!(outcomes.iter().skip(given).all(|outcome| *outcome == untouched));
        assert!(
            outcomes.iter().zip(&packets[..given]).all(|(outcome, packet)| *outcome == nic.ingress(packet))
        );
    }
}

/// Batches have lanes: every length, from every start, leaves none out and none in.
#[test]
fn batches_of_every_length_agree() {
    for seed in [2, 9, 31] {
        let plan = plans::random(seed);
        let mut packets = plans::boundary_packets(&plan, seed);
        packets.extend(random_packets(&mut Rng::new(seed), 200));
        let mut same: Vec<Packet> = packets.iter().filter(|p| p.family() == Family::V4).copied().collect();
        same.truncate(150);
        packets.truncate(150);
        for layout in LAYOUTS {
            let matcher = Matcher::with_layout(&plan, layout);
            for (packets, length) in
                [&packets, &same].into_iter().flat_map(|all| (0..70).map(move |l| (all, l)))
            {
                for start in [0, 1, 31, 33] {
                    batches_agree(&matcher, packets.get(start..start + length).unwrap_or_default());
                }
            }
        }
    }
}

/// What a rule of a test asks: source, destination, source ports, destination ports.
type Box4 = [Option<(u128, u128)>; 4];

fn chain(family: Family, boxes: &[Box4]) -> Chain {
    let addresses = |range: Option<(u128, u128)>| {
        let range = range.unwrap_or((0, family.last()));
        Addresses::unnamed(PrefixSet::from_ranges(family, &[range].into_iter().collect()))
    };
    let ports = |range: Option<(u128, u128)>| {
        range.map_or(PortMatch::Any, |(a, b)| PortMatch::In(PortSet::from_ranges([(a as u16, b as u16)])))
    };
    let rule = |(at, [source, destination, from, to]): (usize, &Box4)| Rule {
        matches: Match::new(MatchParts {
            source: addresses(*source),
            destination: addresses(*destination),
            protocols: ProtocolSet::only(if at % 3 == 0 { Protocol::UDP } else { Protocol::TCP }),
            source_ports: ports(*from),
            destination_ports: ports(*to),
        })
        .unwrap(),
        outcome: Outcome {
            verdict: if at % 2 == 0 { Verdict::Allow } else { Verdict::Deny },
            log: at % 7 == 0,
        },
        rank: Rank::INNER_ACCESS,
        origin: Origin::one(RuleId(0)),
    };
    Chain::from_ordered(boxes.iter().enumerate().map(rule).collect(), Verdict::Deny, RuleId(0))
}

/// A plan of one NIC, whose ingress chain it is.
fn plan_of(chain: Chain) -> Plan {
    let mut plan = plans::random(3);
    plan.instances.truncate(1);
    plan.instances[0].nics.truncate(1);
    let nic = &mut plan.instances[0].nics[0];
    nic.egress = Chain::from_ordered(vec![], Verdict::Allow, RuleId(0)).into();
    nic.ingress = chain.into();
    plan
}

/// Packets in the corners of random rules.
fn corners(rng: &mut Rng, family: Family, boxes: &[Box4], count: usize) -> Vec<Packet> {
    let mut value = |range: Option<(u128, u128)>, last: u128| {
        let (first, end) = range.unwrap_or((0, last));
        (*rng.pick(&[first, end, first.saturating_sub(1), end.saturating_add(1)])).min(last)
    };
    let mut packets = Vec::new();
    for (at, [source, destination, from, to]) in boxes.iter().enumerate().step_by(1 + boxes.len() / count) {
        let ends = [value(*source, family.last()), value(*destination, family.last())];
        let ports =
            PacketPorts { source: value(*from, 65_535) as u16, destination: value(*to, 65_535) as u16 };
        let protocol = if at % 3 == 0 { Protocol::UDP } else { Protocol::TCP };
        let [source, destination] = ends.map(|number| family.address(number));
        packets.push(Packet::new(source, destination, protocol, Some(ports)).unwrap());
    }
    packets
}

/// The rule sets that make cross products, bitsets or interval lists explode.
fn adversaries(rng: &mut Rng, family: Family, rules: usize) -> Vec<(&'static str, Vec<Box4>)> {
    let shift = if family == Family::V4 { 8 } else { 64 };
    let mut wide = |last: u128| {
        let number = |rng: &mut Rng| (u128::from(rng.next()) << 64 | u128::from(rng.next())) % (last + 1);
        let (a, b) = (number(rng), number(rng));
        Some((a.min(b), a.max(b)))
    };
    let prefix = |at: usize| {
        let first = (at as u128).wrapping_mul(2_654_435_761) % (1 << 24) * (1 << shift);
        Some((first, first + (1 << shift) - 1))
    };
    let nested = |at: usize| Some((at as u128, family.last() - at as u128));
    vec![
        (
            "specific x any, any x specific",
            (0..rules)
                .map(|at| {
                    if at % 2 == 0 { [prefix(at), None, None, None] } else { [None, prefix(at), None, None] }
                })
                .collect(),
        ),
        (
            "the same with services",
            (0..rules)
                .map(|at| {
                    let port = Some((at as u128 % 100, at as u128 % 100));
                    if at % 2 == 0 { [prefix(at), None, None, port] } else { [None, prefix(at), None, port] }
                })
                .collect(),
        ),
        (
            "wide ranges in both ports",
            (0..rules).map(|at| [prefix(at), prefix(at / 7), wide(65_535), wide(65_535)]).collect(),
        ),
        ("wide ranges everywhere", {
            let last = if family == Family::V4 { family.last() } else { family.last() >> 1 };
            (0..rules).map(|_| [wide(last), wide(last), wide(65_535), wide(65_535)]).collect()
        }),
        ("nested", (0..rules).map(|at| [nested(at), nested(rules - at), None, None]).collect()),
    ]
}

#[test]
fn adversarial_rule_sets_stay_within_the_budget() {
    let mut rng = Rng::new(11);
    for (family, rules) in [(Family::V4, 60), (Family::V6, 500), (Family::V4, 10_000)] {
        for (name, boxes) in adversaries(&mut rng, family, rules) {
            let plan = plan_of(chain(family, &boxes));
            let packets = corners(&mut rng, family, &boxes, 300);
            let chosen = Matcher::new(&plan);
            assert!(chosen.layout().bytes < 32 << 20, "{name}: {:?}", chosen.layout());
            let forced = LAYOUTS.map(|layout| Matcher::with_layout(&plan, layout));
            for matcher in [&chosen].into_iter().chain(&forced) {
                let nic = matcher.nics().next().unwrap();
                let mut outcomes = vec![Outcome { verdict: Verdict::Deny, log: true }; packets.len()];
                nic.ingress_batch(&packets, &mut outcomes);
                for (packet, outcome) in packets.iter().zip(outcomes) {
                    let expected = plan.instances[0].nics[0].ingress.decide(packet).outcome;
                    assert_eq!(nic.ingress(packet), expected, "{name}, {:?}: {packet:?}", matcher.layout());
                    assert_eq!(outcome, expected, "{name}, {:?}, in a batch: {packet:?}", matcher.layout());
                }
            }
        }
    }
}

#[test]
fn the_choice_shows() {
    let prefix = |at: usize| {
        let first = (at as u128) << 12;
        Some((first, first + 255))
    };
    let boxes = |count: usize| -> Vec<Box4> {
        (0..count).map(|at| [prefix(at), None, None, Some((at as u128 % 40, at as u128 % 40))]).collect()
    };
    let cross: Vec<Box4> = (0..10_000)
        .map(|at| if at % 2 == 0 { [prefix(at), None, None, None] } else { [None, prefix(at), None, None] })
        .collect();
    for (boxes, expected) in [
        (boxes(10), Layout::Tables),
        (boxes(500), Layout::Tables),
        (boxes(10_000), Layout::Tables),
        (cross, Layout::List),
    ] {
        let matcher = Matcher::new(&plan_of(chain(Family::V4, &boxes)));
        let nic = matcher.nics().next().unwrap();
        assert_eq!(nic.layout(Direction::In, Family::V4), expected, "{} rules", boxes.len());
        assert_eq!(nic.layout(Direction::In, Family::V6), Layout::Tables, "no rule of that family");
        assert_eq!(nic.layout(Direction::Out, Family::V4), Layout::Tables);
        let loaded = Matcher::from_bytes(&matcher.to_bytes()).unwrap();
        assert_eq!(loaded.layout(), matcher.layout(), "loading chooses the same");
    }
}

/// A small set of addresses shared by every rule keeps what the lists need small too.
#[test]
fn many_ranges_in_one_rule_do_not_multiply() {
    let scattered = (0..2000_u128).map(|at| (at << 8, (at << 8) + 9)).collect();
    let prefixes = Arc::new(PrefixSet::from_ranges(Family::V4, &scattered));
    let mut boxes = chain(Family::V4, &vec![[None; 4]; 3000]).rules().to_vec();
    for (at, rule) in boxes.iter_mut().enumerate() {
        let source = Addresses { prefixes: Arc::clone(&prefixes), set: None };
        let ports = PortMatch::In(PortSet::from_ranges([(at as u16, at as u16)]));
        rule.matches =
            Match::new(MatchParts { source, destination_ports: ports, ..rule.matches.parts() }).unwrap();
    }
    let plan = plan_of(Chain::from_ordered(boxes, Verdict::Allow, RuleId(0)));
    for layout in LAYOUTS {
        let matcher = Matcher::with_layout(&plan, layout);
        assert!(matcher.layout().bytes < 8 << 20, "{layout:?}: {:?}", matcher.layout());
        let nic = matcher.nics().next().unwrap();
        for (address, port) in [("0.0.1.9", 7), ("0.0.1.10", 7), ("0.7.207.0", 2999), ("0.7.207.0", 3000)] {
            let ports = Some(PacketPorts { source: 1, destination: port });
            for protocol in [Protocol::TCP, Protocol::UDP] {
                let packet =
                    Packet::new(address.parse().unwrap(), "1.1.1.1".parse().unwrap(), protocol, ports)
                        .unwrap();
                let expected = plan.instances[0].nics[0].ingress.decide(&packet).outcome;
                assert_eq!(nic.ingress(&packet), expected, "{layout:?} {packet:?}");
            }
        }
    }
}
