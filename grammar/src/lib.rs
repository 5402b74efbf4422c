#![doc = include_str!("../README.md")]

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
