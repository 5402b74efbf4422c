//! The files that a straightforward generator writes: a line per combination of what a rule lists, in order.

use palisade_ir::{Chain, Family, PortMatch, Protocol, Rule, Verdict};

/// What one line tests.
struct Line {
    source: Option<String>,
    protocol: Option<Protocol>,
    source_port: Option<(u16, u16)>,
    port: Option<(u16, u16)>,
    verdict: Verdict,
}

/// An nft file.
pub fn nft(chain: &Chain, family: Family) -> String {
    let mut text =
        "table inet naive\ndelete table inet naive\ntable inet naive {\nchain input {\ntype filter hook input priority filter; policy drop;\n\
                    ct state established accept\n"
            .to_owned();
    let header = if family == Family::V4 { "ip" } else { "ip6" };
    for Line { source, protocol, source_port, port, verdict } in lines(chain, family) {
        text.extend(source.map(|source| format!("{header} saddr {source} ")));
        let name = protocol.map(|it| it.0.to_string());
        text.extend(name.map(|name| format!("meta l4proto {name} ")));
        text.extend(source_port.map(|(first, last)| format!("th sport {first}-{last} ")));
        text.extend(port.map(|(first, last)| format!("th dport {first}-{last} ")));
        text += if verdict == Verdict::Allow { "accept\n" } else { "drop\n" };
    }
    text + "drop\n}\n}\n"
}

/// A file for iptables-restore.
pub fn iptables(chain: &Chain, family: Family) -> String {
    let mut text = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                    -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
        .to_owned();
    for Line { source, protocol, source_port, port, verdict } in lines(chain, family) {
        text += "-A INPUT";
        text.extend(source.map(|source| format!(" -s {source}")));
        let name = |it: Protocol| match it {
            Protocol::TCP => "tcp".to_owned(),
            Protocol::UDP => "udp".to_owned(),
            Protocol(number) => number.to_string(),
        };
        text.extend(protocol.map(|it| format!(" -p {}", name(it))));
        text.extend(source_port.map(|(first, last)| format!(" --sport {first}:{last}")));
        text.extend(port.map(|(first, last)| format!(" --dport {first}:{last}")));
        text += if verdict == Verdict::Allow { " -j ACCEPT\n" } else { " -j DROP\n" };
    }
    text + "COMMIT\n"
}

/// How many lines the rules are.
pub fn count(chain: &Chain, family: Family) -> usize {
    lines(chain, family).count()
}

fn lines(chain: &Chain, family: Family) -> impl Iterator<Item = Line> {
    chain.rules().iter().filter(move |rule| rule.matches.family() == family).flat_map(expand)
}

fn expand(rule: &Rule) -> Vec<Line> {
    let matches = &rule.matches;
    let sources = match matches.source().prefixes.is_any() {
        true => vec![None],
        false => matches.source().prefixes.prefixes().iter().map(|it| Some(it.to_string())).collect(),
    };
    let protocols: Vec<Option<Protocol>> = match matches.protocols().is_all() {
        true => vec![None],
        false => matches.protocols().iter().map(Some).collect(),
    };
    let mut lines = Vec::new();
    for source in &sources {
        for protocol in &protocols {
            for source_port in ports(matches.source_ports()) {
                for port in ports(matches.destination_ports()) {
                    let (source, protocol) = (source.clone(), *protocol);
                    let verdict = rule.outcome.verdict;
                    lines.push(Line { source, protocol, source_port, port, verdict });
                }
            }
        }
    }
    lines
}

fn ports(ports: &PortMatch) -> Vec<Option<(u16, u16)>> {
    match ports {
        PortMatch::Any => vec![None],
        PortMatch::In(set) => set.ranges().map(Some).collect(),
    }
}
