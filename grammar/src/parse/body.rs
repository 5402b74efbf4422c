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
}

/// Reads statements up to a `}`, the end of the file, or a statement that shows that a `}` is missing.
pub(crate) fn body<'t, T>(
    input: Input<'t>,
    owner: Owner<'t>,
    mut statement: impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> (Input<'t>, Body<T>) {
    let mut lines: Vec<Line<T>> = Vec::new();
    let mut at = input;
    // Set by a statement or brace of another level: those that follow are of the same mistake.
    let mut astray = false;
    loop {
        let (next, mut between) = between(at);
        between.give_trailing(lines.last_mut().map(|line| &mut line.trivia));
        if ends_body(next, owner) {
            return (next, Body { lines, dangling: between.dangling(Vec::new()) });
        }
        if let Some(rest) = stray(next, owner.level, astray) {
            at = rest;
            astray = true;
            continue;
        }
        at = match statement(next) {
            Ok((rest, value)) => {
                astray = false;
                let trivia = between.before_node(Vec::new());
                lines.push(Line { value, span: rest.span_since(next.span()), trivia });
                line_end(rest, owner.level)
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

fn ends_body(input: Input<'_>, owner: Owner<'_>) -> bool {
    match input.kind() {
        Kind::End => true,
        Kind::CloseBrace => owner.level != Level::File,
        _ => level(input).is_some_and(|found| owner.level.is_inside(found) && !is_deeper(input, owner.start)),
    }
}

/// Passes a statement of another level, or a brace that closes nothing. Reports it, unless it follows another such.
fn stray<'t>(input: Input<'t>, own_level: Level, astray: bool) -> Option<Input<'t>> {
    if *input.kind() == Kind::CloseBrace {
        if !astray {
            report_extra_closing(input);
        }
        return Some(line_end(input.next(), own_level));
    }
    let found = level(input).filter(|found| *found != own_level)?;
    if !astray {
        report_misplaced(input, found, own_level);
    }
    // At the top of a file its own mistakes are looked for, too. Deeper down that could recurse without end.
    if own_level != Level::File {
        return Some(skip_statement(input));
    }
    match super::any_statement(input, found) {
        Ok((rest, ())) => Some(line_end(rest, own_level)),
        Err(_) => Some(skip_statement(input)),
    }
}

/// Whether the line is indented more than the one that opened the block, so that it was meant to be inside.
fn is_deeper(line: Input<'_>, opener: Input<'_>) -> bool {
    matches!((indent(line), indent(opener)), (Some(line), Some(opener)) if line > opener)
}

/// Checks that a statement ends with its line; answers where the next one begins.
fn line_end<'t>(input: Input<'t>, own_level: Level) -> Input<'t> {
    if input.at_line_end() {
        return input;
    }
    let brace = *input.kind() == Kind::CloseBrace;
    if brace && own_level == Level::File {
        // The body reports it as closing nothing.
        return input;
    }
    if brace || level(input).is_some() {
        report_missing_newline(input);
        return input;
    }
    if *input.kind() == Kind::CloseBracket {
        report_extra_closing(input);
        return line_end(input.next(), own_level);
    }
    input.report_expected("the end of the line", None);
    skip_statement(input)
}

/// `{ NL { statement NL } "}"`. A missing brace is reported, and what can be read of the block is.
pub(crate) fn block<'t, T>(
    input: Input<'t>,
    owner: Owner<'t>,
    statement: impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> Parsed<'t, Body<T>> {
    let Some((inside, open)) = open_brace(input, owner) else {
        return Ok((input, Body { lines: Vec::new(), dangling: Vec::new() }));
    };
    if !inside.at_line_end() {
        report_missing_newline(inside);
    }
    let (rest, body) = body(inside, owner, statement);
    match mark(Kind::CloseBrace, "`}`")(rest) {
        Ok((rest, _)) => Ok((rest, body)),
        Err(_) => {
            report_unclosed(rest, open);
            // The line that showed the mistake begins with a line end of its own.
            let before = rest
                .at
                .checked_sub(1)
                .filter(|at| matches!(rest.tokens.get(*at), Some(Token { kind: Kind::Newline { .. }, .. })));
            Ok((rest.goto(before.unwrap_or(rest.at)), body))
        }
    }
}

/// Behind the `{`, or where the block begins without one. Nothing if there seems to be no block at all.
fn open_brace<'t>(input: Input<'t>, owner: Owner<'t>) -> Option<(Input<'t>, Span)> {
    if let Ok((rest, open)) = mark(Kind::OpenBrace, "`{`")(input) {
        return Some((rest, open));
    }
    let error =
        SyntaxError::new(codes::MISSING_BLOCK, "statement without its block", input.gap(), "expected `{`");
    if input.at_line_end() {
        let next = between(input).0;
        if let Ok((rest, open)) = mark(Kind::OpenBrace, "`{`")(next) {
            input.report(
                error
                    .label(open, "it stands here")
                    .help("the `{` stands at the end of the statement's own line"),
            );
            return Some((rest, open));
        }
        input.report(
            error.help(
                "a block follows: `{` at the end of this line, its lines, and `}` on a line of its own",
            ),
        );
        let inside = level(next) == Some(owner.level) && is_deeper(next, owner.start);
        return inside.then_some((input, input.gap()));
    }
    input.report_expected("`{`", None);
    let mut at = input;
    while !at.at_line_end() && !matches!(at.kind(), Kind::OpenBrace | Kind::CloseBrace) {
        at = at.next();
    }
    mark(Kind::OpenBrace, "`{`")(at).ok()
}

fn report_missing_newline(input: Input<'_>) {
    let message = if *input.kind() == Kind::CloseBrace {
        "`}` on a statement's line".to_owned()
    } else {
        format!(
            "{} on another one's line",
            input.word().map_or("statement".to_owned(), |word| format!("statement {}", quote(word)))
        )
    };
    input.report(
        SyntaxError::new(codes::MISSING_NEWLINE, message, input.span(), "a new line begins here")
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

pub(crate) fn report_extra_closing(input: Input<'_>) {
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
fn report_unclosed(input: Input<'_>, open: Span) {
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
    input.report(
        SyntaxError::new(
            codes::UNCLOSED_BRACE,
            "block without its closing brace",
            open,
            "this block lacks its `}`",
        )
        .label(place, found)
        .help("close the block with `}` on a line of its own"),
    );
}
