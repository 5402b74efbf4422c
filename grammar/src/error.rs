//! Building and collecting syntax errors.
//!
//! It knows nothing about the language, only how its errors are worded and how many are kept.

use crate::ast::Span;
use crate::codes;

/// How many mistakes one parse reports. A text with more is no policy, and hostile input must not fill the memory.
pub(crate) const MOST_ERRORS: usize = 1000;
/// How many places one error points at.
const MOST_LABELS: usize = 8;
/// How many characters of the user's text an error repeats.
const MOST_QUOTED: usize = 40;

/// One mistake in a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// `palisade::syntax::...`
    pub code: &'static str,
    /// What is wrong: lower case, no final period, user input in backticks.
    pub message: String,
    /// What is wrong where, in a few words; the first label is the primary one.
    pub labels: Vec<(Span, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

impl SyntaxError {
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), labels: vec![(span, label.into())], help: None }
    }

    /// Points at one more place, unless there are many already.
    pub(crate) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        if self.labels.len() < MOST_LABELS {
            self.labels.push((span, text.into()));
        }
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Where the primary label stands.
    pub fn span(&self) -> Span {
        self.labels.first().map_or(Span::default(), |(span, _)| *span)
    }
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// The mistakes found so far, never more than are worth showing.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    list: Vec<SyntaxError>,
}

impl Errors {
    pub(crate) fn push(&mut self, error: SyntaxError) {
        // One more than is shown, so that the end knows that there were more.
        if !self.is_full() {
            self.list.push(error);
        }
    }

    /// Whether no further mistake would be reported.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() > MOST_ERRORS
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut SyntaxError> {
        self.list.last_mut()
    }

    /// All mistakes of both collections in the order of the text.
    pub(crate) fn merge(mut self, other: Errors) -> Vec<SyntaxError> {
        self.list.extend(other.list);
        self.list.sort_by_key(SyntaxError::span);
        if self.list.len() > MOST_ERRORS {
            self.list.truncate(MOST_ERRORS);
            let span = self.list.last().map_or(Span::default(), SyntaxError::span);
            self.list.push(
                SyntaxError::new(
                    codes::TOO_MANY_ERRORS,
                    format!("more than {MOST_ERRORS} mistakes"),
                    span,
                    "nothing behind this place is reported",
                )
                .help("mend these first; is this file a policy at all?"),
            );
        }
        self.list
    }
}

/// The user's text in backticks, shortened, with invisible characters spelt out.
pub(crate) fn quote(text: &str) -> String {
    let mut shown = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == MOST_QUOTED {
            shown.push('…');
            break;
        }
        if is_invisible(character) {
            shown.push_str(&format!("<{}>", code_point(character)));
        } else {
            shown.push(character);
        }
    }
    shown.push('`');
    shown
}

/// Whether a character shows nothing where it stands.
fn is_invisible(character: char) -> bool {
    let escaped = character.escape_debug();
    is_hidden(character) || escaped.len() > 2 || character.is_whitespace() && character != ' '
}

/// `U+202E`
pub(crate) fn code_point(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

/// Characters that change the order or the lines in which a text is shown: what a reviewer sees is not what is there.
pub(crate) fn is_bidirectional(character: char) -> bool {
    matches!(
        character,
        '\u{061C}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Characters that no part of a policy may hold.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control() || is_bidirectional(character)
}
