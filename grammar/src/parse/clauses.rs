//! The clauses of rules and expectations: `from`, `to`, `as`, `log` and the description.
//!
//! They are read in any order and as often as they come, and the order is judged afterwards: so one clause at the wrong
//! place is one error, and the others are still read.

use super::input::{Input, Parsed, Passed, keyword, must, name, text};
use super::known::Known;
use super::seen::{self, Seen};
use super::values::{peers, ports};
use super::{misplaced_clause, recover};
use crate::ast::{End, List, Name, Peers, Ports, Span, Text};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::Kind;

/// What the statement is whose clauses are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statement {
    Rule,
    Expect,
}

/// All clauses of a statement.
#[derive(Default)]
pub(crate) struct Clauses {
    pub(crate) from: Option<End>,
    pub(crate) to: Option<End>,
    pub(crate) label: Option<Name>,
    pub(crate) log: Option<Span>,
    pub(crate) description: Option<Text>,
    /// The first clause of each kind, in the order they came.
    seen: Seen<Rank>,
    /// The kind of the last clause.
    last: Option<Rank>,
    /// Whether a clause is lost to a mistake, so that the statement cannot be built.
    pub(crate) broken: bool,
}

/// The clauses in the language's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    From,
    To,
    Label,
    Log,
    Description,
}

const CLAUSES: Known = Known {
    words: &["from", "to", "as", "log", "port"],
    others: &[
        ("src", "from"),
        ("source", "from"),
        ("dst", "to"),
        ("dest", "to"),
        ("destination", "to"),
        ("ports", "port"),
        ("dport", "port"),
        ("sport", "port"),
        ("label", "as"),
        ("named", "as"),
        ("logged", "log"),
    ],
    advice: "clauses are `from`, `to`, `as` and `log`; a description stands in double quotes",
};

/// Reads clauses up to the end of the line.
pub(crate) fn clauses<'t>(input: Input<'t>, statement: Statement) -> Parsed<'t, Clauses> {
    let mut clauses = Clauses::default();
    let mut at = input;
    loop {
        at = match at.kind() {
            Kind::Text(_) => clauses.description(at)?,
            Kind::Word(word) if matches!(word.as_ref(), "any" | "set" | "group") => {
                clauses.lost_peers(at, statement)?
            }
            Kind::Word(word) => match CLAUSES.clause(at, word) {
                Some(known) => clauses.clause(at, known, statement)?,
                None => {
                    clauses.broken = true;
                    recover::skip_statement(at)
                }
            },
            Kind::Number(_) | Kind::OpenBracket => clauses.lost_ports(at, at)?,
            Kind::Address(_) | Kind::BadAddress => clauses.lost_peers(at, statement)?,
            _ => break,
        };
    }
    clauses.seen.check_order(at, "`from`, `to`, `as`, `log`, description");
    // The end of the line is checked behind statements that were read. This one will not count as such.
    if clauses.broken && !at.at_line_end() && *at.kind() != Kind::CloseBrace {
        at.report_expected("the end of the line", None);
    }
    Ok((at, clauses))
}

impl Clauses {
    fn clause<'t>(&mut self, input: Input<'t>, word: &'static str, statement: Statement) -> Passed<'t> {
        let start = input.span();
        let rest = match word {
            "from" | "to" => {
                let (rest, end) = end(input, statement)?;
                self.broken |= end.is_none();
                let from = word == "from";
                let (rank, slot) = if from { (Rank::From, &mut self.from) } else { (Rank::To, &mut self.to) };
                slot.get_or_insert_with(|| end.unwrap_or(End { peers: None, ports: None, span: start }));
                self.note(input, rank, rest.span_since(start));
                return Ok(rest);
            }
            "port" => return self.lost_ports(input, input.next()),
            _ if statement == Statement::Expect => {
                let help = "an expectation has `from`, `to` and a description";
                return misplaced_clause(input, format!("`{word}` in an expectation"), help)
                    .map(|(rest, ())| rest);
            }
            "as" => {
                let (rest, label) = must(name)(input.next())?;
                self.label.get_or_insert(label);
                self.note(input, Rank::Label, rest.span_since(start));
                rest
            }
            _ => {
                self.log.get_or_insert(start);
                self.note(input, Rank::Log, start);
                input.next()
            }
        };
        Ok(rest)
    }

