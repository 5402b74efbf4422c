//! Lines of statements, at the top of a file and in `{ }`, with recovery at line ends and braces.

use super::input::{Input, Mistake, Parsed, mark};
use super::recover::{Level, indent, level, skip_statement};
use super::trivia::between;
use crate::ast::{Span, Trivia};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::{Kind, Token};

/// A statement with what stands around it.
pub(crate) struct Line<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
    pub(crate) trivia: Trivia,
}

/// The statements of a file or block.
pub(crate) struct Body<T> {
    pub(crate) lines: Vec<Line<T>>,
    /// Comments after the last one.
    pub(crate) dangling: Vec<String>,
}

/// Whose block is read.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'t> {
    /// The level of the statements in it.
    pub(crate) level: Level,
    /// The begin of the statement that the block belongs to.
    pub(crate) start: Input<'t>,
    /// Whether the block begins in the line of its `{`, which has been reported: its `}` may do the same.
    pub(crate) one_line: bool,
}

impl<'t> Owner<'t> {
    pub(crate) fn new(level: Level, start: Input<'t>) -> Self {
        Self { level, start, one_line: false }
    }
}

/// Reads statements up to a `}`, the end of the file, or a statement that shows that a `}` is missing.
pub(crate) fn body<'t, T>(
    input: Input<'t>,
    owner: Owner<'t>,
    mut statement: impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> (Input<'t>, Body<T>) {
    let mut lines: Vec<Line<T>> = Vec::with_capacity(rules_ahead(input, owner));
    let mut at = input;
    // Set by a statement or brace of another level: those that follow are of the same mistake.
    let mut astray = false;
    loop {
        if at.is_hopeless() {
            at = at.end();
        }
        let (next, mut between) = between(at);
        between.give_trailing(lines.last_mut().map(|line| &mut line.trivia));
        if ends_body(next, owner) {
            return (next, Body { lines, dangling: between.dangling(Vec::new()) });
        }
        if let Some(rest) = stray(next, owner, astray) {
            at = rest;
            astray = true;
            continue;
        }
        at = match statement(next) {
            Ok((rest, value)) => {
                astray = false;
                let trivia = between.before_node(Vec::new());
                lines.push(Line { value, span: rest.span_since(next.span()), trivia });
                line_end(rest, owner)
            }
            Err(mistake) => {
                if let nom::Err::Error(Mistake::Expected(expected)) = mistake {
                    next.report_expected(expected, None);
                }
                skip_statement(next)
            }
        };
    }
}

/// How many rules a block of them seems to have: there may be thousands, and growing would copy all several times.
fn rules_ahead(input: Input<'_>, owner: Owner<'_>) -> usize {
    /// A text that only looks like rules must not take memory for more.
    const MOST: usize = 1 << 16;
    if owner.level != Level::Rules {
        return 0;
    }
    let rest = input.tokens.get(input.at..).unwrap_or_default();
    // Rules have no braces, so no token is looked at for two blocks.
    let inside = rest.split(|token| matches!(token.kind, Kind::OpenBrace | Kind::CloseBrace)).next();
    let begins = |pair: &&[Token<'_>]| {
        matches!(pair, [Token { kind: Kind::Newline { .. }, .. }, Token { kind: Kind::Number(_), .. }])
    };
    inside.unwrap_or_default().windows(2).filter(begins).take(MOST).count()
}

fn ends_body(input: Input<'_>, owner: Owner<'_>) -> bool {
    match input.kind() {
        Kind::End => true,
        Kind::CloseBrace => owner.level != Level::File,
        _ => level(input).is_some_and(|found| owner.level.is_inside(found) && !is_deeper(input, owner.start)),
    }
}

/// Passes a statement of another level, or a brace that closes nothing. Reports it, unless it follows another such.
fn stray<'t>(input: Input<'t>, owner: Owner<'t>, astray: bool) -> Option<Input<'t>> {
    if *input.kind() == Kind::CloseBrace {
        if !astray {
            report_extra_closing(input);
        }
        return Some(line_end(input.next(), owner));
    }
    let found = level(input).filter(|found| *found != owner.level)?;
    if owner.level == Level::File && !astray && input.word() == Some("network") {
        // Not a group's line, but a statement of its own that lacks its `=`.
        return None;
    }
    if !astray {
        report_misplaced(input, found, owner.level);
    }
    // At the top of a file its own mistakes are looked for, too. Deeper down that could recurse without end.
    if owner.level != Level::File {
        return Some(skip_statement(input));
    }
    match super::any_statement(input, found) {
        Ok((rest, ())) => Some(line_end(rest, owner)),
        Err(_) => Some(skip_statement(input)),
    }
}

/// Whether the line is indented more than the one that opened the block, so that it was meant to be inside.
fn is_deeper(line: Input<'_>, opener: Input<'_>) -> bool {
    matches!((indent(line), indent(opener)), (Some(line), Some(opener)) if line > opener)
}

/// Checks that a statement ends with its line; answers where the next one begins.
fn line_end<'t>(input: Input<'t>, owner: Owner<'t>) -> Input<'t> {
    let mut at = input;
    if *at.kind() == Kind::CloseBracket && !at.is_bad() {
        report_extra_closing(at);
    }
    while *at.kind() == Kind::CloseBracket {
        at = at.next();
    }
    if at.at_line_end() {
        return at;
    }
    if *at.kind() == Kind::CloseBrace {
        // At the top the body reports it as closing nothing; in a block of one line something has been reported.
        if owner.level != Level::File && !owner.one_line {
            report_missing_newline(at);
        }
        return at;
    }
    if level(at).is_some() {
        report_missing_newline(at);
        return at;
    }
    at.report_expected("the end of the line", None);
    skip_statement(at)
}

