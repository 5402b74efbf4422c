//! `check --fix`: what goes, what stays, and that nothing else changes.

use palisade::front::read_text;
use palisade::lint::{removable, same_meaning, without};
use palisade::lower::lower;
use palisade::reference;
use palisade_grammar::Span;
use palisade_ir::Direction;
use palisade_ir::decide::Budget;
use palisade_testkit::sample;

use crate::command::{arg, folder, palisade};

/// Random policies in an ordinary run.
const POLICIES: u64 = 150;

fn policy(rules: &str) -> String {
    format!(
        "network prod = vpc\n\ngroup web {{\n  kind basic\n  network prod\n  inner deny\n\n  in {{\n{rules}  }}\n}}\n\n\
         instance web-1 {{\n  nic eth0 address 10.0.1.1 groups web\n}}\n"
    )
}

/// Runs `check --fix` on rules of one group and returns what is left of them.
fn fixed(rules: &str) -> String {
    let place = folder(&[("policy.sg", &policy(rules))]);
    let path = place.path().join("policy.sg");
    let preview = palisade(&["check", "--fix", "--dry-run", arg(&path)]);
    assert_eq!(
        std::fs::read_to_string(&path).expect("the policy"),
        policy(rules),
        "a dry run writes nothing"
    );
    let run = palisade(&["check", "--fix", arg(&path)]);
    assert!([0, 3].contains(&run.code), "{}", run.stderr);
    let text = std::fs::read_to_string(&path).expect("the policy");
    let changed = text != policy(rules);
    assert_eq!(preview.code, if changed { 3 } else { 0 }, "{}", preview.stdout);
    assert_eq!(preview.stdout.contains("@@"), changed);
    assert_eq!(run.stderr.contains("removed "), changed, "{}", run.stderr);
    // Once is enough.
    let again = palisade(&["check", "--fix", "--dry-run", arg(&path)]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""));
    let (before, after) = (policy("\n"), policy("\n"));
    let head = before.split_once("in {\n").expect("a section").0.len() + 5;
    let tail = after.len() - after.find("  }\n}\n\ninstance").expect("the end of the section");
    text[head..text.len() - tail].to_owned()
}

#[test]
fn tricky_layouts() {
    let first = "    10 allow tcp from any to port 443\n";
    for (more, left) in [
        // A comment above, and one behind.
        (
            "    # the office\n    20 allow tcp from 10.0.0.0/8 to port 443 # why\n",
            "    # the office\n    # why\n",
        ),
        // A comment sign in a description is none.
        ("    20 allow tcp from 10.0.0.0/8 to port 443 \"a # b\" # c\n", "    # c\n"),
        // Several lines with comments in them.
        (
            "    20 allow tcp from [\n      10.0.0.1, # one\n      10.0.0.2, # two\n    ] to port 443\n",
            "    # one\n    # two\n",
        ),
        // Blank lines around, as the formatter wants them afterwards.
        (
            "\n    20 allow tcp from 10.0.0.0/8 to port 443\n\n    30 allow udp from any to port 53\n",
            "\n    30 allow udp from any to port 53\n",
        ),
        // The last of the block.
        ("    20 allow tcp from 10.0.0.0/8 to port 443\n", ""),
        // A layout of one's own stays.
        (
            "\t20   allow tcp from 10.0.0.0/8 to port 443\n\t30   allow udp from any to port 53\n",
            "\t30   allow udp from any to port 53\n",
        ),
        // Repeated word by word, and by value.
        ("    10 allow tcp from any to port 443\n", ""),
        ("    10 allow tcp from [0.0.0.0/0, ::/0] to port 443\n", ""),
        // Covered by two together.
        (
            "    20 allow udp from 10.0.0.0/9 to port 53\n    20 allow udp from 10.128.0.0/9 to port 53\n    30 allow udp from 10.0.0.0/8 to port 53\n",
            "    20 allow udp from 10.0.0.0/9 to port 53\n    20 allow udp from 10.128.0.0/9 to port 53\n",
        ),
        // Covered by a later one of its own block.
        (
            "    20 allow udp from 10.0.0.0/9 to port 53\n    20 allow udp from 10.0.0.0/8 to port 53\n",
            "    20 allow udp from 10.0.0.0/8 to port 53\n",
        ),
    ] {
        assert_eq!(fixed(&format!("{first}{more}")), format!("{first}{left}"), "{more}");
    }
}

#[test]
fn what_the_author_must_decide_stays() {
    for rules in [
        // Contradicting, tied, both.
        "    10 deny tcp from any to port 443\n    20 allow tcp from 10.0.0.0/8 to port 443\n",
        "    10 allow tcp from any to port 443\n    20 deny tcp from 10.0.0.0/8 to port 443\n",
        "    10 allow tcp from any to port 80\n    10 deny tcp from any to port 80\n",
        "    10 allow tcp from 10.0.0.0/9 to port 443\n    10 deny tcp from 10.128.0.0/9 to port 443\n    20 allow tcp from 10.0.0.0/8 to port 443\n",
        // A log that never happens was meant to.
        "    10 allow tcp from any to port 443\n    20 allow tcp from 10.0.0.0/8 to port 443 log\n",
        "    10 allow tcp from any to port 443\n    10 allow tcp from any to port 443 log\n",
        // A closing deny is a reader's help.
        "    10 allow tcp from any to port 443\n    100 deny all from any\n",
        // Two that log differently.
        "    20 allow udp from 10.0.0.0/9 to port 53 log\n    20 allow udp from 10.0.0.0/8 to port 53\n",
    ] {
        assert_eq!(fixed(rules), rules);
    }
    // Of logging rules a covered one may go.
    let both = "    10 allow tcp from any to port 443 log\n";
    assert_eq!(fixed(&format!("{both}    20 allow tcp from 10.0.0.0/8 to port 443 log\n")), both);
}

