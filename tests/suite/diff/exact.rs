//! Pairs of random policies: at the edges of both policies' rules, a packet is in the regions exactly when the reference
//! evaluator answers otherwise. `PALISADE_RANDOM_POLICIES` sets how many pairs are tried.

use std::collections::BTreeMap;

use palisade::diff::{Both, Difference, End, Kind, NicEvent, Outside, Why, diff, outside, outside_unlisted};
use palisade::lower::{lower, rule_id};
use palisade::policy::Policy;
use palisade::reference::{Decider, decide_end};
use palisade_ir::decide::Budget;
use palisade_ir::{Direction, Family, NicRef, Outcome, Packet, Plan, Region, RuleId, Verdict};
use palisade_testkit::sample::{Dice, hook_packets, random_policy};

const PAIRS: u64 = 150;
/// Packets per NIC and direction, from each of the two policies.
const PACKETS: usize = 120;

struct Subject {
    policy: Policy,
    plan: Plan,
}

impl Subject {
    fn new(text: &str) -> Option<Self> {
        let policy = palisade::front::read_text("policy.sg", text).policy?;
        let plan = lower(&policy);
        Some(Self { policy, plan })
    }

    fn ends(&self) -> BTreeMap<End, NicRef> {
        let end = |instance: &palisade_ir::InstancePlan, nic: &palisade_ir::NicPlan| End {
            instance: instance.name.clone(),
            interface: nic.interface.clone(),
        };
        self.plan.nics().map(|(at, instance, nic)| (end(instance, nic), at)).collect()
    }

    fn decide(&self, at: NicRef, direction: Direction, packet: &Packet) -> (Outcome, RuleId) {
        let nic = self.policy.nic(at).expect("a NIC");
        let decision = decide_end(&self.policy, nic, direction, packet);
        let chain = match direction {
            Direction::In => &self.plan.nic(at).expect("a NIC").ingress,
            Direction::Out => &self.plan.nic(at).expect("a NIC").egress,
        };
        let id = match decision.decider {
            Decider::Rule(group, index) => rule_id(&self.policy, group, index),
            // The reference has no ids for what has no line.
            Decider::InnerAccess(_) | Decider::Default(_) => chain.decide(packet).id,
        };
        (decision.outcome, id)
    }
}

/// A policy a little different: up to three rules turned, dropped, made weaker or logged, or a NIC's groups or address.
fn edited(text: &str, dice: &mut Dice) -> Option<Subject> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_rule = |line: &String| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|word| word.parse::<u32>().is_ok())
            && matches!(words.next(), Some("allow" | "deny"))
    };
    for _ in 0..dice.between(1, 3) {
        let rules: Vec<usize> = (0..lines.len()).filter(|at| is_rule(&lines[*at])).collect();
        let nics: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].trim().starts_with("nic ")).collect();
        let kind = if dice.below(6) == 0 { &nics } else { &rules };
        let at = *dice.pick(kind)?;
        let line = lines[at].clone();
        lines[at] = match dice.below(6) {
            0 if line.contains("allow") => line.replacen("allow", "deny", 1),
            0 => line.replacen("deny", "allow", 1),
            1 => String::new(),
            2 => line.replacen("1 ", "60 ", 1),
            3 if line.contains(" log") => line.replacen(" log", "", 1),
            3 => line.replacen(" port ", " port 53, ", 1).replacen("53, [", "[53, ", 1),
            4 => line.replacen("/24", "/25", 1).replacen("/16", "/17", 1),
            _ => line.replacen(" address 10.", " address 11.", 1).replacen("10 ", "99 ", 1),
        };
    }
    Subject::new(&lines.join("\n"))
}

fn is_in(region: &Region, packet: &Packet) -> bool {
    let port = |port: Option<u16>| port.map_or(65_536, u128::from);
    let point = [
        Family::number(packet.source()),
        Family::number(packet.destination()),
        u128::from(packet.protocol().0),
        port(packet.source_port()),
        port(packet.destination_port()),
    ];
    let inside = |(field, value): (&palisade_ir::Ranges, u128)| field.contains(value);
    region.family() == packet.family() && region.fields().iter().zip(point).all(inside)
}

/// What the difference says of a packet, at most one thing.
fn told(
    difference: &Difference,
    end: &End,
    direction: Direction,
    packet: &Packet,
) -> Option<(Kind, Option<RuleId>, RuleId)> {
    let chains = difference.chains.iter().filter(|it| it.direction == direction && it.ends.contains(end));
    let changes = chains.flat_map(|it| &it.changes);
    let hits: Vec<_> = changes
        .flat_map(|change| change.regions.iter().map(move |region| (change, region)))
        .filter(|(_, region)| is_in(region, packet))
        .map(|(change, _)| (change.kind, change.old.map(|old| old.id), change.new.id))
        .collect();
    assert!(hits.len() < 2, "{packet:?} is told twice: {hits:?}");
    hits.first().copied()
}

fn expected(
    old: Option<(Outcome, RuleId)>,
    new: (Outcome, RuleId),
) -> Option<(Kind, Option<RuleId>, RuleId)> {
    let (before, id) = old.map_or((Outcome::silent(Verdict::Deny), None), |old| (old.0, Some(old.1)));
    let kind = match (before.verdict, new.0.verdict) {
        (Verdict::Deny, Verdict::Allow) => Kind::Allowed,
        (Verdict::Allow, Verdict::Deny) => Kind::Denied,
        _ if before.log != new.0.log && old.is_some() => Kind::Logging,
        _ => return None,
    };
    Some((kind, id, new.1))
}

