//! Text from authors on its way into line comments.
//!
//! A line comment of Rust ends at the line feed and nowhere else (reference, "Comments"); rustc refuses characters that
//! turn the direction of text (`text_direction_codepoint_in_comment`).

use palisade_ir::{Plan, RuleId, RuleInfo};

/// The longest comment.
pub(crate) const COMMENT_BYTES: usize = 96;

/// One line without anything that could end it, move a terminal's cursor, or read differently than it is.
pub(super) fn clean(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c })
        .collect();
    visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Format characters (Unicode category Cf: directions, joiners, tags), fillers without a glyph, and line separators.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// At most `bytes` bytes, cut between characters; what was cut off shows as `...`.
pub(super) fn cut(text: String, bytes: usize) -> String {
    if text.len() <= bytes {
        return text;
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.len() + c.len_utf8() + 3 > bytes {
            break;
        }
        kept.push(c);
    }
    kept.trim_end().to_owned() + "..."
}

/// The words of the deciding rule, how many others it stands for, and its description.
pub(super) fn comment(plan: &Plan, ids: &[RuleId]) -> String {
    let words = |id: &RuleId| plan.rule(*id).map_or_else(|| format!("rule {}", id.0), ToString::to_string);
    // The halves of a rule for both families, and rules of one number, have the same words.
    let first = ids.first().map(words).unwrap_or_default();
    let others = ids.iter().filter(|id| words(id) != first).count();
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let description = ids.first().and_then(|id| plan.rule(*id)).and_then(description).map(clean);
    let description = description.filter(|text| !text.is_empty()).map(|text| format!(": {text}"));
    cut(clean(&format!("{first}{others}{}", description.unwrap_or_default())), COMMENT_BYTES)
}

fn description(info: &RuleInfo) -> Option<&str> {
    let RuleInfo { source: _, description } = info;
    description.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_survives() {
        let hostile = "a\n}\rpub fn x() \u{1b}[2J \u{202e}live\u{2066} \u{2028}x\u{0}\u{85} ";
        assert_eq!(clean(hostile), "a } pub fn x() [2J live x");
        assert_eq!(clean("*/ \\ \" é 漢字"), "*/ \\ \" é 漢字");
        assert_eq!(clean("\u{200b}\u{feff}\n"), "");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("ab".to_owned(), 2), "ab");
        assert_eq!(cut("é".repeat(100), 96), "é".repeat(46) + "...");
    }
}
