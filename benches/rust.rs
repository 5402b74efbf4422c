//! What a packet costs in an emitted Rust module, compiled by rustc, beside the in-process matcher: the same chain, the
//! same packets, and both must give the same answers.
//!
//! `cargo bench --bench rust`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use palisade::lower::lower;
use palisade::optimize::optimize_plan;
use palisade::targets::Target;
use palisade_ir::{Family, InstanceId, Options, Packet, PacketPorts, Placement, Plan, Protocol, Verdict};
use palisade_matcher::Matcher;
use palisade_testkit::sample::{Dice, security_group_policy};

/// Packets of a trace, and how often it is passed through.
const PACKETS: usize = 32_768;
const PASSES: usize = 21;

/// Runs the module of its folder over the packets of `trace`.
const PROGRAM: &str = r#"
mod firewall { include!("module.rs"); }
fn main() {
    let text = std::fs::read_to_string("trace").unwrap();
    let packets: Vec<firewall::Packet> = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let ports = Some((words[3].parse().unwrap(), words[4].parse().unwrap()));
        let (source, destination) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        firewall::Packet { source, destination, protocol: words[2].parse().unwrap(), ports }
    }).collect();
    let nic = firewall::nics()[0];
    let mut times = Vec::new();
    let mut allowed = 0;
    for _ in 0..PASSES {
        let start = std::time::Instant::now();
        allowed = packets.iter().filter(|packet| nic.ingress(packet).allow).count();
        times.push(start.elapsed().as_nanos() as f64 / packets.len() as f64);
    }
    times.sort_by(f64::total_cmp);
    println!("{allowed} {} {}", times[PASSES / 2], times[0]);
}
"#;

fn plan(rules: usize) -> Plan {
    let front = palisade::front::read_text("policy.sg", &security_group_policy(rules, 7));
    lower(&front.policy.expect("a policy"))
}

/// Points of rules, or anything.
fn trace(plan: &Plan, points: bool) -> Vec<Packet> {
    let mut dice = Dice::new(1);
    let nic = &plan.instances[0].nics[0];
    let destination = *nic.addresses.iter().find(|address| address.is_ipv4()).expect("an IPv4 address");
    let rules: Vec<_> =
        nic.ingress.rules().iter().filter(|rule| rule.matches.family() == Family::V4).collect();
    let mut packets = Vec::new();
    while packets.len() < PACKETS {
        let mut source = u128::from(dice.roll() as u32);
        let mut protocol = if dice.percent(50) { Protocol::TCP } else { Protocol::UDP };
        let mut port = dice.roll() as u16;
        let rule = rules[dice.below(rules.len())];
        if points {
            let (first, last) = rule.matches.source().prefixes.ranges().iter().next().expect("an address");
            source = first + source % (last - first + 1);
            protocol = rule.matches.protocols().iter().next().expect("a protocol");
            if let palisade_ir::PortMatch::In(ports) = rule.matches.destination_ports() {
                let (first, last) = ports.ranges().next().expect("a port");
                port = first + (u32::from(port) % (u32::from(last - first) + 1)) as u16;
            }
        }
        let ports = PacketPorts { source: 50_000, destination: port };
        let source: IpAddr = Family::V4.address(source);
        packets.extend(Packet::new(source, destination, protocol, Some(ports)));
    }
    packets
}

/// How many the module allows, and nanoseconds for each packet: median and fastest pass.
fn module(folder: &Path, packets: &[Packet]) -> (usize, f64, f64) {
    let mut text = String::new();
    for packet in packets {
        let ports = packet.ports().expect("ports");
        let (source, destination) = (packet.source(), packet.destination());
        let _ = writeln!(
            text,
            "{source} {destination} {} {} {}",
            packet.protocol().0,
            ports.source,
            ports.destination
        );
    }
    std::fs::write(folder.join("trace"), text).expect("a file");
    let output = Command::new(folder.join("main")).current_dir(folder).output().expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    (numbers[0] as usize, numbers[1], numbers[2])
}

fn matcher(matcher: &Matcher, packets: &[Packet]) -> (usize, f64, f64) {
    let nic = matcher.nics().next().expect("a NIC");
    let (mut times, mut allowed) = (Vec::new(), 0);
    for _ in 0..PASSES {
        let start = Instant::now();
        allowed = packets.iter().filter(|packet| nic.ingress(packet).verdict == Verdict::Allow).count();
        times.push(start.elapsed().as_nanos() as f64 / packets.len() as f64);
    }
    times.sort_by(f64::total_cmp);
    (allowed, times[PASSES / 2], times[0])
}

fn main() {
    println!("| rules, trace | module, ns: median (fastest) | matcher | module, kB of text | rustc -O, s |");
    println!("|---|---|---|---|---|");
    for rules in [100, 1_000, 10_000] {
        let plan = plan(rules);
        let options = Options::at(Placement::Host(InstanceId(0)));
        let artifact =
            Target::Rust.backend().emit(&optimize_plan(&plan).0, &options).expect("a module").files.remove(0);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("module.rs"), &artifact.contents).expect("a file");
        let program = PROGRAM.replace("PASSES", &PASSES.to_string());
        std::fs::write(folder.path().join("main.rs"), program).expect("a file");
        let start = Instant::now();
        let status = Command::new("rustc")
            .args(["--edition", "2021", "-O", "main.rs"])
            .current_dir(folder.path())
            .status()
            .expect("rustc starts");
        assert!(status.success(), "rustc");
        let seconds = start.elapsed().as_secs_f64();
        let judge = Matcher::new(&plan);
        for (name, points) in [("points of rules", true), ("random", false)] {
            let packets = trace(&plan, points);
            let (ours, median, fastest) = module(folder.path(), &packets);
            let (theirs, matcher_median, matcher_fastest) = matcher(&judge, &packets);
            assert_eq!(ours, theirs, "{rules} rules, {name}");
            println!(
                "| {rules}, {name} | {median:.0} ({fastest:.0}) | {matcher_median:.0} ({matcher_fastest:.0}) | {} | {seconds:.1} |",
                artifact.contents.len() / 1000
            );
        }
    }
}
