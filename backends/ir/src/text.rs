//! Text from authors on its way into what backends write: on one line, and what a reader sees is what is there.
//!
//! What else a target's language must not find in it, each backend says.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

/// One line without anything that could move a terminal's cursor or read differently than it is: words with a blank
/// between, each character as `plain` says.
pub fn clean(text: &str, plain: impl Fn(char) -> char) -> Cow<'_, str> {
    // Most text is clean: visible ASCII in words with a blank between.
    let kept = |byte: u8| (b' '..=b'~').contains(&byte) && plain(byte.into()) == char::from(byte);
    if text.bytes().all(kept) && !text.contains("  ") && text.trim_matches(' ').len() == text.len() {
        return text.into();
    }
    let visible: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { plain(c) })
        .collect();
    visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").into()
}

/// At most `bytes` bytes, cut between characters; what was cut off shows as `...`.
pub fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
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

/// Format characters (Unicode category Cf: directions, joiners, tags), fillers without a glyph, and line separators.
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_what_deceives_goes() {
        let same = |c| c;
        assert_eq!(clean("two words", same), "two words");
        assert_eq!(clean(" two\t\n words ", same), "two words");
        assert_eq!(clean("\u{202e}live\u{2066} \u{2028}x\u{0}\u{85}\u{1b}[2J", same), "live x [2J");
        assert_eq!(clean("back\\slash é 漢字", same), "back\\slash é 漢字");
        assert_eq!(clean("\u{200b}\u{feff}\n", same), "");
        assert_eq!(clean("a\"b", |c| if c == '"' { '\'' } else { c }), "a'b");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(cut(&"é".repeat(100), 128), "é".repeat(62) + "...");
        assert_eq!(cut(&"é".repeat(100), 96), "é".repeat(46) + "...");
        assert_eq!(cut(&"漢".repeat(100), 128).len(), 126);
    }
}
