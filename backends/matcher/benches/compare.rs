//! This crate against DPDK's rte_acl: `benches/rte_acl/run.sh` builds the other side and starts this.
//!
//! Both sides take turns, pass by pass, so that what else the machine does meets both. Before anything is timed, all
//! answers of both are compared with the rules read in order. Without `PALISADE_RTE_ACL` this crate is measured alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod chains;
mod rte_acl;
mod scan;
mod table;
mod threads;

use std::hint::black_box;
use std::time::Instant;

use chains::{Case, Trace};
use palisade_ir::{Direction, Outcome, Packet, Plan, RuleId, Verdict};
use palisade_matcher::{Matcher, NicMatcher};
use rte_acl::RteAcl;
use table::{Figures, Row, Summary};

/// Packets of a burst.
const BURST: usize = 256;
/// Packets that are timed together, here and in `acl.c`.
const PART: usize = 1024;

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let threads = wanted.first().is_some_and(|word| word == "threads");
    wanted.drain(..usize::from(threads));
    let rounds = std::env::var("ROUNDS").map_or(15, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let asked = |case: &Case| wanted.is_empty() || wanted.contains(&case.to_string());
    if threads {
        return threads::print(Case::all().into_iter().filter(asked), rounds);
    }
    let (mut rows, mut summaries) = (Vec::new(), Vec::new());
    for case in Case::all().into_iter().filter(asked) {
        let Some(plan) = case.plan() else {
            eprintln!("skipped {case}: no corpus here");
            continue;
        };
        eprintln!("{case}");
        measure(case, &plan, rounds, &mut rows, &mut summaries);
    }
    table::print(&rows, &summaries);
}

/// A trace with the place of the deciding rule of each packet.
struct Asked {
    packets: Vec<Packet>,
    places: Vec<Option<usize>>,
}

fn measure(case: Case, plan: &Plan, rounds: usize, rows: &mut Vec<Row>, summaries: &mut Vec<Summary>) {
    let chain = &plan.instances[0].nics[0].ingress;
    let asked = Trace::ALL.map(|trace| {
        let packets = trace.packets(plan);
        Asked { places: scan::places(chain, &packets), packets }
    });
    let (matcher, builds) = built(plan);
    let nic = matcher.nics().next().unwrap();
    asked.iter().for_each(|asked| check(plan, nic, asked));
    let again = Matcher::from_bytes(&matcher.to_bytes()).expect("what was written is read");
    asked.iter().for_each(|asked| check(plan, again.nics().next().unwrap(), asked));
    let mut other = RteAcl::start(chain, &asked.each_ref().map(|a| (&a.packets[..], &a.places[..])));
    for (at, (trace, asked)) in Trace::ALL.into_iter().zip(&asked).enumerate() {
        let (mut ours, mut theirs) = ([const { Vec::new() }; 3], [const { Vec::new() }; 2]);
        // The first round warms caches and predictors up.
        for round in 0..=rounds {
            let figures = passes(nic, &asked.packets);
            let others = other.as_mut().map(|other| other.passes(at));
            if round > 0 {
                ours.iter_mut().zip(figures).for_each(|(all, figure)| all.push(figure));
                theirs
                    .iter_mut()
                    .zip(others.into_iter().flatten())
                    .for_each(|(all, figure)| all.push(figure));
            }
        }
        let [one, burst, rule] = ours.map(Figures::of);
        let [their_one, their_burst] = theirs.map(Figures::of);
        rows.push(Row { name: format!("{case}.{trace}"), one, burst, rule, their_one, their_burst });
    }
    let family = asked[0].packets[0].family();
    summaries.push(Summary {
        name: case.to_string(),
        layout: format!("{:?}", nic.layout(Direction::In, family)),
        bytes: matcher.layout().bytes,
        build: builds,
        file: loaded(&matcher),
        theirs: other.map(|other| (other.bytes, other.build)),
    });
}

/// The matcher, and the median milliseconds of three builds.
fn built(plan: &Plan) -> (Matcher, f64) {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..3 {
        let start = Instant::now();
        last = Some(Matcher::new(black_box(plan)));
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    (last.unwrap(), times[1])
}

/// The bytes of the compiled form, and the median milliseconds of loading it.
fn loaded(matcher: &Matcher) -> (usize, f64) {
    let bytes = matcher.to_bytes();
    let mut times = [0.0; 5].map(|_: f64| {
        let start = Instant::now();
        black_box(Matcher::from_bytes(black_box(&bytes))).expect("what was written is read");
        start.elapsed().as_secs_f64() * 1e3
    });
    times.sort_by(f64::total_cmp);
    (bytes.len(), times[2])
}

/// Compares every answer with the rules read in order: one by one, in bursts, and with the rule.
fn check(plan: &Plan, nic: NicMatcher<'_>, asked: &Asked) {
    let chain = &plan.instances[0].nics[0].ingress;
    let mut outcomes = vec![Outcome::silent(Verdict::Deny); asked.packets.len()];
    nic.ingress_batch(&asked.packets, &mut outcomes);
    for ((packet, place), outcome) in asked.packets.iter().zip(&asked.places).zip(outcomes) {
        let decision = chain.decided_by(*place);
        assert_eq!(outcome, decision.outcome, "in bursts: {packet:?}");
        assert_eq!(nic.ingress(packet), decision.outcome, "one by one: {packet:?}");
        assert_eq!(nic.explain_ingress(packet).id, decision.id, "with the rule: {packet:?}");
    }
}

/// Nanoseconds per packet: verdicts one by one, verdicts in bursts, deciding rules one by one.
fn passes(nic: NicMatcher<'_>, packets: &[Packet]) -> [f64; 3] {
    let one = timed(packets, |packets| {
        let allowed = |packet: &&Packet| nic.ingress(packet).verdict == Verdict::Allow;
        black_box(packets.iter().filter(allowed).count());
    });
    let mut outcomes = [Outcome::silent(Verdict::Deny); BURST];
    let burst = timed(packets, |packets| {
        for packets in packets.chunks(BURST) {
            nic.ingress_batch(packets, &mut outcomes);
            black_box(&outcomes);
        }
    });
    let rule = timed(packets, |packets| {
        let sum = packets.iter().fold(0, |sum: u32, packet| {
            let RuleId(id) = nic.explain_ingress(packet).id;
            sum.wrapping_add(id)
        });
        black_box(sum);
    });
    [one, burst, rule]
}

/// The median over parts of the trace: where other programs want the processor too, a part is either interrupted, for
/// far longer than it takes, or not at all.
fn timed<T>(packets: &[T], mut pass: impl FnMut(&[T])) -> f64 {
    let mut parts: Vec<f64> = packets
        .chunks(PART)
        .map(|packets| {
            let start = Instant::now();
            pass(black_box(packets));
            start.elapsed().as_nanos() as f64 / packets.len() as f64
        })
        .collect();
    parts.sort_by(f64::total_cmp);
    parts[parts.len() / 2]
}
