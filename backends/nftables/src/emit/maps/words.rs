//! The words of a map: names of leaves, keys, and what is looked up.

use std::net::IpAddr;

use palisade_ir::layout::{Act, Entry, Field, Item, Key, Leaf, Lookup, PeerEnd, PortEnd, Service};
use palisade_ir::{Family, Match, Outcome, Protocol, RuleId, Verdict};

use super::super::rule::{join, protocol_test, transport_header};
use super::super::sets::range;

/// A leaf's key in words that can stand in a name.
pub(super) fn label(leaf: &Leaf, end: PeerEnd) -> String {
    match &leaf.key {
        Key::All => "all".to_owned(),
        Key::Service(service) => {
            let by_port = leaf
                .items
                .iter()
                .any(|item| matches!(item, Item::Map(map) if matches!(map.field, Field::Port(_))));
            let span = |word: &str, span: Option<(u16, u16)>| {
                span.map_or_else(String::new, |(first, last)| format!("{word}-{}", range(first, last)))
            };
            let protocol = protocol_word(service);
            let from = span("-from", service.source);
            let to = span(if service.source.is_some() { "-to" } else { "" }, service.destination);
            let kind = if by_port { "-ports" } else { "" };
            format!("{protocol}{from}{to}{kind}")
        }
        Key::Prefix(family, first, last) => {
            let side = match end {
                PeerEnd::Source => "from",
                PeerEnd::Destination => "to",
            };
            let length = family.last().count_ones() - (last - first).count_ones();
            [side, "-", &plain(family.address(*first)), "/", &length.to_string()].concat()
        }
    }
}

/// An address in a name, where a colon cannot stand: with dots. What people write as an IPv4 address in an IPv6 one has
/// hexadecimal groups as any other, for its own dots would make it the name of another address.
fn plain(address: IpAddr) -> String {
    if let IpAddr::V6(v6) = address
        && v6.to_ipv4_mapped().is_some()
    {
        let [.., high, low] = v6.segments();
        return format!("..ffff.{high:x}.{low:x}");
    }
    written(address).replace(':', ".")
}

/// An address as it is written. There may be as many as rules, and the library's way takes ten times as long.
fn written(address: IpAddr) -> String {
    let IpAddr::V4(v4) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255/32".len());
    for octet in v4.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        for power in [100, 10, 1].into_iter().filter(|power| octet >= *power || *power == 1) {
            text.push(char::from(b'0' + octet / power % 10));
        }
    }
    text
}

pub(super) fn protocol_name(protocol: Protocol) -> String {
    protocol.name().map_or_else(|| format!("proto-{}", protocol.0), str::to_owned)
}

pub(super) fn protocol_word(service: &Service) -> String {
    match service.only() {
        Some(protocol) => protocol_name(protocol),
        None if service.protocols.is_all() => "all".to_owned(),
        None => {
            let numbers: Vec<String> =
                service.protocols.iter().map(|protocol| protocol.0.to_string()).collect();
            format!("protos-{}", numbers.join("-"))
        }
    }
}

pub(super) const fn word_of(act: Act) -> &'static str {
    match act {
        Act::Decide(Outcome { verdict: Verdict::Allow, log: _ }) => "accept",
        Act::Decide(Outcome { verdict: Verdict::Deny, log: _ }) => "drop",
        Act::Leave => "leave",
    }
}

pub(super) const fn version(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}

