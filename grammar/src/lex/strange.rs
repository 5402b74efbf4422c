//! Punctuation, and characters from other languages: each with the remedy that most likely helps.

use std::borrow::Cow;

use super::{Kind, Lexer, quoted};
use crate::ast::Span;
use crate::codes;
use crate::error::{SyntaxError, is_hidden, quote};

impl<'t> Lexer<'t> {
    pub(super) fn mark(&mut self, mark: char, span: Span) {
        match mark {
            '{' => self.push(Kind::OpenBrace, span),
            '}' => self.push(Kind::CloseBrace, span),
            '[' => {
                self.brackets += 1;
                self.push(Kind::OpenBracket, span);
            }
            ']' => {
                self.brackets = self.brackets.saturating_sub(1);
                self.push(Kind::CloseBracket, span);
            }
            '=' => self.push(Kind::Equals, span),
            ',' => self.push(Kind::Comma, span),
            '(' | ')' => self.parenthesis(mark, span),
            ';' => {
                self.unexpected(
                    ";",
                    span,
                    "a statement ends with its line, and list elements are parted by `,`",
                );
                let kind = if self.brackets > 0 { Kind::Comma } else { Kind::Newline { blank: false } };
                self.push_bad(kind, span);
            }
            '*' => {
                self.unexpected("*", span, "write `any` for every peer and `all` for every protocol");
                self.push_bad(Kind::Word(Cow::Borrowed("any")), span);
            }
            _ => {
                self.unexpected(&mark.to_string(), span, "a range is written with a plain `-`");
                self.push_bad(Kind::Dash, span);
            }
        }
    }

    /// `( )` is read as `[ ]`; only the opening one is reported.
    fn parenthesis(&mut self, mark: char, span: Span) {
        if mark == '(' {
            self.report(wrong_brackets(span));
            self.parentheses += 1;
            self.brackets += 1;
            self.push_bad(Kind::OpenBracket, span);
        } else if self.parentheses > 0 {
            self.parentheses -= 1;
            self.brackets = self.brackets.saturating_sub(1);
            self.push_bad(Kind::CloseBracket, span);
        } else {
            self.unexpected(")", span, "lists stand in `[ ]`");
        }
    }

    pub(super) fn sigil(&mut self, name: &'t str, span: Span) {
        self.report(
            SyntaxError::new(
                codes::SIGIL,
                format!(
                    "{} is not how a name is used",
                    quote(self.text.get(span.start..span.end).unwrap_or(name))
                ),
                span,
                "this name",
            )
            .help(
                "names need no sign before them; say what is meant: `set NAME`, `group NAME`, `service NAME`",
            ),
        );
        self.push_bad(Kind::Word(Cow::Borrowed(name)), span);
    }

    /// A run of characters that mean nothing: one error, no token.
    pub(super) fn strange(&mut self, run: &'t str, span: Span) {
        let first = run.chars().next().unwrap_or('\0');
        if is_hidden(first) {
            let end = span.start + first.len_utf8();
            self.report(quoted::hidden(first, Span::new(span.start, end), "code"));
            return;
        }
        let help = match first {
            '!' => "nothing is negated; a set takes members out with `except`, a rule denies with `deny`",
            '&' | '|' => "a rule's clauses hold together; alternatives are lists in `[ ]`",
            '>' | '<' => "a packet's way is written `from ... to ...`, a range of ports `1024-65535`",
            '\\' => "a line goes on in the next one only inside `[ ]`",
            '+' | '~' | '^' | '?' | '$' | '@' => "write names, addresses and numbers as they are",
            _ if first.is_whitespace() => "use ordinary blanks",
            _ => "remove it; free text stands in a string or behind `#`",
        };
        self.unexpected(run, span, help);
    }

    fn unexpected(&mut self, run: &str, span: Span, help: &str) {
        self.report(
            SyntaxError::new(
                codes::UNEXPECTED_CHARACTER,
                format!("unexpected {}", quote(run)),
                span,
                "this means nothing here",
            )
            .help(help),
        );
    }
}

/// The error for a list in parentheses or braces.
pub(crate) fn wrong_brackets(span: Span) -> SyntaxError {
    SyntaxError::new(codes::WRONG_BRACKETS, "list in wrong brackets", span, "this opens no list")
        .help("lists stand in `[ ]`: `[80, 443]`")
}
