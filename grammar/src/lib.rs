//! Text to syntax tree and back: the lexer, the parser and the canonical formatter of the palisade policy language.
//!
//! This crate knows no files, no names' meanings and no semantics. `GRAMMAR.md` beside it is the language's definition.

pub mod ast;
mod codes;
mod error;
mod format;
mod lex;
mod parse;

pub use ast::Span;
pub use codes::CODES;
pub use error::SyntaxError;
pub use format::{FormatError, format, format_file, same_meaning};
pub use parse::{KEYWORDS, Parse, parse};
