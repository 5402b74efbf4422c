//! Addresses, ports, protocols and peers.

use nom::Parser;
use nom::combinator::opt;

use super::input::{Input, Mistake, Parsed, keyword, mark, must, name, number, otherwise, refuse_token};
use super::list::some;
use super::words::guess;
use crate::ast::{Address, List, Member, Peer, Peers, Ports, Protocol, Spanned};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::Kind;

/// An address or prefix.
pub(crate) fn address(input: Input<'_>) -> Parsed<'_, Address> {
    match input.kind() {
        Kind::Address(address) => Ok((input.next(), *address)),
        Kind::BadAddress => Err(nom::Err::Error(Mistake::Reported)),
        _ => otherwise("an address or prefix"),
    }
}

/// `22` or `1024-65535`
fn port(input: Input<'_>) -> Parsed<'_, Ports> {
    let (rest, first) = number(input).map_err(|_| nom::Err::Error(Mistake::Expected("a port number")))?;
    let (rest, dash) = opt(mark(Kind::Dash, "`-`")).parse(rest)?;
    let (rest, last) = match dash {
        Some(_) => must(number)(rest)?,
        None => (rest, first),
    };
    Ok((rest, Ports { first: first.value, last: last.value }))
}

/// `22`, `1024-65535` or a list of such.
pub(crate) fn ports(input: Input<'_>) -> Parsed<'_, Option<List<Ports>>> {
    if let Some(word) = input.word() {
        let help = match word {
            "any" | "all" => "leave the port out: without one every port matches",
            _ => "ports are numbers, as in `port 443`; `service NAME` names them",
        };
        return refuse_token(input, "a port number", Some(help));
    }
    some(port)(input)
}

/// A member of a set.
pub(crate) fn member(input: Input<'_>) -> Parsed<'_, Member> {
    match input.word() {
        Some("set") => {
            let (rest, name) = must(name)(input.next())?;
            Ok((rest, Member::Set(name)))
        }
        Some("any") => any_in_list(input),
        Some("group") => refuse_token(
            input,
            "an address or `set NAME`",
            Some("a set holds addresses; a rule's peers may be groups"),
        ),
        Some(word) => untagged(input, word, "an address, and a set is written", &["set"]),
        None => {
            let (rest, address) = address(input)?;
            Ok((rest, Member::Address(address)))
        }
    }
}

/// `any` or some peers. A bare name is an instance where `instances` says so.
pub(crate) fn peers<'t>(input: Input<'t>, instances: bool) -> Parsed<'t, Option<Peers>> {
    if let Ok((rest, span)) = keyword("any")(input) {
        return match mark(Kind::Comma, "`,`")(rest) {
            Ok((rest, _)) => {
                report_any_in_list(input);
                let (rest, list) = must(some(|input| peer(input, instances)))(rest)?;
                Ok((rest, list.map(Peers::List)))
            }
            Err(_) => Ok((rest, Some(Peers::Any(span)))),
        };
    }
    if input.word() == Some("all") && !instances {
        input.report(
            SyntaxError::new(
                codes::UNKNOWN_WORD,
                "expected a peer, found `all`",
                input.span(),
                "expected a peer",
            )
            .help("did you mean `any`?"),
        );
        return Ok((input.next(), Some(Peers::Any(input.span()))));
    }
    let (rest, list) = some(|input| peer(input, instances))(input)?;
    Ok((rest, list.map(Peers::List)))
}

fn peer(input: Input<'_>, instances: bool) -> Parsed<'_, Peer> {
    match input.word() {
        Some("set") => must(name)(input.next()).map(|(rest, name)| (rest, Peer::Set(name))),
        Some("group") => must(name)(input.next()).map(|(rest, name)| (rest, Peer::Group(name))),
        Some("any") => any_in_list(input),
        Some(_) if instances => must(name)(input).map(|(rest, name)| (rest, Peer::Instance(name))),
        Some("to" | "port" | "as" | "log") => otherwise("a peer"),
        Some(word) => untagged(input, word, "an address, and names are written", &["group", "set"]),
        None => match address(input) {
            Ok((rest, address)) => Ok((rest, Peer::Address(address))),
            Err(nom::Err::Error(Mistake::Expected(_))) => {
                otherwise("a peer: `any`, an address, `set NAME` or `group NAME`")
            }
            Err(mistake) => Err(mistake),
        },
    }
}

/// Reports a name that does not say what it names.
fn untagged<'t, T>(input: Input<'t>, word: &str, rather: &str, tags: &[&str]) -> Parsed<'t, T> {
    if !input.is_bad() {
        let advice = if word.contains('.') { "; host names are never looked up" } else { "" };
        let forms: Vec<String> = tags.iter().map(|tag| quote(&format!("{tag} {word}"))).collect();
        input.report(
            SyntaxError::new(
                codes::UNTAGGED_NAME,
                format!("the name {} does not say what it names", quote(word)),
                input.span(),
                "a name alone",
            )
            .help(format!("this is not {rather} {}{advice}", forms.join(" or "))),
        );
    }
    Err(nom::Err::Error(Mistake::Reported))
}

fn any_in_list<'t, T>(input: Input<'t>) -> Parsed<'t, T> {
    report_any_in_list(input);
    Err(nom::Err::Error(Mistake::Reported))
}

