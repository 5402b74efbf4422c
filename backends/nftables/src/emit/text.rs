//! Text from authors on its way into a ruleset: comments and log prefixes.
//!
//! nft ends a quoted string at the next `"` and knows no escape (token `quotedstring` of scanner.l: a backslash is an
//! ordinary character), lets raw newlines and terminal escapes through, and expands `$name` in a log prefix.

use std::borrow::Cow;

pub(super) use palisade_ir::text::cut;
use palisade_ir::{Origin, Plan, RuleId, RuleInfo};

/// The longest comment on a rule (NFTNL_UDATA_COMMENT_MAXLEN).
pub(crate) const COMMENT_BYTES: usize = 128;
/// No comment holds the words of more rules.
const MOST_WORDS: usize = 64;
/// The longest log prefix (NF_LOG_PREFIXLEN is 128 with the final zero).
const PREFIX_BYTES: usize = 127;

/// One line without anything that could end a string, move a terminal's cursor, or read differently than it is.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    palisade_ir::text::clean(text, |c| if c == '"' { '\'' } else { c })
}

/// The stable words of a rule.
pub(super) fn words(plan: &Plan, id: RuleId) -> String {
    plan.rule(id).map_or_else(|| format!("rule {}", id.0), ToString::to_string)
}

/// A comment of at most so many bytes; none where it could not say much.
pub(super) fn comment_within(plan: &Plan, ids: &[RuleId], bytes: usize) -> Option<String> {
    /// A name and a number.
    const LEAST: usize = 16;
    (bytes >= LEAST)
        .then(|| cut(&comment(plan, ids), bytes).into_owned())
        .filter(|comment| !comment.is_empty())
}

/// The words of the deciding rule, those of the others as space allows, and the description of the first.
pub(super) fn comment(plan: &Plan, ids: &[RuleId]) -> String {
    let mut text = String::new();
    // The halves of a rule for both families, and rules of one number, have the same words.
    let mut all: Vec<String> = Vec::new();
    for id in ids.iter().take(MOST_WORDS) {
        let words = words(plan, *id);
        if !all.contains(&words) {
            all.push(words);
        }
    }
    let mut rest = all.len() + ids.len().saturating_sub(MOST_WORDS);
    for words in all {
        let room = COMMENT_BYTES - " and 4294967295 more".len();
        if text.is_empty() {
            text = words;
        } else if text.len() + 2 + words.len() <= room {
            text = format!("{text}, {words}");
        } else {
            break;
        }
        rest -= 1;
    }
    if rest > 0 {
        text = format!("{text} and {rest} more");
    }
    let description = ids.first().and_then(|id| plan.rule(*id)).and_then(description).map(clean);
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        text = format!("{text}: {description}");
    }
    match clean(&text) {
        Cow::Borrowed(_) if text.len() <= COMMENT_BYTES => text,
        clean => cut(&clean, COMMENT_BYTES).into_owned(),
    }
}

fn description(info: &RuleInfo) -> Option<&str> {
    let RuleInfo { source: _, description } = info;
    description.as_deref()
}

/// What a logged packet's line begins with.
pub(super) fn log_prefix(plan: &Plan, origin: &Origin, verdict: impl std::fmt::Display) -> String {
    let words = origin.ids().first().map_or_else(String::new, |id| words(plan, *id));
    let frame = format!("palisade  {verdict} ").len();
    let words = clean(&words).replace('$', "");
    let words = cut(&words, PREFIX_BYTES - frame);
    format!("palisade {words} {verdict} ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_survives() {
        let hostile = "a\" drop\n\t\u{1b}[2J}; accept \u{202e}live\u{2066} \u{2028}x\u{0}\u{85} ";
        assert_eq!(clean(hostile), "a' drop [2J}; accept live x");
        assert_eq!(clean("back\\slash é 漢字"), "back\\slash é 漢字");
        assert_eq!(clean("\u{200b}\u{feff}\n"), "");
    }
}
