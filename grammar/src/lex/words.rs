//! What a run of letters, digits, `-`, `.`, `:` and `/` is: a name, a number, a duration, a range or an address.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{alpha1, char, digit0, digit1, one_of};
use nom::combinator::{all_consuming, not, opt, recognize, value, verify};
use nom::multi::many0_count;
use nom::{IResult, Parser};

use super::{Kind, Lexer, address};
use crate::ast::{Duration, DurationUnit, Span};
use crate::codes;
use crate::error::{SyntaxError, quote};

impl<'t> Lexer<'t> {
    pub(super) fn word(&mut self, word: &'t str, span: Span) {
        if is_plain_name(word) {
            self.push(Kind::Word(Cow::Borrowed(word)), span);
        } else if let Some((first, dash, last)) = plain_range(word) {
            self.range(first, dash, last, span.start);
        } else if let Some(address) = address::plain_v4(word) {
            self.push(Kind::Address(address), span);
        } else if let Ok((_, (first, dash, last))) = range(word) {
            self.range(first, dash, last, span.start);
        } else if address::looks_like_one(word) {
            self.address(word, span);
        } else if let Ok((_, (digits, unit))) = duration(word) {
            let amount = self.number(digits, span);
            self.push(Kind::Duration(Duration { amount, unit }), span);
        } else if let Ok((_, (name, port))) = glued_port(word) {
            self.glued_port(name, port, span);
        } else if word.starts_with(|first: char| first.is_ascii_digit()) {
            self.push(Kind::OddWord, span);
        } else if name(word).is_ok() {
            self.push(Kind::Word(Cow::Borrowed(word)), span);
        } else {
            self.bad_name(word, span);
        }
    }

    /// `22`, `-`, `1024-65535` and halves of it; also `80:90` and `80..90`, which are reported.
    fn range(&mut self, first: &'t str, dash: &'t str, last: &'t str, start: usize) {
        let middle = start + first.len();
        let end = middle + dash.len();
        if !first.is_empty() {
            let span = Span::new(start, middle);
            let number = self.number(first, span);
            self.push(Kind::Number(number), span);
        }
        if !dash.is_empty() {
            self.push(Kind::Dash, Span::new(middle, end));
        }
        if !matches!(dash, "" | "-") {
            self.report(
                SyntaxError::new(
                    codes::PORT_RANGE,
                    format!("{} is not a range", quote(&format!("{first}{dash}{last}"))),
                    Span::new(start, end + last.len()),
                    "this range",
                )
                .help(format!("a range is written with `-`: {}", quote(&format!("{first}-{last}")))),
            );
        }
        if !last.is_empty() {
            let span = Span::new(end, end + last.len());
            let number = self.number(last, span);
            self.push(Kind::Number(number), span);
        }
    }

    /// The value of digits; reports leading zeros and overflow.
    fn number(&mut self, digits: &str, span: Span) -> u32 {
        let plain = digits.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        let Ok(number) = plain.parse() else {
            self.report(
                SyntaxError::new(
                    codes::NUMBER_OVERFLOW,
                    format!("the number {} is too large", quote(digits)),
                    span,
                    "too large for any place",
                )
                .help("ports end at 65535, priorities at 100, prefix lengths at 128"),
            );
            return u32::MAX;
        };
        if plain != digits {
            self.report(leading_zero("number", digits, plain, span));
        }
        number
    }

    /// `tcp/443`, `tcp:443`, `web:80`, `443/tcp`
    fn glued_port(&mut self, name: &'t str, port: &'t str, span: Span) {
        let help = if matches!(name, "tcp" | "udp") {
            let rule = quote(&format!("to port {port}"));
            let service = quote(&format!("{name} {port}"));
            format!(
                "in a rule the ports follow an end: {rule}; in a service they follow the protocol: {service}"
            )
        } else {
            format!("ports stand apart: {}", quote(&format!("port {port}")))
        };
        let whole = self.text.get(span.start..span.end).unwrap_or(name);
        self.report(
            SyntaxError::new(
                codes::PORT_AFTER_SLASH,
                format!("{} glues a port to a word", quote(whole)),
                span,
                "word and port in one",
            )
            .help(help),
        );
        self.push_bad(Kind::Word(Cow::Borrowed(name)), span);
    }

    fn bad_name(&mut self, word: &'t str, span: Span) {
        if !word.starts_with(char::is_alphanumeric) {
            self.report(
                SyntaxError::new(
                    codes::UNEXPECTED_CHARACTER,
                    format!("unexpected {}", quote(word)),
                    span,
                    "this means nothing here",
                )
                .help("remove it; addresses and prefixes are written without blanks"),
            );
            return;
        }
        let lower = word.to_ascii_lowercase();
        let guess = if name(&lower).is_ok() { lower } else { guess_name(word) };
        self.report(misspelt(word, &guess, span));
        self.push_bad(Kind::Word(Cow::Owned(guess)), span);
    }
}

