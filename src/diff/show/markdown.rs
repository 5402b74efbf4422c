//! Markdown, for the comment of a pull request. All that comes from a policy stands in code, between more backticks than
//! it holds, where neither HTML nor links nor names of users mean anything.

use super::sheet::Section;
use super::{FileChange, Report, Sheet, text};

/// For a pull request.
pub fn markdown(report: &Report<'_>) -> String {
    let Sheet { notes, sections, outside, verdict } = Sheet::of(report);
    let mut out = "### Change of traffic\n\n".to_owned();
    out.push_str(&format!("**{verdict}**\n\n"));
    for note in &notes {
        out.push_str(&format!("- {}\n", code(note)));
    }
    if !notes.is_empty() {
        out.push('\n');
    }
    sections.iter().for_each(|section| self::section(&mut out, section));
    if let Some(outside) = outside {
        let title = if outside.is_empty() {
            "Everything newly allowed is within the envelope"
        } else {
            "Newly allowed outside the envelope"
        };
        out.push_str(&format!("#### {title}\n\n"));
        outside.iter().for_each(|section| self::section(&mut out, section));
    }
    for FileChange { name, diff } in report.generated.unwrap_or_default() {
        out.push_str(&format!("{}\n\n{}", code(name), block(diff)));
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

fn section(out: &mut String, section: &Section) {
    let Section { title, also, entries, more } = section;
    out.push_str(&code(title));
    if let Some(also) = also {
        out.push_str(&format!(" ({})", code(also)));
    }
    out.push_str("\n\n");
    if entries.is_empty() {
        return;
    }
    let mut lines = String::new();
    text::entries(&mut lines, entries, "");
    out.push_str(&block(&lines));
    if let Some(more) = more {
        out.push_str(&format!("{more}\n\n"));
    }
}

/// Lines as a block of code, some of them more and some less than before.
fn block(lines: &str) -> String {
    let fence = "`".repeat(longest_run(lines).max(2) + 1);
    format!("{fence}diff\n{}\n{fence}\n\n", lines.trim_end_matches('\n'))
}

/// Text as code within a line: between more backticks than it holds.
fn code(text: &str) -> String {
    match longest_run(text) {
        0 => format!("`{text}`"),
        run => {
            let fence = "`".repeat(run + 1);
            format!("{fence} {text} {fence}")
        }
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}
