//! What rules cost a packet in the kernel: `cargo bench --bench kernel`, as root.
//!
//! Method. Each way to write the rules (an engine) guards a host in a network namespace of its own. The same new
//! packets (tcp SYN and udp, many to one system call) come to all of them by veth, and the time is the processor
//! time of the sending thread, in which the receiving side runs too (`palisade_testkit::burst`); a busy machine only
//! adds what its neighbours take from the caches. Nothing a rule allows is ever confirmed as a session (a chain behind
//! the rules drops it), so that every packet is a first one. Slices of a few milliseconds are taken in turn over all
//! engines, again and again. What is printed is the median, and the middle half, of the differences to the baseline's
//! slice of the same round: the baseline is the same file, from the same emitter, of a policy without rules.
//!
//! A hit is a packet that some rule decides (a random point of a random rule), a miss one that none does (parts of
//! random rules put together). Before anything is timed, every packet is sent once through every engine, and as many
//! must pass as the plan allows.
//!
//! Beside it: what each file holds and how long it loads. Options come behind `--`; `-- --help` lists them.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod case;
mod choice;
mod engine;
mod measure;
mod naive;
mod size;
mod traffic;

use palisade_testkit::burst;
use palisade_testkit::netns;

fn main() {
    let Some(choice) = choice::read(std::env::args().skip(1)) else { return };
    if let Err(reason) = netns::kernel_tests() {
        println!("skipped: {reason}");
        return;
    }
    burst::pin().unwrap();
    for case in &choice.cases {
        let Some(case) = case.build() else {
            println!("\n{case}: not there (the ClassBench sets stand in ../shared/corpus where present)");
            continue;
        };
        measure::run(&case, &choice);
    }
}
