//! The lexer: text to tokens with places. Newlines and comments are tokens, blanks are not.
//!
//! It knows the form of words, not which word may stand where. What has a wrong form is reported here, and the token
//! that was most likely meant goes on to the parser, marked as bad, so that one mistake is one error.

mod address;
mod quoted;
pub(crate) mod strange;
mod words;

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{anychar, char, line_ending, one_of, space0};
use nom::combinator::{map, opt, recognize, verify};
use nom::multi::many1_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use crate::ast::{Address, Duration, Span};
use crate::error::{Errors, SyntaxError, is_hidden};

/// A piece of the text with a meaning of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind<'t>,
    pub(crate) span: Span,
    /// Whether a mistake in its form has been reported.
    pub(crate) bad: bool,
}

/// The kinds of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'t> {
    /// A name or keyword; only its place tells which.
    Word(Cow<'t, str>),
    /// Starts like a number and goes on like a name. What was meant depends on the place, so the parser reports it.
    OddWord,
    Number(u32),
    Duration(Duration),
    Address(Address),
    /// Something that was meant as an address and has been reported.
    BadAddress,
    Text(String),
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Comma,
    Equals,
    Dash,
    /// One or more line ends.
    Newline {
        /// Whether there was a blank line.
        blank: bool,
    },
    /// Without `#`, a blank behind it, and blanks at the end.
    Comment(&'t str),
    /// The end of the text, always the last token.
    End,
}

/// Cuts a text into tokens, the last of which is [`Kind::End`].
pub(crate) fn lex(text: &str) -> (Vec<Token<'_>>, Errors) {
    // Rules have a token for each five or six letters; growing would copy all of them several times.
    let tokens = Vec::with_capacity(text.len() / 6);
    let mut lexer = Lexer { text, tokens, ..Lexer::default() };
    // A byte order mark is what some editors write; it means nothing and the formatter drops it.
    let mut rest = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let Ok((after, piece)) = piece(rest) else { break };
        let span = Span::new(start, text.len() - after.len());
        rest = lexer.take(piece, span, after);
    }
    lexer.push(Kind::End, Span::new(text.len(), text.len()));
    (lexer.tokens, lexer.errors)
}

/// Whether a text has the form of a name.
pub(crate) fn is_name(text: &str) -> bool {
    words::name(text).is_ok()
}

/// What the text is first cut into, before words are told apart.
#[derive(Clone, Copy, Debug)]
enum Piece<'t> {
    Blank,
    Newlines(usize),
    Comment(&'t str),
    /// `//`, `/*` or `--`
    WrongComment(&'t str),
    /// The inside of a string and whether it was closed.
    Text(&'t str, bool),
    /// A string in other quotes.
    WrongText(&'t str),
    Word(&'t str),
    /// `$name`, `@name`, `<name>`
    Sigil(&'t str),
    Mark(char),
    Strange(&'t str),
}

fn piece(rest: &str) -> IResult<&str, Piece<'_>> {
    match common_piece(rest) {
        Some((length, piece)) => Ok((rest.get(length..).unwrap_or_default(), piece)),
        None => any_piece(rest),
    }
}

/// Blanks within a line, ASCII words and marks, which most of a policy is made of, without trying all other kinds
/// first. Whatever might be something else is left to [`any_piece`].
fn common_piece(rest: &str) -> Option<(usize, Piece<'_>)> {
    let bytes = rest.as_bytes();
    match *bytes.first()? {
        b' ' | b'\t' => {
            let length = run(bytes, |byte| byte == b' ' || byte == b'\t');
            let next = bytes.get(length).copied();
            (!matches!(next, Some(b'\n' | b'\r'))).then_some((length, Piece::Blank))
        }
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
            let length = run(bytes, is_in_word);
            let ends = bytes.get(length).is_none_or(u8::is_ascii);
            rest.get(..length).filter(|_| ends).map(|word| (length, Piece::Word(word)))
        }
        mark @ (b'{' | b'}' | b'[' | b']' | b',' | b'=') => Some((1, Piece::Mark(char::from(mark)))),
        _ => None,
    }
}

/// How many bytes from the first on are of a kind.
fn run(bytes: &[u8], is_in: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_in(*byte)).unwrap_or(bytes.len())
}

/// The ASCII characters of words: letters, digits, and `_-.:/%`, of which `-./0123456789:` stand in a row.
const fn is_in_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'-'..=b':' | b'_' | b'%')
}

fn any_piece(rest: &str) -> IResult<&str, Piece<'_>> {
    alt((
        map(many1_count((space0, line_ending)), Piece::Newlines),
        map(take_while1(is_blank), |_| Piece::Blank),
        map(preceded(char('#'), to_line_end), Piece::Comment),
        map(alt((tag("//"), tag("/*"), tag("--"))), Piece::WrongComment),
        map(quoted::text, |(inside, closed)| Piece::Text(inside, closed)),
        map(quoted::wrong_text, Piece::WrongText),
        map(take_while1(is_word), Piece::Word),
        map(sigil, Piece::Sigil),
        map(one_of("{}[]()=,;*–—−"), Piece::Mark),
        map(take_while1(is_hidden_in_line), Piece::Strange),
        map(take_while1(is_strange), Piece::Strange),
        map(recognize(anychar), Piece::Strange),
    ))
    .parse(rest)
}

