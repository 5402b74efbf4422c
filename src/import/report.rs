//! Collecting what is wrong with a listing, and what was read as something else than what is written.

use std::collections::BTreeMap;

use super::json::Node;
use crate::diagnostic::{Diagnostic, Label, Location};
use crate::report::visible;

/// How many places one diagnostic points at.
const MOST_LABELS: usize = 8;
/// How many characters of the user's text a message repeats.
const MOST_QUOTED: usize = 80;

/// The error is in the report already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    found: Vec<Diagnostic>,
}

/// An error at a place of a listing.
pub(super) fn error(code: &'static str, at: &Node<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, message, at.location(), at.label())
}

/// A warning at a place of a listing.
pub(super) fn warning(code: &'static str, at: &Node<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(code, message, at.location(), at.label())
}

impl Report {
    /// Adds an error; the value is for the caller to return.
    pub(super) fn refuse(&mut self, error: Diagnostic) -> Told {
        self.found.push(error);
        Told
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, warning: Diagnostic) {
        self.found.push(warning);
    }

    /// Whether there is an error.
    pub(super) fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// Everything found, in the order of the inputs. What is said of several places of a file is said once.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        let place = |found: &Diagnostic| found.labels.first().map_or(Location::START, |label| label.at);
        self.found.sort_by_key(|found| (place(found).file, place(found).span));
        let mut first = BTreeMap::new();
        let mut all: Vec<(Diagnostic, Vec<Label>)> = Vec::new();
        for found in self.found {
            let key = (found.code, found.message.clone(), place(&found).file);
            match first.get(&key).and_then(|at: &usize| all.get_mut(*at)) {
                Some((_, more)) => more.extend(found.labels),
                None => {
                    first.insert(key, all.len());
                    all.push((found, Vec::new()));
                }
            }
        }
        all.into_iter().map(|(found, more)| joined(found, more)).collect()
    }
}

fn joined(mut found: Diagnostic, more: Vec<Label>) -> Diagnostic {
    let room = MOST_LABELS.saturating_sub(found.labels.len());
    if more.len() > room {
        found.message = format!("{} (and in {} more places)", found.message, more.len());
    }
    found.labels.extend(more.into_iter().take(room));
    found
}

/// The user's text in backticks, shortened, with hidden characters spelt out.
pub(super) fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_QUOTED).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{}`", visible(&shown))
}
