//! Single values of a permission: protocols, ports, priorities, addresses. Knows no rules.

use std::net::IpAddr;

use ipnet::IpNet;
use palisade_ir::{Family, Protocol};

use super::codes;
use super::fields::Field;
use crate::import::report::{Report, Told, error, warning};

/// First and last port.
pub(super) type Ports = (u16, u16);

const NO_PORTS: &str = "-1/-1";
const EVERY_PORT: &str = "1/65535";

/// A protocol; `None` is every protocol.
pub(super) fn protocol(field: &Field<'_>, report: &mut Report) -> Result<Option<Protocol>, Told> {
    let word = field.text.to_ascii_lowercase();
    if word == "all" {
        return Ok(None);
    }
    let number = if plain_number(&word) { word.parse().ok().map(Protocol) } else { Protocol::parse(&word) };
    number.map(Some).ok_or_else(|| {
        let help = "known are TCP, UDP, ICMP, ICMPv6, GRE, ALL, and numbers up to 255";
        let message = format!("{} is no protocol", field.quoted());
        report.refuse(error(codes::UNKNOWN_PROTOCOL, &field.node, message).help(help))
    })
}

/// Digits without sign and leading zeros.
fn plain_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// Destination ports, which must be given for tcp and udp.
pub(super) fn destination_ports(
    protocol: Option<Protocol>,
    field: &Field<'_>,
    report: &mut Report,
) -> Result<Option<Ports>, Told> {
    if !has_ports(protocol) {
        return portless(protocol, field, report).map(|()| None);
    }
    if field.text == NO_PORTS {
        let message = format!("ports `{NO_PORTS}` of a protocol with ports are read as `{EVERY_PORT}`");
        report.warn(warning(codes::ALL_PORTS, &field.node, message).help("check that every port is meant"));
        return Ok(Some((1, u16::MAX)));
    }
    range(field, report).map(Some)
}

/// Source ports, which are a test only where they are given.
pub(super) fn source_ports(
    protocol: Option<Protocol>,
    field: &Field<'_>,
    report: &mut Report,
) -> Result<Option<Ports>, Told> {
    match (has_ports(protocol), field.text == NO_PORTS) {
        (false, _) => portless(protocol, field, report).map(|()| None),
        (true, true) => Ok(None),
        (true, false) => range(field, report).map(Some),
    }
}

/// Whether rules of this protocol may test ports.
pub(super) fn has_ports(protocol: Option<Protocol>) -> bool {
    protocol.is_some_and(Protocol::has_ports)
}

/// Ports beside a protocol without any: all of them is no test, less is a contradiction.
fn portless(protocol: Option<Protocol>, field: &Field<'_>, report: &mut Report) -> Result<(), Told> {
    if field.text == NO_PORTS {
        return Ok(());
    }
    let protocol = protocol.map_or_else(|| "ALL".to_owned(), |protocol| protocol.to_string());
    let message = format!("ports {} of `{protocol}`, which has none", field.quoted());
    if field.text == EVERY_PORT {
        report.warn(warning(codes::PORTS_IGNORED, &field.node, message).help("they are not read"));
        return Ok(());
    }
    let help = format!("write `{NO_PORTS}`, or the protocol that has these ports");
    Err(report.refuse(error(codes::PORTLESS_PROTOCOL, &field.node, message).help(help)))
}

fn range(field: &Field<'_>, report: &mut Report) -> Result<Ports, Told> {
    let port = |text: &str| if plain_number(text) { text.parse::<u16>().ok() } else { None };
    let ends = field.text.split_once('/').and_then(|(first, last)| Some((port(first)?, port(last)?)));
    ends.filter(|(first, last)| (1..=*last).contains(first)).ok_or_else(|| {
        let help = "write `first/last` with ports from 1 to 65535, such as `22/22`";
        let message = format!("{} is no port range", field.quoted());
        report.refuse(error(codes::BAD_PORTS, &field.node, message).help(help))
    })
}

/// A priority as listed: 101 to 110 are of the cloud's own making.
pub(super) fn priority(field: &Field<'_>, report: &mut Report) -> Result<u32, Told> {
    let number = if plain_number(&field.text) { field.text.parse().ok() } else { None };
    number.filter(|number| (1..=110).contains(number)).ok_or_else(|| {
        let help = "priorities go from 1 to 100, in default groups to 110; a smaller one is stronger";
        let message = format!("{} is no priority", field.quoted());
        report.refuse(error(codes::BAD_PRIORITY, &field.node, message).help(help))
    })
}

/// An address or prefix, without host bits.
pub(super) fn prefix(field: &Field<'_>, expected: Family, report: &mut Report) -> Result<IpNet, Told> {
    let Some(net) = parse_prefix(&field.text) else {
        let help =
            "write an address or a prefix: `10.0.0.0/8`, `2001:db8::/32`; no zones, no IPv4 inside IPv6";
        let message = format!("{} is no address or prefix", field.quoted());
        return Err(report.refuse(error(codes::BAD_ADDRESS, &field.node, message).help(help)));
    };
    if Family::of(&net.addr()) != expected {
        let message = format!("`{net}` stands in the field of the other family");
        report.warn(warning(codes::OTHER_FAMILY, &field.node, message).help("it is read as what it is"));
    }
    if net != net.trunc() {
        let message = format!("{} has bits behind its length", field.quoted());
        let help = format!("it is read as `{}`", net.trunc());
        report.warn(warning(codes::HOST_BITS, &field.node, message).help(help));
    }
    Ok(net.trunc())
}

fn parse_prefix(text: &str) -> Option<IpNet> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        return None;
    }
    match length {
        None => Some(IpNet::from(address)),
        Some(length) if plain_number(length) => IpNet::new(address, length.parse().ok()?).ok(),
        Some(_) => None,
    }
}
