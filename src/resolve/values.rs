//! Literal values: prefixes, ports, protocols, descriptions, durations. Knows no names.

use std::fmt;

use ipnet::IpNet;
use palisade_grammar::ast;
use palisade_ir::{Family, PortSet, Protocol};

use super::codes;
use super::findings::{Findings, at};
use crate::diagnostic::{Diagnostic, FileId, Location};

/// The most characters of a description.
const LONGEST_DESCRIPTION: usize = 512;

/// A prefix as written; one with host bits is reported and comes back masked.
pub(super) fn prefix(written: ast::Address, place: Location, findings: &mut Findings) -> IpNet {
    let whole = IpNet::from(written.ip);
    // The grammar lets no length through that does not fit the family.
    let net = written.length.and_then(|length| IpNet::new(written.ip, length).ok()).unwrap_or(whole);
    if net.trunc() != net {
        let message = format!("`{net}` has bits behind its length");
        let label = match whole.prefix_len().saturating_sub(net.prefix_len()) {
            1 => "the last bit must be 0".to_owned(),
            bits => format!("the last {bits} bits must be 0"),
        };
        findings.push(Diagnostic::error(codes::HOST_BITS, message, place, label).help(format!(
            "write `{}` for the network, or `{}` for the address",
            net.trunc(),
            net.addr()
        )));
    }
    net.trunc()
}

/// A list of ports, if all are good.
pub(super) fn ports(list: &ast::List<ast::Ports>, file: FileId, findings: &mut Findings) -> Option<PortSet> {
    let mut ranges = Vec::with_capacity(list.elements.len());
    for element in &list.elements {
        match range(element.value, at(file, element.span)) {
            Ok(good) => ranges.push(good),
            Err(found) => findings.push(*found),
        }
    }
    (ranges.len() == list.elements.len()).then(|| PortSet::from_ranges(ranges))
}

fn range(written: ast::Ports, place: Location) -> Result<(u16, u16), Box<Diagnostic>> {
    let ast::Ports { first, last } = written;
    let text = || if first == last { first.to_string() } else { format!("{first}-{last}") };
    let wrong = |code, message: String, label: &str, help: String| {
        Err(Box::new(Diagnostic::error(code, message, place, label).help(help)))
    };
    let (Ok(low), Ok(high)) = (u16::try_from(first), u16::try_from(last)) else {
        let message = format!("`{}` is no port", text());
        let help = "ports go from 1 to 65535".to_owned();
        return wrong(codes::PORT_TOO_LARGE, message, "above 65535", help);
    };
    if low > high {
        let help = format!("write `{last}-{first}`");
        return wrong(
            codes::REVERSED_PORT_RANGE,
            format!("the port range `{}` is reversed", text()),
            "the first port is above the last",
            help,
        );
    }
    if low == 0 {
        let help =
            "ports go from 1 to 65535; leave `port` out to match every packet of the protocol".to_owned();
        let message =
            if high == 0 { "`0` is no port".to_owned() } else { format!("`{}` holds port 0", text()) };
        return wrong(codes::PORT_ZERO, message, "ports begin at 1", help);
    }
    Ok((low, high))
}

/// A protocol that is not a service; `Some(None)` for `all`, `None` if it is bad.
pub(super) fn protocol(
    written: &ast::Protocol,
    file: FileId,
    findings: &mut Findings,
) -> Option<Option<Protocol>> {
    match written {
        ast::Protocol::Tcp => Some(Some(Protocol::TCP)),
        ast::Protocol::Udp => Some(Some(Protocol::UDP)),
        ast::Protocol::Icmp => Some(Some(Protocol::ICMP)),
        ast::Protocol::Icmpv6 => Some(Some(Protocol::ICMPV6)),
        ast::Protocol::Gre => Some(Some(Protocol::GRE)),
        ast::Protocol::Number(number) => protocol_number(*number, file, findings).map(Some),
        ast::Protocol::All => Some(None),
        // Callers look services up before they come here.
        ast::Protocol::Service(_) => None,
    }
}

/// A protocol number as a protocol.
fn protocol_number(written: ast::Spanned<u32>, file: FileId, findings: &mut Findings) -> Option<Protocol> {
    let number = u8::try_from(written.value).ok().map(Protocol);
    if number.is_none() {
        let message = format!("`{}` is no protocol number", written.value);
        findings.push(
            Diagnostic::error(codes::PROTOCOL_NUMBER, message, at(file, written.span), "above 255")
                .help("protocol numbers go from 0 to 255; `all` stands for all of them"),
        );
    }
    number
}

/// A description, checked for its length.
pub(super) fn description(
    written: Option<&ast::Text>,
    file: FileId,
    findings: &mut Findings,
) -> Option<String> {
    let text = written?;
    let (length, place) = (text.value.chars().count(), at(file, text.span));
    if length == 0 {
        findings.push(
            Diagnostic::error(codes::EMPTY_DESCRIPTION, "the description is empty", place, "says nothing")
                .help("write what a reader should know, or leave the string out"),
        );
    }
    if length > LONGEST_DESCRIPTION {
        let label = format!("{length} characters");
        let message = "the description is too long";
        findings.push(
            Diagnostic::error(codes::LONG_DESCRIPTION, message, place, label)
                .help(format!("keep it to {LONGEST_DESCRIPTION} characters; a comment may be longer")),
        );
    }
    Some(text.value.clone())
}

/// Which families something can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl Families {
    pub(super) const NONE: Self = Self { v4: false, v6: false };
    pub(super) const BOTH: Self = Self { v4: true, v6: true };

    pub(super) const fn one(family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: true, v6: false },
            Family::V6 => Self { v4: false, v6: true },
        }
    }

    /// The families in which a protocol exists; `None` is every protocol.
    pub(super) fn of(protocol: Option<Protocol>) -> Self {
        match protocol {
            Some(Protocol::ICMP) => Self::one(Family::V4),
            Some(Protocol::ICMPV6) => Self::one(Family::V6),
            Some(_) | None => Self::BOTH,
        }
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self { v4: self.v4 || other.v4, v6: self.v6 || other.v6 }
    }

    pub(super) const fn shared(self, other: Self) -> Self {
        Self { v4: self.v4 && other.v4, v6: self.v6 && other.v6 }
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

impl fmt::Display for Families {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match (self.v4, self.v6) {
            (true, true) => "IPv4 and IPv6",
            (true, false) => "IPv4 only",
            (false, true) => "IPv6 only",
            (false, false) => "no address",
        })
    }
}
