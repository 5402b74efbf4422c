//! What must hold for any input, one property per fuzz target. The suite replays the kept crashes through them too.

use palisade::targets::Target;
use palisade::verify::{self, Failure};
use palisade_grammar::FormatError;
use palisade_ir::decide::Budget;
use palisade_ir::diagram::{Answer, Question, compare};
use palisade_ir::symbolic::{Ways, run};
use palisade_ir::{
    Artifact, ArtifactFile, Backend, ConnState, Family, Ifname, InstanceId, Lifted, Options, Packet,
    PacketPorts, Placement, Protocol, Region, Style, Traversal,
};
use palisade_matcher::{Matcher, MatcherBackend};

/// What must hold for any bytes.
type Property = fn(&[u8]);

/// The targets by name, with what they run.
const ALL: [(&str, Property); 7] = [
    ("parse", |bytes| text(bytes, parse)),
    ("format", |bytes| text(bytes, format)),
    ("compile", |bytes| text(bytes, compile)),
    ("lift_nftables", |bytes| text(bytes, lift_nftables)),
    ("lift_iptables", |bytes| text(bytes, lift_iptables)),
    ("lift_rust", |bytes| text(bytes, lift_rust)),
    ("matcher_file", matcher_file),
];

/// Runs a target by its name.
pub fn run_target(name: &str, bytes: &[u8]) {
    let (_, property) = ALL.into_iter().find(|(known, _)| *known == name).expect("a target of that name");
    property(bytes);
}

fn text(bytes: &[u8], property: fn(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        property(text);
    }
}

/// Any text parses to a tree and a list of errors that point into it.
fn parse(text: &str) {
    let parse = palisade_grammar::parse(text);
    for error in &parse.errors {
        assert!(!error.labels.is_empty());
        for (span, _) in &error.labels {
            assert!(span.start <= span.end && span.end <= text.len());
            assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        }
    }
}

/// What formats, formats to itself, and keeps its meaning (the formatter compares the trees itself).
fn format(text: &str) {
    match palisade_grammar::format(text) {
        Ok(formatted) => assert_eq!(palisade_grammar::format(&formatted).as_ref(), Ok(&formatted)),
        Err(FormatError::Syntax(errors)) => assert!(!errors.is_empty()),
        Err(other) => panic!("{other}"),
    }
}

/// What resolves is emitted or refused by every target, in every layout, and what is emitted means the policy.
fn compile(text: &str) {
    let Some(policy) = palisade::front::read_text("policy.sg", text).policy else { return };
    let written = palisade::lower::lower(&policy);
    let plan = palisade::optimize::optimize_plan(&written).0;
    let hosts = (0..plan.instances.len().min(2)).map(|at| Placement::Host(InstanceId(at as u32)));
    for placement in hosts.chain([Placement::Gateway]) {
        for (target, ipset, layout) in [
            (Target::Nftables, false, Style::Rules),
            (Target::Nftables, false, Style::Maps),
            (Target::Iptables, false, Style::Rules),
            (Target::Iptables, true, Style::Maps),
            (Target::Rust, false, Style::Auto),
            (Target::Matcher, false, Style::Auto),
        ] {
            let host = matches!(placement, Placement::Host(_));
            let mut options = Options { ipset, layout, ..Options::at(placement) };
            options.prelude.retain(|_| host);
            let plan = if target.explains() { &written } else { &plan };
            let Ok(artifact) = target.backend().emit(plan, &options) else { continue };
            match verify::verify(plan, target, &options, &artifact, &mut Budget::new(300_000)) {
                Ok(_) | Err(Failure::Unproved(_)) => {}
                Err(failure) => panic!("{target:?} {options:?}: {failure:?}"),
            }
        }
    }
}

/// Any text lifts or is refused, and what lifts means the same packet by packet and for all packets at once.
fn lift_nftables(text: &str) {
    let artifact = Artifact { files: vec![ArtifactFile::text("nft", text.to_owned())] };
    readings(palisade_nftables::Nftables.lift(&artifact).ok());
}

/// What stands between the files in one input.
pub const BETWEEN: &str = "\n%%\n";

/// The same for the files `rules.v4`, `rules.v6` and `ipset`, in this order.
fn lift_iptables(text: &str) {
    let mut texts = text.split(BETWEEN);
    let mut file = |suffix| ArtifactFile::text(suffix, texts.next().unwrap_or_default().to_owned());
    let (v4, v6, ipset) = (file("rules.v4"), file("rules.v6"), file("ipset"));
    readings(palisade_iptables::Iptables.lift(&Artifact { files: vec![ipset, v4, v6] }).ok());
}

/// The same for the tables of a Rust module; below them stands the code that belongs there, or all would be refused.
fn lift_rust(text: &str) {
    let tables = text.split("\nuse core::").next().unwrap_or_default();
    let module = format!("{tables}\n{}", palisade_rust::CODE);
    let artifact = Artifact { files: vec![ArtifactFile::text("rs", module)] };
    readings(palisade_rust::Rust.lift(&artifact).ok());
}

fn readings(lifted: Option<Box<dyn Lifted>>) {
    if let Some(lifted) = lifted {
        readings_of(&*lifted);
    }
}

