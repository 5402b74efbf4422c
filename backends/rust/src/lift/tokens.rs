//! Words, numbers and signs of Rust, as far as tables need them (The Rust Reference, "Lexical structure").

use std::collections::BTreeMap;

use palisade_ir::LiftError;

use crate::SUFFIX;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Number(u128),
    Text(&'a str),
    Sign(char),
}

/// The tokens of a text with their lines, and the comments that end lines.
pub(super) struct Tokens<'a> {
    tokens: Vec<(Token<'a>, usize)>,
    comments: BTreeMap<usize, &'a str>,
    at: usize,
}

/// What is wrong with a line.
pub(super) fn error(line: usize, message: impl Into<String>) -> LiftError {
    LiftError { file: SUFFIX, line, message: message.into() }
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, LiftError> {
        let mut all = Self { tokens: Vec::new(), comments: BTreeMap::new(), at: 0 };
        for (number, line) in (1..).zip(text.split('\n')) {
            let mut rest = line.trim_start();
            while !rest.is_empty() {
                if let Some(comment) = rest.strip_prefix("//") {
                    all.comments.insert(number, comment.trim());
                    break;
                }
                let (token, behind) =
                    token(rest).ok_or_else(|| error(number, format!("cannot read `{rest}`")))?;
                all.tokens.push((token, number));
                rest = behind.trim_start();
            }
        }
        Ok(all)
    }

    /// The line of the next token, or of the last.
    pub(super) fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line)
    }

    pub(super) fn comment(&self, line: usize) -> Option<String> {
        self.comments.get(&line).map(|comment| (*comment).to_owned())
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Whether the next token is this; it is passed then.
    pub(super) fn has(&mut self, wanted: Token<'_>) -> bool {
        let has = self.peek() == Some(wanted);
        self.at += usize::from(has);
        has
    }

    pub(super) fn sign(&mut self, sign: char) -> Result<(), LiftError> {
        if self.has(Token::Sign(sign)) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    /// Exactly these words and signs, written as Rust writes them.
    pub(super) fn exactly(&mut self, text: &str) -> Result<(), LiftError> {
        let mut rest = text;
        while let Some((wanted, behind)) = token(rest) {
            if !self.has(wanted) {
                return Err(self.expected(&format!("`{text}`")));
            }
            rest = behind.trim_start();
        }
        Ok(())
    }

    pub(super) fn word(&mut self) -> Result<&'a str, LiftError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.expected("a word")),
        }
    }

    /// A number up to `most`.
    pub(super) fn number(&mut self, most: u128) -> Result<u128, LiftError> {
        match self.peek() {
            Some(Token::Number(number)) if number <= most => {
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.expected(&format!("a number up to {most}"))),
        }
    }

    pub(super) fn expected(&self, what: &str) -> LiftError {
        error(self.line(), format!("expected {what}"))
    }
}

/// The first token of a text that does not begin with a blank.
fn token(text: &str) -> Option<(Token<'_>, &str)> {
    let first = text.chars().next()?;
    let split = |fits: fn(char) -> bool| {
        let end = text.find(|c| !fits(c)).unwrap_or(text.len());
        text.split_at_checked(end)
    };
    if first.is_ascii_digit() {
        let (digits, rest) = split(|c| c.is_ascii_alphanumeric() || c == '_')?;
        let number = match digits.strip_prefix("0x") {
            Some(hex) => u128::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        return Some((Token::Number(number), rest));
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let (word, rest) = split(|c| c.is_ascii_alphanumeric() || c == '_')?;
        return Some((Token::Word(word), rest));
    }
    if let Some(inner) = text.strip_prefix('"') {
        let (inside, rest) = inner.split_once('"')?;
        // No escapes: nothing that is printed needs one.
        return (!inside.contains('\\')).then_some((Token::Text(inside), rest));
    }
    let sign = "{}[]()<>:;,.=&#-'".contains(first);
    sign.then(|| (Token::Sign(first), text.get(first.len_utf8()..).unwrap_or_default()))
}
