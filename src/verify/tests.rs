//! Both manners of proof say the same of rulesets and of faulty ones; each difference is one when packets walk.

use palisade_ir::symbolic::{Act, Step};
use palisade_ir::{Options, Placement, Style};
use palisade_testkit::sample::{Dice, random_policy};

use super::*;
use crate::compile::{Emitted, Selection, emit};
use crate::front::read_text;
use crate::lower::lower;
use crate::optimize::optimize_plan;

/// Steps for one comparison.
const STEPS: u64 = 2_000_000;

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
}

/// Compares in both manners.
fn compare_both(policy: &Policy<'_>, found: &Program, what: &str, count: &mut Count) {
    let ways = Ways::of(&[&policy.program, found]).unwrap();
    let unasked = policy.unasked();
    let question = Question { policy: &policy.program, ruleset: found, unasked: &unasked, ways: &ways };
    let one = compare(&question, &mut Budget::new(STEPS)).unwrap();
    let Ok(other) = pairwise::difference(policy, found, &ways, &mut Budget::new(STEPS)) else {
        count.open += 1;
        return;
    };
    assert_eq!(one == Answer::Alike, other.is_none(), "{what}: {one:?}, {other:?}");
    match one {
        Answer::Alike => count.alike += 1,
        Answer::Unlike(packet, at) => {
            count.unlike += 1;
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
                        compare_both(&policy, &found, &what, &mut count);
                        for _ in 0..4 {
                            let faulty = faulty(&found, &mut dice);
                            compare_both(&policy, &faulty, &what, &mut count);
                        }
                    }
                }
            }
        }
    }
    println!("{count:?}");
    assert!(count.alike > 150 && count.unlike > 60, "{count:?}");
    assert!(count.open * 10 < count.alike, "{count:?}");
}
