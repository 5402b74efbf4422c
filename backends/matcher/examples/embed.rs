//! Loads a compiled policy and judges the packets given on standard input, one line each:
//! source, destination, protocol, source port and destination port (`-` for packets without ports).
//!
//! ```text
//! $ echo "203.0.113.9 10.0.1.10 tcp 50000 443" | cargo run --example embed -- prod.palisade
//! allow (web-1 eth0: web in 10 https)
//! ```

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use palisade_ir::{Packet, PacketPorts, Protocol};
use palisade_matcher::{End, Matcher};

fn main() -> ExitCode {
    let result = match std::env::args().nth(1) {
        Some(path) => load(&path).and_then(|matcher| judge(&matcher)),
        None => Err("usage: embed FILE.palisade < PACKETS".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn load(path: &str) -> Result<Matcher, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("`{path}`: {error}"))?;
    Matcher::from_bytes(&bytes)
        .map_err(|error| format!("`{path}`: {error} ({})\nhelp: {}", error.code(), error.help()))
}

fn judge(matcher: &Matcher) -> Result<(), String> {
    for line in stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let packet = parse(&line).map_err(|message| format!("`{line}`: {message}"))?;
        let decision = matcher.explain(&packet);
        let ends: Vec<String> = [decision.egress, decision.ingress].iter().flatten().map(describe).collect();
        let reason = if ends.is_empty() { "no managed NIC".to_owned() } else { ends.join("; ") };
        println!("{} ({reason})", decision.verdict);
    }
    Ok(())
}

fn describe(end: &End<'_>) -> String {
    let logged = if end.outcome.log { ", logged" } else { "" };
    format!("{} {}: {}{logged}", end.nic.instance(), end.nic.interface(), end.rule)
}

fn parse(line: &str) -> Result<Packet, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [source, destination, protocol, source_port, destination_port] = words.as_slice() else {
        return Err("expected source, destination, protocol and two ports".to_owned());
    };
    let address = |text: &str| text.parse().map_err(|_| format!("`{text}` is not an address"));
    let port = |text: &str| text.parse().map_err(|_| format!("`{text}` is not a port"));
    let ports = match (*source_port, *destination_port) {
        ("-", "-") => None,
        (source, destination) => Some(PacketPorts { source: port(source)?, destination: port(destination)? }),
    };
    let protocol = Protocol::parse(protocol).ok_or_else(|| format!("`{protocol}` is not a protocol"))?;
    Packet::new(address(source)?, address(destination)?, protocol, ports).map_err(|error| error.to_string())
}
