//! What a look-up costs, in each layout, against the chain read in order: `cargo bench -p palisade-matcher`.
//!
//! Chains look like those of security groups, or are ClassBench sets where the corpus is at hand. Before an engine is
//! timed, all its answers are compared with those of the chain. A trace has 32,768 packets: divide by that.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod chains;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chains::{Case, Trace};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use palisade_ir::{Direction, Outcome, Packet, Plan, Verdict};
use palisade_matcher::{Layout, Matcher};

fn main() {
    divan::main();
}

/// A set of rules and a trace, by name.
#[derive(Clone, Copy)]
struct Arg {
    case: Case,
    trace: Trace,
}

impl fmt::Display for Arg {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.case, self.trace)
    }
}

/// Not those that `compare` alone has the patience for.
fn cases() -> Vec<Case> {
    let large = |case: &Case| ["100k", "100000"].iter().any(|size| case.to_string().ends_with(size));
    Case::all().into_iter().filter(|case| !large(case)).collect()
}

fn args() -> Vec<Arg> {
    let cases = cases().into_iter().filter(|case| prepared(*case).is_some());
    cases.flat_map(|case| Trace::ALL.map(|trace| Arg { case, trace })).collect()
}

/// Cases whose chain read in order takes less than an hour.
fn short_args() -> Vec<Arg> {
    args()
        .into_iter()
        .filter(|arg| {
            prepared(arg.case).is_some_and(|p| p.0.instances[0].nics[0].ingress.rules().len() <= 1000)
        })
        .collect()
}

/// A plan, and for each trace the packets and what the chain says of them.
type Prepared = (Plan, [(Vec<Packet>, Vec<Outcome>); 3]);

fn prepared(case: Case) -> Option<Arc<Prepared>> {
    static KNOWN: OnceLock<Mutex<BTreeMap<String, Option<Arc<Prepared>>>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let prepare = || {
        let Some(plan) = case.plan() else {
            eprintln!("skipped {case}: no corpus here");
            return None;
        };
        let chain = &plan.instances[0].nics[0].ingress;
        let traces = Trace::ALL.map(|trace| {
            let packets = trace.packets(&plan);
            let outcomes = packets.iter().map(|packet| chain.decide(packet).outcome).collect();
            (packets, outcomes)
        });
        Some(Arc::new((plan, traces)))
    };
    known.entry(case.to_string()).or_insert_with(prepare).clone()
}

/// The matcher of a case, with all its answers compared with those of the chain.
fn matcher(arg: Arg, layout: Option<Layout>) -> Option<(Matcher, Vec<Packet>)> {
    let prepared = prepared(arg.case)?;
    let (plan, traces) = prepared.as_ref();
    let matcher = layout.map_or_else(|| Matcher::new(plan), |layout| Matcher::with_layout(plan, layout));
    let (packets, expected) = traces[arg.trace as usize].clone();
    let nic = matcher.nics().next().unwrap();
    let mut outcomes = vec![Outcome::silent(Verdict::Deny); packets.len()];
    nic.ingress_batch(&packets, &mut outcomes);
    assert!(outcomes == expected, "{arg}: batches disagree with the chain");
    for (packet, outcome) in packets.iter().zip(expected) {
        assert_eq!(nic.ingress(packet), outcome, "{arg}: {packet:?}");
    }
    let found = nic.layout(Direction::In, packets[0].family());
    if layout.is_none() {
        eprintln!("\n{arg}: {found:?}, {} kB", matcher.layout().bytes / 1000);
    }
    // A layout that does not fit becomes a list, which has a row of its own.
    layout.is_none_or(|layout| layout == found).then_some((matcher, packets))
}

fn one_by_one(bencher: Bencher<'_, '_>, arg: Arg, layout: Option<Layout>) {
    let Some((matcher, packets)) = matcher(arg, layout) else { return };
    let nic = matcher.nics().next().unwrap();
    let allowed = |packet: &&Packet| nic.ingress(packet).verdict == Verdict::Allow;
    bencher
        .counter(ItemsCount::new(packets.len()))
        .bench_local(|| black_box(&packets).iter().filter(allowed).count());
}

#[divan::bench(args = short_args(), sample_count = 10)]
fn chain_in_order(bencher: Bencher<'_, '_>, arg: Arg) {
    let prepared = prepared(arg.case).unwrap();
    let chain = &prepared.0.instances[0].nics[0].ingress;
    let packets = &prepared.1[arg.trace as usize].0;
    let allowed = |packet: &&Packet| chain.decide(packet).outcome.verdict == Verdict::Allow;
    bencher
        .counter(ItemsCount::new(packets.len()))
        .bench_local(|| black_box(packets).iter().filter(allowed).count());
}

#[divan::bench(args = args())]
fn bitsets(bencher: Bencher<'_, '_>, arg: Arg) {
    one_by_one(bencher, arg, Some(Layout::Bitsets));
}

#[divan::bench(args = args())]
fn tables(bencher: Bencher<'_, '_>, arg: Arg) {
    one_by_one(bencher, arg, Some(Layout::Tables));
}

#[divan::bench(args = args())]
fn lists(bencher: Bencher<'_, '_>, arg: Arg) {
    one_by_one(bencher, arg, Some(Layout::List));
}

#[divan::bench(args = args())]
fn chosen(bencher: Bencher<'_, '_>, arg: Arg) {
    one_by_one(bencher, arg, None);
}

#[divan::bench(args = args())]
fn chosen_in_batches_of_256(bencher: Bencher<'_, '_>, arg: Arg) {
    let Some((matcher, packets)) = matcher(arg, None) else { return };
    let nic = matcher.nics().next().unwrap();
    let mut outcomes = [Outcome::silent(Verdict::Deny); 256];
    bencher.counter(ItemsCount::new(packets.len())).bench_local(|| {
        for packets in black_box(&packets).chunks(256) {
            nic.ingress_batch(packets, &mut outcomes);
            black_box(&outcomes);
        }
    });
}

/// By address alone: finding the owner of the destination is part of it.
#[divan::bench(args = args())]
fn decide(bencher: Bencher<'_, '_>, arg: Arg) {
    let Some((matcher, packets)) = matcher(arg, None) else { return };
    let allowed = |packet: &&Packet| matcher.decide(packet) == Verdict::Allow;
    bencher
        .counter(ItemsCount::new(packets.len()))
        .bench_local(|| black_box(&packets).iter().filter(allowed).count());
}

fn builds() -> Vec<Case> {
    cases().into_iter().filter(|case| prepared(*case).is_some()).collect()
}

#[divan::bench(args = builds(), sample_count = 5)]
fn build(bencher: Bencher<'_, '_>, case: Case) {
    let prepared = prepared(case).unwrap();
    bencher.bench_local(|| Matcher::new(black_box(&prepared.0)));
}
