//! Comments and log prefixes: where a rule comes from, in words that cannot break out of their quotes.

use palisade_ir::text::is_invisible;
use palisade_ir::{Origin, Outcome, Plan, RuleId, Verdict};

use crate::COMMENT_BYTES;

/// Bytes of a log prefix: the target cuts at 29 (`nf_log` prefix of struct xt_log_info is 30 with its NUL).
const LOG_PREFIX_BYTES: usize = 29;

/// The origin without the description: `web in 20 ssh`.
pub(super) fn origin(plan: &Plan, origin: &Origin) -> String {
    origin.ids().first().map_or_else(String::new, |id| words(plan, *id))
}

fn words(plan: &Plan, id: RuleId) -> String {
    plan.rule(id).map_or_else(|| format!("rule {}", id.0), |info| clean(&info.to_string()))
}

/// The comment of a rule: its first origin, then the author's description.
pub(super) fn of(plan: &Plan, id: RuleId) -> String {
    let mut text = words(plan, id);
    if let Some(description) = plan.rule(id).and_then(|info| info.description.as_ref()) {
        text.push_str(": ");
        text.push_str(&clean(description));
    }
    cut(text, COMMENT_BYTES)
}

/// What the kernel's log line begins with: `deny web in 20 ssh: `.
pub(super) fn log_prefix(outcome: Outcome, origin: &str) -> String {
    let Outcome { verdict, log: _ } = outcome;
    let verdict = match verdict {
        Verdict::Deny => "deny",
        Verdict::Allow => "allow",
    };
    let mut text = cut(format!("{verdict} {origin}"), LOG_PREFIX_BYTES - 2);
    text.push_str(": ");
    text
}

/// A text that is one quoted word to iptables-restore and one line to every reader. Its parser knows two special
/// characters within quotes, `"` and `\`; control and formatting characters would deceive the human reader.
pub(super) fn clean(text: &str) -> String {
    let plain = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() || is_invisible(c) => ' ',
        c => c,
    };
    text.chars().map(plain).collect()
}

fn cut(mut text: String, limit: usize) -> String {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_special_survives() {
        assert_eq!(clean("a\"b\\c\nd\te\u{1b}f\u{202e}g\u{0}h"), "a'b/c d e f g h");
        assert_eq!(clean("$(id) `id` # -j ACCEPT; ü"), "$(id) `id` # -j ACCEPT; ü");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("aä".repeat(100), 255), "aä".repeat(85));
        assert_eq!(cut("aää".to_owned(), 4), "aä");
        let prefix = log_prefix(Outcome { verdict: Verdict::Deny, log: true }, &"ä".repeat(40));
        assert_eq!(prefix, format!("deny {}: ", "ä".repeat(11)));
    }
}
