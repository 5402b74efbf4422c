//! Diagnostics for readers: people at a terminal, other programs, and tests; and packets in words.
//!
//! Knows nothing of what is wrong, only how to show it. Messages, paths and source lines may hold hostile text: what
//! could move a terminal's cursor or turn text around is always spelt out.

mod json;
#[cfg(feature = "cli")]
mod people;
mod places;
mod plain;
mod sarif;
mod text;
pub mod words;

pub use json::json_lines;
#[cfg(feature = "cli")]
pub use people::{Look, people};
pub use plain::plain;
pub use sarif::{RuleText, sarif};
pub use text::{WIDTH, visible, wrap};

use crate::diagnostic::Diagnostic;

/// `2 errors, 1 warning`; nothing to say when there are none.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let errors = diagnostics.iter().filter(|found| found.is_error()).count();
    let counts = [(errors, "error"), (diagnostics.len().saturating_sub(errors), "warning")];
    let parts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{count} {word}{plural}")
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests;
