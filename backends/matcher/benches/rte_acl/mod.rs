//! The other side: writes rules and packets for `acl.c`, starts it and asks it for passes.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use palisade_ir::{Chain, Family, Packet, PortMatch, Protocol, ProtocolSet, Ranges};

/// The program with a built context; it ends when its input does.
pub(crate) struct RteAcl {
    program: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The fastest method for single packets and the one for bursts.
    best: [String; 2],
    packets: usize,
    /// Of the built context.
    pub(crate) bytes: usize,
    /// Milliseconds.
    pub(crate) build: f64,
}

impl RteAcl {
    /// `None` when there is no such program here. Panics when its answers are not the expected ones.
    pub(crate) fn start(chain: &Chain, traces: &[(&[Packet], &[Option<usize>])]) -> Option<Self> {
        let path = std::env::var_os("PALISADE_RTE_ACL")?;
        let core = std::env::var("PALISADE_CORE").unwrap_or_else(|_| "0".to_owned());
        let file = std::env::temp_dir().join(format!("palisade-rte-acl-{}", std::process::id()));
        std::fs::write(&file, text(chain, traces)).expect("the rules can be written");
        let eal = "--no-huge --no-pci --no-shconf --no-telemetry -m 6144 --log-level=error";
        let mut program = Command::new(path)
            .args(eal.split(' '))
            .args(["--force-max-simd-bitwidth=512", "-l", &core, "--"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("rte_acl's program starts");
        let (questions, answers) = (program.stdin.take().unwrap(), program.stdout.take().unwrap());
        let best = [String::new(), String::new()];
        let packets = traces[0].0.len();
        let answers = BufReader::new(answers);
        let mut other = Self { program, questions, answers, best, packets, bytes: 0, build: 0.0 };
        let ready = other.read();
        std::fs::remove_file(&file).expect("the file is there");
        if ready.is_empty() {
            eprintln!("rte_acl: not built, it gave up or was given up");
            return None;
        }
        let words: Vec<&str> = ready.split(' ').collect();
        let ["ready", build, bytes] = words[..] else { panic!("rte_acl says `{ready}`") };
        (other.build, other.bytes) = (build.parse::<f64>().unwrap() / 1e6, bytes.parse().unwrap());
        other.choose();
        Some(other)
    }

    /// Every method was checked; of those, the fastest of a few passes are timed later.
    fn choose(&mut self) {
        let mut methods = Vec::new();
        loop {
            let line = self.line();
            let Some(method) = line.strip_prefix("method ") else {
                assert_eq!(line, "end", "rte_acl says `{line}`");
                break;
            };
            methods.push(method.to_owned());
        }
        for (at, burst) in [1, super::BURST].into_iter().enumerate() {
            let mut time = |method: &String| {
                let passes: Vec<u64> = (0..3).map(|_| self.pass(method, burst, 0)).collect();
                passes.into_iter().min().unwrap()
            };
            self.best[at] = methods.iter().min_by_key(|method| time(method)).unwrap().clone();
        }
        eprintln!("rte_acl: {} one by one, {} in bursts", self.best[0], self.best[1]);
    }

    /// Nanoseconds per packet: one by one, and in bursts.
    pub(crate) fn passes(&mut self, trace: usize) -> [f64; 2] {
        let [one, burst] = self.best.clone();
        [(one, 1), (burst, super::BURST)]
            .map(|(method, burst)| self.pass(&method, burst, trace) as f64 / self.packets as f64)
    }

    fn pass(&mut self, method: &str, burst: usize, trace: usize) -> u64 {
        writeln!(self.questions, "{method} {burst} {trace}").unwrap();
        self.line().parse().expect("a number of nanoseconds")
    }

    fn line(&mut self) -> String {
        let line = self.read();
        assert!(!line.is_empty(), "rte_acl's program ended");
        line
    }

    /// Empty when the program has ended.
    fn read(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("rte_acl's output is text");
        line.trim_end().to_owned()
    }
}

impl Drop for RteAcl {
    fn drop(&mut self) {
        // Its input ends when this is dropped, too late for a wait here.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What `acl.c` reads.
fn text(chain: &Chain, traces: &[(&[Packet], &[Option<usize>])]) -> String {
    let family = traces[0].0[0].family();
    let mut rules = String::new();
    for (place, rule) in chain.rules().iter().enumerate() {
        let parts = rule.matches.parts();
        let ends = [&parts.source, &parts.destination].map(|end| prefix(family, end.prefixes.ranges()));
        let ports = [&parts.source_ports, &parts.destination_ports].map(ports);
        let [from, to] = ports;
        for (protocol, mask) in protocols(&parts.protocols) {
            let [source, destination] = &ends;
            writeln!(rules, "{source} {destination} {from} {to} {protocol:x} {mask:x} {:x}", place + 1)
                .unwrap();
        }
    }
    let lines = rules.lines().count();
    let width = if family == Family::V4 { 4 } else { 6 };
    let mut all = format!("{width:x} {lines:x} {:x} {:x}\n{rules}", traces.len(), traces[0].0.len());
    for (packet, place) in traces.iter().flat_map(|(packets, places)| packets.iter().zip(*places)) {
        let [source, destination] =
            [packet.source(), packet.destination()].map(|address| words(family, Family::number(address)));
        let (from, to) = packet.ports().map_or((0, 0), |ports| (ports.source, ports.destination));
        let (protocol, place) = (packet.protocol().0, place.map_or(0, |place| place + 1));
        writeln!(all, "{source} {destination} {from:x} {to:x} {protocol:x} {place:x}").unwrap();
    }
    all
}

fn words(family: Family, number: u128) -> String {
    let words = [96, 64, 32, 0].map(|shift| format!("{:x}", (number >> shift) as u32));
    words[if family == Family::V4 { 3 } else { 0 }..].join(" ")
}

fn prefix(family: Family, ranges: &Ranges) -> String {
    let (first, last) = ranges.iter().next().unwrap();
    assert!(ranges.len() == 1, "rules of the sets have one prefix");
    let bits = if family == Family::V4 { 32 } else { 128 };
    let length = bits - (128 - (last - first).leading_zeros());
    format!("{} {length:x}", words(family, first))
}

fn ports(ports: &PortMatch) -> String {
    let all = [(0, u16::MAX)];
    let ranges: Vec<(u16, u16)> = match ports {
        PortMatch::Any => all.to_vec(),
        PortMatch::In(set) => set.ranges().collect(),
    };
    assert!(ranges.len() == 1, "rules of the sets have one range of ports");
    format!("{:x} {:x}", ranges[0].0, ranges[0].1)
}

/// A packet without ports has ports 0 there; only rules for its own protocol may see it.
fn protocols(set: &ProtocolSet) -> Vec<(u8, u8)> {
    let all: Vec<Protocol> = set.iter().collect();
    if all.len() == 256 { vec![(0, 0)] } else { all.iter().map(|protocol| (protocol.0, 0xff)).collect() }
}
