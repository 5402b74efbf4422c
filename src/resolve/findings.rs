//! Collecting errors and warnings: what all modules of this phase write to.
//!
//! A name that is missing is reported once, however often it is used. Nothing here knows what is wrong or why.

use std::collections::BTreeMap;

use palisade_grammar::ast;

use super::codes;
use super::names::{Kind, Names};
use crate::diagnostic::{Diagnostic, FileId, Location};

/// How many places one error points at.
const MOST_LABELS: usize = 8;
/// How many errors one run reports.
const MOST_ERRORS: usize = 1000;
/// How many unknown names are compared with all known ones.
const MOST_SUGGESTIONS: usize = 100;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Diagnostic>,
    unknown: BTreeMap<(Kind, String), Vec<Location>>,
}

/// A place in a file.
pub(super) const fn at(file: FileId, span: ast::Span) -> Location {
    Location { file, span }
}

impl Findings {
    pub(super) fn push(&mut self, found: Diagnostic) {
        self.list.push(found);
    }

    /// A name that is declared nowhere.
    pub(super) fn unknown(&mut self, kind: Kind, name: &str, place: Location) {
        self.unknown.entry((kind, name.to_owned())).or_default().push(place);
    }

    /// Whether anything forbids to compile.
    pub(super) fn has_errors(&self) -> bool {
        !self.unknown.is_empty() || self.list.iter().any(Diagnostic::is_error)
    }

    /// All findings in the order of the files.
    pub(super) fn finish(mut self, names: &Names<'_>) -> Vec<Diagnostic> {
        for (index, ((kind, name), places)) in self.unknown.iter().enumerate() {
            let help = (index < MOST_SUGGESTIONS).then(|| names.suggest(*kind, name)).flatten();
            let help = help.unwrap_or_else(|| format!("declare it: {}", kind.declaration(name)));
            let mut places = places.clone();
            places.sort_by_key(|place| (place.file, place.span));
            let labels = places.iter().take(MOST_LABELS).enumerate();
            let mut found = Diagnostic {
                labels: Vec::new(),
                ..Diagnostic::error(kind.unknown(), format!("unknown {kind} `{name}`"), Location::START, "")
            }
            .help(help);
            for (nth, place) in labels {
                found = found.label(*place, if nth == 0 { "declared nowhere" } else { "and here" });
            }
            self.list.push(found);
        }
        self.list.sort_by_key(|found| (place(found), found.code));
        cut(self.list)
    }
}

fn place(found: &Diagnostic) -> Option<(FileId, ast::Span)> {
    found.labels.first().map(|label| (label.at.file, label.at.span))
}

/// A policy with thousands of errors is hardly one: the rest is not worth the reader's time.
fn cut(list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut errors = 0;
    let mut kept = Vec::with_capacity(list.len());
    for found in list {
        errors += usize::from(found.is_error());
        if errors > MOST_ERRORS {
            let here = found.labels.first().map_or(Location::START, |label| label.at);
            let message = format!("more than {MOST_ERRORS} errors");
            kept.push(
                Diagnostic::error(codes::TOO_MANY_ERRORS, message, here, "nothing from here on is reported")
                    .help("mend the errors above first"),
            );
            return kept;
        }
        kept.push(found);
    }
    kept
}