/// `{ NL { statement NL } "}"`. A missing brace is reported, and what can be read of the block is.
pub(crate) fn block<'t, T>(
    input: Input<'t>,
    owner: Owner<'t>,
    statement: impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> Parsed<'t, Body<T>> {
    let Opening { inside, open } = match open_brace(input, owner) {
        Some(opening) => opening,
        None => return Ok((input, Body { lines: Vec::new(), dangling: Vec::new() })),
    };
    let one_line = !inside.at_line_end();
    if one_line {
        report_missing_newline(inside);
    }
    let (rest, body) = body(inside, Owner { one_line, ..owner }, statement);
    if let Ok((rest, _)) = mark(Kind::CloseBrace, "`}`")(rest) {
        return Ok((rest, body));
    }
    if let Some(open) = open {
        report_unclosed(rest, open, inner_close(inside, rest, owner));
    }
    // The line that showed the mistake begins with a line end of its own.
    let before = rest
        .at
        .checked_sub(1)
        .filter(|at| matches!(rest.tokens.get(*at), Some(Token { kind: Kind::Newline { .. }, .. })));
    Ok((rest.goto(before.unwrap_or(rest.at)), body))
}

/// Where a block begins.
struct Opening<'t> {
    inside: Input<'t>,
    /// Nothing if the `{` is missing, which has been reported.
    open: Option<Span>,
}

/// Passes the `{`. Nothing if there seems to be no block at all.
fn open_brace<'t>(input: Input<'t>, owner: Owner<'t>) -> Option<Opening<'t>> {
    let brace = |input| mark(Kind::OpenBrace, "`{`")(input).ok();
    if let Some((inside, open)) = brace(input) {
        return Some(Opening { inside, open: Some(open) });
    }
    if !input.at_line_end() {
        input.report_expected("`{`", None);
        let mut at = input;
        while !at.at_line_end() && !matches!(at.kind(), Kind::OpenBrace | Kind::CloseBrace) {
            at = at.next();
        }
        return brace(at).map(|(inside, open)| Opening { inside, open: Some(open) });
    }
    let error =
        SyntaxError::new(codes::MISSING_BLOCK, "statement without its block", input.gap(), "expected `{`");
    let next = between(input).0;
    if let Some((inside, open)) = brace(next) {
        input.report(
            error.label(open, "it stands here").help("the `{` stands at the end of the statement's own line"),
        );
        return Some(Opening { inside, open: Some(open) });
    }
    if !input.is_swallowed() {
        let help = "a block follows: `{` at the end of this line, its lines, and `}` on a line of its own";
        input.report(error.help(help));
    }
    let goes_on = level(next) == Some(owner.level) && is_deeper(next, owner.start);
    goes_on.then_some(Opening { inside: input, open: None })
}

/// The `}` in a block that stands no deeper than the block's own statement: it may have been meant to close the block.
fn inner_close(inside: Input<'_>, end: Input<'_>, owner: Owner<'_>) -> Option<Span> {
    let own = indent(owner.start)?;
    (inside.at..end.at)
        .map(|at| inside.goto(at))
        .find(|input| *input.kind() == Kind::CloseBrace && indent(*input).is_some_and(|found| found <= own))
        .map(Input::span)
}

fn report_missing_newline(input: Input<'_>) {
    let message = match (input.kind(), input.word()) {
        (Kind::CloseBrace, _) => "`}` on the line of a statement or brace".to_owned(),
        (_, Some(word)) => format!("{} on the line of another statement", quote(word)),
        _ => "a rule on the line of another statement".to_owned(),
    };
    input.report(
        SyntaxError::new(codes::MISSING_NEWLINE, message, input.span(), "expected a new line before this")
            .help("one statement per line; `}` stands on a line of its own"),
    );
}

fn report_misplaced(input: Input<'_>, found: Level, own_level: Level) {
    let place = |level: Level| match level {
        Level::File => "at the top of a file",
        Level::Group => "in a group's block",
        Level::Rules => "in the `in` or `out` block of a group",
        Level::Instance => "in an instance's block",
    };
    let what = match found {
        Level::Rules => "rule".to_owned(),
        _ => input.word().map_or("statement".to_owned(), quote),
    };
    input.report(
        SyntaxError::new(
            codes::MISPLACED_STATEMENT,
            format!("{what} cannot stand {}", place(own_level)),
            input.span(),
            "this statement",
        )
        .help(format!("it stands {}; is a `}}` missing or one too many above?", place(found))),
    );
}

fn report_extra_closing(input: Input<'_>) {
    input.report(
        SyntaxError::new(
            codes::EXTRA_CLOSING,
            format!("{} closes nothing", input.found()),
            input.span(),
            "nothing is open here",
        )
        .help("remove it, or look for the opening one above"),
    );
}

/// Several blocks that lack their `}` at the same place are one error.
fn report_unclosed(input: Input<'_>, open: Span, inner_close: Option<Span>) {
    let place = input.span();
    let mut merged = false;
    input.amend(|error| {
        if error.code == codes::UNCLOSED_BRACE && error.labels.iter().any(|(span, _)| *span == place) {
            error.labels.push((open, "and so does this block".to_owned()));
            merged = true;
        }
    });
    if merged {
        return;
    }
    let found =
        if *input.kind() == Kind::End { "the file ends here" } else { "this belongs behind the block" };
    let mut error = SyntaxError::new(
        codes::UNCLOSED_BRACE,
        "block without its closing brace",
        open,
        "this block lacks its `}`",
    )
    .label(place, found)
    .help("close the block with `}` on a line of its own");
    if let Some(close) = inner_close {
        error = error.label(close, "this `}` closes a block inside: was it meant for the outer one?");
    }
    input.report(error);
}
