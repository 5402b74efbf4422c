//! Foreign names and descriptions, made fit for a policy.

use std::collections::BTreeMap;

/// The most characters of a description in the policy language.
const LONGEST_DESCRIPTION: usize = 512;
/// The most characters of a name before its number: targets print names into places that are bounded.
const LONGEST_NAME: usize = 64;

/// Names given so far, of one kind.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Each name with the last number tried after it.
    taken: BTreeMap<String, usize>,
}

impl Names {
    /// A new name that looks like `id`; a number is added where that is taken. `kind` is what the name begins with
    /// where the id has no letter to begin with.
    pub(super) fn make(&mut self, id: &str, kind: &str) -> String {
        let base = plain(id, kind);
        let mut number = self.taken.get(&base).copied().unwrap_or(0);
        let name = loop {
            number += 1;
            let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            if !self.taken.contains_key(&name) {
                break name;
            }
        };
        self.taken.insert(base, number);
        self.taken.entry(name.clone()).or_insert(1);
        name
    }
}

/// Lower case letters and digits in words, joined by single `-` or `.`, a letter first.
fn plain(id: &str, kind: &str) -> String {
    let mut name = String::new();
    let mut gap = None;
    for character in id.chars() {
        if name.len() >= LONGEST_NAME {
            break;
        }
        let character = character.to_ascii_lowercase();
        if character.is_ascii_alphanumeric() {
            if !name.is_empty() {
                name.extend(gap);
            }
            gap = None;
            name.push(character);
        } else {
            gap = Some(if character == '.' && gap.is_none() { '.' } else { '-' });
        }
    }
    match name.bytes().next() {
        None => kind.to_owned(),
        Some(first) if first.is_ascii_lowercase() => name,
        Some(_) => format!("{kind}-{name}"),
    }
}

/// A description as the policy language takes it, and what was done to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cleaned {
    /// `None` when nothing is left.
    pub(super) text: Option<String>,
    /// Whether characters were removed.
    pub(super) removed: bool,
    /// Whether the end was cut off.
    pub(super) cut: bool,
}

/// Removes what no string of the language may hold, blanks at the ends, and what is too long.
pub(super) fn clean(text: &str) -> Cleaned {
    let text = text.trim();
    // A line end parts words; other hidden characters part nothing.
    let visible = text.chars().filter_map(|character| match character {
        '\n' | '\t' => Some(' '),
        hidden if is_hidden(hidden) => None,
        other => Some(other),
    });
    let whole: String = visible.collect();
    let removed = text.chars().any(is_hidden);
    let short: String = whole.trim().chars().take(LONGEST_DESCRIPTION).collect();
    let cut = short.len() < whole.trim().len();
    Cleaned { text: (!short.is_empty()).then_some(short), removed, cut }
}

/// What the language refuses in strings: control characters, and characters that change the order or the lines in which
/// a text is shown.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_the_language_and_never_twice() {
        let cases = [
            ("sg-bp1gxw6bznjjvhu3****", "sg-bp1gxw6bznjjvhu3"),
            ("sg-bp1gxw6bznjjvhu3", "sg-bp1gxw6bznjjvhu3-2"),
            ("sg-bp1gxw6bznjjvhu3-2", "sg-bp1gxw6bznjjvhu3-2-2"),
            ("sg-bp1gxw6bznjjvhu3!", "sg-bp1gxw6bznjjvhu3-3"),
            ("8dsmf982", "sg-8dsmf982"),
            ("C0003E8B-B930", "c0003e8b-b930"),
            ("a.b..c-.d_e", "a.b-c-d-e"),
            (".-a-.", "a"),
            ("", "sg"),
            ("安全组", "sg-2"),
            ("x\" {\n}\ninclude \"/etc/passwd", "x-include-etc-passwd"),
        ];
        let mut names = Names::default();
        for (id, expected) in cases {
            assert_eq!(names.make(id, "sg"), expected, "{id}");
            assert!(palisade_ir::Name::new(expected).is_ok(), "{expected}");
        }
        assert_eq!(names.make(&"a-".repeat(1000), "sg").len(), 65);
    }

    #[test]
    fn descriptions_hold_nothing_hidden_and_are_short_enough() {
        let cleaned = |text| clean(text).text.unwrap_or_default();
        assert_eq!(cleaned(" two\nwords\u{202E} \u{7}"), "two words");
        assert_eq!(clean("\u{0}\u{2066}"), Cleaned { text: None, removed: true, cut: false });
        assert_eq!(clean("  "), Cleaned { text: None, removed: false, cut: false });
        let long = "ä".repeat(513);
        assert_eq!(cleaned(&long).chars().count(), 512);
        assert!(clean(&long).cut && !clean(&long).removed);
    }
}
