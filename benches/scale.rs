//! What compiling large policies costs as a whole process: `cargo bench --bench scale`.
//!
//! Runs the release build of the command on seeded policies of 1,000 to 1,000,000 rules and on a fleet, and prints
//! seconds and peak memory. Sizes may be given: `cargo bench --bench scale -- 1000 10000`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use palisade_testkit::sample;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Each time is the best of so many runs: what else the machine does can only add to it.
const RUNS: usize = 3;

/// A process, whole.
struct Cost {
    seconds: f64,
    /// Peak resident memory in MB.
    memory: u64,
}

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

fn best(run: impl Fn() -> Cost) -> Cost {
    let runs = (0..RUNS).map(|_| run());
    runs.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("at least one run")
}

/// Compiles a policy to nftables without proof.
fn compile(policy: &Path, output: &Path) -> Cost {
    let start = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["compile", "--target", "nftables", "--no-verify"])
        .arg(policy)
        .arg("-o")
        .arg(output)
        .stderr(Stdio::null())
        .spawn()
        .expect("the command");
    wait(child, start)
}

/// Waits for the end of a process and reads its peak memory as often as it can: it never falls.
fn wait(mut child: Child, start: Instant) -> Cost {
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    loop {
        memory = fs::read_to_string(&status).ok().and_then(|text| peak(&text)).unwrap_or(memory).max(memory);
        if let Some(exit) = child.try_wait().expect("the command's end") {
            let seconds = start.elapsed().as_secs_f64();
            assert!(exit.success(), "the command failed: {exit}");
            return Cost { seconds, memory: memory / 1024 };
        }
        sleep(Duration::from_millis(1));
    }
}

/// The line `VmHWM:  1234 kB` (proc_pid_status(5)).
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
