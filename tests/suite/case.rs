//! Cases in Markdown: a section is a policy and packets with verdicts, or the code the policy is refused with.

use std::net::IpAddr;
use std::path::Path;

use palisade::policy::Policy;
use palisade_ir::{Packet, PacketPorts, Protocol, Verdict};

/// One section of a case file.
pub struct Case {
    pub title: String,
    pub policy: String,
    pub packets: Vec<String>,
    pub refused: Option<String>,
}

/// The cases of a file below `tests/policies`.
pub fn read(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split("\n## ").skip(1).map(section).collect()
}

fn section(text: &str) -> Case {
    let title = text.lines().next().unwrap_or_default().to_owned();
    let block = |kind: &str| {
        let start = text.find(&format!("```{kind}\n"))? + kind.len() + 4;
        let end = start + text[start..].find("```").expect("an open block");
        Some(text[start..end].to_owned())
    };
    let policy = block("sg").unwrap_or_else(|| panic!("{title}: no policy"));
    let packets = block("packets").unwrap_or_default().lines().map(str::to_owned).collect();
    let refused = block("refused").map(|code| code.trim().to_owned());
    Case { title, policy, packets, refused }
}

/// `VERDICT PROTOCOL SOURCE [port N] -> DESTINATION [port N]`
pub fn packet(policy: &Policy, line: &str) -> (Verdict, Packet) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [verdict, protocol, rest @ ..] = words.as_slice() else { panic!("not a packet: {line}") };
    let arrow = rest.iter().position(|word| *word == "->").unwrap_or_else(|| panic!("no arrow: {line}"));
    let verdict = match *verdict {
        "allow" => Verdict::Allow,
        "deny" => Verdict::Deny,
        other => panic!("no verdict: {other}"),
    };
    let protocol = Protocol::parse(protocol).unwrap_or_else(|| panic!("no protocol: {line}"));
    let (source, source_port) = end(policy, &rest[..arrow]);
    let (destination, destination_port) = end(policy, &rest[arrow + 1..]);
    let ports = (source_port.is_some() || destination_port.is_some()).then(|| PacketPorts {
        source: source_port.unwrap_or(40_000),
        destination: destination_port.unwrap_or(40_000),
    });
    (
        verdict,
        Packet::new(source, destination, protocol, ports).unwrap_or_else(|error| panic!("{line}: {error}")),
    )
}

fn end(policy: &Policy, words: &[&str]) -> (IpAddr, Option<u16>) {
    let instance = |name: &str| policy.instances.iter().find(|instance| instance.name.as_str() == name);
    let address = |word: &str| {
        word.parse().unwrap_or_else(|_| {
            instance(word).unwrap_or_else(|| panic!("no address or instance: {word}")).nics[0].addresses[0]
        })
    };
    match words {
        [who] => (address(who), None),
        [who, "port", port] => (address(who), Some(port.parse().expect("a port"))),
        other => panic!("no end: {other:?}"),
    }
}
