//! Each pass proves itself on random chains, for all packets.

mod cases;
mod sample;

use std::sync::Arc;

use palisade_ir::decide::{Budget, Index, equivalent};
use palisade_ir::{Chain, Family, Ifname, InstancePlan, Name, NetworkId, NicPlan, Plan, Region, RuleId};
use sample::{Random, chain};

use super::{covered, duplicates, merge, optimize, optimize_plan, redundant};

/// A pass, and whether packets are decided by rules of the same rank after it.
struct Case {
    name: &'static str,
    pass: fn(&Chain) -> Chain,
    keeps_ranks: bool,
}

fn budget() -> Budget {
    Budget::new(10_000_000)
}

const CASES: [Case; 5] = [
    Case { name: "duplicates", pass: duplicates, keeps_ranks: true },
    Case { name: "covered", pass: |chain| covered(chain, &mut budget()).chain, keeps_ranks: true },
    Case { name: "merge", pass: |chain| merge(chain.clone(), &mut budget()).chain, keeps_ranks: false },
    Case { name: "optimize", pass: |chain| optimize(chain, &mut budget()).0, keeps_ranks: false },
    Case { name: "redundant", pass: |chain| redundant(chain, &mut budget()).chain, keeps_ranks: false },
];

#[test]
fn passes_keep_every_outcome_and_shrink_chains() {
    for Case { name, pass, keeps_ranks } in CASES {
        let mut random = Random(31);
        let (mut before, mut after) = (0, 0);
        for _ in 0..400 {
            let chain = chain(&mut random);
            let passed = pass(&chain);
            assert_eq!(equivalent(&chain, &passed, &mut budget()), Ok(None), "{name}: {chain:#?}");
            assert!(passed.rules().len() <= chain.rules().len(), "{name}");
            assert_eq!(pass(&passed), passed, "{name} finds more when repeated");
            check_origins(name, &chain, &passed);
            check_deciders(name, &chain, &passed, keeps_ranks);
            before += chain.rules().len();
            after += passed.rules().len();
        }
        assert!(after < before * 99 / 100, "{name} hardly ever finds anything: {before} to {after}");
    }
}

/// Rules come from rules of the chain that had their outcome, and lie in the union of what these matched.
fn check_origins(name: &str, chain: &Chain, passed: &Chain) {
    for rule in passed.rules() {
        assert!(rule.origin.ids().is_sorted_by(|a, b| a < b), "{name}");
        let from = |ids: &[RuleId]| ids.iter().all(|id| rule.origin.ids().contains(id));
        let mut rest = vec![Region::of(&rule.matches)];
        for source in chain.rules().iter().filter(|source| from(source.origin.ids())) {
            assert_eq!(source.outcome, rule.outcome, "{name}");
            rest = rest.iter().flat_map(|rest| rest.subtract(&Region::of(&source.matches))).collect();
        }
        assert!(rest.iter().all(|rest| !rest.holds_packets()), "{name}: {rule:?} is wider than its origins");
    }
}

/// Every packet is decided by a rule when it was before, and by the default when it was. The line that a packet logs
/// names a rule of the priority that it named before.
fn check_deciders(name: &str, chain: &Chain, passed: &Chain, keeps_ranks: bool) {
    for family in Family::ALL {
        for piece in Index::new(passed).partition(&Region::full(family), &mut budget()).unwrap() {
            let packet = piece.region.witness().unwrap();
            let (before, after) = (chain.decide(&packet).rule, passed.decide(&packet).rule);
            assert_eq!(before.is_some(), after.is_some(), "{name}: {packet:?}");
            let (Some(before), Some(after)) = (before, after) else { continue };
            if keeps_ranks || before.outcome.log {
                assert_eq!(before.rank, after.rank, "{name}: {packet:?}");
            }
        }
    }
}

#[test]
fn a_spent_budget_keeps_rules() {
    let mut random = Random(32);
    for _ in 0..50 {
        let chain = chain(&mut random);
        let none = &mut Budget::new(0);
        let silent = chain.rules().iter().filter(|rule| !rule.outcome.log).count();
        for (passed, asked) in
            [(covered(&chain, none), chain.rules().len()), (redundant(&chain, none), silent)]
        {
            assert_eq!(passed.chain, chain);
            assert_eq!(passed.undecided, asked);
        }
        // Moving past rules of the same outcome needs no question.
        let merged = merge(chain.clone(), none).chain;
        assert_eq!(equivalent(&chain, &merged, &mut budget()), Ok(None));
    }
}

#[test]
fn a_plan_changes_in_its_chains_only() {
    let mut random = Random(33);
    let nic = |ingress: &Arc<Chain>, egress: &Arc<Chain>| NicPlan {
        interface: Ifname::new("eth0").unwrap(),
        via: None,
        network: NetworkId(0),
        side: None,
        addresses: vec!["10.0.0.1".parse().unwrap()],
        ingress: Arc::clone(ingress),
        egress: Arc::clone(egress),
    };
    let (one, other) = (Arc::new(chain(&mut random)), Arc::new(chain(&mut random)));
    assert_ne!(one, other);
    let instances = [("a", nic(&one, &other)), ("b", nic(&other, &one))].map(|(name, nic)| InstancePlan {
        name: Name::new(name).unwrap(),
        description: None,
        nics: vec![nic],
    });
    let (session_timeout, networks, rules) = (910, vec![Name::new("net").unwrap()], Vec::new());
    let instances = instances.to_vec();
    let plan = Plan { session_timeout, networks, sets: Vec::new(), services: Vec::new(), rules, instances };

    let (optimized, report) = optimize_plan(&plan);
    let mut expected = plan;
    for nic in expected.instances.iter_mut().flat_map(|instance| &mut instance.nics) {
        nic.ingress = optimize(&nic.ingress, &mut budget()).0.into();
        nic.egress = optimize(&nic.egress, &mut budget()).0.into();
    }
    assert_eq!(optimized, expected);
    assert_eq!(report.before, one.rules().len() + other.rules().len(), "shared chains count once");
    assert!(report.after < report.before);
}
