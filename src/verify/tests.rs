//! Both manners of proof say the same of rulesets and of faulty ones, and so do sets of another library; each difference
//! is one when packets walk.

use palisade_ir::symbolic::{Act, Step, flatten};
use palisade_ir::{Ifname, Options, Placement, Style, Verdict};
use palisade_testkit::sample::{Dice, random_policy};
use palisade_testkit::sets::Judge;

use super::*;
use crate::compile::{Emitted, Selection, emit};
use crate::front::read_text;
use crate::lower::lower;
use crate::optimize::optimize_plan;

/// Steps for one comparison.
const STEPS: u64 = 2_000_000;
/// Ways of a comparison that are asked about by sets.
const WAYS: usize = 12;

/// One step of a program dropped, repeated elsewhere, or with another act or guard.
fn faulty(program: &Program, dice: &mut Dice) -> Program {
    let mut faulty = program.clone();
    let block = dice.below(faulty.blocks.len());
    let all: Vec<Step> = program.blocks.iter().flat_map(|block| block.steps.clone()).collect();
    let steps = &mut faulty.blocks[block].steps;
    let (at, other) = (dice.below(steps.len()), dice.pick(&all).cloned());
    let (Some(step), Some(other)) = (steps.get_mut(at), other) else { return faulty };
    let ends = |act: Act| !matches!(act, Act::Call(_) | Act::Goto(_));
    match dice.below(5) {
        0 => drop(steps.remove(at)),
        1 => step.guard = other.guard,
        2 if ends(other.act) => step.act = other.act,
        3 => step.conditions = other.conditions,
        _ if ends(other.act) => steps.insert(at, other),
        _ => {}
    }
    faulty
}

#[derive(Debug, Default)]
struct Count {
    alike: usize,
    unlike: usize,
    open: usize,
    flat: usize,
}

/// Whether two programs do the same on a way with all packets that the policy speaks of, by the other library.
fn same_sets(judge: &Judge, policy: &Policy<'_>, found: &Program, at: &Traversal) -> bool {
    let unasked = policy.unasked();
    let open = unasked.iter().filter(|(hook, _)| *hook == at.hook).flat_map(|(_, steps)| steps);
    let open = open.filter(|step| step.applies(at)).map(|step| judge.region(&step.guard));
    let asked = open.fold(judge.region(&Region::full(found.family)), |asked, open| asked.and_not(&open));
    judge.program(&policy.program, at).within(&asked) == judge.program(found, at).within(&asked)
}

/// Each block that depends on the packet alone is the chain that it flattens to, by the other library.
fn flattens(judge: &Judge, found: &Program, what: &str) -> usize {
    let full = judge.region(&Region::full(found.family));
    let pure = found.pure().into_iter().enumerate().filter(|(_, pure)| *pure);
    let chains = pure.filter_map(|(block, _)| {
        let flat = flatten(found, block, Verdict::Deny, &mut Budget::new(STEPS)).ok()??;
        Some((block, flat.chain))
    });
    let at = Traversal::input(Ifname::new("eth0").unwrap());
    let checked = chains.map(|(block, chain)| {
        let same = judge.chains(full.clone(), &[&chain], Verdict::Allow)
            == judge.block(found, block, &at, Verdict::Deny);
        assert!(same, "{what}: block {block} is not {chain:#?}");
    });
    checked.count()
}

/// Compares in both manners.
fn compare_both(policy: &Policy<'_>, found: &Program, what: &str, dice: &mut Dice, count: &mut Count) {
    let ways = Ways::of(&[&policy.program, found]).unwrap();
    let unasked = policy.unasked();
    let question = Question { policy: &policy.program, ruleset: found, unasked: &unasked, ways: &ways };
    let one = compare(&question, &mut Budget::new(STEPS)).unwrap();
    let Ok(other) = pairwise::difference(policy, found, &ways, &mut Budget::new(STEPS)) else {
        count.open += 1;
        return;
    };
    assert_eq!(one == Answer::Alike, other.is_none(), "{what}: {one:?}, {other:?}");
    let judge = Judge::new(found.family);
    match one {
        Answer::Alike => {
            count.alike += 1;
            for at in dice.some(&ways.all().collect::<Vec<_>>(), WAYS) {
                assert!(same_sets(&judge, policy, found, &at), "{what}: {at:?}");
            }
            count.flat += flattens(&judge, found, what);
        }
        Answer::Unlike(packet, at) => {
            count.unlike += 1;
            assert!(!same_sets(&judge, policy, found, &at), "{what}: {at:?}");
            let expected =
                pairwise::expected_else(policy, found, &at, &packet, &mut Budget::default()).unwrap();
            assert!(expected.is_some(), "{what}: {packet:?} {at:?}");
        }
    }
}

#[test]
fn both_manners_of_proof_agree() {
    let mut count = Count::default();
    let mut dice = Dice::new(1);
    for seed in 0..6 {
        let front = read_text("policy.sg", &random_policy(2000 + seed));
        let plan = lower(&front.policy.unwrap());
        let optimized = optimize_plan(&plan).0;
        for target in [Target::Nftables, Target::Iptables] {
            for selection in [Selection::Instances, Selection::Gateway] {
                let layout = dice.pick(&Style::ALL).copied().unwrap_or_default();
                let mut options = Options { layout, ..Options::at(Placement::Gateway) };
                if selection == Selection::Gateway {
                    options.prelude.clear();
                }
                for Emitted { stem, options, artifact } in
                    emit(&optimized, target, &selection, &options).unwrap_or_default()
                {
                    let lifted = target.backend().lift(&artifact).unwrap();
                    for family in Family::ALL {
                        let what = format!("seed {seed}: {stem} {target:?} {family}");
                        let policy = Policy::new(&plan, &options, family);
                        let found = lifted.program(family).unwrap();
                        compare_both(&policy, &found, &what, &mut dice, &mut count);
                        for _ in 0..4 {
                            let faulty = faulty(&found, &mut dice);
                            compare_both(&policy, &faulty, &what, &mut dice, &mut count);
                        }
                    }
                }
            }
        }
    }
    println!("{count:?}");
    assert!(count.flat > 150, "{count:?}");
    assert!(count.alike > 150 && count.unlike > 60, "{count:?}");
    assert!(count.open * 10 < count.alike, "{count:?}");
}