#[derive(Default)]
struct Counts {
    pairs: u64,
    equal: u64,
    packets: u64,
    kinds: BTreeMap<Kind, u64>,
    added: u64,
}

fn compare(seed: u64, old: &Subject, new: &Subject, counts: &mut Counts) {
    let difference = diff(&old.plan, &new.plan, &mut Budget::default()).expect("few steps");
    let (before, after) = (old.ends(), new.ends());
    for (end, at) in &after {
        let was = before.get(end).copied();
        let added = difference.nics.iter().any(|nic| nic.end == *end && nic.event == NicEvent::Added);
        assert_eq!(added, was.is_none(), "seed {seed}: {end:?}");
        counts.added += u64::from(added);
        for direction in [Direction::In, Direction::Out] {
            let mut packets = hook_packets(&new.plan, *at, direction, seed, PACKETS);
            packets
                .extend(was.iter().flat_map(|was| hook_packets(&old.plan, *was, direction, seed, PACKETS)));
            for packet in &packets {
                let judged = was.map(|was| old.decide(was, direction, packet));
                let expected = expected(judged, new.decide(*at, direction, packet));
                let told = told(&difference, end, direction, packet);
                assert_eq!(told, expected, "seed {seed}: {end:?} {direction} {packet:?}");
                counts.packets += 1;
                told.iter().for_each(|told| *counts.kinds.entry(told.0).or_default() += 1);
            }
        }
    }
    counts.pairs += 1;
    counts.equal += u64::from(difference.is_empty());
    disjoint(&difference);
    within(&difference, old, new);
}

fn disjoint(difference: &Difference) {
    for chain in &difference.chains {
        let regions: Vec<&Region> = chain.changes.iter().flat_map(|change| &change.regions).collect();
        assert!(chain.changes.iter().all(|change| !change.regions.is_empty()));
        for (at, one) in regions.iter().enumerate() {
            assert!(one.holds_packets());
            assert!(regions.iter().skip(at + 1).all(|other| one.intersect(other).is_none()));
        }
    }
}

/// A change is within its own outcome; and within what was there before only if it allows nothing new.
fn within(difference: &Difference, old: &Subject, new: &Subject) {
    let both = Both { old: &old.plan, new: &new.plan };
    let outside = |envelope: &Plan| {
        let listed = outside(difference, both, envelope, &mut Budget::default()).expect("few steps");
        // Asked about as a whole, by diagrams, the answer is the same.
        let unlisted = outside_unlisted(both, envelope, &mut Budget::default()).expect("few steps");
        assert_eq!(listed.is_empty(), unlisted.is_empty(), "{listed:?} {unlisted:?}");
        for Outside { ends, why } in unlisted {
            let Why::DeniesSome { direction, packet } = why else { continue };
            let allows = |plan: &Plan| {
                let nic = plan.nics().find(|(_, instance, nic)| {
                    instance.name == ends[0].instance && nic.interface == ends[0].interface
                });
                nic.is_some_and(|(_, _, nic)| {
                    let chain = match direction {
                        Direction::In => &nic.ingress,
                        Direction::Out => &nic.egress,
                    };
                    chain.decide(&packet).outcome.verdict == Verdict::Allow
                })
            };
            assert!(allows(&new.plan) && !allows(&old.plan) && !allows(envelope), "{packet:?}");
        }
        listed
    };
    if !difference.nics.iter().any(|nic| nic.event == NicEvent::Removed) {
        assert_eq!(outside(&new.plan), []);
    }
    let allows = difference.chains.iter().flat_map(|it| &it.changes).any(|it| it.kind == Kind::Allowed);
    let outside = outside(&old.plan);
    assert!(difference.widens() || outside.is_empty(), "{outside:?}");
    assert!(!outside.is_empty() || !allows, "{difference:?}");
}

#[test]
fn regions_are_exactly_the_packets_the_reference_decides_otherwise() {
    let wanted = std::env::var("PALISADE_RANDOM_POLICIES").ok();
    let pairs = wanted.map_or(PAIRS, |number| number.parse().expect("a number of pairs"));
    let mut counts = Counts::default();
    for seed in 0..pairs {
        let text = random_policy(seed);
        let mut dice = Dice::new(seed);
        let old = Subject::new(&text).expect("a valid policy");
        if let Some(new) = edited(&text, &mut dice) {
            compare(seed, &old, &new, &mut counts);
            compare(seed, &new, &old, &mut counts);
        }
        if seed % 10 == 0 {
            let other = Subject::new(&random_policy(seed + 1)).expect("a valid policy");
            compare(seed, &old, &other, &mut counts);
        }
        assert!(diff(&old.plan, &old.plan, &mut Budget::new(0)).is_ok_and(|same| same.is_empty()));
    }
    let Counts { pairs: compared, equal, packets, kinds, added } = counts;
    println!("{compared} pairs, {equal} equal, {packets} packets, {kinds:?}, {added} new NICs");
    // Edits gone wrong would make the comparison empty of meaning.
    assert!(
        compared > pairs / 2 && equal < compared * 4 / 5 && packets > pairs * 50,
        "{compared} {equal} {packets}"
    );
    assert!(
        kinds.len() == 3 && kinds.values().all(|count| *count > pairs / 2) && added > 0,
        "{kinds:?} {added}"
    );
}
