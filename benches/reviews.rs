//! What reviewing large policies costs as a whole process: `cargo bench --bench reviews`.
//!
//! Runs the release build of the command: `check`, `verify` of rulesets that are there, and `diff`. Sizes may be given, and
//! words that the names of rows begin with: `cargo bench --bench reviews -- 10000 verify diff`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use palisade_testkit::sample::security_group_policy;
use process::{best, run};

const SIZES: [usize; 2] = [10_000, 100_000];

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let place = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| -> PathBuf {
        let path = place.path().join(name);
        fs::write(&path, text).expect("a policy");
        path
    };
    println!("{:<44}{:>10}{:>8}{:>6}", "review", "seconds", "MB", "code");
    for rules in if given.is_empty() { SIZES.to_vec() } else { given } {
        let text = security_group_policy(rules, 1);
        let policy = write("policy.sg", &text);
        show(&format!("check, {rules} rules"), &["check"], &[&policy]);
        show("check --all", &["check", "--all"], &[&policy]);
        show("check --format json", &["check", "--format", "json"], &[&policy]);
        show("check --fix --dry-run", &["check", "--fix", "--dry-run"], &[&policy]);
        for (target, suffixes) in [("nftables", &["nft"][..]), ("iptables", &["rules.v4", "rules.v6"])] {
            let out = place.path().join(target);
            let compiled = command(&["compile", "--no-verify", "--target", target, "-o"], &[&out, &policy]);
            assert_eq!(run(&mut { compiled }).code, 0);
            let files: Vec<PathBuf> =
                suffixes.iter().map(|suffix| out.join(format!("web-1.{suffix}"))).collect();
            let paths: Vec<&Path> =
                [policy.as_path()].into_iter().chain(files.iter().map(PathBuf::as_path)).collect();
            show(&format!("verify, {target}"), &["verify", "--target", target], &paths);
        }
        let middle = text.match_indices(" allow ").nth(rules / 2).expect("a rule in the middle").0;
        let (head, tail) = text.split_at(middle);
        let one = write("one.sg", &format!("{head}{}", tail.replacen(" allow ", " deny ", 1)));
        show("diff, one verdict changed", &["diff"], &[&policy, &one]);
        let other = write("other.sg", &security_group_policy(rules, 2));
        show("diff, another policy of the size", &["diff"], &[&policy, &other]);
    }
    let sources = write(
        "sources.sg",
        &list((0..1500).map(|at| format!("from 172.{}.{}.0/24", 16 + at / 128, 2 * (at % 128)))),
    );
    let ports = write("ports.sg", &list((0..3000).map(|at| format!("from any to port {}", 2 * at + 1))));
    show("diff, 1500 prefixes to 3000 ports", &["diff"], &[&sources, &ports]);
    show("diff --within, the same in an envelope", &["diff", "--within"], &[&ports, &sources, &ports]);
}

/// Rules that each ask for one field only.
fn list(rules: impl Iterator<Item = String>) -> String {
    let rules: String = rules.map(|rule| format!("    10 allow tcp {rule}\n")).collect();
    format!(
        "network prod = vpc\ngroup web {{\n  kind basic\n  network prod\n  inner deny\n  in {{\n{rules}  }}\n}}\n\
         instance web-1 {{\n  nic eth0 address 10.0.1.1 groups web\n}}\n"
    )
}

fn command(words: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.args(words).args(paths).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn show(what: &str, words: &[&str], paths: &[&Path]) {
    let mut wanted = std::env::args().skip(1).filter(|word| word.starts_with(char::is_alphabetic)).peekable();
    if wanted.peek().is_some() && !wanted.any(|word| what.starts_with(&word)) {
        return;
    }
    let cost = best(|| run(&mut command(words, paths)));
    println!("{what:<44}{:>10.2}{:>8}{:>6}", cost.seconds, cost.memory, cost.code);
}
