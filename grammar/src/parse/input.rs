//! The token slice as a nom input, the parser's errors, and the smallest parsers: one token each.

use std::cell::RefCell;

use nom::error::{ErrorKind, ParseError};

use crate::ast::{Name, Span, Spanned, Text};
use crate::codes;
use crate::error::{Errors, SyntaxError, quote};
use crate::lex::{Kind, Token};

/// A place in the token slice. Copying it is how nom backtracks.
#[derive(Clone, Copy)]
pub(crate) struct Input<'t> {
    pub(crate) tokens: &'t [Token<'t>],
    pub(crate) at: usize,
    /// Inside `[ ]`, where line ends and comments part nothing.
    pub(crate) in_list: bool,
    pub(crate) source: &'t str,
    errors: &'t RefCell<Errors>,
}

/// What every parser of the language answers.
pub(crate) type Parsed<'t, T> = nom::IResult<Input<'t>, T, Mistake>;

/// The place behind what was read, for parsers that keep what they read.
pub(crate) type Passed<'t> = Result<Input<'t>, nom::Err<Mistake>>;

/// Why a parser did not go on.
#[derive(Debug)]
pub(crate) enum Mistake {
    /// Something else was expected at the place.
    Expected(&'static str),
    /// Another keyword was expected at the place.
    ExpectedWord(&'static str),
    /// It has been reported already.
    Reported,
}

impl<'t> ParseError<Input<'t>> for Mistake {
    fn from_error_kind(_: Input<'t>, _: ErrorKind) -> Self {
        Mistake::Expected("something else")
    }

    fn append(_: Input<'t>, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'t> Input<'t> {
    pub(crate) fn new(source: &'t str, tokens: &'t [Token<'t>], errors: &'t RefCell<Errors>) -> Self {
        Self { tokens, at: 0, in_list: false, source, errors }
    }

    /// The same place, inside `[ ]` or not.
    pub(crate) fn in_list(self, in_list: bool) -> Self {
        Self { in_list, ..self }
    }

    /// Another place.
    pub(crate) fn goto(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// The next token that means something here.
    pub(crate) fn token(self) -> Option<&'t Token<'t>> {
        self.here().tokens.get(self.here().at)
    }

    pub(crate) fn kind(self) -> &'t Kind<'t> {
        self.token().map_or(&Kind::End, |token| &token.kind)
    }

    pub(crate) fn span(self) -> Span {
        self.token().map_or(Span::default(), |token| token.span)
    }

    /// The word that comes next, if one does.
    pub(crate) fn word(self) -> Option<&'t str> {
        match self.kind() {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Behind the next token. The end of the text is never passed.
    pub(crate) fn next(self) -> Self {
        let here = self.here();
        match here.tokens.get(here.at) {
            None | Some(Token { kind: Kind::End, .. }) => here,
            Some(_) => Self { at: here.at + 1, ..here },
        }
    }

    /// The same place with the line ends and comments of a list passed over.
    fn here(mut self) -> Self {
        while self.in_list
            && let Some(Token { kind: Kind::Newline { .. } | Kind::Comment(_), .. }) =
                self.tokens.get(self.at)
        {
            self.at += 1;
        }
        self
    }

    /// The token before this place.
    pub(crate) fn last(self) -> Option<&'t Token<'t>> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    /// From `start` to the end of the token before this place.
    pub(crate) fn span_since(self, start: Span) -> Span {
        Span::new(start.start, self.last().map_or(start.end, |token| token.span.end.max(start.start)))
    }

    /// An empty span right behind the token before this place: where something is missing.
    pub(crate) fn gap(self) -> Span {
        let end = self.last().map_or(0, |token| token.span.end);
        Span::new(end, end)
    }

    /// Whether the lexer has reported the next token.
    pub(crate) fn is_bad(self) -> bool {
        self.token().is_some_and(|token| token.bad)
    }

    /// Whether a string without its closing quote has taken the rest of the line, which has been reported.
    pub(crate) fn is_swallowed(self) -> bool {
        let open_string = |token: &Token<'_>| token.bad && matches!(token.kind, Kind::Text(_));
        self.at_line_end() && self.last().is_some_and(open_string)
    }

    /// Whether the next token ends a statement.
    pub(crate) fn at_line_end(self) -> bool {
        matches!(self.kind(), Kind::Newline { .. } | Kind::Comment(_) | Kind::End)
    }

    pub(crate) fn report(self, error: SyntaxError) {
        self.errors.borrow_mut().push(error);
    }

    /// The end of the text.
    pub(crate) fn end(self) -> Self {
        self.goto(self.tokens.len().saturating_sub(1))
    }

    /// Whether so much is wrong that nothing more is reported, and reading on is in vain.
    pub(crate) fn is_hopeless(self) -> bool {
        self.errors.borrow().is_full()
    }

    /// Lets the last error point at one more place.
    pub(crate) fn amend(self, change: impl FnOnce(&mut SyntaxError)) {
        if let Some(error) = self.errors.borrow_mut().last_mut() {
            change(error);
        }
    }

    /// Reports that `expected` is not what comes next, unless the lexer has reported that token.
    pub(crate) fn report_expected(self, expected: &str, help: Option<&str>) {
        if self.is_swallowed() || self.is_bad() {
            return;
        }
        let found = self.found();
        // A missing rest of the line is shown at its end, not at the next line's begin.
        let span = if self.at_line_end() { self.gap() } else { self.span() };
        let mut error = SyntaxError::new(
            codes::UNEXPECTED_TOKEN,
            format!("expected {expected}, found {found}"),
            span,
            format!("expected {expected}"),
        );
        error.help = help.map(str::to_owned);
        self.report(error);
    }

    /// The next token in the language's words.
    pub(crate) fn found(self) -> String {
        let text = self.source.get(self.span().start..self.span().end).unwrap_or_default();
        match self.kind() {
            Kind::Word(_) | Kind::OddWord => quote(text),
            Kind::Number(_) => format!("the number {}", quote(text)),
            Kind::Duration(_) => format!("the duration {}", quote(text)),
            Kind::Address(_) | Kind::BadAddress => format!("the address {}", quote(text)),
            Kind::Text(_) => format!("the string {}", quote(text)),
            Kind::Newline { .. } | Kind::Comment(_) => "the end of the line".to_owned(),
            Kind::End => "the end of the file".to_owned(),
            Kind::OpenBrace
            | Kind::CloseBrace
            | Kind::OpenBracket
            | Kind::CloseBracket
            | Kind::Comma
            | Kind::Equals
            | Kind::Dash => quote(text),
        }
    }
}

/// A mismatch that another branch may still take.
pub(crate) fn otherwise<'t, T>(expected: &'static str) -> Parsed<'t, T> {
    Err(nom::Err::Error(Mistake::Expected(expected)))
}

/// A mistake that has been reported; the statement cannot go on.
pub(crate) fn reported<'t, T>() -> Parsed<'t, T> {
    Err(nom::Err::Failure(Mistake::Reported))
}

/// Reports `error` and gives the statement up.
pub(crate) fn refuse<'t, T>(input: Input<'t>, error: SyntaxError) -> Parsed<'t, T> {
    input.report(error);
    reported()
}

/// Reports what was expected and gives the statement up.
pub(crate) fn refuse_token<'t, T>(input: Input<'t>, expected: &str, help: Option<&str>) -> Parsed<'t, T> {
    input.report_expected(expected, help);
    reported()
}

