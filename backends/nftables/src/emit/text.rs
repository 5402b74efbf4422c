//! Text from authors on its way into a ruleset: comments and log prefixes.
//!
//! nft ends a quoted string at the next `"` and knows no escape (token `quotedstring` of scanner.l: a backslash is an
//! ordinary character), lets raw newlines and terminal escapes through, and expands `$name` in a log prefix.

use std::borrow::Cow;

use palisade_ir::{Origin, Plan, RuleId, RuleInfo};

/// The longest comment on a rule (NFTNL_UDATA_COMMENT_MAXLEN).
pub(crate) const COMMENT_BYTES: usize = 128;
/// No comment holds the words of more rules.
const MOST_WORDS: usize = 64;
/// The longest log prefix (NF_LOG_PREFIXLEN is 128 with the final zero).
const PREFIX_BYTES: usize = 127;

/// One line without anything that could end a string, move a terminal's cursor, or read differently than it is.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    // Most text is clean: visible ASCII in words with a blank between.
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"');
    if plain && !text.contains("  ") && text.trim_matches(' ').len() == text.len() {
        return text.into();
    }
    let visible: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| match c {
            '"' => '\'',
            c if c.is_control() || c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").into()
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
pub(super) fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.len() + c.len_utf8() + 3 > bytes {
            break;
        }
        kept.push(c);
    }
    (kept.trim_end().to_owned() + "...").into()
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

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(cut(&"é".repeat(100), 128), "é".repeat(62) + "...");
        assert_eq!(cut(&"漢".repeat(100), 128).len(), 126);
    }
}
