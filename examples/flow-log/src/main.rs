//! Holds recorded traffic against a policy before it is enforced: what would pass, what would not, and by which rules.
//!
//! ```text
//! $ palisade compile policy.sg --target matcher --instance web-1 -o .
//! $ flow-log web-1.palisade yesterday.pcap
//! 18211 packets, 12 that are no IP
//! allowed    18107
//! denied       104
//!
//! denied most by
//!       97  web-1 eth0: default in
//!        7  web-1 eth0: web in 1
//! ```

mod capture;
mod flows;
mod tally;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use palisade_matcher::Matcher;

use tally::Tally;

/// Input of more bytes than this shows how far it is.
const LONG: u64 = 8 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [policy, log] => check(policy, log),
        _ => Err("usage: flow-log POLICY.palisade FILE\n\nFILE is a capture (pcap or pcapng), or has one flow a line:\n\
                  {\"src\":\"10.0.0.9\",\"dst\":\"10.0.1.10\",\"proto\":\"tcp\",\"sport\":50000,\"dport\":443}"
            .to_owned()),
    };
    match result {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn check(policy: &str, log: &str) -> Result<String, String> {
    let bytes = std::fs::read(policy).map_err(|error| format!("`{policy}`: {error}"))?;
    let matcher = Matcher::from_bytes(&bytes)
        .map_err(|error| format!("`{policy}`: {error}\nhelp: {}", error.help()))?;
    let failed = |error: std::io::Error| format!("`{log}`: {error}");
    let file = File::open(log).map_err(failed)?;
    let bar = progress(file.metadata().map_err(failed)?.len());
    let mut reader = BufReader::new(bar.wrap_read(file));
    let mut tally = Tally::new(&matcher);
    let read = match capture::Kind::of(reader.fill_buf().map_err(failed)?) {
        Some(kind) => capture::read(kind, reader, &mut tally),
        None => flows::read(reader, &mut tally),
    };
    bar.finish_and_clear();
    read.map_err(|error| format!("`{log}`: {error}"))?;
    Ok(tally.to_string())
}

/// A bar for long input; it draws on terminals only.
fn progress(bytes: u64) -> ProgressBar {
    if bytes < LONG {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    match ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_input_has_a_bar() {
        assert_eq!(progress(LONG - 1).length(), None);
        assert_eq!(progress(LONG).length(), Some(LONG));
    }
}
