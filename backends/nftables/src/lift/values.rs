//! Words to numbers, by the kind of value that stands there (nft(8), DATA TYPES).

use std::net::{Ipv4Addr, Ipv6Addr};

use palisade_ir::Family;

use super::ast::{Kind, family_number, interface_number};
use super::cursor::decimal;
use super::lexer::Token;

/// Names of /etc/protocols (Debian) that `nft list` prints, and nft's own keywords.
const PROTOCOLS: &[(&str, u8)] = &[
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("skip", 57),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("comp", 108),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
];
/// nft(8), CONNTRACK: the bits of `ct state`.
const STATES: &[(&str, u8)] =
    &[("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64)];
/// nft(8), ICMPV6 TYPE TYPE.
const ICMPV6_TYPES: &[(&str, u8)] = &[
    ("echo-request", 128),
    ("echo-reply", 129),
    ("mld-listener-query", 130),
    ("mld-listener-report", 131),
    ("mld-listener-done", 132),
    ("mld-listener-reduction", 132),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
    ("mld2-listener-report", 143),
];
/// nft(8), ICMP TYPE TYPE.
const ICMP_TYPES: &[(&str, u8)] = &[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("redirect", 5),
    ("echo-request", 8),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
];

/// The first and last number of what a token says, or what is wrong with it.
pub(super) fn span(kind: Kind, token: &Token) -> Result<(u128, u128), String> {
    match (kind, token) {
        (Kind::Interface, Token::Text(name)) => interface(name),
        (Kind::Interface, _) => Err("an interface name must stand in quotes".to_owned()),
        (_, Token::Word(word)) => word_span(kind, word)
            .ok_or_else(|| format!("`{word}` is no value here, or not one this reader knows")),
        (_, Token::Text(_) | Token::Mark(_) | Token::NotEqual | Token::Newline) => {
            Err("expected a value".to_owned())
        }
    }
}

/// The kernel compares all 16 bytes, unless the name ends in `*`.
fn interface(name: &str) -> Result<(u128, u128), String> {
    if name.is_empty() || name.len() > 15 {
        return Err(format!("`{}` is no interface name", name.escape_debug()));
    }
    if name.contains(['*', '\\']) {
        return Err(format!("`{}` is a pattern of interface names", name.escape_debug()));
    }
    let number = interface_number(name);
    Ok((number, number))
}

fn word_span(kind: Kind, word: &str) -> Option<(u128, u128)> {
    match kind {
        Kind::Ipv4 => address_span(word, 32, |text| {
            text.parse::<Ipv4Addr>().ok().map(|address| u128::from(address.to_bits()))
        }),
        Kind::Ipv6 => address_span(word, 128, |text| text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits)),
        Kind::Port => number_span(word, |text| decimal::<u16>(text).map(u128::from)),
        Kind::Byte => number_span(word, |text| decimal::<u8>(text).map(u128::from)),
        Kind::Protocol => named_span(word, PROTOCOLS),
        Kind::IcmpType => named_span(word, ICMP_TYPES),
        Kind::Icmpv6Type => named_span(word, ICMPV6_TYPES),
        Kind::Family => match word {
            "ipv4" | "2" => Some(family_number(Family::V4)),
            "ipv6" | "10" => Some(family_number(Family::V6)),
            _ => None,
        }
        .map(point),
        Kind::State => state(word).map(point),
        Kind::Interface => None,
    }
}

const fn point(number: u128) -> (u128, u128) {
    (number, number)
}

/// One bit, by name or as `nft -n list` prints it.
fn state(word: &str) -> Option<u128> {
    let bit = match word.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok()?,
        None => named(word, STATES)?,
    };
    STATES.iter().any(|(_, known)| *known == bit).then_some(u128::from(bit))
}

fn named(word: &str, names: &[(&str, u8)]) -> Option<u8> {
    names.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// A name, a number, or a range of numbers.
fn named_span(word: &str, names: &[(&str, u8)]) -> Option<(u128, u128)> {
    match named(word, names) {
        Some(number) => Some(point(u128::from(number))),
        None => number_span(word, |text| decimal::<u8>(text).map(u128::from)),
    }
}

/// A value or a range of values, not reversed.
fn number_span(word: &str, value: impl Fn(&str) -> Option<u128>) -> Option<(u128, u128)> {
    match word.split_once('-') {
        None => value(word).map(point),
        Some((first, last)) => value(first).zip(value(last)).filter(|(first, last)| first <= last),
    }
}

/// An address, a prefix without host bits, or a range of addresses.
fn address_span(word: &str, bits: u32, value: impl Fn(&str) -> Option<u128>) -> Option<(u128, u128)> {
    let Some((address, length)) = word.split_once('/') else {
        return number_span(word, value);
    };
    let length: u32 = decimal(length).filter(|length| *length <= bits)?;
    let first = value(address)?;
    let hosts = match bits - length {
        128 => u128::MAX,
        free => (1_u128 << free) - 1,
    };
    (first & hosts == 0).then_some((first, first | hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_kind() {
        let word = |kind, text: &str| span(kind, &Token::Word(text.to_owned())).ok();
        assert_eq!(word(Kind::Ipv4, "10.0.0.0/8"), Some((0x0a00_0000, 0x0aff_ffff)));
        assert_eq!(word(Kind::Ipv4, "0.0.0.0/0"), Some((0, 0xffff_ffff)));
        assert_eq!(word(Kind::Ipv6, "::/0"), Some((0, u128::MAX)));
        assert_eq!(word(Kind::Ipv6, "::1-::ff"), Some((1, 255)));
        assert_eq!(word(Kind::Port, "80-90"), Some((80, 90)));
        assert_eq!(word(Kind::Protocol, "ipv6-icmp"), Some((58, 58)));
        assert_eq!(word(Kind::State, "0x2"), word(Kind::State, "established"));
        let bad = [
            (Kind::Ipv4, "10.0.0.1/8"),
            (Kind::Ipv4, "10.0.0.0/33"),
            (Kind::Ipv4, "::1"),
            (Kind::Port, "65536"),
            (Kind::Port, "022"),
            (Kind::Port, "90-80"),
            (Kind::Port, "ssh"),
            (Kind::Protocol, "256"),
            (Kind::State, "0x6"),
            (Kind::Family, "arp"),
            (Kind::Ipv4, "10.0.0.9-10.0.0.1"),
        ];
        for (kind, text) in bad {
            assert_eq!(word(kind, text), None, "{text}");
        }
    }

    #[test]
    fn interfaces_are_quoted_and_no_patterns() {
        let text = |text: &str| span(Kind::Interface, &Token::Text(text.to_owned()));
        assert!(text("eth0").is_ok());
        assert_ne!(text("eth0"), text("eth01"));
        for bad in ["", "eth*", "eth\\*", "sixteencharacter"] {
            assert!(text(bad).is_err(), "{bad}");
        }
        assert!(span(Kind::Interface, &Token::Word("eth0".to_owned())).is_err());
    }
}
