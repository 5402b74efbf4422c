//! `10 allow tcp from any to port 443 as web log "description"`

use super::clauses::{Statement, clauses};
use super::input::{Input, Parsed, must, number, otherwise, refuse, refuse_token, reported};
use super::values::protocol;
use super::words::VERDICT;
use crate::ast::{Protocol, Rule, Span, Spanned, Trivia};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::Kind;

/// One rule. Its span and trivia are the block's to fill.
pub(crate) fn rule(input: Input<'_>) -> Parsed<'_, Rule> {
    let (input, priority) = priority(input)?;
    let (input, verdict) = must(|input| VERDICT.parse(input))(input)?;
    let (input, protocol) = rule_protocol(input)?;
    let (input, clauses) = clauses(input, Statement::Rule)?;
    if clauses.broken {
        return reported();
    }
    let rule = Rule {
        priority,
        verdict,
        protocol,
        from: clauses.from,
        to: clauses.to,
        label: clauses.label,
        log: clauses.log,
        description: clauses.description,
        span: Span::default(),
        trivia: Trivia::default(),
    };
    Ok((input, rule))
}

/// The leading number. If only that is missing, the rest of the rule is read.
fn priority(input: Input<'_>) -> Parsed<'_, Spanned<u32>> {
    if let Ok(parsed) = number(input) {
        return Ok(parsed);
    }
    let Some(word) = input.word() else { return otherwise("a rule, which begins with its priority") };
    let Some(verdict) = VERDICT.guess(word) else {
        let error = SyntaxError::new(
            codes::UNKNOWN_STATEMENT,
            format!("unknown statement {}", quote(word)),
            input.span(),
            "begins no rule",
        )
        .help("a rule begins with its priority and verdict: `10 allow tcp from any`");
        return if input.is_bad() { reported() } else { refuse(input, error) };
    };
    let start = Span::new(input.span().start, input.span().start);
    input.report(
        SyntaxError::new(
            codes::MISSING_PRIORITY,
            "rule without a priority",
            input.span(),
            "a number belongs before this",
        )
        .help(format!(
            "lead with a priority from 1 (strongest) to 100: {}",
            quote(&format!("10 {verdict} ..."))
        )),
    );
    Ok((input, Spanned { value: 1, span: start }))
}

const SEVERAL: &str = "a rule has one protocol; `service NAME` names several, `all` is every protocol";

/// The protocol of a rule or expectation. If only that is missing, the rest of the line is read.
pub(crate) fn rule_protocol(input: Input<'_>) -> Parsed<'_, Spanned<Protocol>> {
    let missing = match input.kind() {
        Kind::Word(word) => matches!(word.as_ref(), "from" | "to" | "port" | "as" | "log"),
        Kind::Text(_) | Kind::Number(_) | Kind::Address(_) => true,
        _ => input.at_line_end(),
    };
    if *input.kind() == Kind::OpenBracket {
        return refuse_token(input, "one protocol", Some(SEVERAL));
    }
    if !missing {
        let (rest, protocol) = must(protocol)(input)?;
        return if *rest.kind() == Kind::Comma {
            refuse_token(rest, "one protocol", Some(SEVERAL))
        } else {
            Ok((rest, protocol))
        };
    }
    let error = SyntaxError::new(codes::MISSING_PROTOCOL, "no protocol given", input.gap(), "expected a protocol")
        .help("write `tcp`, `udp`, `icmp`, `icmpv6`, `gre`, `proto NUMBER`, `service NAME`, or `all` for every protocol");
    if input.at_line_end() {
        return refuse(input, error);
    }
    input.report(error);
    Ok((input, Spanned { value: Protocol::All, span: input.gap() }))
}
