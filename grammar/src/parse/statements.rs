//! The statements that fit one line, or one list: `include`, `session`, `inner scope`, `network`, `set`, `service`.
//!
//! Each parser begins behind its first keyword.

use nom::Parser;
use nom::combinator::opt;

use super::input::{Input, Parsed, keyword, must, name, refuse, refuse_token, reported, text};
use super::known::Known;
use super::list::some;
use super::no_late_description;
use super::recover::level;
use super::values::{member, ports, protocol};
use super::words::{DURATION_UNIT, INNER_SCOPE, NETWORK_KIND};
use crate::ast::{Duration, ItemKind, List, Network, Ports, Protocol, Service, Set, Spanned, Traffic};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::Kind;

/// `include "path"`
pub(crate) fn include(input: Input<'_>) -> Parsed<'_, ItemKind> {
    match text(input) {
        Ok((rest, path)) => Ok((rest, ItemKind::Include(path))),
        Err(_) => refuse_token(input, "a path in double quotes", Some("as in `include \"common/hosts.sg\"`")),
    }
}

/// `session timeout 910s`
pub(crate) fn session(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let (input, _) = must(keyword("timeout"))(input)?;
    let (input, duration) = duration(input)?;
    Ok((input, ItemKind::SessionTimeout(duration)))
}

fn duration(input: Input<'_>) -> Parsed<'_, Spanned<Duration>> {
    let span = input.span();
    let (amount, behind) = match input.kind() {
        Kind::Duration(duration) => return Ok((input.next(), Spanned { value: *duration, span })),
        Kind::Number(amount) => (Some(*amount), input.next()),
        Kind::OddWord => (None, input.next()),
        _ => return refuse_token(input, "a duration", Some("as in `session timeout 910s`")),
    };
    // `910 s` is one mistake, not two.
    let unit = DURATION_UNIT.exactly(behind).ok().filter(|_| amount.is_some());
    let rest = unit.map_or(behind, |(rest, _)| rest);
    let whole = rest.span_since(span);
    let written = input.source.get(whole.start..whole.end).unwrap_or_default();
    let help = match amount {
        Some(amount) => format!("a number and its unit in one word: `{amount}s`, `{amount}m` or `{amount}h`"),
        None => "a number and its unit in one word: `910s`, `15m` or `2h`".to_owned(),
    };
    input.report(
        SyntaxError::new(
            codes::BAD_DURATION,
            format!("{} is not a duration", quote(written)),
            whole,
            "this duration",
        )
        .help(help),
    );
    match (amount, unit) {
        (Some(amount), Some((rest, unit))) => {
            Ok((rest, Spanned { value: Duration { amount, unit: unit.value }, span: whole }))
        }
        _ => reported(),
    }
}

/// `inner scope both`
pub(crate) fn inner_scope(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let (input, _) = must(keyword("scope"))(input)?;
    let (input, scope) = must(|input| INNER_SCOPE.parse(input))(input)?;
    Ok((input, ItemKind::InnerScope(scope)))
}

/// `network prod "description" = vpc`
pub(crate) fn network(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let (input, name) = must(name)(input)?;
    let (input, description) = opt(text).parse(input)?;
    let (input, ()) = equals(input)?;
    let (input, kind) = must(|input| NETWORK_KIND.parse(input))(input)?;
    let (input, ()) = no_late_description(input)?;
    Ok((input, ItemKind::Network(Network { name, description, kind })))
}

/// `set office "description" = [...] except [...]`
pub(crate) fn set(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let (input, name) = must(name)(input)?;
    let (input, description) = opt(text).parse(input)?;
    let (input, ()) = equals(input)?;
    let (input, members) = must(some(member))(input)?;
    let (input, except) = match input.word() {
        Some(word) if level(input).is_none() => {
            if EXCEPT.clause(input, word).is_none() {
                return reported();
            }
            must(some(member))(input.next())?
        }
        _ => (input, None),
    };
    let (input, ()) = no_late_description(input)?;
    let Some(members) = members else { return reported() };
    Ok((input, ItemKind::Set(Set { name, description, members, except })))
}

const EXCEPT: Known = Known {
    words: &["except"],
    others: &[
        ("exclude", "except"),
        ("excluding", "except"),
        ("without", "except"),
        ("minus", "except"),
        ("not", "except"),
    ],
    advice: "behind a set's members stands `except` and what is taken out again",
};

/// `service web "description" = tcp [80, 443]`
pub(crate) fn service(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let (input, name) = must(name)(input)?;
    let (input, description) = opt(text).parse(input)?;
    let (input, ()) = equals(input)?;
    let (input, traffic) = must(some(traffic))(input)?;
    let (input, ()) = no_late_description(input)?;
    let Some(traffic) = traffic else { return reported() };
    Ok((input, ItemKind::Service(Service { name, description, traffic })))
}

/// `=`; if it is missing but the value follows, that is one mistake.
fn equals(input: Input<'_>) -> Parsed<'_, ()> {
    if *input.kind() == Kind::Equals {
        return Ok((input.next(), ()));
    }
    input.report_expected("`=`", Some("the name (and its description) and the value are parted by `=`"));
    if input.at_line_end() || matches!(input.kind(), Kind::OddWord) { reported() } else { Ok((input, ())) }
}

fn traffic(input: Input<'_>) -> Parsed<'_, Traffic> {
    if input.word() == Some("all") {
        return refuse(
            input,
            SyntaxError::new(codes::UNKNOWN_WORD, "`all` in a service", input.span(), "expected a protocol")
                .help("a service names protocols; a rule says `all` itself"),
        );
    }
    let (rest, protocol) = protocol(input)?;
    if let Protocol::Service(name) = protocol.value {
        return Ok((rest, Traffic::Service(name)));
    }
    let (rest, ports) = traffic_ports(rest, &protocol)?;
    Ok((rest, Traffic::Protocol { protocol, ports }))
}

/// The ports right behind a protocol.
fn traffic_ports<'t>(input: Input<'t>, protocol: &Spanned<Protocol>) -> Parsed<'t, Option<List<Ports>>> {
    let (begin, word) = match keyword("port")(input) {
        Ok((rest, span)) => (rest, Some(span)),
        Err(_) => (input, None),
    };
    if word.is_none() && !matches!(begin.kind(), Kind::Number(_) | Kind::OpenBracket) {
        return Ok((input, None));
    }
    let (rest, ports) = must(ports)(begin)?;
    let allowed = matches!(protocol.value, Protocol::Tcp | Protocol::Udp);
    let help = match word {
        _ if !allowed => "only `tcp` and `udp` have ports",
        Some(_) => "in a service the ports follow the protocol: `tcp 80`, `tcp [80, 443]`",
        None => return Ok((rest, ports)),
    };
    let span = rest.span_since(word.unwrap_or(begin.span()));
    input.report(SyntaxError::new(codes::MISPLACED_PORT, "misplaced ports", span, "these ports").help(help));
    Ok((rest, ports.filter(|_| allowed)))
}
