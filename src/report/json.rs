//! One JSON object a line: for editors and continuous integration.

use serde::Serialize;

use super::places::Pages;
use super::text::is_hidden;
use crate::diagnostic::{Diagnostic, Location, Severity, Sources};

#[derive(Serialize)]
struct Line<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Place,
    help: Option<&'a str>,
    labels: Vec<LabelLine<'a>>,
}

#[derive(Serialize)]
struct LabelLine<'a> {
    text: &'a str,
    #[serde(flatten)]
    place: Place,
}

/// Lines and columns count from 1, columns in characters; spans are bytes.
#[derive(Default, Serialize)]
struct Place {
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    span: Option<Bytes>,
}

#[derive(Serialize)]
struct Bytes {
    start: usize,
    end: usize,
}

/// All diagnostics, one a line.
pub fn json_lines(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut pages = Pages::new(sources);
    let mut out = String::new();
    for found in diagnostics {
        let labels = found
            .labels
            .iter()
            .map(|label| LabelLine { text: &label.text, place: place(label.at, sources, &mut pages) });
        let line = Line {
            code: found.code,
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &found.message,
            labels: labels.collect(),
            place: found.labels.first().map(|label| place(label.at, sources, &mut pages)).unwrap_or_default(),
            help: found.help.as_deref(),
        };
        // Strings and numbers only: this cannot fail.
        out.push_str(&harmless(&serde_json::to_string(&line).unwrap_or_default()));
        out.push('\n');
    }
    out
}

fn place(at: Location, sources: &Sources, pages: &mut Pages<'_>) -> Place {
    let Some((line, column, _)) = pages.place(at) else { return Place::default() };
    Place {
        file: sources.get(at.file).map(|file| file.path.clone()),
        line: Some(line),
        column: Some(column),
        span: Some(Bytes { start: at.span.start, end: at.span.end }),
    }
}

/// Hidden characters as JSON escapes: outside of strings there are none, so the value stays the same.
pub(super) fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}
