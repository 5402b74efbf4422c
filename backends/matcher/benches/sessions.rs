//! What sessions and a policy that is replaced cost beside a plain look-up, for one thread and for two:
//! `cargo bench -p palisade-matcher --bench sessions`.
//!
//! A chain of 500 rules like those of security groups, and packets that it allows, each of a session of its own. All must
//! be allowed by whoever is asked, in every pass.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, reason = "shared with the other benchmarks")]
mod chains;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use chains::{Case, Trace};
use palisade_ir::{Family, Packet, Verdict};
use palisade_matcher::{Gate, Live, Matcher, SessionTable};

/// Times that each row is measured.
const ROUNDS: usize = 15;
/// Passes over the packets that are timed together, where a pass leaves everything as it was.
const PASSES: usize = 10;
/// More sessions than there are packets: none is forgotten.
const CAPACITY: usize = 1_000_000;
/// The moment of every packet.
const NOW: Duration = Duration::from_secs(1);
/// From one swap to the next.
const PAUSE: Duration = Duration::from_millis(1);

type Ask<'a> = &'a (dyn Fn(&Packet) -> Verdict + Sync);

fn main() {
    let plan = Case::Group(Family::V4, 500).plan().unwrap();
    let matcher = Arc::new(Matcher::new(&plan));
    // Equal in all it says: what is measured is the swap.
    let other = Arc::new(Matcher::new(&plan));
    let mut seen = BTreeSet::new();
    let mut packets = Trace::Uniform.packets(&plan);
    packets.retain(|packet| {
        matcher.decide(packet) == Verdict::Allow && seen.insert(*packet.min(&packet.reply()))
    });
    println!("{} packets\n", packets.len());
    println!("| asked | one thread | each of two | throughput |\n|---|---|---|---|");

    let live = Live::new(Arc::clone(&matcher));
    let gate = Gate::new(Arc::clone(&matcher), CAPACITY);
    let established: Ask<'_> = &|packet| gate.check(packet, NOW);
    row("`Matcher::decide`", &packets, &|packet| matcher.decide(packet));
    row("`Live::decide`", &packets, &|packet| live.decide(packet));
    swapped(&|| drop(live.swap(Arc::clone(&other))), || {
        row("`Live::decide`, a swap each millisecond", &packets, &|packet| live.decide(packet));
    });
    table_rows(&matcher, &packets);
    fresh("`Gate::check`, new session", &packets, &|| Gate::new(Arc::clone(&matcher), CAPACITY));
    row("`Gate::check`, known session", &packets, established);
    swapped(&|| assert_eq!(gate.swap(Arc::clone(&other), NOW), 0), || {
        row("`Gate::check`, known session, a swap each millisecond", &packets, established);
    });
    assert_eq!(gate.len(), packets.len(), "no session was lost");
}

/// A table of sessions has one thread.
fn table_rows(matcher: &Matcher, packets: &[Packet]) {
    let ask = |table: &mut SessionTable, passes: usize| {
        let (start, mut allowed) = (Instant::now(), 0);
        for _ in 0..passes {
            for packet in black_box(packets) {
                allowed += usize::from(table.check(matcher, packet, NOW) == Verdict::Allow);
            }
        }
        let figure = start.elapsed().as_nanos() as f64 / (passes * packets.len()) as f64;
        assert_eq!(allowed, passes * packets.len());
        figure
    };
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut table = SessionTable::new(CAPACITY);
        new.push(ask(&mut table, 1));
        old.push(ask(&mut table, PASSES));
    }
    println!("| `SessionTable::check`, new session | {} | | |", show(&mut new));
    println!("| `SessionTable::check`, known session | {} | | |", show(&mut old));
}

/// What does not change by asking.
fn row(name: &str, packets: &[Packet], ask: Ask<'_>) {
    let mut figures = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (threads, figures) in [1, 2].into_iter().zip(&mut figures) {
            pass(packets, threads, 1, ask);
            figures.push(pass(packets, threads, PASSES, ask));
        }
    }
    print(name, figures);
}

/// A new gate for each pass.
fn fresh(name: &str, packets: &[Packet], gate: &dyn Fn() -> Gate) {
    let mut figures = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (threads, figures) in [1, 2].into_iter().zip(&mut figures) {
            let gate = gate();
            figures.push(pass(packets, threads, 1, &|packet| gate.check(packet, NOW)));
            assert_eq!(gate.len(), packets.len());
        }
    }
    print(name, figures);
}

fn print(name: &str, mut figures: [Vec<f64>; 2]) {
    let [one, two] = figures.each_mut().map(|figures| show(figures));
    let ratio = 2.0 * median(&figures[0]) / median(&figures[1]);
    println!("| {name} | {one} | {two} | {ratio:.2} |");
}

/// Median, fastest, and between the quartiles the spread in percent of the median.
fn show(figures: &mut [f64]) -> String {
    figures.sort_by(f64::total_cmp);
    let (low, high) = (figures[figures.len() / 4], figures[figures.len() * 3 / 4]);
    let median = median(figures);
    format!("{median:.0} ({:.0}) ±{:.0}%", figures[0], (high - low) / 2.0 / median * 100.0)
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Nanoseconds per packet of the slowest thread; the packets are divided among them, neighbours to different ones.
fn pass(packets: &[Packet], threads: usize, passes: usize, ask: Ask<'_>) -> f64 {
    let barrier = Barrier::new(threads);
    let part = |thread: usize| {
        let mine: Vec<Packet> = packets.iter().skip(thread).step_by(threads).copied().collect();
        barrier.wait();
        let (start, mut allowed) = (Instant::now(), 0);
        for _ in 0..passes {
            allowed += black_box(&mine).iter().filter(|packet| ask(packet) == Verdict::Allow).count();
        }
        let figure = start.elapsed().as_nanos() as f64 / (passes * mine.len()) as f64;
        assert_eq!(allowed, passes * mine.len());
        figure
    };
    thread::scope(|scope| {
        let part = &part;
        let all: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        all.into_iter().map(|one| one.join().unwrap()).fold(0.0, f64::max)
    })
}

/// Does something while a thread of its own swaps.
fn swapped(swap: &(dyn Fn() + Sync), meanwhile: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                swap();
                thread::sleep(PAUSE);
            }
        });
        meanwhile();
        over.store(true, Ordering::Relaxed);
    });
}
