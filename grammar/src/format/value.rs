//! Values and words as text.

use std::net::IpAddr;

use super::comments;
use super::list::{Rows, list};
use crate::ast::{
    Address, Direction, Duration, DurationUnit, End, GroupKind, InnerScope, List, Member, NetworkKind, Peer,
    Peers, Ports, Protocol, Side, Spanned, Text, Verdict,
};

/// A string literal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A description with a blank before it, if there is one.
pub(super) fn description(text: Option<&Text>) -> String {
    text.map_or(String::new(), |text| format!(" {}", quoted(&text.value)))
}

/// The standard library writes IPv6 as RFC 5952 does. A length of the full width says nothing.
pub(super) fn address(address: &Address) -> String {
    let Address { ip, length } = address;
    match (length, ip) {
        (None, _) | (Some(32), IpAddr::V4(_)) | (Some(128), IpAddr::V6(_)) => ip.to_string(),
        (Some(length), _) => format!("{ip}/{length}"),
    }
}

pub(super) fn member(member: &Member) -> String {
    match member {
        Member::Address(value) => address(value),
        Member::Set(name) => format!("set {}", name.value),
    }
}

pub(super) fn port(ports: &Ports) -> String {
    let Ports { first, last } = ports;
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

pub(super) fn protocol(protocol: &Protocol) -> String {
    match protocol {
        Protocol::Tcp => "tcp".to_owned(),
        Protocol::Udp => "udp".to_owned(),
        Protocol::Icmp => "icmp".to_owned(),
        Protocol::Icmpv6 => "icmpv6".to_owned(),
        Protocol::Gre => "gre".to_owned(),
        Protocol::All => "all".to_owned(),
        Protocol::Number(number) => format!("proto {}", number.value),
        Protocol::Service(name) => format!("service {}", name.value),
    }
}

fn peer(peer: &Peer) -> String {
    match peer {
        Peer::Address(value) => address(value),
        Peer::Set(name) => format!("set {}", name.value),
        Peer::Group(name) => format!("group {}", name.value),
        Peer::Instance(name) => name.value.clone(),
    }
}

/// One end with its keyword, on one line; the comments of its lists go to `hoisted`.
pub(super) fn end(word: &str, end: &End, hoisted: &mut Vec<String>) -> String {
    let End { peers, ports, span: _ } = end;
    let mut text = word.to_owned();
    if let Some(peers) = peers {
        comments::in_peers(peers, hoisted);
        text.push(' ');
        match peers {
            Peers::Any(_) => text.push_str("any"),
            Peers::List(peers) => text.push_str(&list(peers, Rows::Never, 0, |value, _| peer(value))),
        }
    }
    if let Some(ports) = ports {
        text.push_str(" port ");
        text.push_str(&one_line(ports, hoisted, port));
    }
    text
}

/// A list on one line; its comments go to `hoisted`.
pub(super) fn one_line<T>(
    values: &List<T>,
    hoisted: &mut Vec<String>,
    element: impl Fn(&T) -> String,
) -> String {
    comments::in_list(values, hoisted);
    list(values, Rows::Never, 0, |value, _| element(value))
}

pub(super) fn duration(duration: &Duration) -> String {
    let Duration { amount, unit } = duration;
    let unit = match unit {
        DurationUnit::Seconds => 's',
        DurationUnit::Minutes => 'm',
        DurationUnit::Hours => 'h',
    };
    format!("{amount}{unit}")
}

pub(super) fn inner_scope(scope: &Spanned<InnerScope>) -> &'static str {
    match scope.value {
        InnerScope::Ingress => "ingress",
        InnerScope::Both => "both",
    }
}

pub(super) fn network_kind(kind: &Spanned<NetworkKind>) -> &'static str {
    match kind.value {
        NetworkKind::Vpc => "vpc",
        NetworkKind::Classic => "classic",
    }
}

pub(super) fn group_kind(kind: &Spanned<GroupKind>) -> &'static str {
    match kind.value {
        GroupKind::Basic => "basic",
        GroupKind::Enterprise => "enterprise",
    }
}

pub(super) fn verdict(verdict: &Spanned<Verdict>) -> &'static str {
    match verdict.value {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
    }
}

pub(super) fn direction(direction: &Spanned<Direction>) -> &'static str {
    match direction.value {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

/// A side with a blank before it, if there is one.
pub(super) fn side(side: Option<&Spanned<Side>>) -> &'static str {
    match side.map(|side| side.value) {
        None => "",
        Some(Side::Public) => " public",
        Some(Side::Internal) => " internal",
    }
}
