//! What two threads ask of one matcher, against one thread: `compare threads [SET ...]`, not pinned to a core.
//!
//! The first row is arithmetic that asks no memory: what two threads of this machine can do at most where one keeps its
//! units busy. Two whole cores do twice as much, two threads of one core hardly more than one.

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
    let numbers: Vec<u64> = (0..1 << 15).collect();
    let [one, two] = compared(rounds, |threads| pass(&numbers, threads, || arithmetic));
    println!(
        "| arithmetic alone, per number | {} | {} | {} | | | |",
        one.show(),
        two.show(),
        one.times(&two, 2.0)
    );
    for case in cases {
        let Some(plan) = case.plan() else { continue };
        let (matcher, packets) = (Matcher::new(&plan), Trace::Uniform.packets(&plan));
        let mut cells = vec![format!("{case}.{}", Trace::Uniform)];
        for ask in [one_by_one, bursts] {
            let [one, two] = compared(rounds, |threads| {
                pass(&packets, threads, || {
                    let nic = matcher.nics().next().unwrap();
                    move |packets: &[Packet]| ask(nic, packets)
                })
            });
            // Both do as much as one alone.
            cells.extend([one.show(), two.show(), one.times(&two, 2.0)]);
        }
        println!("| {} |", cells.join(" | "));
    }
}

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

/// Eight sums that do not wait for one another, per number.
fn arithmetic(numbers: &[u64]) {
    for number in numbers {
        let mut sums = [*number; 8];
        for round in 0..16 {
            for (sum, odd) in sums.iter_mut().zip([3, 5, 7, 9, 11, 13, 15, 17]) {
                *sum = (*sum ^ (*sum >> 7)).wrapping_mul(odd).wrapping_add(round);
            }
        }
        black_box(sums);
    }
}

/// Figures of one thread and of two, in turn.
fn compared(rounds: usize, pass: impl Fn(usize) -> f64) -> [Figures; 2] {
    let mut figures = [const { Vec::new() }; 2];
    for _ in 0..rounds {
        for (threads, figures) in [1, 2].into_iter().zip(&mut figures) {
            figures.push(pass(threads));
        }
    }
    figures.map(Figures::of)
}

/// Nanoseconds per packet of the slowest thread: each takes the median of its parts, as everywhere here. Each thread
/// begins its own work.
fn pass<T: Sync, W: Fn(&[T])>(packets: &[T], threads: usize, begin: impl Fn() -> W + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let thread = || {
        let work = begin();
        barrier.wait();
        let figure = (0..PASSES).map(|_| timed(packets, &work)).sum::<f64>();
        figure / PASSES as f64
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(thread)).collect();
        all.into_iter().map(|one| one.join().unwrap()).fold(0.0, f64::max)
    })
}
