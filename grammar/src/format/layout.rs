//! Statements under each other: indents, blank lines, and comments around them.

use super::comments::{comment, lines};
use crate::ast::{BLANK_LINE, Trivia};

/// A statement or element as text, with what stands around it.
pub(super) struct Laid<'a> {
    pub(super) trivia: &'a Trivia,
    /// Comments from inside, which move above it.
    pub(super) hoisted: Vec<String>,
    /// The first line without its indent, the others with theirs.
    pub(super) text: String,
}

/// The blanks of an indent level.
pub(super) fn blanks(indent: usize) -> String {
    "  ".repeat(indent)
}

/// Writes statements. What takes several lines stands apart by one blank line; between others the author's is kept.
pub(super) fn lay(out: &mut String, indent: usize, statements: Vec<Laid<'_>>, dangling: &[String]) {
    put(out, indent, statements, dangling, |above, below| above.contains('\n') || below.contains('\n'));
}

/// Writes list elements. Only the author's blank lines part them.
pub(super) fn lay_elements(out: &mut String, indent: usize, elements: Vec<Laid<'_>>, dangling: &[String]) {
    put(out, indent, elements, dangling, |_, _| false);
}

fn put(
    out: &mut String,
    indent: usize,
    nodes: Vec<Laid<'_>>,
    dangling: &[String],
    apart: impl Fn(&str, &str) -> bool,
) {
    let blanks = blanks(indent);
    let mut above: Option<String> = None;
    for Laid { trivia, hoisted, text } in nodes {
        let Trivia { blank_before, leading, trailing } = trivia;
        if above.as_ref().is_some_and(|above| *blank_before || apart(above, &text)) {
            out.push('\n');
        }
        lines(out, &blanks, leading.iter().chain(&hoisted));
        out.push_str(&blanks);
        out.push_str(&text);
        if let Some(trailing) = trailing {
            out.push(' ');
            out.push_str(&comment(trailing));
        }
        out.push('\n');
        above = Some(text);
    }
    if above.is_some() && dangling.first().is_some_and(|first| first == BLANK_LINE) && dangling.len() > 1 {
        out.push('\n');
    }
    // A blank line before a closing brace parts nothing.
    let end = dangling.iter().rposition(|text| text != BLANK_LINE).map_or(0, |last| last + 1);
    lines(out, &blanks, dangling.iter().take(end));
}

/// A block after its head: `{`, the lines, `}`.
pub(super) fn block(head: &str, indent: usize, statements: Vec<Laid<'_>>, dangling: &[String]) -> String {
    let mut out = format!("{head} {{\n");
    lay(&mut out, indent + 1, statements, dangling);
    out.push_str(&blanks(indent));
    out.push('}');
    out
}