fn is_blank(character: char) -> bool {
    character == ' ' || character == '\t'
}

/// Characters that hang together: names, numbers, addresses, and what people write for them by mistake.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_-.:/%".contains(character)
}

fn is_hidden_in_line(character: char) -> bool {
    is_hidden(character) && !matches!(character, '\n' | '\r' | '\t')
}

fn is_strange(character: char) -> bool {
    !is_word(character)
        && !is_hidden(character)
        && !is_blank(character)
        && !"#\"'`“‘{}[]()=,;*–—−$@<".contains(character)
}

/// The rest of the line, without the line end of either kind.
fn to_line_end(rest: &str) -> IResult<&str, &str> {
    let (after, line) = take_while(|character| character != '\n').parse(rest)?;
    match line.strip_suffix('\r') {
        Some(line) if !after.is_empty() => Ok((rest.get(line.len()..).unwrap_or(after), line)),
        _ => Ok((after, line)),
    }
}

fn sigil(rest: &str) -> IResult<&str, &str> {
    let name = || verify(take_while1(is_word), |name: &str| name.starts_with(char::is_alphanumeric));
    alt((
        preceded(one_of("$@"), name()),
        delimited(tag("${"), name(), opt(char('}'))),
        delimited(char('<'), name(), opt(char('>'))),
    ))
    .parse(rest)
}

#[derive(Default)]
struct Lexer<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    errors: Errors,
    /// How many `[` and `(` are open.
    brackets: usize,
    /// How many `(` are open.
    parentheses: usize,
    /// Set once a search for `*/` has failed, so that no later one is made: the lexer stays linear.
    no_comment_end: bool,
}

impl<'t> Lexer<'t> {
    /// Turns a piece into tokens or errors; answers the text behind it.
    fn take(&mut self, piece: Piece<'t>, span: Span, after: &'t str) -> &'t str {
        match piece {
            Piece::Blank => {}
            Piece::Newlines(count) => self.push(Kind::Newline { blank: count > 1 }, span),
            Piece::Comment(text) => self.comment(text, span),
            Piece::WrongComment(opening) => return self.wrong_comment(opening, span, after),
            Piece::Text(inside, closed) => self.text(inside, closed, span),
            Piece::WrongText(inside) => self.wrong_text(inside, span),
            Piece::Word(word) => self.word(word, span),
            Piece::Sigil(name) => self.sigil(name, span),
            Piece::Mark(mark) => self.mark(mark, span),
            Piece::Strange(run) => self.strange(run, span),
        }
        after
    }

    fn push(&mut self, kind: Kind<'t>, span: Span) {
        self.tokens.push(Token { kind, span, bad: false });
    }

    fn push_bad(&mut self, kind: Kind<'t>, span: Span) {
        self.tokens.push(Token { kind, span, bad: true });
    }

    fn report(&mut self, error: SyntaxError) {
        self.errors.push(error);
    }
}

#[cfg(test)]
mod tests;
