use super::sample::{Random, chain, is_in, packets};
use crate::decide::{Budget, BudgetExceeded, changes};
use crate::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, PacketPorts, PortMatch, PortSet,
    PrefixSet, Priority, Protocol, ProtocolSet, Ranges, Rank, Rule, RuleId, Verdict,
};

/// Checks the changes between two chains packet by packet; returns how many packets differ.
fn check(old: &Chain, new: &Chain) -> usize {
    let changes = changes(old, new, &mut Budget::new(50_000_000)).unwrap();
    let mut different = 0;
    for packet in Family::ALL.into_iter().flat_map(packets) {
        let (before, after) = (old.decide(&packet), new.decide(&packet));
        let told: Vec<_> = changes
            .iter()
            .flat_map(|change| change.regions.iter().map(move |region| (change, region)))
            .filter(|(_, region)| is_in(region, &packet))
            .collect();
        if before.outcome == after.outcome {
            assert!(told.is_empty(), "{packet:?} {told:?}");
            continue;
        }
        different += 1;
        let [(change, _)] = told.as_slice() else { panic!("{packet:?} is told {} times", told.len()) };
        assert_eq!((change.old.id, change.old.outcome), (before.id, before.outcome), "{packet:?}");
        assert_eq!((change.new.id, change.new.outcome), (after.id, after.outcome), "{packet:?}");
    }
    assert_eq!(different > 0, !changes.is_empty());
    different
}

#[test]
fn every_different_packet_is_told_once_with_both_deciders() {
    let mut random = Random(31);
    let (mut equal, mut different) = (0, 0);
    for round in 0..300 {
        let old = chain(&mut random, 10);
        let new = if round % 3 == 0 {
            chain(&mut random, 8)
        } else {
            let mut rules = old.rules().to_vec();
            if !rules.is_empty() {
                let at = random.below(rules.len() as u64) as usize;
                let rule = rules.remove(at);
                if random.one_in(2) {
                    rules.insert(random.below(rules.len() as u64 + 1) as usize, rule);
                }
            }
            Chain::from_ordered(rules, old.default(), old.default_id())
        };
        *(if check(&old, &new) == 0 { &mut equal } else { &mut different }) += 1;
    }
    assert!(equal > 30 && different > 100, "{equal} {different}");
}

fn v4(last: u8) -> std::net::IpAddr {
    [10, 0, 0, last].into()
}

/// A tcp rule about one source and one port, where they are given.
fn rule(from: Option<u8>, port: Option<u16>, verdict: Verdict) -> Rule {
    let any = || Addresses::any(Family::V4);
    let host = |last| PrefixSet::from_ranges(Family::V4, &Ranges::span(number(last), number(last)));
    let matches = Match::new(MatchParts {
        source: from.map_or_else(any, |last| Addresses::unnamed(host(last))),
        destination: any(),
        protocols: ProtocolSet::only(Protocol::TCP),
        source_ports: PortMatch::Any,
        destination_ports: port
            .map_or(PortMatch::Any, |port| PortMatch::In(PortSet::from_ranges([(port, port)]))),
    });
    let rank = Rank::user(Priority::user(1).unwrap(), verdict);
    Rule {
        matches: matches.unwrap(),
        outcome: Outcome::silent(verdict),
        rank,
        origin: Origin::one(RuleId(1)),
    }
}

fn number(last: u8) -> u128 {
    Family::number(v4(last))
}

/// So many rules across a box that it is halved before rules are cut out of it.
#[test]
fn a_box_without_its_diagonal_is_told_exactly() {
    let old = Chain::from_ordered(Vec::new(), Verdict::Deny, RuleId(0));
    let diagonal = (0..100).map(|at| rule(Some(at), Some(at.into()), Verdict::Deny)).collect();
    let new = Chain::from_ordered(diagonal, Verdict::Allow, RuleId(0));
    let changes = changes(&old, &new, &mut Budget::default()).unwrap();
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    for from in 0..101 {
        for port in 0..101 {
            let ports = PacketPorts { source: 9, destination: port };
            let packet = Packet::new(v4(from), v4(1), Protocol::TCP, Some(ports)).unwrap();
            let told = change.regions.iter().filter(|region| is_in(region, &packet)).count();
            assert_eq!(told, usize::from(from == 100 || u16::from(from) != port), "{packet:?}");
        }
    }
}

/// Rules that hold a box in all fields but one are cut out of it at once, and leave one region.
#[test]
fn crossed_lists_leave_one_region_a_rule() {
    let chain = |rules: Vec<Rule>| Chain::from_ordered(rules, Verdict::Deny, RuleId(0));
    let old = chain((0..200).map(|at| rule(Some(at), None, Verdict::Allow)).collect());
    let new = chain((0..400).map(|at| rule(None, Some(2 * at), Verdict::Allow)).collect());
    let changes = changes(&old, &new, &mut Budget::new(1_500_000)).unwrap();
    let regions: usize = changes.iter().map(|change| change.regions.len()).sum();
    // All rules here have one name. What loses its rule is tcp with and without ports.
    assert_eq!(regions, 2 + 1);
}

/// Parts that the search cuts apart are joined again: all packets are one region per family.
#[test]
fn another_default_is_one_region_per_family() {
    use Verdict::{Allow, Deny};
    let chain = |default| Chain::from_ordered(Vec::new(), default, RuleId(0));
    let changes = changes(&chain(Deny), &chain(Allow), &mut Budget::new(100_000)).unwrap();
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.regions, Family::ALL.map(crate::Region::full));
}

#[test]
fn a_spent_budget_tells_nothing() {
    let mut random = Random(32);
    let (old, new) = (chain(&mut random, 10), chain(&mut random, 10));
    assert_eq!(changes(&old, &new, &mut Budget::new(3)), Err(BudgetExceeded));
}
