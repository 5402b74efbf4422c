//! A place in the tokens of a file, and what can be asked of it.

use palisade_ir::LiftError;

use super::defines;
use super::lexer::{self, Token};

/// The suffix of the file this reader reads.
pub(super) const FILE: &str = "nft";

/// Tokens not yet read.
pub(super) struct Cursor {
    tokens: Vec<(usize, Token)>,
    at: usize,
}

impl Cursor {
    pub(super) fn new(text: &str) -> Result<Self, LiftError> {
        let tokens =
            lexer::tokens(text).map_err(|(line, message)| LiftError { file: FILE, line, message })?;
        Ok(Self { tokens: defines::expand(tokens)?, at: 0 })
    }

    /// Tokens that were made otherwise, with their lines.
    pub(super) const fn of(tokens: Vec<(usize, Token)>) -> Self {
        Self { tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    /// The line of the next token, or of the last.
    pub(super) fn line(&self) -> usize {
        self.tokens.get(self.at).or_else(|| self.tokens.last()).map_or(1, |(line, _)| *line)
    }

    /// An error at the next token.
    pub(super) fn error(&self, message: impl Into<String>) -> LiftError {
        LiftError { file: FILE, line: self.line(), message: message.into() }
    }

    /// An error that says what was expected and what stands there.
    pub(super) fn expected(&self, what: &str) -> LiftError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Word(word)) => format!("`{word}`"),
            Some(Token::Text(text)) => format!("\"{}\"", text.escape_debug()),
            Some(Token::Mark(mark)) => format!("`{mark}`"),
            Some(Token::NotEqual) => "`!=`".to_owned(),
            Some(Token::Newline) => "the end of the line".to_owned(),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    /// Whether the next token is this word.
    pub(super) fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(next)) if next == word)
    }

    /// Whether the next token is this mark.
    pub(super) fn at_mark(&self, mark: char) -> bool {
        matches!(self.peek(), Some(Token::Mark(next)) if *next == mark)
    }

    /// Takes the word if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += usize::from(found);
        found
    }

    /// Takes the mark if it is next.
    pub(super) fn take_mark(&mut self, mark: char) -> bool {
        let found = self.at_mark(mark);
        self.at += usize::from(found);
        found
    }

    /// Any word.
    pub(super) fn word(&mut self, what: &str) -> Result<String, LiftError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.expected(what)),
        }
    }

    /// This very word.
    pub(super) fn need_word(&mut self, word: &str) -> Result<(), LiftError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    /// This very mark.
    pub(super) fn need_mark(&mut self, mark: char) -> Result<(), LiftError> {
        if self.take_mark(mark) { Ok(()) } else { Err(self.expected(&format!("`{mark}`"))) }
    }

    /// A quoted string.
    pub(super) fn text(&mut self) -> Result<String, LiftError> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.expected("a quoted string")),
        }
    }

    /// A decimal number without leading zeros (nft reads those as octal).
    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T, LiftError> {
        let error = self.expected("a number");
        let word = self.word("a number")?;
        decimal(&word).ok_or(error)
    }

    /// Seconds, plain or in the units of later versions of nft: `910` or `15m10s` (nft(8), TIME TYPE).
    pub(super) fn seconds(&mut self) -> Result<u32, LiftError> {
        let error = self.expected("a number of seconds");
        let word = self.word("a number of seconds")?;
        decimal(&word).or_else(|| duration(&word)).ok_or(error)
    }

    /// Skips the ends of lines and statements.
    pub(super) fn skip_ends(&mut self) {
        while matches!(self.peek(), Some(Token::Newline | Token::Mark(';'))) {
            self.at += 1;
        }
    }

    /// Skips the ends of lines.
    pub(super) fn skip_newlines(&mut self) {
        while matches!(self.peek(), Some(Token::Newline)) {
            self.at += 1;
        }
    }

    /// Whether a statement ends here.
    pub(super) fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some(Token::Newline | Token::Mark(';' | '}')))
    }

    /// The end of a statement.
    pub(super) fn need_end(&mut self) -> Result<(), LiftError> {
        if !self.at_end() {
            return Err(self.expected("the end of the statement"));
        }
        if !self.at_mark('}') {
            self.at += 1;
        }
        Ok(())
    }
}

/// Days, hours, minutes and seconds, in this order and each at most once.
fn duration(word: &str) -> Option<u32> {
    let (mut rest, mut seconds) = (word, 0_u32);
    for (unit, worth) in [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        if let Some(after) = after.strip_prefix(unit) {
            seconds = seconds.checked_add(decimal::<u32>(number)?.checked_mul(worth)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !word.is_empty()).then_some(seconds)
}

/// A decimal number without sign or leading zeros.
pub(super) fn decimal<T: std::str::FromStr>(word: &str) -> Option<T> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    if plain { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_in_both_spellings() {
        for (text, seconds) in
            [("910", Some(910)), ("15m10s", Some(910)), ("5d", Some(432_000)), ("1h1s", Some(3601))]
        {
            assert_eq!(Cursor::new(text).unwrap().seconds().ok(), seconds, "{text}");
        }
        for text in ["10s15m", "15", "m", "s", "15m10", "1.5h", "99999999d", "-1s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