const BASE: &str =
    "network prod = vpc\n\ngroup web {\n  kind basic\n  network prod\n  inner deny\n\n  in {\n";

/// A clone shares its base's lines: one that it still needs stays.
#[test]
fn lines_that_a_clone_needs_stay() {
    let rules = "    10 allow tcp from any to port 443 as wide\n    20 allow tcp from 10.0.0.0/8 to port 443\n    30 allow udp from any to port 53\n    40 allow udp from 10.0.0.0/8 to port 53 as dns\n    50 allow icmp from any\n    60 allow icmp from 10.0.0.0/8\n  }\n}\n";
    let clone = "\ngroup app clone web {\n  remove in wide\n  remove in dns\n}\n";
    let text = format!("{BASE}{rules}{clone}");
    let place = folder(&[("policy.sg", &text)]);
    let path = place.path().join("policy.sg");
    let run = palisade(&["check", "--fix", arg(&path)]);
    assert!(run.stderr.contains("removed 1 redundant rule;"), "{}", run.stderr);
    let left = std::fs::read_to_string(&path).expect("the policy");
    assert_eq!(left, text.replace("    60 allow icmp from 10.0.0.0/8\n", ""));
}

/// What only another group's rules cover matters to members of this one alone, though there is none now.
#[test]
fn rules_that_another_group_covers_stay() {
    let rules = "    20 allow tcp from 10.0.0.0/8 to port 443\n  }\n}\n";
    let other = "\ngroup wide {\n  kind basic\n  network prod\n  inner deny\n\n  in {\n    10 allow tcp from any to port 443\n  }\n}\n\ninstance web-1 {\n  nic eth0 address 10.0.1.1 groups [web, wide]\n}\n";
    let place = folder(&[("policy.sg", &format!("{BASE}{rules}{other}"))]);
    let path = place.path().join("policy.sg");
    let run = palisade(&["check", "--fix", "--dry-run", arg(&path)]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(palisade(&["check", arg(&path)]).stderr.contains("palisade::lint::redundant"));
}

#[test]
fn included_files_of_the_folder_are_fixed_and_others_left() {
    let group = |name: &str| {
        format!(
            "group {name} {{\n  kind basic\n  network prod\n  inner deny\n\n  in {{\n    10 allow tcp from any to port 443\n    20 allow tcp from 10.0.0.0/8 to port 443\n  }}\n}}\n"
        )
    };
    let place = folder(&[
        ("site/policy.sg", "include \"own/web.sg\"\ninclude \"../lib/app.sg\"\nnetwork prod = vpc\n"),
        ("site/own/web.sg", &group("web")),
        ("lib/app.sg", &group("app")),
    ]);
    let path = place.path().join("site/policy.sg");
    let lib = place.path().join("lib");
    let run = palisade(&["check", "--fix", "--include-dir", arg(&lib), arg(&path)]);
    assert!(run.stderr.contains("removed 1 redundant rule;"), "{}", run.stderr);
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).expect("a file");
    assert_eq!(
        read("site/own/web.sg"),
        group("web").replace("    20 allow tcp from 10.0.0.0/8 to port 443\n", "")
    );
    assert_eq!(read("lib/app.sg"), group("app"));
}

#[test]
fn a_rejected_policy_is_not_touched() {
    let text = policy(
        "    10 allow tcp from any to port 443\n    10 allow tcp from any to port 443\n    20 allow tcp from set gone\n",
    );
    let place = folder(&[("policy.sg", &text)]);
    let path = place.path().join("policy.sg");
    for args in [&["check", "--fix"][..], &["check", "--fix", "--dry-run"]] {
        let run = palisade(&[args, &[arg(&path)]].concat());
        assert_eq!(run.code, 2, "{}", run.stderr);
    }
    assert_eq!(std::fs::read_to_string(&path).expect("the policy"), text);
    assert_eq!(palisade(&["check", "--dry-run", arg(&path)]).code, 1);
}

/// Everything that is called removable goes at once, and the reference evaluator says the same on every boundary packet.
#[test]
fn random_policies_mean_the_same_afterwards() {
    let (mut removed, mut refused) = (0, 0);
    for seed in 0..POLICIES {
        let text = sample::random_policy(seed);
        let before = read_text("policy.sg", &text);
        let old = before.policy.as_ref().expect("a policy");
        let places = removable(old, &before.files, &before.diagnostics, &mut Budget::default());
        let spans: Vec<Span> = places.iter().map(|at| at.span).collect();
        let after = read_text("policy.sg", &without(&text, &spans).expect("lines of their own"));
        let Some(new) = after.policy.as_ref() else {
            refused += 1;
            continue;
        };
        assert!(same_meaning(old, new, &mut Budget::default()).expect("enough steps"), "seed {seed}\n{text}");
        let plan = lower(old);
        for (at, ..) in plan.nics() {
            for direction in [Direction::In, Direction::Out] {
                for packet in sample::hook_packets(&plan, at, direction, seed, 60) {
                    let said = |policy: &palisade::policy::Policy| {
                        reference::decide_end(policy, policy.nic(at).expect("a nic"), direction, &packet)
                            .outcome
                    };
                    assert_eq!(said(old), said(new), "seed {seed}: {packet:?}");
                }
            }
        }
        let again = removable(new, &after.files, &after.diagnostics, &mut Budget::default());
        assert_eq!(again, [], "seed {seed}: a second pass finds more");
        removed += spans.len();
    }
    println!("{removed} rules removed, {refused} policies need one by one");
    assert!(removed > 100 && refused * 10 < POLICIES, "{removed} {refused}");
}
