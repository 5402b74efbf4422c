//! What compiling and deciding cost: `cargo bench`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use divan::{Bencher, black_box};
use palisade::compile::{Selection, compile, emit};
use palisade::diff::diff;
use palisade::front::read_text;
use palisade::lint::{Levels, lint};
use palisade::lower::lower;
use palisade::optimize::optimize_plan;
use palisade::policy::Policy;
use palisade::targets::Target;
use palisade::verify::verify;
use palisade_ir::decide::Budget;
use palisade_ir::{Options, Packet, Placement, Plan};
use palisade_matcher::Matcher;
use palisade_testkit::sample;

const SIZES: [usize; 3] = [10, 100, 1000];
/// For reviews, where the goal is two seconds at the last size.
const REVIEWED: [usize; 2] = [1000, 10_000];

fn main() {
    divan::main();
}

fn policy(rules: usize) -> Policy {
    let front = read_text("policy.sg", &sample::security_group_policy(rules, 1));
    front.policy.unwrap_or_else(|| panic!("{:#?}", front.diagnostics))
}

fn plan(rules: usize) -> Plan {
    lower(&policy(rules))
}

#[divan::bench(args = SIZES)]
fn parse_and_resolve(bencher: Bencher<'_, '_>, rules: usize) {
    let text = sample::security_group_policy(rules, 1);
    bencher.bench(|| read_text("policy.sg", black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn lower_and_optimize(bencher: Bencher<'_, '_>, rules: usize) {
    let policy = policy(rules);
    bencher.bench(|| optimize_plan(&lower(black_box(&policy))));
}

#[divan::bench(args = SIZES)]
fn emit_nftables(bencher: Bencher<'_, '_>, rules: usize) {
    let plan = optimize_plan(&plan(rules)).0;
    let options = Options::at(Placement::Gateway);
    bencher.bench(|| compile(black_box(&plan), Target::Nftables, &Selection::Instances, &options));
}

#[divan::bench(args = SIZES)]
fn verify_nftables(bencher: Bencher<'_, '_>, rules: usize) {
    let plan = plan(rules);
    let options = Options::at(Placement::Gateway);
    let optimized = optimize_plan(&plan).0;
    let emitted = emit(&optimized, Target::Nftables, &Selection::Instances, &options).unwrap();
    bencher.bench(|| {
        emitted.iter().all(|it| {
            verify(&plan, Target::Nftables, &it.options, &it.artifact, &mut Budget::default()).is_ok()
        })
    });
}

/// Parse, resolve, lower and lint.
#[divan::bench(args = REVIEWED, sample_count = 5)]
fn check(bencher: Bencher<'_, '_>, rules: usize) {
    let text = sample::security_group_policy(rules, 1);
    bencher.bench(|| {
        let policy = read_text("policy.sg", black_box(&text)).policy.expect("a policy");
        lint(&policy, &lower(&policy), &Levels::default())
    });
}

/// One rule in the middle gets another verdict.
#[divan::bench(args = REVIEWED, sample_count = 5)]
fn diff_one_rule(bencher: Bencher<'_, '_>, rules: usize) {
    let text = sample::security_group_policy(rules, 1);
    let middle = text.match_indices(" allow ").nth(rules / 2).expect("a rule in the middle").0;
    let (head, tail) = text.split_at(middle);
    let new = format!("{head}{}", tail.replacen(" allow ", " deny ", 1));
    let new = lower(&read_text("policy.sg", &new).policy.expect("a policy"));
    let old = plan(rules);
    bencher.bench(|| diff(black_box(&old), &new, &mut Budget::default()));
}

/// Another policy of the same kind: the answer may be "unknown", with a packet.
#[divan::bench(args = REVIEWED, sample_count = 3)]
fn diff_other_policy(bencher: Bencher<'_, '_>, rules: usize) {
    let old = plan(rules);
    let new = read_text("policy.sg", &sample::security_group_policy(rules, 2)).policy.expect("a policy");
    let new = lower(&new);
    bencher.bench(|| diff(black_box(&old), &new, &mut Budget::default()));
}

/// One packet after the other, through chains read in order and through the matcher: their ratio is the point.
#[divan::bench(args = SIZES)]
fn decide_by_chains_160_packets(bencher: Bencher<'_, '_>, rules: usize) {
    let plan = plan(rules);
    let packets: Vec<Packet> = sample::boundary_packets(&plan, 1);
    let at = plan.nics().next().map(|(at, ..)| at);
    bencher.bench(|| packets.iter().map(|packet| plan.decide(packet, None, at).verdict).collect::<Vec<_>>());
}

#[divan::bench(args = SIZES)]
fn decide_by_matcher_160_packets(bencher: Bencher<'_, '_>, rules: usize) {
    let plan = plan(rules);
    let packets: Vec<Packet> = sample::boundary_packets(&plan, 1);
    let matcher = Matcher::with_optimized(&plan, &optimize_plan(&plan).0).expect("plans of one policy");
    let nic = matcher.nic("web-1", "eth0").expect("the only NIC");
    bencher.bench(|| packets.iter().map(|packet| nic.ingress(packet)).collect::<Vec<_>>());
}
