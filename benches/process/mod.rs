//! What a whole process costs.

use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Each time is the best of so many runs: what else the machine does can only add to it.
const RUNS: usize = 3;

/// A process, whole.
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// Peak resident memory in MB.
    pub(crate) memory: u64,
    /// What it ended with.
    pub(crate) code: i32,
}

/// The best of several runs.
pub(crate) fn best(run: impl Fn() -> Cost) -> Cost {
    let runs = (0..RUNS).map(|_| run());
    runs.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("at least one run")
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Cost {
    let start = Instant::now();
    wait(command.spawn().expect("the command"), start)
}

/// Waits for the end of a process and reads its peak memory as often as it can: it never falls.
fn wait(mut child: Child, start: Instant) -> Cost {
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    loop {
        memory = fs::read_to_string(&status).ok().and_then(|text| peak(&text)).unwrap_or(memory).max(memory);
        if let Some(exit) = child.try_wait().expect("the command's end") {
            let seconds = start.elapsed().as_secs_f64();
            let code = exit.code().expect("an end of its own");
            return Cost { seconds, memory: memory / 1024, code };
        }
        sleep(Duration::from_millis(1));
    }
}

/// The line `VmHWM:  1234 kB` (proc_pid_status(5)).
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
