//! Lints: `lint/<name>[-variant].sg` shows what one lint finds and nothing else; its snapshot is what the author reads.
//!
//! That rules called dead are dead, and no others, is held on random policies by the reference evaluator: boundary
//! packets for the dead ones, one packet that it decides for each rule that is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use palisade::diagnostic::{Diagnostic, Sources};
use palisade::front;
use palisade::lint::{Fate, Judgement, LINTS, Level, Levels, Lint, judge, lint_within};
use palisade::lower::{lower, rule_id};
use palisade::policy::{GroupId, Policy};
use palisade::reference::{self, Decider};
use palisade::report;
use palisade::source::LoadOptions;
use palisade_ir::decide::{Budget, Index, RuleBits};
use palisade_ir::{Direction, NicRef, Plan, Region, RuleId};
use palisade_testkit::sample;

use crate::command::{arg, folder, palisade, root};

/// Random policies in an ordinary run.
const POLICIES: u64 = 300;

fn cases() -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/lint")).expect("the folder of cases");
    let named = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let file = path.file_name().expect("a name");
        (name, Path::new("tests/lint").join(file))
    });
    named.collect()
}

/// The lint that a case is named after: the longest that the name begins with.
fn lint_of(name: &str) -> &'static Lint {
    let fits = LINTS.iter().filter(|lint| {
        name.strip_prefix(lint.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    fits.copied()
        .max_by_key(|lint| lint.name().len())
        .unwrap_or_else(|| panic!("{name} is named after no lint"))
}

/// What is found in a case with the lint it is about at `level` and all others as they are.
fn found(name: &str, path: &Path, level: Level) -> (Vec<Diagnostic>, Sources) {
    let front = front::read(path, &LoadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(front.diagnostics, [], "{name}");
    let policy = front.policy.expect("a policy");
    let lint = lint_of(name);
    let mut levels = Levels::default();
    levels.set(lint.name(), level).expect("a lint");
    // With few steps nothing can be decided, which is what that lint says.
    let steps = if lint.name() == "not-decided" { 10 } else { 100_000_000 };
    (lint_within(&policy, &lower(&policy), &levels, &mut Budget::new(steps)), front.sources)
}

#[test]
fn each_case_shows_its_lint_and_no_other() {
    for (name, path) in cases() {
        let lint = lint_of(&name);
        let codes: BTreeSet<&str> =
            found(&name, &path, Level::Warn).0.iter().map(|found| found.code).collect();
        assert_eq!(codes, BTreeSet::from([lint.code]), "{name}");
        assert_eq!(found(&name, &path, Level::Allow).0, [], "{name}");
        assert!(found(&name, &path, Level::Deny).0.iter().all(Diagnostic::is_error), "{name}");
    }
}

#[test]
fn each_lint_has_a_case() {
    let shown: BTreeSet<&str> = cases().keys().map(|name| lint_of(name).code).collect();
    let declared: BTreeSet<&str> = LINTS.iter().map(|lint| lint.code).collect();
    assert_eq!(shown, declared);
    assert_eq!(declared.len(), LINTS.len(), "a lint is declared twice");
}

#[test]
fn each_case_reads_well() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots/lint"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, path) in cases() {
        let (found, sources) = found(&name, &path, Level::Warn);
        for found in &found {
            assert!(found.help.is_some(), "{name}: no remedy for `{}`", found.message);
            let labels = found.labels.iter().map(|label| &label.text);
            for text in labels.chain([&found.message]).chain(&found.help) {
                crate::diagnostics::style(&name, text);
            }
        }
        settings.bind(|| insta::assert_snapshot!(name.as_str(), report::plain(&found, &sources)));
    }
}

#[test]
fn each_lint_teaches_in_the_house_style() {
    for lint in LINTS {
        for text in [lint.summary, lint.why, lint.remedy] {
            crate::diagnostics::style(lint.code, text);
        }
    }
}

/// A NIC's chain.
type Hook = (NicRef, Direction);

struct Judged {
    policy: Policy,
    plan: Plan,
    judgement: Judgement,
    /// Per NIC and direction boundary packets.
    packets: Vec<(Hook, Vec<palisade_ir::Packet>)>,
}

fn judged(seed: u64) -> Judged {
    let text = sample::random_policy(seed);
    let policy = front::read_text("policy.sg", &text).policy.expect("a policy");
    let plan = lower(&policy);
    let judgement = judge(&policy, &plan, true, &mut Budget::default());
    let hooks: Vec<Hook> =
        plan.nics().flat_map(|(at, ..)| [(at, Direction::In), (at, Direction::Out)]).collect();
    let packets = hooks
        .into_iter()
        .map(|hook| (hook, sample::hook_packets(&plan, hook.0, hook.1, seed, 400)))
        .collect();
    Judged { policy, plan, judgement, packets }
}

impl Judged {
    fn decide(&self, (at, direction): Hook, packet: &palisade_ir::Packet) -> reference::EndDecision {
        reference::decide_end(&self.policy, self.policy.nic(at).expect("a nic"), direction, packet)
    }

    fn decider(&self, hook: Hook, packet: &palisade_ir::Packet) -> Option<RuleId> {
        match self.decide(hook, packet).decider {
            Decider::Rule(group, index) => Some(rule_id(&self.policy, group, index)),
            Decider::InnerAccess(_) | Decider::Default(_) => None,
        }
    }

    /// A NIC at which the rule decides a packet, and that packet.
    fn witness(&self, id: RuleId) -> Option<(Hook, palisade_ir::Packet)> {
        self.packets.iter().find_map(|((at, direction), _)| {
            let nic = self.plan.nic(*at)?;
            let chain = if *direction == Direction::In { &nic.ingress } else { &nic.egress };
            let index = Index::new(chain);
            let own = |place: &usize| chain.rules()[*place].origin.ids() == [id];
            let first = (0..chain.rules().len()).find(own)?;
            let mut stronger = RuleBits::repeat(false, chain.rules().len());
            (0..first).for_each(|place| stronger.set(place, true));
            let lines = (first..chain.rules().len()).filter(own);
            let mut packets = lines.filter_map(|place| {
                let region = Region::of(&chain.rules()[place].matches);
                index.uncovered(&region, &stronger, &mut Budget::default()).expect("enough steps")
            });
            Some(((*at, *direction), packets.next()?))
        })
    }

    /// The policy without a rule.
    fn without(&self, id: RuleId) -> Policy {
        let mut policy = self.policy.clone();
        let mut before = 0;
        for group in &mut policy.groups {
            let count = group.rules.len();
            if let Some(at) = (id.0 as usize).checked_sub(before).filter(|at| *at < count) {
                group.rules.remove(at);
            }
            before += count;
        }
        policy
    }

    fn has_members(&self, id: RuleId) -> bool {
        let groups = (0_u32..).zip(&self.policy.groups);
        let mut owners =
            groups.flat_map(|(group, it)| it.rules.iter().map(move |rule| (GroupId(group), rule)));
        owners.nth(id.0 as usize).is_some_and(|(group, rule)| {
            self.policy.nics().any(|(_, nic)| nic.groups.contains(&group) && nic.side == rule.side)
        })
    }
}

#[test]
fn rules_called_dead_are_dead_and_no_others() {
    let (mut dead, mut covered, mut live, mut idle) = (0, 0, 0, 0);
    for seed in 0..POLICIES {
        let judged = judged(seed);
        let deciders: BTreeSet<RuleId> = judged
            .packets
            .iter()
            .flat_map(|(hook, packets)| packets.iter().filter_map(|packet| judged.decider(*hook, packet)))
            .collect();
        for (id, fate) in (0_u32..).map(RuleId).zip(&judged.judgement.fates) {
            // Chains of groups without members belong to no NIC that could be asked.
            if !judged.has_members(id) {
                continue;
            }
            let idle_here = judged.judgement.idle.contains(&id);
            match fate {
                Fate::Dead(by) => {
                    dead += 1;
                    assert!(!deciders.contains(&id), "seed {seed}: {id:?} decides");
                    assert!(!by.rules.is_empty() && !by.incomplete, "seed {seed}: {id:?}");
                }
                Fate::Covered(_) | Fate::Live => {
                    let (hook, packet) =
                        judged.witness(id).unwrap_or_else(|| panic!("seed {seed}: {id:?} is dead"));
                    assert_eq!(judged.decider(hook, &packet), Some(id), "seed {seed}: {packet:?}");
                    live += 1;
                }
                Fate::Absent => assert!(!deciders.contains(&id), "seed {seed}: {id:?} decides"),
                Fate::Undecided => panic!("seed {seed}: {id:?} is not decided"),
            }
            if matches!(fate, Fate::Dead(_) | Fate::Covered(_)) || idle_here {
                covered += i32::from(matches!(fate, Fate::Covered(_)));
                idle += i32::from(idle_here);
                assert_same_without(&judged, &BTreeSet::from([id]), seed);
            }
        }
        assert_same_without(&judged, &droppable(&judged), seed);
    }
    println!("{dead} dead, {covered} covered, {idle} idle, {live} live");
    assert!(dead > 100 && covered > 20 && idle > 20 && live > 500, "{dead} {covered} {idle} {live}");
}

/// All rules that may go at once.
fn droppable(judged: &Judged) -> BTreeSet<RuleId> {
    let fates = (0_u32..).map(RuleId).zip(&judged.judgement.fates);
    fates.filter(|(_, fate)| matches!(fate, Fate::Dead(_) | Fate::Covered(_))).map(|(id, _)| id).collect()
}

/// Without these rules the reference evaluator says the same on every boundary packet.
fn assert_same_without(judged: &Judged, ids: &BTreeSet<RuleId>, seed: u64) {
    let mut policy = judged.policy.clone();
    for id in ids.iter().rev() {
        let before =
            Judged { policy, plan: judged.plan.clone(), judgement: Judgement::default(), packets: vec![] };
        policy = before.without(*id);
    }
    for ((at, direction), packets) in &judged.packets {
        let nic = policy.nic(*at).expect("a nic");
        for packet in packets {
            let outcome = reference::decide_end(&policy, nic, *direction, packet).outcome;
            let before = judged.decide((*at, *direction), packet).outcome;
            assert_eq!(outcome, before, "seed {seed}: without {ids:?}: {packet:?}");
        }
    }
}

#[test]
fn levels_come_from_the_file_and_the_arguments() {
    let policy = std::fs::read_to_string(root().join("tests/lint/redundant.sg")).expect("a case");
    let run = |config: &str, args: &[&str]| {
        let folder = folder(&[("policy.sg", &policy), ("palisade.toml", config)]);
        let path = folder.path().join("policy.sg");
        palisade(&[&["check"], args, &[arg(&path)]].concat())
    };
    let plain = run("", &[]);
    assert_eq!(plain.code, 0);
    assert!(plain.stderr.contains("palisade::lint::redundant"), "{}", plain.stderr);
    assert_eq!(run("[lints]\nredundant = \"deny\"", &[]).code, 2);
    assert_eq!(run("[lints]\nredundant = \"allow\"", &[]).stderr, "");
    let won = run("[lints]\nredundant = \"allow\"", &["--deny", "redundant"]);
    assert_eq!(won.code, 2, "{}", won.stderr);
    assert_eq!(run("", &["--allow", "palisade::lint::redundant"]).stderr, "");
    let wrong = run("[lints]\nredundent = \"deny\"", &[]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("did you mean `redundant`?"), "{}", wrong.stderr);
    assert_eq!(run("", &["--deny", "nonsense"]).code, 1);
}

#[test]
fn codes_are_listed_and_taught() {
    let listed = palisade(&["lints"]);
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, LINTS.len()));
    for lint in LINTS {
        let taught = palisade(&["explain-code", lint.name()]);
        assert_eq!(taught.code, 0, "{}", taught.stderr);
        assert!(taught.stdout.contains(lint.why) && taught.stdout.contains(lint.code), "{}", taught.stdout);
    }
    let taught = palisade(&["explain-code", "palisade::resolve::host-bits"]);
    assert!(taught.stdout.contains("a prefix with bits behind its length"), "{}", taught.stdout);
    let wrong = palisade(&["explain-code", "palisade::resolve::host-bit"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("host-bits"), "{}", wrong.stderr);
}
