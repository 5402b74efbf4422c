//! `GRAMMAR.md` says what the parser does.

use std::collections::BTreeSet;

use palisade_grammar::{KEYWORDS, parse};

const PAGE: &str = include_str!("../GRAMMAR.md");

/// Statements with every keyword. Their names are no keywords.
const STATEMENTS: &[&str] = &[
    "include \"x\"",
    "session timeout 1s",
    "inner scope ingress",
    "inner scope both",
    "network n = vpc",
    "network n = classic",
    "set s = set t except set u",
    "service v = [tcp 80, udp 53, icmp, icmpv6, gre, proto 5, service w]",
    "group g clone h {\n}",
    "group g default with web {\n}",
    "group g {\n  kind basic\n  network n\n  inner allow\n  remove out l\n  in public {\n  }\n}",
    "group g {\n  kind enterprise\n  inner deny\n  remove in l\n  out internal {\n  }\n}",
    "group g {\n  in {\n    1 allow all from any port 1 to group h as l log\n  }\n}",
    "instance i {\n  nic e public via f address ::1 groups g\n  nic e internal address ::1 network n\n}",
    "expect deny service v from set s to i port 1",
];

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// Replaces a word where it stands alone.
fn without(statement: &str, word: &str) -> String {
    let mut out = String::new();
    for (index, part) in statement.split(word).enumerate() {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '"';
        let glued = out.ends_with(inside) || part.starts_with(inside);
        if index > 0 {
            out.push_str(if glued { word } else { "xyzzy" });
        }
        out.push_str(part);
    }
    out
}

#[test]
fn the_page_lists_the_keywords() {
    let block = PAGE.split_once("```keywords\n").unwrap().1.split_once("```").unwrap().0;
    let listed: Vec<&str> = block.split_whitespace().collect();
    assert_eq!(listed, KEYWORDS);
    assert_eq!(KEYWORDS.iter().collect::<BTreeSet<_>>().len(), KEYWORDS.len(), "a keyword is listed twice");
}

/// A keyword is a word that cannot be replaced by another one.
#[test]
fn the_keywords_are_those_the_parser_knows() {
    let mut found = BTreeSet::new();
    for statement in STATEMENTS {
        assert_eq!(parse(statement).errors, [], "{statement}");
        for word in words(statement) {
            if !parse(&without(statement, word)).errors.is_empty() {
                found.insert(word);
            }
        }
    }
    assert_eq!(found, KEYWORDS.iter().copied().collect());
}

/// The words in quotes in the page's EBNF are the keywords, and nothing else.
#[test]
fn the_page_uses_the_keywords() {
    let ebnf = PAGE.split_once("```ebnf\n").unwrap().1.split_once("```").unwrap().0;
    let quoted: BTreeSet<&str> = ebnf
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    assert_eq!(quoted, KEYWORDS.iter().copied().collect());
}
