use super::sample::{Random, chain, is_in, packets};
use crate::decide::{Budget, BudgetExceeded, changes};
use crate::{Chain, Family, RuleId};

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

/// Parts that the search cuts apart are joined again: all packets are one region per family.
#[test]
fn another_default_is_one_region_per_family() {
    use crate::Verdict::{Allow, Deny};
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