/// Runs `parser`; what it merely did not match is reported, so that the statement is given up.
pub(crate) fn must<'t, T>(
    mut parser: impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> impl FnMut(Input<'t>) -> Parsed<'t, T> {
    move |input| match parser(input) {
        Err(nom::Err::Error(Mistake::Expected(expected))) => refuse_token(input, expected, None),
        Err(nom::Err::Error(Mistake::ExpectedWord(word))) => refuse_token(input, &format!("`{word}`"), None),
        Err(nom::Err::Error(Mistake::Reported)) => reported(),
        other => other,
    }
}

/// Exactly this keyword.
pub(crate) fn keyword<'t>(word: &'static str) -> impl FnMut(Input<'t>) -> Parsed<'t, Span> {
    debug_assert!(super::KEYWORDS.contains(&word), "`{word}` is not listed");
    move |input| {
        if input.word() == Some(word) {
            Ok((input.next(), input.span()))
        } else {
            Err(nom::Err::Error(Mistake::ExpectedWord(word)))
        }
    }
}

/// Exactly this punctuation; `expected` names it.
pub(crate) fn mark<'t>(
    kind: Kind<'static>,
    expected: &'static str,
) -> impl FnMut(Input<'t>) -> Parsed<'t, Span> {
    move |input| if *input.kind() == kind { Ok((input.next(), input.span())) } else { otherwise(expected) }
}

pub(crate) fn name(input: Input<'_>) -> Parsed<'_, Name> {
    match input.kind() {
        Kind::Word(word) => Ok((input.next(), Spanned { value: word.to_string(), span: input.span() })),
        Kind::OddWord => {
            let text = input.source.get(input.span().start..input.span().end).unwrap_or_default();
            refuse(
                input,
                SyntaxError::new(
                    codes::BAD_NAME,
                    format!("{} is not a name", quote(text)),
                    input.span(),
                    "begins with a digit",
                )
                .help("a name begins with a letter `a-z`; an interface name of other characters stands in quotes"),
            )
        }
        _ => otherwise("a name"),
    }
}

pub(crate) fn number(input: Input<'_>) -> Parsed<'_, Spanned<u32>> {
    match input.kind() {
        Kind::Number(value) => Ok((input.next(), Spanned { value: *value, span: input.span() })),
        _ => otherwise("a number"),
    }
}

pub(crate) fn text(input: Input<'_>) -> Parsed<'_, Text> {
    match input.kind() {
        Kind::Text(text) => Ok((input.next(), Spanned { value: text.clone(), span: input.span() })),
        _ => otherwise("a string in double quotes"),
    }
}
