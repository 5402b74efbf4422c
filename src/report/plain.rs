//! A stable form in plain text: for goldens, logs and dumb terminals.

use std::fmt::Write;

use super::places::{Page, Pages};
use super::text::{visible, width};
use crate::diagnostic::{Diagnostic, Label, Severity, Sources};

/// The most columns of a source line that are shown.
const WIDEST: usize = 120;
/// Columns of context kept before the place when a line is cut.
const LEAD: usize = 30;

/// All diagnostics, each followed by an empty line.
pub fn plain(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut pages = Pages::new(sources);
    let mut out = String::new();
    for found in diagnostics {
        one(&mut out, found, &mut pages);
        out.push('\n');
    }
    out
}

/// One diagnostic.
pub(super) fn one(out: &mut String, found: &Diagnostic, pages: &mut Pages<'_>) {
    let word = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{word}[{}]: {}", found.code, visible(&found.message));
    for label in &found.labels {
        self::label(out, label, pages);
    }
    if let Some(help) = &found.help {
        let _ = writeln!(out, "  help: {}", visible(help));
    }
}

fn label(out: &mut String, label: &Label, pages: &mut Pages<'_>) {
    let text = visible(&label.text);
    let Some((line, column, page)) = pages.place(label.at) else {
        let _ = writeln!(out, "  {text}");
        return;
    };
    let _ = writeln!(out, "  {}:{line}:{column}: {text}", page.path);
    let span = page.clamp(label.at.span);
    let (shown, carets) = excerpt(page, span.start, span.end);
    let _ = writeln!(out, "    | {shown}");
    let _ = writeln!(out, "    | {carets}");
}

/// The line of a place and carets under it. Tabs become one blank, long lines are cut around the place.
fn excerpt(page: &Page<'_>, start: usize, end: usize) -> (String, String) {
    let line = page.line_of(start);
    let text = page.line(line);
    let at = start.saturating_sub(page.start(line)).min(text.len());
    let end = end.saturating_sub(page.start(line)).min(text.len());
    let columns = |text: &str| text.chars().map(width).sum::<usize>();
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let skip = if columns(text) > WIDEST { columns(before).saturating_sub(LEAD) } else { 0 };
    let (mut shown, mut carets) = (String::new(), String::new());
    if skip > 0 {
        shown.push_str("...");
        carets.push_str("   ");
    }
    let (mut column, mut offset) = (0, 0);
    for character in text.chars() {
        let inside = offset >= at && offset < end;
        if column >= skip && column - skip <= WIDEST {
            shown.push(if character == '\t' { ' ' } else { character });
            let mark = if inside { '^' } else { ' ' };
            (0..width(character)).for_each(|_| carets.push(mark));
        }
        column += width(character);
        offset += character.len_utf8();
    }
    if column - skip > WIDEST {
        shown.push_str("...");
    }
    if end <= at || rest.is_empty() {
        // A place between two characters, or at the line's end.
        let until: usize =
            carets.len().min(columns(before).saturating_sub(skip) + if skip > 0 { 3 } else { 0 });
        carets.truncate(until);
        carets.push('^');
    }
    (shown.trim_end().to_owned(), carets.trim_end().to_owned())
}
