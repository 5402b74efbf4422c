//! Plain text, in 100 columns.

use super::sheet::{Entry, Section, outside_section};
use super::{FileChange, Outside, Report, Sheet, Side};
use crate::report::{WIDTH, wrap};

/// Where sizes stand, if the words before them are short enough.
const SIZES: usize = 64;

/// For people at a terminal.
pub fn text(report: &Report<'_>) -> String {
    let Sheet { notes, sections, outside, verdict } = Sheet::of(report);
    let mut out = String::new();
    notes.iter().for_each(|note| wrap(&mut out, note, "", "    "));
    if !notes.is_empty() {
        out.push('\n');
    }
    for section in &sections {
        self::section(&mut out, section);
        out.push('\n');
    }
    wrap(&mut out, &verdict, "", "    ");
    if let Some(outside) = outside {
        out.push('\n');
        out.push_str(&outside_sections(&outside));
    }
    for FileChange { name: _, diff } in report.generated.unwrap_or_default() {
        out.push_str(&format!("\n{diff}"));
    }
    out
}

/// What is newly allowed outside an envelope, or that nothing is.
pub fn outside_text(envelope: &Side<'_>, outside: &[Outside]) -> String {
    outside_sections(&outside.iter().map(|it| outside_section(envelope, it, false)).collect::<Vec<_>>())
}

fn outside_sections(outside: &[Section]) -> String {
    if outside.is_empty() {
        return "everything newly allowed is within the envelope\n".to_owned();
    }
    let sections: Vec<String> = outside.iter().map(section_text).collect();
    format!("newly allowed outside the envelope:\n\n{}", sections.join("\n"))
}

fn section_text(section: &Section) -> String {
    let mut out = String::new();
    self::section(&mut out, section);
    out
}

fn section(out: &mut String, section: &Section) {
    let Section { title, also, entries, more } = section;
    let also = also.as_ref().map(|also| format!(" ({also})")).unwrap_or_default();
    wrap(out, &format!("{title}{also}"), "", "    ");
    self::entries(out, entries, "  ");
    more.iter().for_each(|more| wrap(out, more, "  ", "  "));
}

/// The entries of a section, each line after an indent.
pub(super) fn entries(out: &mut String, entries: &[Entry], indent: &str) {
    let further = format!("{indent}      ");
    for Entry { mark, regions, more, reasons } in entries {
        for (words, size) in regions {
            let line = format!("{indent}{mark} {words}");
            let columns = line.chars().count();
            let gap = SIZES.saturating_sub(columns).max(4);
            if columns + gap + size.chars().count() <= WIDTH {
                out.push_str(&format!("{line}{}{size}\n", " ".repeat(gap)));
            } else {
                wrap(out, &format!("{words}, {size}"), &format!("{indent}{mark} "), &further);
            }
        }
        more.iter().for_each(|more| wrap(out, more, &format!("{indent}  "), &further));
        reasons.iter().for_each(|reason| wrap(out, reason, &further, &format!("{further}  ")));
    }
}
