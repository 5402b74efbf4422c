use bitvec::prelude::{BitVec, Lsb0};

use super::sample::{Random, chain, is_in, narrow_chain, packets, region, span, to_port, with_ports};
use crate::decide::{Budget, BudgetExceeded, Index, Piece, points};
use crate::{Chain, Family, Match, Packet, PortMatch, Protocol, Ranges, Region, Rule, RuleId, Verdict};

fn budget() -> Budget {
    Budget::new(1_000_000)
}

/// Each packet of the region lies in exactly one piece, and the piece names the rule that decides it.
fn check_partition(chain: &Chain, region: &Region, pieces: &[Piece]) {
    for packet in packets(region.family()) {
        let holding: Vec<&Piece> = pieces.iter().filter(|piece| is_in(&piece.region, &packet)).collect();
        if !is_in(region, &packet) {
            assert!(holding.is_empty(), "{packet:?}");
            continue;
        }
        let [piece] = holding.as_slice() else { panic!("{packet:?} is in {} pieces", holding.len()) };
        let decider = chain.decide(&packet).rule;
        assert_eq!(piece.rule.map(|place| &chain.rules()[place]), decider, "{packet:?}");
    }
    assert!(pieces.iter().all(|piece| piece.region.witness().is_some_and(|packet| is_in(region, &packet))));
    let places: Vec<usize> = pieces.iter().map(|piece| piece.rule.unwrap_or(usize::MAX)).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn partition_gives_each_packet_to_its_decider() {
    let mut random = Random(11);
    for _ in 0..150 {
        let chain = chain(&mut random, 9);
        let family = random.family();
        let region = region(&mut random, family);
        let pieces = Index::new(&chain).partition(&region, &mut budget()).unwrap();
        check_partition(&chain, &region, &pieces);
    }
}

/// A piece is a product of sets: everything but a few ports is one piece, not one per gap.
#[test]
fn partition_joins_what_one_rule_decides() {
    let rules = [22, 80, 443].map(|port| to_port(port, RuleId(u32::from(port)))).to_vec();
    let chain = Chain::new(rules, Verdict::Deny, RuleId(0));
    let pieces = Index::new(&chain).partition(&Region::full(Family::V6), &mut budget()).unwrap();
    let mut places: Vec<Option<usize>> = pieces.iter().map(|piece| piece.rule).collect();
    places.dedup();
    assert_eq!(places, [Some(0), Some(1), Some(2), None]);
    // The default's: other protocols and udp, tcp without ports, tcp to other ports.
    assert_eq!(pieces.len(), 3 + 3);
}

#[test]
fn uncovered_agrees_with_brute_force_and_shows_a_packet() {
    let mut random = Random(12);
    let (mut covered, mut open) = (0, 0);
    for _ in 0..400 {
        let chain = chain(&mut random, 14);
        let family = random.family();
        let region = region(&mut random, family);
        let by: BitVec<u64, Lsb0> = chain.rules().iter().map(|_| !random.one_in(4)).collect();
        let misses = |packet: &Packet| {
            let by = by.iter().by_vals().zip(chain.rules());
            is_in(&region, packet) && !by.into_iter().any(|(by, rule)| by && rule.matches.matches(packet))
        };
        match Index::new(&chain).uncovered(&region, &by, &mut budget()).unwrap() {
            Some(packet) => {
                open += 1;
                assert!(misses(&packet), "{packet:?} is no witness");
            }
            None => {
                covered += 1;
                assert_eq!(packets(family).into_iter().find(misses), None);
            }
        }
    }
    assert!(covered > 20 && open > 100, "{covered} {open}");
}

/// Enough narrow rules that pieces are halved before rules are cut out of them.
#[test]
fn uncovered_agrees_with_brute_force_among_many_rules() {
    let mut random = Random(15);
    let (mut covered, mut open) = (0, 0);
    for _ in 0..60 {
        let family = random.family();
        let chain = narrow_chain(&mut random, family, 90);
        let region = Region::of(&chain.rules()[0].matches);
        let mut by = BitVec::<u64, Lsb0>::repeat(true, chain.rules().len());
        by.set(0, false);
        let misses = |packet: &Packet| {
            is_in(&region, packet) && !chain.rules().iter().skip(1).any(|rule| rule.matches.matches(packet))
        };
        let index = Index::new(&chain);
        assert!(index.overlapping(&region).count_ones() > 50, "too few to be halved");
        match index.uncovered(&region, &by, &mut budget()).unwrap() {
            Some(packet) => {
                open += 1;
                assert!(misses(&packet), "{packet:?} is no witness");
            }
            None => {
                covered += 1;
                assert_eq!(packets(family).into_iter().find(misses), None);
            }
        }
    }
    assert!(covered > 5 && open > 5, "{covered} {open}");
}

#[test]
fn a_union_covers_what_no_rule_covers_alone() {
    let like = to_port(1, RuleId(0));
    let halves = [(0, 500), (400, 900), (901, 65_535)];
    let rules: Vec<Rule> = halves
        .iter()
        .map(|(first, last)| Rule { matches: with_ports(&like, span(*first, *last)), ..like.clone() })
        .collect();
    let index = Index::new(&Chain::from_ordered(rules, Verdict::Deny, RuleId(1)));
    let all = BitVec::<u64, Lsb0>::repeat(true, 3);
    let every_port = Region::of(&with_ports(&like, span(0, 65_535)));
    assert_eq!(index.uncovered(&every_port, &all, &mut budget()), Ok(None));
    let mut two = all.clone();
    two.set(1, false);
    let hole = index.uncovered(&every_port, &two, &mut budget()).unwrap().unwrap();
    assert!((501..=900).contains(&hole.destination_port().unwrap()));
}

/// Halving pieces loses no class, wherever the hole is.
#[test]
fn the_one_port_that_is_missing_is_found() {
    let every = Region::of(&with_ports(&to_port(1, RuleId(0)), span(0, 149)));
    let rules = (0..150).map(|port| to_port(port, RuleId(u32::from(port)))).collect();
    let index = Index::new(&Chain::from_ordered(rules, Verdict::Deny, RuleId(150)));
    for missing in 0..150 {
        let mut by = BitVec::<u64, Lsb0>::repeat(true, 150);
        by.set(missing, false);
        let hole = index.uncovered(&every, &by, &mut budget()).unwrap().unwrap();
        assert_eq!(hole.destination_port(), Some(missing as u16));
    }
}

/// Packets with and without ports go apart where a port test tells them apart.
#[test]
fn products_of_points_become_regions_of_the_same_packets() {
    let mut random = Random(16);
    for _ in 0..100 {
        let family = random.family();
        let mut product = points::last(family).map(|last| Ranges::span(0, last));
        product[2] =
            [1, 6, 17, 47, 256, 257].into_iter().filter(|_| random.one_in(2)).map(|n| (n, n)).collect();
        for ports in &mut product[3..] {
            if random.one_in(2) {
                *ports = Ranges::span(0, u128::from(random.below(5)));
            }
        }
        let regions = points::to_regions(family, product.clone());
        for packet in packets(family) {
            let point = points::of_packet(&packet);
            let inside = point[2] < 256 && product[2].contains(point[2])
                || product.iter().zip(point).all(|(field, value)| field.contains(value));
            let holding = regions.iter().filter(|region| is_in(region, &packet)).count();
            assert_eq!(holding, usize::from(inside), "{packet:?} {product:?}");
        }
    }
}

/// Port tests over all ports leave packets without ports uncovered, and a test of one port leaves no such packet.
#[test]
fn packets_without_ports_are_not_covered_by_port_tests() {
    let like = to_port(1, RuleId(0));
    let tested = Rule { matches: with_ports(&like, span(0, 65_535)), ..like.clone() };
    let index = Index::new(&Chain::from_ordered(vec![tested], Verdict::Deny, RuleId(1)));
    let by = BitVec::<u64, Lsb0>::repeat(true, 1);
    let untested = Region::of(&with_ports(&like, PortMatch::Any));
    let hole = index.uncovered(&untested, &by, &mut budget()).unwrap().unwrap();
    assert_eq!((hole.protocol(), hole.ports()), (Protocol::TCP, None));
    let mut parts = like.matches.parts();
    (parts.source_ports, parts.destination_ports) = (span(7, 7), PortMatch::Any);
    let from_port = Region::of(&Match::new(parts).unwrap());
    assert_eq!(index.uncovered(&from_port, &by, &mut budget()), Ok(None));
}

/// Whatever the default of a chain, a rule is covered or redundant exactly when leaving it out changes nothing.
#[test]
fn covered_and_redundant_rules_are_those_nobody_misses() {
    let mut random = Random(13);
    let (mut covered, mut redundant, mut needed) = (0, 0, 0);
    for _ in 0..60 {
        let chain = chain(&mut random, 7);
        let index = Index::new(&chain);
        let kept: BitVec<u64, Lsb0> = chain.rules().iter().map(|_| !random.one_in(5)).collect();
        let packets: Vec<Packet> = Family::ALL.into_iter().flat_map(packets).collect();
        for place in kept.iter_ones() {
            let of = |without: Option<usize>| {
                let stays = |at: &usize| kept[*at] && Some(*at) != without;
                let rules = (0..kept.len()).filter(stays).map(|at| chain.rules()[at].clone()).collect();
                Chain::from_ordered(rules, chain.default(), RuleId(99))
            };
            let (with, without) = (of(None), of(Some(place)));
            let same = packets.iter().all(|p| with.decide(p).outcome == without.decide(p).outcome);
            assert_eq!(index.is_redundant(place, &kept, &mut budget()), Ok(same));
            let mut stronger = kept.clone();
            stronger[place..].fill(false);
            let rule = &chain.rules()[place];
            let decides = |p: &Packet| with.decide(p).rule == Some(rule);
            let dead = !packets.iter().any(decides);
            assert_eq!(index.is_covered(place, &stronger, &mut budget()), Ok(dead));
            covered += u32::from(dead);
            redundant += u32::from(same && !dead);
            needed += u32::from(!same);
        }
    }
    assert!(covered > 10 && redundant > 10 && needed > 50, "{covered} {redundant} {needed}");
}

#[test]
fn a_spent_budget_is_an_error_and_never_an_answer() {
    let rules = (0..100).map(|port| to_port(port, RuleId(u32::from(port)))).collect();
    let index = Index::new(&Chain::from_ordered(rules, Verdict::Deny, RuleId(100)));
    let region = Region::of(&with_ports(&to_port(1, RuleId(0)), span(0, 99)));
    let by = BitVec::<u64, Lsb0>::repeat(true, 100);
    for steps in [0, 1, 100] {
        let mut budget = Budget::new(steps);
        assert_eq!(index.partition(&region, &mut budget), Err(BudgetExceeded));
        assert_eq!(budget.left(), 0);
        assert_eq!(index.uncovered(&region, &by, &mut Budget::new(steps)), Err(BudgetExceeded));
    }
    assert_eq!(index.partition(&region, &mut budget()).unwrap().len(), 100);
    assert_eq!(index.uncovered(&region, &by, &mut budget()), Ok(None));
}

#[test]
fn a_share_of_a_budget_is_all_a_question_may_spend() {
    let mut budget = Budget::new(100);
    assert_eq!(budget.share(30, |share| share.spend(31)), Err(BudgetExceeded));
    assert_eq!(budget.left(), 70);
    assert_eq!(budget.share(30, |share| share.spend(20)), Ok(()));
    assert_eq!(budget.left(), 50);
    assert_eq!(budget.share(1000, |share| share.spend(51)), Err(BudgetExceeded));
    assert_eq!(budget.left(), 0);
}
