use super::sample::{Random, chain, packets, span, to_port, with_ports};
use crate::decide::{Budget, BudgetExceeded, equivalent};
use crate::{Chain, Family, Outcome, Packet, PortMatch, PortSet, Rule, RuleId, Verdict};

fn same(a: &Chain, b: &Chain, packet: &Packet) -> bool {
    a.decide(packet).outcome == b.decide(packet).outcome
}

/// Checks the answer for two chains; returns whether they are equal.
fn check(a: &Chain, b: &Chain) -> bool {
    match equivalent(a, b, &mut Budget::new(10_000_000)).unwrap() {
        Some(witness) => {
            assert!(!same(a, b, &witness), "{witness:?} is no difference");
            false
        }
        None => {
            let different = Family::ALL.into_iter().flat_map(packets).find(|packet| !same(a, b, packet));
            assert_eq!(different, None, "{a:?} {b:?}");
            true
        }
    }
}

/// One rule dropped, moved, cut in two, turned or made silent, or another default.
fn edited(random: &mut Random, chain: &Chain) -> Chain {
    let mut rules = chain.rules().to_vec();
    let mut default = chain.default();
    let at = random.below(rules.len().max(1) as u64) as usize;
    let turned = |verdict| if verdict == Verdict::Allow { Verdict::Deny } else { Verdict::Allow };
    match random.below(7) {
        _ if rules.is_empty() => default = turned(default),
        0 => drop(rules.remove(at)),
        1 | 2 => {
            let to = random.below(rules.len() as u64) as usize;
            rules.swap(at, to);
        }
        3 | 4 => split(&mut rules, at),
        5 => rules[at].outcome.verdict = turned(rules[at].outcome.verdict),
        _ => rules[at].outcome = Outcome::silent(rules[at].outcome.verdict),
    }
    Chain::from_ordered(rules, default, chain.default_id())
}

/// Cuts a rule at destination port 3 where it has a port test; the lower half goes to the top of the chain.
fn split(rules: &mut Vec<Rule>, at: usize) {
    let PortMatch::In(ports) = rules[at].matches.destination_ports() else { return };
    let half = |first, last| {
        let numbers = ports.numbers().intersect(&crate::Ranges::span(first, last));
        let mut parts = rules[at].matches.parts();
        parts.destination_ports = PortMatch::In(PortSet::from_numbers(&numbers));
        crate::Match::new(parts).map(|matches| Rule { matches, ..rules[at].clone() })
    };
    if let (Ok(low), Ok(high)) = (half(0, 3), half(4, 65_535)) {
        rules[at] = high;
        let to = at.saturating_sub(1);
        rules.insert(to, low);
    }
}

#[test]
fn equal_exactly_when_all_packets_agree() {
    let mut random = Random(21);
    let (mut equal, mut different) = (0, 0);
    for _ in 0..400 {
        let a = chain(&mut random, 10);
        let mut b = a.clone();
        for _ in 0..random.below(4) {
            b = edited(&mut random, &b);
        }
        *(if check(&a, &b) { &mut equal } else { &mut different }) += 1;
    }
    assert!(equal > 100 && different > 100, "{equal} {different}");
}

#[test]
fn unrelated_chains_are_compared_too() {
    let mut random = Random(22);
    for _ in 0..100 {
        check(&chain(&mut random, 4), &chain(&mut random, 4));
    }
}

#[test]
fn a_log_is_part_of_the_meaning() {
    let silent = to_port(80, RuleId(0));
    let outcome = Outcome { log: true, ..silent.outcome };
    let logged = Rule { outcome, ..silent.clone() };
    let chain = |rule| Chain::from_ordered(vec![rule], Verdict::Deny, RuleId(1));
    assert!(!check(&chain(silent.clone()), &chain(logged)));
    assert!(check(&chain(silent.clone()), &chain(silent)));
}

/// A rule joined from others may stand where the weakest of them stood, however many they are.
#[test]
fn joined_rules_stand_where_their_weakest_part_stood() {
    for parts in [2, 400] {
        let allow = |first, last| {
            let like = to_port(0, RuleId(0));
            Rule { matches: with_ports(&like, span(first, last)), ..like }
        };
        let deny = Rule { outcome: Outcome::silent(Verdict::Deny), ..allow(1, parts) };
        let chain = |rules| Chain::from_ordered(rules, Verdict::Deny, RuleId(1));
        let mut apart: Vec<Rule> = (0..=parts).map(|port| allow(port, port)).collect();
        let joined = chain(vec![allow(0, parts), deny.clone()]);
        apart.push(deny);
        assert!(check(&chain(apart.clone()), &joined));
        assert!(check(&joined, &chain(apart.clone())));
        let last = apart.len() - 1;
        apart.swap(last - 1, last);
        assert!(!check(&chain(apart.clone()), &joined));
        assert!(!check(&joined, &chain(apart)));
    }
}

#[test]
fn a_spent_budget_proves_nothing() {
    let mut random = Random(24);
    let a = chain(&mut random, 10);
    assert_eq!(equivalent(&a, &a, &mut Budget::new(0)), Err(BudgetExceeded));
}
