//! `expect allow tcp from 1.2.3.4 to web-1 port 443 "why"`

use super::clauses::{Statement, clauses};
use super::input::{Input, Parsed, must, reported};
use super::rule::rule_protocol;
use super::words::VERDICT;
use crate::ast::{End, Expect, ItemKind, Peers};
use crate::codes;
use crate::error::SyntaxError;

/// Begins behind `expect`.
pub(crate) fn expect(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let (input, verdict) = must(|input| VERDICT.parse(input))(input)?;
    let (input, protocol) = rule_protocol(input)?;
    let (input, clauses) = clauses(input, Statement::Expect)?;
    if clauses.broken {
        return reported();
    }
    let from = given(input, clauses.from, "from");
    let to = given(input, clauses.to, "to");
    let (Some(from), Some(to)) = (from, to) else { return reported() };
    Ok((input, ItemKind::Expect(Expect { verdict, protocol, from, to, description: clauses.description })))
}

/// An end with its peers; reports what is missing.
fn given(input: Input<'_>, end: Option<End>, word: &str) -> Option<End> {
    let (span, message) = match &end {
        None => (input.gap(), format!("expectation without `{word}`")),
        Some(End { peers: None, span, .. }) => (*span, format!("`{word}` of an expectation without a peer")),
        Some(_) => return end,
    };
    input.report(
        SyntaxError::new(codes::MISSING_CLAUSE, message, span, format!("expected `{word}` and a peer"))
            .help(format!("say which packets are meant, as in `{word} any`")),
    );
    end.map(|end| End { peers: Some(Peers::Any(end.span)), ..end })
}