pub(super) const fn address_kind(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

/// What a map's field is called in a rule, its type, and what its name ends in.
pub(super) fn field_words(field: Field, family: Option<Family>) -> (String, &'static str, String) {
    match field {
        Field::Peer(end) => {
            let (header, kind, suffix) = match family {
                Some(Family::V6) => ("ip6", "ipv6_addr", "v6"),
                Some(Family::V4) | None => ("ip", "ipv4_addr", "v4"),
            };
            let field = match end {
                PeerEnd::Source => "saddr",
                PeerEnd::Destination => "daddr",
            };
            (format!("{header} {field}"), kind, suffix.to_owned())
        }
        Field::Port(protocol) => {
            let (test, suffix) = match family {
                Some(Family::V4) => ("meta nfproto ipv4 ", "-v4"),
                Some(Family::V6) => ("meta nfproto ipv6 ", "-v6"),
                None => ("", ""),
            };
            let header = protocol.name().unwrap_or("th");
            (format!("{test}{header} dport"), "inet_service", format!("verdicts{suffix}"))
        }
    }
}

pub(super) fn key(field: Field, family: Option<Family>, entry: &Entry) -> String {
    match field {
        Field::Peer(_) => span(family.unwrap_or(Family::V4), entry.first, entry.last),
        Field::Port(_) => range(entry.first, entry.last),
    }
}

/// A range of addresses, as a prefix where it is one.
pub(super) fn span(family: Family, first: u128, last: u128) -> String {
    let hosts = first ^ last;
    let from = written(family.address(first));
    if first == last {
        return from;
    }
    // The range of a prefix: the bits in which its ends differ are the last ones, and there all of them.
    if hosts & hosts.wrapping_add(1) == 0 && first & hosts == 0 {
        let length = family.last().count_ones() - hosts.count_ones();
        return from + "/" + &length.to_string();
    }
    from + "-" + &written(family.address(last))
}

/// The addresses that lead to a leaf.
pub(super) fn addresses(leaf: &Leaf, lookup: Lookup) -> Vec<(u128, u128)> {
    match (&leaf.key, lookup) {
        (Key::Prefix(_, first, last), Lookup::Prefix(..)) => vec![(*first, *last)],
        _ => leaf.ranges.clone(),
    }
}

pub(super) fn keys_of(service: &Service, lookup: Lookup) -> (u16, u16) {
    let end = match lookup {
        Lookup::Port(end) | Lookup::PortRange(_, end) => end,
        _ => PortEnd::Destination,
    };
    service.span(end).unwrap_or((0, u16::MAX))
}

pub(super) fn service_tests(service: &Service) -> String {
    let Service { protocols, source, destination } = service;
    if protocols.is_all() {
        return String::new();
    }
    let header = service.only().and_then(transport_header);
    let port = |word: &str, span: &Option<(u16, u16)>| {
        span.map_or_else(String::new, |(first, last)| {
            format!("{} {word} {}", header.unwrap_or("th"), range(first, last))
        })
    };
    let (from, to) = (port("sport", source), port("dport", destination));
    if from.is_empty() && to.is_empty() || header.is_none() {
        return join(&[&protocol_test(protocols), &from, &to]);
    }
    join(&[&from, &to])
}

/// Whether nothing is left to test.
pub(super) fn is_open(matches: &Match) -> bool {
    matches.source().prefixes.is_any()
        && matches.destination().prefixes.is_any()
        && matches.protocols().is_all()
        && matches.source_ports().is_any()
        && matches.destination_ports().is_any()
}

pub(super) fn dedup(mut ids: Vec<RuleId>) -> Vec<RuleId> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn addresses_are_written_as_by_the_library() {
        for number in (0..=u32::MAX).step_by(65_537 * 13).chain([0x0a00_0001, 0xff64_0a09, u32::MAX]) {
            let address = IpAddr::from(number.to_be_bytes());
            assert_eq!(written(address), address.to_string());
        }
        assert_eq!(span(Family::V4, 0x0a00_0000, 0x0a00_00ff), "10.0.0.0/24");
        assert_eq!(span(Family::V4, 0x0a00_0001, 0x0a00_0001), "10.0.0.1");
        assert_eq!(span(Family::V4, 0x0a00_0001, 0x0a00_0002), "10.0.0.1-10.0.0.2");
    }

    #[test]
    fn addresses_keep_names_of_their_own() {
        let mut names = BTreeMap::new();
        for (text, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("fd00::1", "fd00..1"),
            ("::", ".."),
            ("1:2:3:4:5:6:7:8", "1.2.3.4.5.6.7.8"),
            ("::ffff:1.2.3.4", "..ffff.102.304"),
            ("::ffff:0.0.0.0", "..ffff.0.0"),
            ("::ffff:1:2:3:4", "..ffff.1.2.3.4"),
            ("::1.2.3.4", "..102.304"),
            ("::1:2:3:4", "..1.2.3.4"),
        ] {
            let name = plain(text.parse().unwrap());
            assert_eq!(name, expected, "{text}");
            assert_eq!(names.insert(name, text), None, "{text}");
        }
    }
}
