//! Large policies: every command still answers, and answers right. No clocks: `benches/scale.rs` has those, and the
//! sizes that only a release build takes at once.

use palisade::engine::{Answer, Engine, EngineKind};
use palisade::lower::lower;
use palisade::optimize::{Joining, budget, for_layout, optimize};
use palisade::targets::Target;
use palisade_ir::decide::{Budget, equivalent};
use palisade_ir::{InstanceId, Options, Packet, Placement, Style};
use palisade_testkit::sample;

use crate::command::{arg, folder, palisade};

/// Rules of the large policy: enough for trees of many levels, few enough for the reference evaluator.
const RULES: usize = 3_000;

#[test]
fn engines_agree_about_thousands_of_rules() {
    let front = palisade::front::read_text("policy.sg", &sample::security_group_policy(RULES, 7));
    let policy = front.policy.expect("a policy");
    let mut reference = Engine::new(&policy, EngineKind::Reference);
    let packets = sample::boundary_packets(reference.plan(), 7);
    let answers: Vec<(&Packet, Answer)> = packets
        .iter()
        .filter_map(|packet| Some((packet, reference.decide(packet, None, None).ok()?)))
        .collect();
    assert!(answers.len() > 50, "{}", answers.len());
    for kind in EngineKind::ALL {
        let mut engine = Engine::new(&policy, kind);
        for (packet, expected) in &answers {
            let answer = engine.decide(packet, None, None).expect("an answer");
            assert_eq!(answer.verdict, expected.verdict, "{}: {packet:?}", kind.name());
        }
    }
}

/// Not samples: the whole packet space before and after.
#[test]
fn optimising_thousands_of_rules_changes_no_packet() {
    let text = sample::security_group_policy(RULES, 8);
    let plan = lower(&palisade::front::read_text("policy.sg", &text).policy.expect("a policy"));
    let (_, _, nic) = plan.nics().next().expect("a NIC");
    let (optimized, report) = optimize(&nic.ingress, &mut budget(&nic.ingress));
    assert_eq!(report.undecided, 0, "{report:?}");
    assert!(report.after * 2 < report.before && report.merged > 0 && report.redundant > 0, "{report:?}");
    assert_eq!(equivalent(&nic.ingress, &optimized, &mut Budget::default()), Ok(None));
    let (again, _) = optimize(&optimized, &mut budget(&optimized));
    assert_eq!(again, optimized);
}

/// What a backend that joins rules only when it has to would never look at is not in its output either.
#[test]
fn rules_joined_when_asked_for_make_the_same_files() {
    let uniform = sample::uniform_policy(2 * RULES, 10);
    for text in [sample::security_group_policy(2 * RULES, 10), uniform] {
        let plan = lower(&palisade::front::read_text("policy.sg", &text).policy.expect("a policy"));
        let mut waited = 0;
        for (target, layouts) in [(Target::Nftables, Style::ALL.as_slice()), (Target::Rust, &[Style::Auto])] {
            for layout in layouts {
                let files = |joining| {
                    let plan = for_layout(plan.clone(), *layout, joining);
                    let (_, _, nic) = plan.nics().next().expect("a NIC");
                    let options = Options { layout: *layout, ..Options::at(Placement::Host(InstanceId(0))) };
                    (nic.ingress.joins_later(), target.backend().emit(&plan, &options).expect("files"))
                };
                let (waits, later) = files(Joining::WhenAsked);
                waited += usize::from(waits);
                assert!(later == files(Joining::AtOnce).1, "{target:?} {layout:?}");
            }
        }
        assert_eq!(
            waited, 4,
            "chains of thousands of rules stay long, but as they were written they stay so anyway"
        );
    }
}

#[test]
fn commands_answer_about_thousands_of_rules() {
    let text = sample::security_group_policy(RULES, 9);
    let place = folder(&[("policy.sg", &text)]);
    let policy = place.path().join("policy.sg");
    let check = palisade(&["check", arg(&policy)]);
    assert_eq!(check.code, 0, "{}", check.stderr);
    let explain = palisade(&["explain", arg(&policy), "tcp from 203.0.113.9 to web-1 port 443"]);
    assert_eq!(explain.code, 0, "{}", explain.stderr);
    assert!(explain.stdout.contains("web in") || explain.stdout.contains("default in"), "{}", explain.stdout);
    let stats = palisade(&["stats", arg(&policy)]);
    let row = stats.stdout.lines().find(|line| line.contains("web-1 eth0 in")).expect("the chain");
    let numbers: Vec<&str> = row.split_whitespace().skip(3).collect();
    assert_eq!(numbers.len(), 8, "{row}");
    assert_eq!(numbers[6], "0", "nothing is left undecided: {row}");
}
