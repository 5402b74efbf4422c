//! Words that begin a statement or clause, and what to say about a word that begins none.

use super::input::Input;
use super::words::guess;
use crate::codes;
use crate::error::{SyntaxError, quote};

/// The words that can stand at a place.
pub(crate) struct Known {
    pub(crate) words: &'static [&'static str],
    /// Words of other languages and what they are here.
    pub(crate) others: &'static [(&'static str, &'static str)],
    /// What can stand here, for the author of a word that nobody can guess.
    pub(crate) advice: &'static str,
}

impl Known {
    /// The word, if it is one of these.
    pub(crate) fn find(&self, word: &str) -> Option<&'static str> {
        self.words.iter().find(|known| **known == word).copied()
    }

    /// The statement that begins here; a wrong word is reported, and read as what was most likely meant.
    pub(crate) fn statement(&self, input: Input<'_>, word: &str) -> Option<&'static str> {
        self.find(word).or_else(|| {
            let error = SyntaxError::new(
                codes::UNKNOWN_STATEMENT,
                format!("unknown statement {}", quote(word)),
                input.span(),
                "begins no statement",
            );
            self.meant(input, word, error)
        })
    }

    /// The same for a clause.
    pub(crate) fn clause(&self, input: Input<'_>, word: &str) -> Option<&'static str> {
        self.find(word).or_else(|| {
            let error = SyntaxError::new(
                codes::UNKNOWN_CLAUSE,
                format!("unknown clause {}", quote(word)),
                input.span(),
                "begins no clause",
            );
            self.meant(input, word, error)
        })
    }

    fn meant(&self, input: Input<'_>, word: &str, error: SyntaxError) -> Option<&'static str> {
        let meant = guess(word, self.words.iter().copied(), self.others);
        if !input.is_bad() {
            let help = meant.map_or(self.advice.to_owned(), |meant| format!("did you mean `{meant}`?"));
            input.report(error.help(help));
        }
        meant
    }
}