fn readings_of(lifted: &dyn Lifted) {
    for family in Family::ALL {
        let Ok(program) = lifted.program(family) else { continue };
        let closed = vec![false; program.blocks.len()];
        for packet in packets().into_iter().filter(|packet| packet.family() == family) {
            for at in ways() {
                let one = lifted.decide(&packet, &at);
                let mut budget = Budget::new(100_000);
                let Ok(leaves) = run(&program, &at, &Region::point(&packet), &closed, &mut budget) else {
                    continue;
                };
                let ends: Vec<_> = leaves.iter().map(|leaf| (leaf.end, leaf.logged)).collect();
                assert_eq!(ends, [(one.verdict, one.logged)], "{packet:?} {at:?} {one:?}");
            }
        }
    }
}

fn packets() -> Vec<Packet> {
    let ends = [
        (["203.0.113.9", "10.0.1.10"], Protocol::ICMP),
        (["10.0.1.10", "10.0.2.20"], Protocol::ICMP),
        (["2001:db8:40::9", "fd00:1::10"], Protocol::ICMPV6),
    ];
    let mut packets = Vec::new();
    for ([from, to], icmp) in ends {
        let [from, to] = [from, to].map(|end| end.parse().expect("an address"));
        for (source, destination) in [(40_000, 443), (53, 22)] {
            let ports = Some(PacketPorts { source, destination });
            packets.extend(Packet::new(from, to, Protocol::TCP, ports));
            packets.extend(Packet::new(from, to, Protocol::UDP, ports));
        }
        packets.extend(Packet::new(from, to, icmp, None));
        packets.extend(Packet::new(from, to, Protocol(47), None));
    }
    packets.iter().flat_map(|packet| [*packet, packet.reply()]).collect()
}

fn ways() -> Vec<Traversal> {
    let name = |name: &str| Ifname::new(name).expect("a name");
    let mut ways = vec![
        Traversal::input(name("eth0")),
        Traversal::output(name("eth0")),
        Traversal::forward(name("tap0"), name("eth1")),
    ];
    for state in [ConnState::Established, ConnState::Related, ConnState::Invalid] {
        ways.push(Traversal { state, ..Traversal::input(name("lo")) });
    }
    let typed = Traversal { icmp_type: Some(135), hop_limit: Some(255), ..Traversal::input(name("eth0")) };
    ways.push(typed);
    ways
}

/// Any bytes load or are refused; what loads decides and explains alike, and writes itself again. The same bytes are
/// tried with the length and the checksum that they should have, for behind those stands what is worth trying.
fn matcher_file(bytes: &[u8]) {
    if let Some(matcher) = loads(bytes) {
        for packet in packets() {
            assert_eq!(matcher.decide(&packet), matcher.explain(&packet).verdict, "{packet:?}");
        }
    }
    // Who mends the checksum can write any policy, and tables of outcomes that belong to another one than those of
    // rules: then both differ, and a proof says so.
    let bytes = repaired(bytes);
    loads(&bytes);
    let file = ArtifactFile { suffix: "palisade", contents: bytes };
    let Ok(lifted) = MatcherBackend.lift(&Artifact { files: vec![file] }) else { return };
    alike(&*lifted);
    readings(Some(lifted));
}

fn loads(bytes: &[u8]) -> Option<Matcher> {
    let matcher = Matcher::from_bytes(bytes).ok()?;
    for packet in packets() {
        matcher.decide(&packet);
        matcher.explain(&packet);
    }
    Matcher::from_bytes(&matcher.to_bytes()).expect("its own bytes");
    Some(matcher)
}

/// Where a proof says that both answers are the same, they are; and where not, on the packet that it shows.
fn alike(lifted: &dyn Lifted) {
    let Some(again) = lifted.again() else { return };
    readings_of(again);
    for family in Family::ALL {
        let (Ok(one), Ok(other)) = (lifted.program(family), again.program(family)) else { continue };
        let Ok(ways_told) = Ways::of(&[&one, &other]) else { continue };
        let question = Question { policy: &one, ruleset: &other, unasked: &[], ways: &ways_told };
        let same = |packet: &Packet, at: &Traversal| {
            let [one, other] = [lifted, again].map(|lifted| lifted.decide(packet, at));
            (one.verdict, one.logged) == (other.verdict, other.logged)
        };
        match compare(&question, &mut Budget::new(300_000)) {
            Ok(Answer::Alike) => {
                for packet in packets().into_iter().filter(|packet| packet.family() == family) {
                    assert!(ways().iter().all(|at| same(&packet, at)), "{packet:?}");
                }
            }
            Ok(Answer::Unlike(packet, at)) => assert!(!same(&packet, &at), "{packet:?} {at:?}"),
            Err(_) => {}
        }
    }
}

/// The frame of a compiled file: magic, format, length of the body, checksum of all but the magic.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let Some((head, body)) = bytes.split_at_checked(24) else { return bytes.to_vec() };
    let (format, length) = (&head[8..12], (body.len() as u64).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    [format, &length, body].into_iter().for_each(|part| sum.update(part));
    [&head[..12], &length, &sum.finalize().to_le_bytes(), body].concat()
}
