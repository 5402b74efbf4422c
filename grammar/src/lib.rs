//! Text to syntax tree and back: the lexer, the parser and the canonical formatter of the palisade policy language.
//!
//! This crate knows no files, no names' meanings and no semantics. `GRAMMAR.md` beside it is the language's definition.

pub mod ast;

pub use ast::Span;

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

/// What a parse yields: always a tree of all that could be read, and every mistake found on the way.
#[derive(Clone, Debug, Default)]
pub struct Parse {
    /// The statements that could be read.
    pub file: ast::File,
    /// The mistakes, in the order of the text. Empty exactly when the text is in the language.
    pub errors: Vec<SyntaxError>,
}