/// The error for a word that is almost a name; `guess` is what it may have been meant for.
fn misspelt(word: &str, guess: &str, span: Span) -> SyntaxError {
    if word.to_ascii_lowercase() == guess {
        return SyntaxError::new(
            codes::UPPER_CASE,
            format!("{} has upper case letters", quote(word)),
            span,
            "upper case letters",
        )
        .help(format!("keywords and names are lower case: {}", quote(guess)));
    }
    let advice = "a name is made of `a-z` and `0-9`, begins with a letter, and has single `-` or `.` between";
    let help = if word.strip_suffix(':') == Some(guess) {
        format!("no `:` stands behind a word: {}", quote(guess))
    } else if word.is_ascii() && name(guess).is_ok() {
        format!("{advice}, as in {}; an interface name of other characters stands in quotes", quote(guess))
    } else {
        advice.to_owned()
    };
    SyntaxError::new(codes::BAD_NAME, format!("{} is not a name", quote(word)), span, "this word").help(help)
}

pub(super) fn leading_zero(what: &str, digits: &str, plain: &str, span: Span) -> SyntaxError {
    SyntaxError::new(
        codes::LEADING_ZERO,
        format!("the {what} {} has leading zeros", quote(digits)),
        span,
        "leading zeros",
    )
    .help(format!("write {}; some programs read leading zeros as octal", quote(plain)))
}

/// The nearest thing to a name in a word that is none.
fn guess_name(word: &str) -> String {
    let mut guess = String::new();
    for character in word.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            guess.push(character);
        } else if !guess.is_empty() && !guess.ends_with(['-', '.']) {
            guess.push(if character == '.' { '.' } else { '-' });
        }
    }
    guess.truncate(guess.trim_end_matches(['-', '.']).len());
    guess
}

/// Whether a word is a name, read byte by byte: most words are. It is then nothing else, as all other forms begin with
/// a digit or have a `:` or `/` in them.
fn is_plain_name(word: &str) -> bool {
    let mut after_mark = true;
    for (at, byte) in word.bytes().enumerate() {
        let letter = byte.is_ascii_lowercase() || byte.is_ascii_digit() && at > 0;
        if !letter && (after_mark || !matches!(byte, b'-' | b'.')) {
            return false;
        }
        after_mark = !letter;
    }
    !after_mark
}

/// `lower { lower | digit } { ( "-" | "." ) ( lower | digit ) { lower | digit } }`
pub(super) fn name(word: &str) -> IResult<&str, &str> {
    let letter = |character: char| character.is_ascii_lowercase();
    let inner = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let first = (take_while1(letter), take_while(inner));
    let more = many0_count((one_of("-."), take_while1(inner)));
    all_consuming(recognize((first, more))).parse(word)
}

/// `22` or `1024-65535`, read byte by byte.
fn plain_range(word: &str) -> Option<(&str, &str, &str)> {
    let dash = word.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
    let (first, rest) = word.split_at_checked(dash)?;
    let (dash, last) = rest.split_at_checked(rest.len().min(1))?;
    let good =
        !first.is_empty() && matches!(dash, "" | "-") && last.bytes().all(|byte| byte.is_ascii_digit());
    (good && dash.is_empty() == last.is_empty()).then_some((first, dash, last))
}

fn range(word: &str) -> IResult<&str, (&str, &str, &str)> {
    alt((
        all_consuming((digit0, tag("-"), digit0)),
        all_consuming((digit1, alt((tag(":"), tag(".."))), digit1)),
        all_consuming((digit1, tag(""), tag(""))),
    ))
    .parse(word)
}

fn duration(word: &str) -> IResult<&str, (&str, DurationUnit)> {
    let unit = alt((
        value(DurationUnit::Seconds, char('s')),
        value(DurationUnit::Minutes, char('m')),
        value(DurationUnit::Hours, char('h')),
    ));
    all_consuming((digit1, unit)).parse(word)
}

/// The word and the port of `tcp/443` or `443/tcp`.
fn glued_port(word: &str) -> IResult<&str, (&str, &str)> {
    let ports = || recognize((digit1, opt((char('-'), digit1))));
    let named = verify(
        take_while1(|character: char| character.is_ascii_alphanumeric() || "-.".contains(character)),
        |name: &str| name.starts_with(|first: char| first.is_ascii_alphabetic()),
    );
    let after = (named, one_of("/:"), ports()).map(|(name, _, port)| (name, port));
    let before = (ports(), char('/'), not(digit1), alpha1).map(|(port, _, (), name)| (name, port));
    alt((all_consuming(after), all_consuming(before))).parse(word)
}
