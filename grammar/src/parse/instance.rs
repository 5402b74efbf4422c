//! `instance web-1 "description" { nic ... }`

use nom::Parser;
use nom::combinator::opt;

use super::body::{Line, Owner, block};
use super::input::{Input, Mistake, Parsed, must, name, otherwise, reported, text};
use super::known::Known;
use super::list::some;
use super::misplaced_clause;
use super::recover::{Level, skip_statement};
use super::seen::{self, Seen};
use super::words::SIDE;
use crate::ast::{Instance, ItemKind, List, Membership, Nic, Side, Span, Spanned, Text, Trivia};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::Kind;
use std::net::IpAddr;

/// Begins behind the keyword; `start` is before it.
pub(crate) fn instance<'t>(start: Input<'t>, input: Input<'t>) -> Parsed<'t, ItemKind> {
    let (input, name) = must(name)(input)?;
    if matches!(name.value.as_str(), "any" | "set" | "group") {
        input.report(
            SyntaxError::new(
                codes::RESERVED_NAME,
                format!("an instance cannot be called {}", quote(&name.value)),
                name.span,
                "a word of expectations",
            )
            .help("an expectation names instances without a tag, so `any`, `set` and `group` cannot be names of them"),
        );
    }
    let (input, description) = opt(text).parse(input)?;
    let (input, body) = block(input, Owner::new(Level::Instance, start), nic)?;
    let nics =
        body.lines.into_iter().map(|Line { value, span, trivia }| Nic { span, trivia, ..value }).collect();
    Ok((input, ItemKind::Instance(Instance { name, description, nics, dangling: body.dangling })))
}

const NIC: Known = Known {
    words: &["nic"],
    others: &[("interface", "nic"), ("eni", "nic")],
    advice: "an instance has `nic` lines: `nic eth0 address 10.0.0.1 groups web`",
};

/// One `nic` line. Its span and trivia are the block's to fill.
pub(crate) fn nic(input: Input<'_>) -> Parsed<'_, Nic> {
    let Some(word) = input.word() else { return otherwise("a `nic` line") };
    if NIC.statement(input, word).is_none() {
        return reported();
    }
    let (input, name) = interface(input.next())?;
    let (input, clauses) = clauses(input)?;
    if clauses.addresses.is_none() && !clauses.seen.has(Rank::Addresses) {
        input.report(
            SyntaxError::new(
                codes::MISSING_CLAUSE,
                "NIC without an address",
                input.gap(),
                "expected `address`",
            )
            .help("a NIC has one address at least: `address 10.0.0.1`"),
        );
    }
    let Some(addresses) = clauses.addresses else { return reported() };
    let nic = Nic {
        name,
        side: clauses.side,
        via: clauses.via,
        addresses,
        membership: clauses.membership.unwrap_or(Membership::Missing),
        span: Span::default(),
        trivia: Trivia::default(),
    };
    Ok((input, nic))
}

/// The name of an interface, as a name or a string.
fn interface(input: Input<'_>) -> Parsed<'_, Text> {
    match text(input) {
        Ok(parsed) => Ok(parsed),
        Err(_) => must(|input| match name(input) {
            Err(nom::Err::Error(Mistake::Expected(_))) => otherwise("the name of an interface"),
            other => other,
        })(input),
    }
}

/// All clauses of a NIC line, read in any order like those of rules.
#[derive(Default)]
struct Clauses {
    side: Option<Spanned<Side>>,
    via: Option<Text>,
    addresses: Option<List<IpAddr>>,
    membership: Option<Membership>,
    seen: Seen<Rank>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Side,
    Via,
    Addresses,
    Membership,
}

const CLAUSES: Known = Known {
    words: &["public", "internal", "via", "address", "groups", "network"],
    others: &[("group", "groups"), ("addresses", "address"), ("ip", "address"), ("addr", "address")],
    advice: "a NIC has `public` or `internal`, `via`, `address`, and `groups` or `network`",
};

fn clauses(input: Input<'_>) -> Parsed<'_, Clauses> {
    let mut clauses = Clauses::default();
    let mut at = input;
    loop {
        let start = at.span();
        let word = match at.kind() {
            Kind::Word(word) => CLAUSES.clause(at, word),
            Kind::Text(_) => {
                return misplaced_clause(
                    at,
                    "description of a NIC".to_owned(),
                    "describe the instance instead",
                );
            }
            _ => break,
        };
        let Some(word) = word else {
            at = skip_statement(at);
            continue;
        };
        let (rest, rank) = clauses.clause(at, word)?;
        clauses.seen.note(at, rank, rest.span_since(start), "addresses or groups");
        at = rest;
    }
    clauses
        .seen
        .check_order(at, "interface, `public` or `internal`, `via`, `address`, `groups` or `network`");
    Ok((at, clauses))
}

impl Clauses {
    fn clause<'t>(&mut self, input: Input<'t>, word: &'static str) -> Parsed<'t, Rank> {
        let after = input.next();
        match word {
            "via" => {
                let (rest, via) = interface(after)?;
                self.via.get_or_insert(via);
                Ok((rest, Rank::Via))
            }
            "address" => {
                let (rest, addresses) = must(some(plain_address))(after)?;
                self.addresses = self.addresses.take().or(addresses);
                Ok((rest, Rank::Addresses))
            }
            "groups" => {
                let (rest, groups) = must(some(name))(after)?;
                self.membership = self.membership.take().or(groups.map(Membership::Groups));
                Ok((rest, Rank::Membership))
            }
            "network" => {
                let (rest, network) = must(name)(after)?;
                self.membership.get_or_insert(Membership::Network(network));
                Ok((rest, Rank::Membership))
            }
            _ => {
                let side = SIDE.words.iter().find(|(known, _)| *known == word).map(|(_, side)| *side);
                self.side = self.side.or(side.map(|value| Spanned { value, span: input.span() }));
                Ok((after, Rank::Side))
            }
        }
    }
}

impl seen::Rank for Rank {
    fn name(self) -> &'static str {
        match self {
            Rank::Side => "`public` or `internal`",
            Rank::Via => "`via`",
            Rank::Addresses => "`address`",
            Rank::Membership => "`groups` or `network`",
        }
    }
}

/// An address without a length: a NIC has addresses, no prefixes.
fn plain_address(input: Input<'_>) -> Parsed<'_, IpAddr> {
    let (rest, address) = super::values::address(input)?;
    if address.length.is_some() {
        input.report(
            SyntaxError::new(
                codes::BAD_ADDRESS,
                format!("{} as a NIC's address", input.found()),
                input.span(),
                "has a prefix length",
            )
            .help(format!("a NIC has addresses, not prefixes: `{}`", address.ip)),
        );
    }
    Ok((rest, address.ip))
}