fn report_any_in_list(input: Input<'_>) {
    let help =
        "`any` stands alone, without brackets, as a rule's peer; in a set write `0.0.0.0/0` and `::/0`";
    input.report(
        SyntaxError::new(
            codes::ANY_IN_LIST,
            "`any` as a list's element",
            input.span(),
            "stands for every address",
        )
        .help(help),
    );
}

const PROTOCOLS: &[(&str, Protocol)] = &[
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
    ("icmp", Protocol::Icmp),
    ("icmpv6", Protocol::Icmpv6),
    ("gre", Protocol::Gre),
    ("all", Protocol::All),
];

const OTHER_PROTOCOLS: &[(&str, &str)] =
    &[("icmp6", "icmpv6"), ("ipv6-icmp", "icmpv6"), ("ping", "icmp"), ("any", "all"), ("ip", "all")];

/// Protocols that people know by name and the language by number (IANA's registry of protocol numbers).
const NUMBERED: &[(&str, u32)] =
    &[("igmp", 2), ("ipip", 4), ("esp", 50), ("ah", 51), ("ospf", 89), ("vrrp", 112), ("sctp", 132)];

/// A protocol or service.
pub(crate) fn protocol(input: Input<'_>) -> Parsed<'_, Spanned<Protocol>> {
    let start = input.span();
    let Some(word) = input.word() else { return otherwise("a protocol") };
    let (rest, value) = match word {
        "proto" => proto_number(input)?,
        "service" => service_name(input)?,
        _ => match known_protocol(word) {
            Some(protocol) => (input.next(), protocol),
            None => guessed_protocol(input, word)?,
        },
    };
    Ok((rest, Spanned { value, span: rest.span_since(start) }))
}

fn known_protocol(word: &str) -> Option<Protocol> {
    PROTOCOLS.iter().find(|(known, _)| *known == word).map(|(_, protocol)| protocol.clone())
}

fn service_name(input: Input<'_>) -> Parsed<'_, Protocol> {
    let (rest, name) = must(name)(input.next())?;
    Ok((rest, Protocol::Service(name)))
}

/// `proto 132`
fn proto_number(input: Input<'_>) -> Parsed<'_, Protocol> {
    let behind = input.next();
    if let Some(word) = behind.word()
        && let Some(protocol) = known_protocol(word)
    {
        behind.report(
            SyntaxError::new(
                codes::UNKNOWN_WORD,
                format!("expected a protocol number, found {}", quote(word)),
                behind.span(),
                "expected a number",
            )
            .help(format!("named protocols stand alone: `{word}`")),
        );
        return Ok((behind.next(), protocol));
    }
    let (rest, number) = must(number)(behind)?;
    Ok((rest, Protocol::Number(number)))
}

/// A word that is no protocol: reported, and read as what was most likely meant.
fn guessed_protocol<'t>(input: Input<'t>, word: &str) -> Parsed<'t, Protocol> {
    let error = SyntaxError::new(
        codes::UNKNOWN_WORD,
        format!("expected a protocol, found {}", quote(word)),
        input.span(),
        "expected a protocol",
    );
    let bad = input.is_bad();
    if let Some((_, number)) = NUMBERED.iter().find(|(name, _)| *name == word) {
        input.report(error.help(format!("write its number: `proto {number}`")));
        let number = Spanned { value: *number, span: input.span() };
        return Ok((input.next(), Protocol::Number(number)));
    }
    let names = PROTOCOLS.iter().map(|(known, _)| *known).chain(["proto", "service"]);
    let meant = guess(word, names, OTHER_PROTOCOLS);
    if let Some(protocol) = meant.and_then(known_protocol) {
        if !bad {
            input.report(error.help(format!("did you mean `{}`?", meant.unwrap_or_default())));
        }
        return Ok((input.next(), protocol));
    }
    match meant {
        Some(meant) => {
            input.report(error.help(format!("did you mean `{meant}`?")));
            if meant == "service" { service_name(input) } else { proto_number(input) }
        }
        None => {
            if !bad {
                let service = quote(&format!("service {word}"));
                input.report(error.help(format!(
                    "protocols are `tcp`, `udp`, `icmp`, `icmpv6`, `gre`, `all` and `proto NUMBER`; a service is written {service}"
                )));
            }
            Ok((input.next(), Protocol::All))
        }
    }
}
