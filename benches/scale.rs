//! What compiling large policies costs as a whole process: `cargo bench --bench scale`.
//!
//! Runs the release build of the command on seeded policies of 1,000 to 1,000,000 rules and on a fleet, and prints
//! seconds and peak memory. Sizes may be given: `cargo bench --bench scale -- 1000 10000`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use process::{Cost, best, run};

use palisade_testkit::sample;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given.clone() };
    let place = tempfile::tempdir().expect("a folder");
    println!("{:<28}{:>10}{:>10}{:>14}", "policy", "seconds", "MB", "us per rule");
    for rules in sizes {
        let policy = place.path().join("policy.sg");
        fs::write(&policy, sample::security_group_policy(rules, 1)).expect("the policy");
        let output = place.path().join("out");
        let cost = best(|| compile(&policy, &output));
        show(&format!("{rules} rules"), &cost, rules);
    }
    if given.is_empty() {
        let policy = place.path().join("fleet.sg");
        fs::write(&policy, sample::fleet_policy(10_000, 500, 1)).expect("the policy");
        let output = place.path().join("fleet");
        let fresh = compile(&policy, &output);
        show("10000 instances, to disk", &fresh, 10_000);
        let again = compile(&policy, &output);
        show("  the same again", &again, 10_000);
    }
}

fn show(what: &str, cost: &Cost, rules: usize) {
    let each = cost.seconds * 1e6 / rules as f64;
    println!("{what:<28}{:>10.3}{:>10}{each:>14.1}", cost.seconds, cost.memory);
}

/// Compiles a policy to nftables without proof.
fn compile(policy: &Path, output: &Path) -> Cost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.args(["compile", "--target", "nftables", "--no-verify"]).arg(policy).arg("-o").arg(output);
    let cost = run(command.stderr(Stdio::null()));
    assert_eq!(cost.code, 0, "the command failed");
    cost
}
