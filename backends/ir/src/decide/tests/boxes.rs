//! Trees of boxes against the bitsets, on chains long enough to be cut many times.

use super::sample::{Random, chain, span, to_port};
use crate::decide::{Boxes, Budget, BudgetExceeded, Index, RuleBits};
use crate::{
    Addresses, Chain, Family, Match, MatchParts, Outcome, PortMatch, PrefixSet, Ranges, Region, Rule, RuleId,
    Verdict,
};

fn budget() -> Budget {
    Budget::new(10_000_000)
}

/// Rules about some of 256 addresses and 64 ports, few of them large; outcomes of all kinds.
fn wide_chain(random: &mut Random, family: Family, count: u32) -> Chain {
    let rule = |id: u32| {
        let like = to_port(0, RuleId(id));
        let mut runs = |end: u64, longest: u64| -> Vec<(u128, u128)> {
            let run = |random: &mut Random| {
                let first = random.below(end);
                let length = 1 << random.below(longest);
                (u128::from(first), u128::from(first + random.below(length)))
            };
            (0..=u64::from(random.one_in(6))).map(|_| run(random)).collect()
        };
        let source = PrefixSet::from_ranges(family, &runs(250, 6).into_iter().collect::<Ranges>());
        let mut ports = runs(60, 4).into_iter().map(|(first, last)| span(first as u16, last as u16));
        let destination_ports = ports.next_back().filter(|_| !random.one_in(8)).unwrap_or(PortMatch::Any);
        let source = if random.one_in(12) { Addresses::any(family) } else { Addresses::unnamed(source) };
        let parts = MatchParts {
            source,
            destination: Addresses::any(family),
            destination_ports,
            ..like.matches.parts()
        };
        let verdict = if random.one_in(2) { Verdict::Allow } else { Verdict::Deny };
        let outcome = Outcome { verdict, log: random.one_in(4) };
        Rule { matches: Match::new(parts).unwrap(), outcome, ..like }
    };
    Chain::from_ordered((0..count).map(rule).collect(), Verdict::Deny, RuleId(count))
}

fn chains() -> Vec<Chain> {
    let mut random = Random(21);
    let wide = [30, 100, 400].into_iter().flat_map(|count| Family::ALL.map(|family| (family, count)));
    let mut chains: Vec<Chain> = wide.map(|(family, count)| wide_chain(&mut random, family, count)).collect();
    chains.extend((0..30).map(|_| chain(&mut random, 60)));
    chains
}

/// Marks about three rules in four.
fn some(random: &mut Random, chain: &Chain) -> RuleBits {
    chain.rules().iter().map(|_| !random.one_in(4)).collect()
}

#[test]
fn covers_are_those_that_the_bitsets_find() {
    let mut random = Random(22);
    let (mut covered, mut held, mut bare) = (0, 0, 0);
    for chain in chains() {
        let by = some(&mut random, &chain);
        let (index, boxes) = (Index::new(&chain), Boxes::new(chain.rules(), |place| by[place]));
        for (place, rule) in chain.rules().iter().enumerate() {
            let mut stronger = by.clone();
            stronger[place..].fill(false);
            let expected = index.is_covered(place, &stronger, &mut budget()).unwrap();
            assert_eq!(boxes.is_covered(rule, 0..place, |_| true, &mut budget()), Ok(expected));
            let whole = Region::of(&rule.matches);
            let holds = |other: usize| whole.is_subset(&Region::of(&chain.rules()[other].matches));
            let holder = boxes.holder(rule, 0..place, &mut budget()).unwrap();
            assert_eq!(holder.is_some(), stronger.iter_ones().any(holds));
            assert!(holder.is_none_or(holds));
            covered += u32::from(expected);
            held += u32::from(holder.is_some());
            bare += u32::from(!expected);
        }
    }
    assert!(held > 50 && covered > held && bare > 200, "{covered} {held} {bare}");
}

#[test]
fn what_stands_in_the_way_is_what_meets_and_differs() {
    let mut random = Random(23);
    let (mut barred, mut free) = (0, 0);
    for chain in chains() {
        let boxes = Boxes::new(chain.rules(), |_| true);
        let count = chain.rules().len() as u64;
        for rule in chain.rules() {
            let (one, other) = (random.below(count + 1) as usize, random.below(count + 1) as usize);
            let among = one.min(other)..one.max(other);
            let whole = Region::of(&rule.matches);
            let between = chain.rules().get(among.clone()).unwrap();
            let expected = between.iter().any(|other| {
                other.outcome != rule.outcome && Region::of(&other.matches).intersect(&whole).is_some()
            });
            assert_eq!(boxes.is_barred(rule, among, &mut budget()), Ok(expected));
            barred += u32::from(expected);
            free += u32::from(!expected);
        }
    }
    assert!(barred > 50 && free > 50, "{barred} {free}");
}

#[test]
fn what_others_repeat_is_redundant_and_never_left_to_the_default() {
    let mut random = Random(24);
    let (mut repeated, mut needed, mut left) = (0, 0, 0);
    for chain in chains() {
        let kept = some(&mut random, &chain);
        let (index, boxes) = (Index::new(&chain), Boxes::new(chain.rules(), |_| true));
        for place in kept.iter_ones() {
            let rule = &chain.rules()[place];
            let expected = index.is_covered(place, &kept, &mut budget()).unwrap()
                && index.is_redundant(place, &kept, &mut budget()).unwrap();
            let found = boxes.is_repeated(rule, place, |other| kept[other], &mut budget());
            assert_eq!(found, Ok(expected));
            let expected_or_default = index.is_redundant(place, &kept, &mut budget());
            let default = chain.default();
            let found = boxes.is_redundant(rule, place, default, |other| kept[other], &mut budget());
            assert_eq!(found, expected_or_default);
            left += u32::from(found == Ok(true) && !expected);
            repeated += u32::from(expected);
            needed += u32::from(!expected);
        }
    }
    assert!(repeated > 50 && needed > 50 && left > 20, "{repeated} {needed} {left}");
}

#[test]
fn what_meets_a_rule_is_found() {
    let mut random = Random(26);
    for chain in chains() {
        let by = some(&mut random, &chain);
        let boxes = Boxes::new(chain.rules(), |_| true);
        for (place, rule) in chain.rules().iter().enumerate() {
            let whole = Region::of(&rule.matches);
            let meets = |other: &usize| {
                by[*other] && Region::of(&chain.rules()[*other].matches).intersect(&whole).is_some()
            };
            let expected: Vec<usize> = (0..place).filter(meets).collect();
            let found = boxes.meeting(&rule.matches, 0..place, |other| by[other], &mut budget());
            assert_eq!(found, Ok(expected));
        }
    }
}

#[test]
fn a_spent_budget_is_an_error_and_never_an_answer() {
    let chain = wide_chain(&mut Random(25), Family::V4, 100);
    let boxes = Boxes::new(chain.rules(), |_| true);
    let (last, rule) = chain.rules().iter().enumerate().next_back().unwrap();
    let none = &mut Budget::new(0);
    assert_eq!(boxes.holder(rule, 0..last, none), Err(BudgetExceeded));
    assert_eq!(boxes.is_covered(rule, 0..last, |_| true, none), Err(BudgetExceeded));
    assert_eq!(boxes.is_barred(rule, 0..last, none), Err(BudgetExceeded));
    assert_eq!(boxes.is_repeated(rule, last, |_| true, none), Err(BudgetExceeded));
}
