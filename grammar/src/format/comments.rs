//! Comments as text, and those inside lists that must stay on one line.

use crate::ast::{BLANK_LINE, Element, List, Peers, Trivia};
use crate::error::is_hidden;

/// `# text`. A text that begins with `#` is a ruler or a heading and keeps its form.
pub(super) fn comment(text: &str) -> String {
    // A tab in a comment is a blank, and kept.
    let shown = |character| if is_hidden(character) && character != '\t' { ' ' } else { character };
    let text: String = text.chars().map(shown).collect();
    let text = text.trim_end_matches([' ', '\t']);
    match text.chars().next() {
        None => "#".to_owned(),
        Some('#') => format!("#{text}"),
        Some(_) => format!("# {text}"),
    }
}

/// Writes comment lines, with at most one blank line at a place and none at the top.
pub(super) fn lines<'a>(out: &mut String, indent: &str, comments: impl Iterator<Item = &'a String>) {
    let mut blank_allowed = false;
    for text in comments {
        if text == BLANK_LINE {
            if blank_allowed {
                out.push('\n');
            }
            blank_allowed = false;
            continue;
        }
        // A comment of a parsed tree has one line. A tree from elsewhere may bring more.
        for line in text.split('\n') {
            out.push_str(indent);
            out.push_str(&comment(line));
            out.push('\n');
        }
        blank_allowed = true;
    }
}

/// The comments in a list, in their order, for the line above a statement that must stay on one line.
pub(super) fn in_list<T>(list: &List<T>, comments: &mut Vec<String>) {
    let List { elements, span: _, dangling } = list;
    for Element { value: _, span: _, trivia } in elements {
        let Trivia { blank_before: _, leading, trailing } = trivia;
        comments.extend(leading.iter().chain(trailing).cloned());
    }
    comments.extend(dangling.iter().cloned());
    comments.retain(|text| text != BLANK_LINE);
}

/// The same for peers.
pub(super) fn in_peers(peers: &Peers, comments: &mut Vec<String>) {
    match peers {
        Peers::Any(_) => {}
        Peers::List(list) => in_list(list, comments),
    }
}

/// Whether a list holds a comment of its own.
pub(super) fn has_any<T>(list: &List<T>) -> bool {
    let own =
        |trivia: &Trivia| trivia.trailing.is_some() || trivia.leading.iter().any(|text| text != BLANK_LINE);
    !list.dangling.is_empty() || list.elements.iter().any(|element| own(&element.trivia))
}
