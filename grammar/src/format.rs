//! The canonical layout: one text for each tree, however its author laid it out and however wide the screen is.
//!
//! It changes no meaning and loses no comment, and checks both on its own output before it hands it out. Every node is
//! destructured without `..`, so that a new field of the tree is a compile error here.

mod comments;
mod group;
mod instance;
mod layout;
mod list;
mod same;
mod statement;
mod value;

use self::layout::{Laid, lay};
use self::same::Same;
use crate::ast::{File, Item};
use crate::error::SyntaxError;
use crate::lex::{Kind, lex};
use crate::parse::parse;

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// The text is not in the language.
    Syntax(Vec<SyntaxError>),
    /// The formatted text would not say the same: a mistake of the formatter. The original is left alone.
    MeaningChanged,
    /// The formatted text would lack a comment: a mistake of the formatter. The original is left alone.
    CommentLost,
}

impl std::fmt::Display for FormatError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FormatError::Syntax(errors) => {
                write!(out, "cannot format a text with {} syntax errors", errors.len())
            }
            FormatError::MeaningChanged => out.write_str("the formatted text would mean something else"),
            FormatError::CommentLost => out.write_str("the formatted text would lack a comment"),
        }
    }
}

impl std::error::Error for FormatError {}

/// The canonical text of a policy. Formatting that again changes nothing.
pub fn format(text: &str) -> Result<String, FormatError> {
    let original = parse(text);
    if !original.errors.is_empty() {
        return Err(FormatError::Syntax(original.errors));
    }
    let formatted = format_file(&original.file);
    let again = parse(&formatted);
    if !again.errors.is_empty() || !same_meaning(&original.file, &again.file) {
        return Err(FormatError::MeaningChanged);
    }
    if comments(text) != comments(&formatted) {
        return Err(FormatError::CommentLost);
    }
    Ok(formatted)
}

/// The canonical text of a tree. A tree that was not parsed must hold what can be written: names of the right form,
/// strings without control and bidirectional characters, lists that are not empty.
pub fn format_file(file: &File) -> String {
    let File { items, dangling } = file;
    let laid = items.iter().map(item).collect();
    let mut out = String::new();
    lay(&mut out, 0, laid, dangling);
    out
}

/// Whether two trees say the same: everything counts but places, comments, blank lines and the spellings that the
/// formatter unifies.
pub fn same_meaning(one: &File, other: &File) -> bool {
    one.same(other)
}

fn item(item: &Item) -> Laid<'_> {
    let Item { kind, span: _, trivia } = item;
    let (text, hoisted) = statement::item_kind(kind);
    Laid { trivia, hoisted, text }
}

/// All comments of a text in their order.
fn comments(text: &str) -> Vec<String> {
    let (tokens, _) = lex(text);
    let comment = |kind| if let Kind::Comment(text) = kind { Some(text.to_owned()) } else { None };
    tokens.into_iter().filter_map(|token| comment(token.kind)).collect()
}
