//! A match as alternatives per field: what iptables can test in one rule, and how many rules that takes.
//!
//! A rule tests one prefix per end, one protocol, and up to 15 ports. So a match is a product of alternatives: any
//! source alternative with any destination alternative with any transport alternative, pairwise disjoint.

use palisade_ir::{Addresses, EmitError, Match, MatchParts, PortMatch, PortSet, Protocol, ProtocolSet};

use super::Context;
use super::sets::Sets;

/// Ports of one `multiport` test; a range takes two (`XT_MULTI_PORTS`, linux/netfilter/xt_multiport.h).
const MULTIPORT_SLOTS: usize = 15;

/// Up to this many combinations of alternatives stand in the chain itself.
pub(super) const INLINE: usize = 20;

/// A match as a product of tests; an empty text is no test.
pub(super) struct Alternatives {
    /// `-s`, or `-m set` with `src`.
    pub(super) sources: Vec<String>,
    /// `-d`, or `-m set` with `dst`.
    pub(super) destinations: Vec<String>,
    /// `-p` with its port tests.
    pub(super) transports: Vec<String>,
    /// Protocols that do not match although the transport alternative admits them.
    pub(super) except: Vec<Protocol>,
}

/// Which end of a packet.
#[derive(Clone, Copy)]
enum End {
    Source,
    Destination,
}

/// The alternatives of a match.
pub(super) fn alternatives(
    matches: &Match,
    context: &Context<'_>,
    sets: &mut Sets,
) -> Result<Alternatives, EmitError> {
    let MatchParts { source, destination, protocols, source_ports, destination_ports } = matches.parts();
    let sources = addresses(&source, End::Source, context, sets)?;
    let destinations = addresses(&destination, End::Destination, context, sets)?;
    let (transports, except) = if source_ports.is_any() && destination_ports.is_any() {
        plain_transports(&protocols)
    } else {
        (port_transports(&protocols, &source_ports, &destination_ports), Vec::new())
    };
    Ok(Alternatives { sources, destinations, transports, except })
}

fn addresses(
    wanted: &Addresses,
    end: End,
    context: &Context<'_>,
    sets: &mut Sets,
) -> Result<Vec<String>, EmitError> {
    let Addresses { prefixes, set } = wanted;
    if prefixes.is_any() {
        return Ok(vec![String::new()]);
    }
    if let Some(name) = sets.name_for(context, prefixes, *set)? {
        let side = match end {
            End::Source => "src",
            End::Destination => "dst",
        };
        return Ok(vec![format!("-m set --match-set {name} {side}")]);
    }
    let option = match end {
        End::Source => "-s",
        End::Destination => "-d",
    };
    Ok(prefixes.prefixes().iter().map(|prefix| format!("{option} {prefix}")).collect())
}

/// How many lines a match takes where addresses stand in the rules: every combination, or a chain per field where
/// that is shorter.
pub(super) fn lines(matches: &Match) -> usize {
    let prefixes = |addresses: &Addresses| match addresses.prefixes.is_any() {
        true => 1,
        false => addresses.prefixes.prefixes().len(),
    };
    let transports = match matches.source_ports().is_any() && matches.destination_ports().is_any() {
        true => {
            let (tests, except) = plain_transports(matches.protocols());
            tests.len() + except.len()
        }
        false => {
            let (sources, destinations) = (matches.source_ports(), matches.destination_ports());
            matches.protocols().len() * port_tests(sources).len() * port_tests(destinations).len()
        }
    };
    let fields = [prefixes(matches.source()), prefixes(matches.destination()), transports];
    let product = fields.iter().fold(1_usize, |count, field| count.saturating_mul(*field));
    if product <= INLINE { product } else { fields.iter().sum() }
}

/// Whether the match is one of those that [`Alternatives::except`] is for.
pub(super) fn needs_exceptions(matches: &Match) -> bool {
    !plain_transports(matches.protocols()).1.is_empty()
}