    fn description<'t>(&mut self, input: Input<'t>) -> Passed<'t> {
        let (rest, description) = must(text)(input)?;
        self.note(input, Rank::Description, description.span);
        self.description.get_or_insert(description);
        Ok(rest)
    }

    /// Ports that follow no end, or no `port`. They go to the end before them if it has none, else to the destination.
    fn lost_ports<'t>(&mut self, input: Input<'t>, begin: Input<'t>) -> Passed<'t> {
        let (rest, list) = must(ports)(begin)?;
        let span = rest.span_since(input.span());
        let slot = match self.last {
            Some(Rank::From) => &mut self.from,
            _ => &mut self.to,
        };
        let behind_end = matches!(self.last, Some(Rank::From | Rank::To))
            && slot.as_ref().is_some_and(|end| end.ports.is_none());
        let written = input.source.get(begin.span().start..span.end).unwrap_or_default();
        match input.word() {
            None if behind_end => report_ports(
                input,
                span,
                "ports without the word `port`",
                format!("write {}", quote(&format!("port {written}"))),
            ),
            None if self.last.is_some() => {
                report_ports(
                    input,
                    span,
                    "ports behind other ports",
                    "several ports are a list: `port [80, 443]`".to_owned(),
                );
            }
            None | Some("port") => report_ports(
                input,
                span,
                "ports without an end",
                format!(
                    "ports follow an end: {} are the destination's, {} the source's",
                    quote(&format!("to port {written}")),
                    quote(&format!("from any port {written}")),
                ),
            ),
            // A misspelt `port`, which has been reported.
            Some(_) => {}
        }
        let end = slot.get_or_insert(End { peers: None, ports: None, span });
        end.ports = end.ports.take().or(list);
        self.broken |= end.peers.is_none() && end.ports.is_none();
        Ok(rest)
    }

    /// Peers that follow neither `from` nor `to`.
    fn lost_peers<'t>(&mut self, input: Input<'t>, statement: Statement) -> Passed<'t> {
        self.broken = true;
        input.report_expected(
            "a clause",
            Some("a peer stands behind `from` or `to`; several are a list in `[ ]`"),
        );
        let (rest, _) = must(|input| peers(input, statement == Statement::Expect))(input)?;
        match keyword("port")(rest) {
            Ok((rest, _)) => Ok(must(ports)(rest)?.0),
            Err(_) => Ok(rest),
        }
    }

    /// Remembers the first clause of each kind and reports the others.
    fn note(&mut self, input: Input<'_>, rank: Rank, span: Span) {
        self.last = Some(rank);
        self.seen.note(input, rank, span, "peers or ports");
    }
}

impl seen::Rank for Rank {
    fn name(self) -> &'static str {
        match self {
            Rank::From => "`from`",
            Rank::To => "`to`",
            Rank::Label => "`as`",
            Rank::Log => "`log`",
            Rank::Description => "the description",
        }
    }
}

/// `from peers port ports`, begun at its keyword. Nothing if all of it is wrong, which has been reported then.
fn end<'t>(input: Input<'t>, statement: Statement) -> Parsed<'t, Option<End>> {
    let start = input.span();
    let instances = statement == Statement::Expect;
    let mut rest = input.next();
    let mut who: Option<Peers> = None;
    let mut which: Option<List<Ports>> = None;
    let ports_first =
        rest.word() == Some("port") && matches!(rest.next().kind(), Kind::Number(_) | Kind::OpenBracket);
    if ports_first || rest.word() == Some("port") && !instances {
        let place = rest.span();
        (rest, which) = must(ports)(rest.next())?;
        if begins_peers(rest) {
            let after = rest.span();
            (rest, who) = must(|input| peers(input, instances))(rest)?;
            report_port_first(rest, place, after);
        }
    } else {
        (rest, who) = must(|input| peers(input, instances))(rest)?;
        if let Ok((behind, _)) = keyword("port")(rest) {
            (rest, which) = must(ports)(behind)?;
        }
    }
    let span = rest.span_since(start);
    let given = who.is_some() || which.is_some();
    Ok((rest, given.then_some(End { peers: who, ports: which, span })))
}

fn begins_peers(input: Input<'_>) -> bool {
    match input.kind() {
        Kind::Address(_) | Kind::BadAddress | Kind::OpenBracket => true,
        Kind::Word(word) => matches!(word.as_ref(), "any" | "set" | "group"),
        _ => false,
    }
}

fn report_ports(input: Input<'_>, span: Span, message: &str, help: String) {
    input.report(SyntaxError::new(codes::MISPLACED_PORT, message, span, "these ports").help(help));
}

fn report_port_first(input: Input<'_>, ports: Span, peers: Span) {
    input.report(
        SyntaxError::new(codes::PORT_BEFORE_PEER, "ports before their peers", ports, "the ports")
            .label(peers, "their peers")
            .help("the peers come first: `from any port 53`"),
    );
}
