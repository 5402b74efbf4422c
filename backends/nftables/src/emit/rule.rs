//! A chain of the plan as lines of an nft chain.
//!
//! Tests are written so that nft adds the right dependencies by itself: `ip saddr` tests the family, `tcp dport` the
//! protocol. Protocols are always tested by `meta l4proto`, which walks IPv6 extension headers (`ip6 nexthdr` does not).

use palisade_ir::{
    Addresses, Chain, EmitError, Family, Match, MatchParts, Origin, Outcome, Plan, PortMatch, Protocol,
    ProtocolSet, Rule, Verdict,
};

use super::sets::{Room, Sets, range};
use super::text;

/// What keeps a flood of logged packets from filling the disk. It stands on the log statement, never on a verdict.
const LOG_LIMIT: &str = "limit rate 10/second burst 20 packets";

/// The tests of a rule do not get longer than this where named sets can help.
const COLUMNS: usize = 110;
/// Lines do not get longer than this, indentation aside, where a comment can be cut instead.
pub(super) const LINE: usize = 156;
/// A comment is not cut shorter.
const LEAST_COMMENT: usize = 24;

/// Writes rules and collects the sets they use.
pub(super) struct Writer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) sets: Sets<'a>,
    pub(super) counters: bool,
}

impl Writer<'_> {
    /// The rules and the default of a chain; `allow` is what an allowed packet does next (`accept`, `return`).
    pub(super) fn chain(&mut self, chain: &Chain, allow: &str) -> Result<Vec<String>, EmitError> {
        let mut lines = Vec::new();
        let mut rest = chain.rules();
        while let [rule, after @ ..] = rest {
            rest = after;
            let both = after.first().is_some_and(|next| are_halves(rule, next));
            if both {
                rest = after.get(1..).unwrap_or_default();
            }
            self.rule(rule, both, allow, &mut lines)?;
        }
        let comment = text::comment(self.plan, &[chain.default_id()]);
        lines.push(self.verdict("", chain.default(), allow, &comment));
        Ok(lines)
    }

    fn rule(
        &mut self,
        rule: &Rule,
        both: bool,
        allow: &str,
        lines: &mut Vec<String>,
    ) -> Result<(), EmitError> {
        let Rule { matches, outcome, rank: _, origin } = rule;
        let name = origin.ids().first().map_or_else(String::new, |id| text::words(self.plan, *id));
        let tests = self.tests_within(matches, both, &format!("rule_{}", name.replace(' ', "_")))?;
        self.decision(&tests, *outcome, allow, origin, lines);
        Ok(())
    }

    /// The lines of an outcome behind its tests.
    pub(super) fn decision(
        &self,
        tests: &str,
        Outcome { verdict, log }: Outcome,
        allow: &str,
        origin: &Origin,
        lines: &mut Vec<String>,
    ) {
        let comment = text::comment(self.plan, origin.ids());
        if log {
            let prefix = text::log_prefix(self.plan, origin, verdict);
            let log = format!("{LOG_LIMIT} log prefix \"{prefix}\" level info comment \"{comment}\"");
            lines.push(join(&[tests, &log]));
        }
        lines.push(self.verdict(tests, verdict, allow, &comment));
    }

    /// The tests of a match, its lists in named sets when they get long; `name` is for those.
    pub(super) fn tests_within(
        &mut self,
        matches: &Match,
        both: bool,
        name: &str,
    ) -> Result<String, EmitError> {
        let tests = self.tests(matches, both, name, Room::SOME)?;
        if tests.len() > COLUMNS { self.tests(matches, both, name, Room::NONE) } else { Ok(tests) }
    }

    pub(super) const fn counter(&self) -> &'static str {
        if self.counters { "counter" } else { "" }
    }

    pub(super) fn verdict(&self, tests: &str, verdict: Verdict, allow: &str, comment: &str) -> String {
        let counter = self.counter();
        let word = match verdict {
            Verdict::Allow => allow,
            Verdict::Deny => "drop",
        };
        let line = join(&[tests, counter, word]);
        // A cut comment still names the rule; a line that runs off the screen names nothing.
        let room = LINE.saturating_sub(line.len() + " comment \"\"".len()).max(LEAST_COMMENT);
        [&line, " comment \"", &text::cut(comment, room), "\""].concat()
    }

    /// The tests of a match, of both families when its other half follows.
    fn tests(&mut self, matches: &Match, both: bool, name: &str, room: Room) -> Result<String, EmitError> {
        let MatchParts { source, destination, protocols, source_ports, destination_ports } = matches.parts();
        let family = matches.family();
        let source = self.address(&source, "saddr", name, room)?;
        let destination = self.address(&destination, "daddr", name, room)?;
        let transport = self.transport(&protocols, &source_ports, &destination_ports, name, room);
        // The family comes after the protocol: nft 1.0.6 lists `meta nfproto ipv4 meta l4proto icmp` without its first
        // half, so a listing that is saved and loaded again would match IPv6 too. This order lists as it is.
        let family = match family {
            _ if both || !source.is_empty() || !destination.is_empty() => "",
            Family::V4 => "meta nfproto ipv4",
            Family::V6 => "meta nfproto ipv6",
        };
        Ok(join(&[&source, &destination, &transport, family]))
    }

    fn address(
        &mut self,
        addresses: &Addresses,
        field: &str,
        name: &str,
        room: Room,
    ) -> Result<String, EmitError> {
        if addresses.prefixes.is_any() {
            return Ok(String::new());
        }
        let header = match addresses.prefixes.family() {
            Family::V4 => "ip",
            Family::V6 => "ip6",
        };
        Ok([header, " ", field, " ", &self.sets.addresses(addresses, name, field, room)?].concat())
    }

    fn transport(
        &mut self,
        protocols: &ProtocolSet,
        source_ports: &PortMatch,
        destination_ports: &PortMatch,
        name: &str,
        room: Room,
    ) -> String {
        let only = Some(protocols).filter(|all| all.len() == 1).and_then(|all| all.iter().next());
        let tests = [(source_ports, "sport"), (destination_ports, "dport")];
        let ports: Vec<(&str, String)> = tests
            .into_iter()
            .filter_map(|(ports, field)| match ports {
                PortMatch::Any => None,
                PortMatch::In(set) => {
                    let service = only.filter(|_| field == "dport").and_then(|it| self.sets.service(it, set));
                    Some((field, service.unwrap_or_else(|| self.sets.ports(set, name, field, room))))
                }
            })
            .collect();
        let named = only.filter(|_| !ports.is_empty()).and_then(transport_header);
        let header = named.unwrap_or("th");
        let ports: Vec<String> =
            ports.iter().map(|(field, ports)| [header, " ", field, " ", ports].concat()).collect();
        let protocol = match named {
            Some(_) => String::new(),
            None => protocol_test(protocols),
        };
        join(&[&protocol, &ports.join(" ")])
    }
}

