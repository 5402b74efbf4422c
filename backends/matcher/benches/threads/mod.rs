//! What two threads ask of one matcher, against one thread: `compare threads [SET ...]`, not pinned to a core.

use std::hint::black_box;
use std::sync::Barrier;

use palisade_ir::{Outcome, Packet, Verdict};
use palisade_matcher::{Matcher, NicMatcher};

use super::chains::{Case, Trace};
use super::table::Figures;
use super::{BURST, timed};

/// Passes of each thread over the trace, timed together.
const PASSES: usize = 20;

/// Prints a row per set: nanoseconds of one thread, and of each of two at once.
pub(crate) fn print(cases: impl Iterator<Item = Case>, rounds: usize) {
    println!(
        "| set.trace | one thread | each of two | throughput | bursts, one | each of two | throughput |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in cases {
        let Some(plan) = case.plan() else { continue };
        let (matcher, packets) = (Matcher::new(&plan), Trace::Uniform.packets(&plan));
        let mut cells = vec![format!("{case}.{}", Trace::Uniform)];
        for ask in [one_by_one, bursts] {
            let mut figures = [const { Vec::new() }; 2];
            for _ in 0..rounds {
                for (threads, figures) in [1, 2].into_iter().zip(&mut figures) {
                    figures.push(pass(&matcher, &packets, threads, ask));
                }
            }
            let [one, two] = figures.map(Figures::of);
            // Both do as much as one alone.
            cells.extend([one.show(), two.show(), one.times(&two, 2.0)]);
        }
        println!("| {} |", cells.join(" | "));
    }
}

type Ask = fn(NicMatcher<'_>, &[Packet]);

fn one_by_one(nic: NicMatcher<'_>, packets: &[Packet]) {
    black_box(packets.iter().filter(|packet| nic.ingress(packet).verdict == Verdict::Allow).count());
}

fn bursts(nic: NicMatcher<'_>, packets: &[Packet]) {
    let mut outcomes = [Outcome::silent(Verdict::Deny); BURST];
    for packets in packets.chunks(BURST) {
        nic.ingress_batch(packets, &mut outcomes);
        black_box(&outcomes);
    }
}

/// Nanoseconds per packet of the slowest thread: each takes the median of its parts, as everywhere here.
fn pass(matcher: &Matcher, packets: &[Packet], threads: usize, ask: Ask) -> f64 {
    let barrier = Barrier::new(threads);
    let thread = || {
        let nic = matcher.nics().next().unwrap();
        barrier.wait();
        let figure = (0..PASSES).map(|_| timed(packets, |packets| ask(nic, packets))).sum::<f64>();
        figure / PASSES as f64
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(thread)).collect();
        all.into_iter().map(|one| one.join().unwrap()).fold(0.0, f64::max)
    })
}
