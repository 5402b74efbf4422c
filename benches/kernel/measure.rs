//! Times the engines in turn and prints the tables.

use std::time::{Duration, Instant};

use palisade_ir::{Packet, Verdict};
use palisade_testkit::burst::{Bursts, Fared};
use palisade_testkit::lab::{Interface, Lab};

use crate::case::{Case, chain};
use crate::choice::Choice;
use crate::engine::{Engine, Files};
use crate::{naive, size};

const INTERFACE: &str = "eth0 10.0.0.1/24 fd00::1/64";
/// What a slice should take: shorter is noise, longer lets the machine change meanwhile.
const SLICE: Duration = Duration::from_millis(4);
/// Packets sent to find out how many a slice has.
const WARM: usize = 128;

/// An engine at work on a case.
struct Bench<'a> {
    engine: &'a Engine,
    files: Files,
    loads: Vec<Duration>,
    /// Holds the namespaces.
    _lab: Lab,
    hits: Trace,
    misses: Trace,
}

/// Packets of one kind on their way to one engine.
struct Trace {
    bursts: Bursts,
    /// Packets of a slice.
    slice: usize,
    /// Nanoseconds per packet of each slice.
    taken: Vec<f64>,
}

pub fn run(case: &Case, choice: &Choice) {
    let mut benches: Vec<Bench<'_>> =
        choice.engines.iter().map(|engine| Bench::new(case, engine, choice.loads)).collect();
    for round in 0..choice.rounds {
        // Another one begins each round.
        benches.rotate_left(usize::from(round > 0));
        for bench in &mut benches {
            bench.hits.slice();
            bench.misses.slice();
        }
    }
    let turn = choice.rounds.saturating_sub(1) % benches.len().max(1);
    benches.rotate_right(turn);
    print_costs(case, &benches);
    if choice.loads > 0 {
        print_sizes(case, &benches);
    }
}

impl<'a> Bench<'a> {
    fn new(case: &Case, engine: &'a Engine, loads: usize) -> Self {
        let files = engine.files(case);
        let lab = Lab::host(&[Interface::parse(INTERFACE).unwrap()]).unwrap();
        let load = || {
            let start = Instant::now();
            engine.load(&lab, &files);
            start.elapsed()
        };
        let mut loads: Vec<Duration> = (0..loads.max(1)).map(|_| load()).collect();
        loads.sort_unstable();
        lab.sink().unwrap();
        let trace = |packets: &[Packet]| {
            let mut bursts = lab.bursts("eth0", packets).unwrap();
            check(case, engine, packets, lab.fare(&mut bursts).unwrap());
            Trace::new(bursts, packets.len())
        };
        let (hits, misses) = (trace(&case.hits), trace(&case.misses));
        Self { engine, files, loads, _lab: lab, hits, misses }
    }
}

/// As many packets pass as the plan says; a baseline lets none pass.
fn check(case: &Case, engine: &Engine, packets: &[Packet], fared: Fared) {
    let allowed = |packet: &&Packet| chain(&case.lowered).decide(packet).outcome.verdict == Verdict::Allow;
    let passed = if engine.is_baseline() { 0 } else { packets.iter().filter(allowed).count() };
    let wanted = Fared { arrived: packets.len() as u64, passed: passed as u64 };
    assert_eq!(fared, wanted, "{}, {}", case.title, engine.name);
}

impl Trace {
    fn new(mut bursts: Bursts, packets: usize) -> Self {
        if packets == 0 {
            return Self { bursts, slice: 0, taken: Vec::new() };
        }
        bursts.send(WARM).unwrap();
        let one = bursts.send(WARM).unwrap() / WARM as u32;
        let slice = (SLICE.as_nanos() / one.as_nanos().max(1)).max(WARM as u128);
        Self { bursts, slice: slice as usize, taken: Vec::new() }
    }

    fn slice(&mut self) {
        if self.slice == 0 {
            return;
        }
        self.bursts.send(self.slice).unwrap();
        self.bursts.back(self.slice);
        let took = self.bursts.send(self.slice).unwrap();
        self.taken.push(took.as_nanos() as f64 / self.slice as f64);
    }
}

fn print_costs(case: &Case, benches: &[Bench<'_>]) {
    println!("\n## {}: ns per new packet", case.title);
    println!("| engine | hit | miss | hit, over the baseline | miss, over the baseline |");
    println!("|---|---:|---:|---:|---:|");
    for bench in benches {
        let base = benches
            .iter()
            .find(|other| other.engine.kernel == bench.engine.kernel && other.engine.is_baseline())
            .expect("every kernel interface has a baseline");
        let own = |trace: &Trace| median(trace.taken.clone()).map_or("-".to_owned(), |it| format!("{it:.0}"));
        let over = |trace: &Trace, base: &Trace| match bench.engine.is_baseline() {
            true => "-".to_owned(),
            false => spread(trace.taken.iter().zip(&base.taken).map(|(one, other)| one - other).collect()),
        };
        println!(
            "| {} | {} | {} | {} | {} |",
            bench.engine.name,
            own(&bench.hits),
            own(&bench.misses),
            over(&bench.hits, &base.hits),
            over(&bench.misses, &base.misses),
        );
    }
}

fn print_sizes(case: &Case, benches: &[Bench<'_>]) {
    let naive = naive::count(chain(&case.lowered), case.family);
    println!("\n## {}: what the files hold (naive expansion: {naive} rules), and loading", case.title);
    println!(
        "| engine | rules | elements | of the naive expansion | load, median of {} |",
        benches[0].loads.len()
    );
    println!("|---|---:|---:|---:|---:|");
    for Bench { engine, files, loads, .. } in benches {
        let size::Size { rules, elements } = size::of(files, case.family);
        let part = 100.0 * (rules + elements) as f64 / naive.max(1) as f64;
        let load = loads[loads.len() / 2].as_secs_f64() * 1000.0;
        let part = if engine.is_baseline() { "-".to_owned() } else { format!("{part:.0} %") };
        println!("| {} | {rules} | {elements} | {part} | {load:.0} ms |", engine.name);
    }
}

fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

/// The median and the middle half.
fn spread(values: Vec<f64>) -> String {
    let at = |part| quantile(values.clone(), part);
    match (at(0.25), at(0.5), at(0.75)) {
        (Some(low), Some(middle), Some(high)) => format!("{middle:.0} ({low:.0} to {high:.0})"),
        _ => "-".to_owned(),
    }
}

fn quantile(mut values: Vec<f64>, part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get((values.len() as f64 * part) as usize).copied()
}