/// The header whose port test implies the protocol.
pub(super) fn transport_header(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::TCP => Some("tcp"),
        Protocol::UDP => Some("udp"),
        _ => None,
    }
}

pub(super) fn protocol_test(protocols: &ProtocolSet) -> String {
    if protocols.is_all() {
        return String::new();
    }
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for Protocol(number) in protocols.iter() {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let words: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| match protocol_keyword(first) {
            Some(word) if first == last => word.to_owned(),
            _ => range(first, last),
        })
        .collect();
    match words.as_slice() {
        [only] => format!("meta l4proto {only}"),
        many => format!("meta l4proto {{ {} }}", many.join(", ")),
    }
}

/// Protocols that are keywords of nft itself; other names need /etc/protocols, which a small system may not have.
const fn protocol_keyword(number: u8) -> Option<&'static str> {
    match number {
        1 => Some("icmp"),
        6 => Some("tcp"),
        17 => Some("udp"),
        58 => Some("icmpv6"),
        _ => None,
    }
}

/// Whether two rules are the IPv4 and IPv6 halves of one source rule without any address.
fn are_halves(rule: &Rule, next: &Rule) -> bool {
    rule.outcome == next.outcome
        && rule.rank == next.rank
        && rule.origin == next.origin
        && rule.matches.is_half_with(&next.matches)
}

/// The parts that are not empty, with a space between.
pub(super) fn join(parts: &[&str]) -> String {
    let mut joined = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(part);
    }
    joined
}
