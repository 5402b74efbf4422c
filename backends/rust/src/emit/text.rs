//! Text from authors on its way into line comments.
//!
//! A line comment of Rust ends at the line feed and nowhere else (reference, "Comments"); rustc refuses characters that
//! turn the direction of text (`text_direction_codepoint_in_comment`).

use std::borrow::Cow;

pub(super) use palisade_ir::text::cut;
use palisade_ir::{Plan, RuleId, RuleInfo};

/// The longest comment.
pub(crate) const COMMENT_BYTES: usize = 96;

/// One line without anything that could end it, move a terminal's cursor, or read differently than it is.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    palisade_ir::text::clean(text, |c| c)
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
    let text = format!("{first}{others}{}", description.unwrap_or_default());
    cut(&clean(&text), COMMENT_BYTES).into_owned()
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
}
