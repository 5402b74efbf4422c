//! Strings and comments: what is free text, and may still hide nothing from a reviewer.

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{anychar, char, none_of};
use nom::combinator::{opt, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::{Kind, Lexer, to_line_end};
use crate::ast::Span;
use crate::codes;
use crate::error::{SyntaxError, code_point, is_bidirectional, is_hidden, quote};

/// A string up to its closing quote or the end of the line: its inside, and whether it was closed.
pub(super) fn text(rest: &str) -> IResult<&str, (&str, bool)> {
    let escape = recognize(preceded(char('\\'), none_of("\n\r")));
    let plain = take_while1(|character| !matches!(character, '"' | '\\' | '\n' | '\r'));
    let other = recognize(none_of("\"\n\r"));
    let (rest, _) = char('"').parse(rest)?;
    let (rest, inside) = recognize(many0_count(alt((plain, escape, other)))).parse(rest)?;
    let (rest, close) = opt(char('"')).parse(rest)?;
    Ok((rest, (inside, close.is_some())))
}

/// A string in single, typographic or back quotes, up to its closing quote or the end of the line.
pub(super) fn wrong_text(rest: &str) -> IResult<&str, &str> {
    let (rest, open) = anychar(rest)?;
    let close = match open {
        '\'' => '\'',
        '`' => '`',
        '“' => '”',
        '‘' => '’',
        _ => return Err(nom::Err::Error(nom::error::make_error(rest, nom::error::ErrorKind::Char))),
    };
    let (rest, inside) =
        take_while(|character| character != close && character != '\n' && character != '\r').parse(rest)?;
    let (rest, _) = opt(char(close)).parse(rest)?;
    Ok((rest, inside))
}

impl<'t> Lexer<'t> {
    pub(super) fn comment(&mut self, text: &'t str, span: Span) {
        self.refuse_hidden(text, span.start + 1, "a comment");
        // Blanks behind the first one are the author's: commented-out lines keep their indent.
        let text = text.strip_prefix(' ').unwrap_or(text).trim_end_matches([' ', '\t']);
        self.push(Kind::Comment(text), span);
    }

    /// A comment of another language; answers the text behind it.
    pub(super) fn wrong_comment(&mut self, opening: &'t str, span: Span, after: &'t str) -> &'t str {
        let mut block = None;
        if opening == "/*" && !self.no_comment_end {
            block = after.split_once("*/");
            self.no_comment_end = block.is_none();
        }
        let (inside, rest) = match block {
            Some(block) => block,
            None => to_line_end(after).map_or((after, ""), |(rest, inside)| (inside, rest)),
        };
        self.report(
            SyntaxError::new(
                codes::WRONG_COMMENT,
                format!("{} begins no comment", quote(opening)),
                span,
                "comment in another language's form",
            )
            .help("a comment begins with `#` and ends with its line"),
        );
        let whole = Span::new(span.start, self.text.len() - rest.len());
        self.push_bad(Kind::Comment(inside), whole);
        rest
    }

    pub(super) fn text(&mut self, inside: &'t str, closed: bool, span: Span) {
        if !closed {
            let end = Span::new(span.end, span.end);
            self.report(
                SyntaxError::new(
                    codes::UNTERMINATED_STRING,
                    "string without its closing quote",
                    Span::new(span.start, span.start + 1),
                    "opened here",
                )
                .label(end, "the line ends here")
                .help("close the string with `\"` on the same line"),
            );
        }
        self.refuse_hidden(inside, span.start + 1, "a string");
        let content = self.unescape(inside, span.start + 1);
        self.push(Kind::Text(content), span);
        if let Some(token) = self.tokens.last_mut() {
            token.bad = !closed;
        }
    }

    pub(super) fn wrong_text(&mut self, inside: &'t str, span: Span) {
        self.report(
            SyntaxError::new(codes::WRONG_QUOTES, "string in wrong quotes", span, "this string")
                .help(format!("strings stand in double quotes: `\"{}\"`", quote(inside).trim_matches('`'))),
        );
        let opening =
            self.text.get(span.start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        self.refuse_hidden(inside, span.start + opening, "a string");
        self.push_bad(Kind::Text(inside.to_owned()), span);
    }

    fn unescape(&mut self, inside: &str, start: usize) -> String {
        let mut content = String::with_capacity(inside.len());
        let mut unknown: Option<SyntaxError> = None;
        let mut characters = inside.char_indices();
        while let Some((at, character)) = characters.next() {
            if character != '\\' {
                content.push(character);
                continue;
            }
            let Some((_, escaped)) = characters.next() else { break };
            content.push(escaped);
            if !matches!(escaped, '"' | '\\') {
                let place = Span::new(start + at, start + at + 1 + escaped.len_utf8());
                unknown = Some(match unknown {
                    Some(error) => error.label(place, "and this one"),
                    None => unknown_escape(escaped, place),
                });
            }
        }
        if let Some(error) = unknown {
            self.report(error);
        }
        content
    }

    /// One error per kind of hidden character for the whole text, with a label at each place.
    fn refuse_hidden(&mut self, text: &str, start: usize, place: &str) {
        let mut found: [Option<SyntaxError>; 2] = [None, None];
        for (at, character) in text.char_indices().filter(|(_, character)| is_hidden(*character)) {
            // A tab in a comment is a blank.
            if character == '\t' && place == "a comment" {
                continue;
            }
            let span = Span::new(start + at, start + at + character.len_utf8());
            let [control, bidirectional] = &mut found;
            let slot = if is_bidirectional(character) { bidirectional } else { control };
            *slot = Some(match slot.take() {
                Some(error) => error.label(span, code_point(character)),
                None => hidden(character, span, place),
            });
        }
        found.into_iter().flatten().for_each(|error| self.report(error));
    }
}

/// The error for a first hidden character.
pub(super) fn hidden(character: char, span: Span, place: &str) -> SyntaxError {
    let (code, kind) = if is_bidirectional(character) {
        (codes::BIDIRECTIONAL_CHARACTER, "bidirectional or line-separating character")
    } else {
        (codes::CONTROL_CHARACTER, "control character")
    };
    let help = if character == '\r' {
        "lines end with LF or CRLF"
    } else {
        "remove it: a policy must read as it is shown"
    };
    SyntaxError::new(code, format!("{kind} in {place}"), span, code_point(character)).help(help)
}

fn unknown_escape(escaped: char, place: Span) -> SyntaxError {
    SyntaxError::new(
        codes::UNKNOWN_ESCAPE,
        format!("unknown escape {}", quote(&format!("\\{escaped}"))),
        place,
        "this escape",
    )
    .help("a string knows `\\\"` and `\\\\` only; paths are written with `/`")
}