/// Protocols without port tests. iptables reads `-p 0` as every protocol, so protocol 0 can only be left in by
/// excluding all the others.
fn plain_transports(protocols: &ProtocolSet) -> (Vec<String>, Vec<Protocol>) {
    if protocols.is_all() {
        return (vec![String::new()], Vec::new());
    }
    if !protocols.contains(Protocol(0)) {
        return (protocols.iter().map(|protocol| format!("-p {}", word(protocol))).collect(), Vec::new());
    }
    let missing: Vec<Protocol> = ProtocolSet::all().subtract(protocols).iter().collect();
    match missing.as_slice() {
        [one] => (vec![format!("! -p {}", word(*one))], Vec::new()),
        _ => (vec![String::new()], missing),
    }
}

/// The word for a protocol in `-p`: the names iptables-save prints for them.
pub(super) fn word(protocol: Protocol) -> String {
    match protocol {
        Protocol::ICMP => "icmp".to_owned(),
        Protocol::TCP => "tcp".to_owned(),
        Protocol::UDP => "udp".to_owned(),
        Protocol::GRE => "gre".to_owned(),
        Protocol::ICMPV6 => "ipv6-icmp".to_owned(),
        Protocol(number) => number.to_string(),
    }
}

fn port_transports(protocols: &ProtocolSet, sources: &PortMatch, destinations: &PortMatch) -> Vec<String> {
    let (sources, destinations) = (port_tests(sources), port_tests(destinations));
    let mut all = Vec::new();
    for protocol in protocols.iter() {
        let name = word(protocol);
        for source in &sources {
            for destination in &destinations {
                let mut text = format!("-p {name}");
                if source.is_plain() || destination.is_plain() {
                    text.push_str(&format!(" -m {name}"));
                }
                source.write(&mut text, End::Source);
                destination.write(&mut text, End::Destination);
                all.push(text);
            }
        }
    }
    all
}

/// A test of one port field.
enum PortTest {
    None,
    /// `--sport`, `--dport`: one port or range.
    Plain(String),
    /// `-m multiport`.
    Multi(String),
}

impl PortTest {
    const fn is_plain(&self) -> bool {
        matches!(self, PortTest::Plain(_))
    }

    /// Appends the test. A plain one must follow `-m tcp` or `-m udp`; source comes before destination.
    fn write(&self, text: &mut String, end: End) {
        let piece = match (self, end) {
            (PortTest::None, _) => return,
            (PortTest::Plain(ports), End::Source) => format!(" --sport {ports}"),
            (PortTest::Plain(ports), End::Destination) => format!(" --dport {ports}"),
            (PortTest::Multi(ports), End::Source) => format!(" -m multiport --sports {ports}"),
            (PortTest::Multi(ports), End::Destination) => format!(" -m multiport --dports {ports}"),
        };
        text.push_str(&piece);
    }
}

/// The tests for a port field: chunks of at most 15 slots.
fn port_tests(ports: &PortMatch) -> Vec<PortTest> {
    let set: &PortSet = match ports {
        PortMatch::Any => return vec![PortTest::None],
        PortMatch::In(set) => set,
    };
    let mut chunks: Vec<Vec<String>> = vec![Vec::new()];
    let mut used = 0;
    for (first, last) in set.ranges() {
        let slots = if first == last { 1 } else { 2 };
        if used + slots > MULTIPORT_SLOTS {
            chunks.push(Vec::new());
            used = 0;
        }
        used += slots;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(if first == last { first.to_string() } else { format!("{first}:{last}") });
        }
    }
    // `--dport 0:65535` is saved as no port test at all, so the full range goes to multiport.
    let plain = |range: &String| range != "0:65535";
    chunks
        .into_iter()
        .map(|chunk| match chunk.as_slice() {
            [range] if plain(range) => PortTest::Plain(range.clone()),
            _ => PortTest::Multi(chunk.join(",")),
        })
        .collect()
}
