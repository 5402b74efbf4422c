//! Addresses and prefixes: which forms are read, and why the others are not.
//!
//! Host bits are not looked at: that is resolving.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::words::leading_zero;
use super::{Kind, Lexer};
use crate::ast::{Address, Span};
use crate::codes;
use crate::error::{SyntaxError, quote};

/// Whether a word was meant as an address: IPv6 has two colons, IPv4 begins with a number and a dot or slash.
pub(super) fn looks_like_one(word: &str) -> bool {
    let address = word.split(['/', '%']).next().unwrap_or(word);
    let hexadecimal = |character: char| character.is_ascii_hexdigit() || ":.".contains(character);
    let v6 = address.matches(':').take(2).count() == 2 && address.chars().all(hexadecimal);
    let digit = |character: char| character.is_ascii_digit();
    let behind = word.trim_start_matches(digit);
    let v4 = behind.len() < word.len()
        && (behind.starts_with('.')
            || behind.strip_prefix('/').is_some_and(|length| length.starts_with(digit)));
    v6 || v4
}

/// An IPv4 address or prefix without anything to report: the standard library's form is the language's.
pub(super) fn plain_v4(word: &str) -> Option<Address> {
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (base, length) = match word.split_once('/') {
        Some((base, digits)) => {
            let plain = digits == "0" || digits.starts_with(|first: char| matches!(first, '1'..='9'));
            (base, Some(digits.parse().ok().filter(|length| plain && *length <= 32)?))
        }
        None => (word, None),
    };
    Some(Address { ip: IpAddr::V4(base.parse().ok()?), length })
}

impl Lexer<'_> {
    pub(super) fn address(&mut self, word: &str, span: Span) {
        match address(word, span) {
            Ok(address) => self.push(Kind::Address(address), span),
            Err(error) => {
                self.report(*error);
                self.push_bad(Kind::BadAddress, span);
            }
        }
    }
}

type Refused = Box<SyntaxError>;

fn address(word: &str, span: Span) -> Result<Address, Refused> {
    let (base, length) = match word.split_once('/') {
        Some((base, length)) => (base, Some(length)),
        None => (word, None),
    };
    let base_span = Span::new(span.start, span.start + base.len());
    // One colon parts a port from an IPv4 address; IPv6 has two at least.
    let ip = if base.matches(':').take(2).count() == 2 {
        v6(base, base_span)?
    } else {
        v4(base, word, base_span)?
    };
    let Some(digits) = length else { return Ok(Address { ip, length: None }) };
    let length = prefix_length(digits, ip, word, Span::new(base_span.end + 1, span.end))?;
    Ok(Address { ip, length: Some(length) })
}

fn v6(base: &str, span: Span) -> Result<IpAddr, Refused> {
    if let Some((address, zone)) = base.split_once('%') {
        let zone_span = Span::new(span.end - zone.len() - 1, span.end);
        let error = SyntaxError::new(
            codes::ZONE_ID,
            format!("the address {} has a zone", quote(base)),
            zone_span,
            "the zone",
        )
        .help(format!("write {}: a policy is not bound to one machine's interfaces", quote(address)));
        return Err(Box::new(error));
    }
    let Ok(ip) = base.parse::<Ipv6Addr>() else { return Err(bad(base, span, v6_advice(base))) };
    let Some(v4) = ip.to_ipv4_mapped() else { return Ok(IpAddr::V6(ip)) };
    let error = SyntaxError::new(
        codes::MAPPED_ADDRESS,
        format!("{} is an IPv4-mapped address", quote(base)),
        span,
        "an IPv4 address in IPv6 clothes",
    )
    .help(format!("packets carry the IPv4 address: write `{v4}`"));
    Err(Box::new(error))
}

fn v6_advice(base: &str) -> &'static str {
    if base.matches(':').count() == 5 && !base.contains("::") && base.len() == 17 {
        return "this looks like a hardware address; rules know IP addresses only";
    }
    "an IPv6 address has eight groups of up to four hexadecimal digits, with `::` at most once for a run of zeros"
}

fn v4(base: &str, word: &str, span: Span) -> Result<IpAddr, Refused> {
    let mut octets = [0_u8; 4];
    let mut slots = octets.iter_mut();
    let mut start = span.start;
    for part in base.split('.') {
        let place = Span::new(start, start + part.len());
        start = place.end + 1;
        let Some(slot) = slots.next() else { return Err(bad(word, span, v4_advice(base))) };
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad(word, span, v4_advice(base)));
        }
        let plain = part.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        if plain != part {
            return Err(Box::new(leading_zero("octet", part, plain, place)));
        }
        let Ok(octet) = part.parse() else { return Err(bad(word, place, v4_advice(base))) };
        *slot = octet;
    }
    if slots.next().is_some() {
        return Err(bad(word, span, v4_advice(base)));
    }
    Ok(IpAddr::V4(Ipv4Addr::from(octets)))
}

fn v4_advice(base: &str) -> &'static str {
    if base.contains('-') {
        return "a range of addresses is written as a prefix or as a set of prefixes";
    }
    if base.contains(':') {
        return "the port stands apart: `10.0.0.1 port 443`";
    }
    "an IPv4 address has four numbers from 0 to 255"
}

fn prefix_length(digits: &str, ip: IpAddr, word: &str, span: Span) -> Result<u8, Refused> {
    let (family, most) = if ip.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
    if let Ok(mask) = digits.parse::<Ipv4Addr>() {
        let bits = u32::from(mask);
        let help = if bits.leading_ones() + bits.trailing_zeros() == 32 {
            format!("write the length: `{ip}/{}`", bits.leading_ones())
        } else {
            "write a length, as in `10.0.0.0/8`".to_owned()
        };
        return Err(bad(word, span, help));
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad(word, span, format!("a prefix is an address, `/` and a length from 0 to {most}")));
    }
    let plain = digits.trim_start_matches('0');
    let plain = if plain.is_empty() { "0" } else { plain };
    match plain.parse::<u8>() {
        Ok(length) if length <= most && plain == digits => Ok(length),
        Ok(length) if length <= most => Err(Box::new(leading_zero("prefix length", digits, plain, span))),
        _ => {
            let message = format!("the prefix length {} is too large", quote(digits));
            let error = SyntaxError::new(codes::PREFIX_LENGTH, message, span, format!("above {most}"))
                .help(format!("{family} prefixes have lengths from 0 to {most}"));
            Err(Box::new(error))
        }
    }
}

fn bad(text: &str, span: Span, help: impl Into<String>) -> Refused {
    let error = SyntaxError::new(
        codes::BAD_ADDRESS,
        format!("{} is not an address or prefix", quote(text)),
        span,
        "cannot be read",
    );
    Box::new(error.help(help))
}
