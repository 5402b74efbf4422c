//! No text makes the parser panic, overflow its stack or take more than linear time.
//!
//! There are no clocks here: an input of a megabyte that took quadratic time would not end while anybody waits.

use palisade_grammar::{KEYWORDS, Parse, format, parse};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const MEGABYTE: usize = 1 << 20;
/// For what is repeated in many ways.
const SIZE: usize = 1 << 16;

/// What must hold for every text whatever.
fn check(text: &str) -> Parse {
    let read = parse(text);
    assert!(read.errors.len() <= 1001);
    assert!(read.errors.is_sorted_by_key(|error| error.span().start));
    for error in &read.errors {
        assert!(!error.labels.is_empty() && !error.message.is_empty());
        assert!(error.message.len() < 1000 && error.help.as_ref().is_none_or(|help| help.len() < 1000));
        for (span, _) in &error.labels {
            assert!(text.get(span.start..span.end).is_some(), "{span:?} in {:?}", error.message);
        }
    }
    match format(text) {
        Ok(formatted) => {
            assert!(read.errors.is_empty());
            assert_eq!(format(&formatted), Ok(formatted.clone()));
            assert_eq!(words(text), words(&formatted), "a word of a right text was passed over");
        }
        Err(_) => assert!(!read.errors.is_empty()),
    }
    read
}

/// All words but numbers and addresses, which have more than one spelling, in no order, since comments may move.
fn words(text: &str) -> Vec<&str> {
    let parted = text.split(|c: char| c.is_whitespace() || "[]{},=#\"\u{FEFF}".contains(c));
    let mut words: Vec<&str> = parted
        .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit() || c == '-') && !word.contains(':'))
        .collect();
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    words
}

#[test]
fn repeated_pieces_are_read_in_linear_time_and_constant_stack() {
    let pieces = [
        "[",
        "]",
        "{",
        "}",
        "[,",
        "(",
        ")",
        ",",
        "=",
        "\"",
        "'",
        "\\",
        "-",
        "--",
        "/*",
        "//",
        "$",
        "<a",
        "\0",
        "\u{202E}",
        "é",
        "::",
        ":",
        ".",
        "/",
        "%",
        "a",
        "A",
        "0",
        "9",
        " ",
        "\n",
        "\r",
        "\r\n",
        "#",
        "# c\n",
        "x\n",
        "any,",
        "any ",
        "log ",
        "to ",
        "port ",
        "port 1 ",
        "from any ",
        "a,",
        "80,",
        "10.0.0.1,",
        "set a ",
        "group ",
        "group a { ",
        "group a {\n",
        "in {\n",
        "{\n",
        "}\n",
        "[\n",
        "[ # c\n",
        "set a = [",
        "set a = [\n",
        "service a = tcp [",
        "10 allow tcp from [",
        "clone a ",
        "default ",
        "\"a\" ",
        "nic a ",
        "1 allow ",
        "expect ",
        "\u{FEFF}",
        ";",
        "(80;",
        "*",
        "!",
        "1-",
        "1:1 ",
        "a/1 ",
    ];
    for piece in pieces {
        check(&piece.repeat(SIZE / piece.len()));
    }
    for start in
        ["set a = ", "group a {\nin {\n10 allow tcp from ", "service a = tcp ", "instance a {\nnic a groups "]
    {
        for piece in [
            "[",
            "[ # c\n",
            "# c\n",
            "any, ",
            "a, ",
            "a # c\n",
            "\n",
            "set\n",
            "{",
            "(",
            "tcp [",
            "1\n",
            "10.0.0.1, ",
        ] {
            check(&format!("{start}{}", piece.repeat(SIZE / piece.len())));
            check(&format!("{start}[{}", piece.repeat(SIZE / piece.len())));
        }
    }
}

#[test]
fn long_words_are_read_and_not_repeated_in_full() {
    for start in [
        "",
        "tcp/",
        "a",
        "A",
        "1",
        "0",
        "10.0.0.0/",
        "10.0.0.",
        "1-",
        "1:",
        "::",
        "a:",
        "$",
        "<",
        "\"",
        "'",
        "# ",
        "session timeout 1",
        "set a_",
    ] {
        for piece in ["1", "0", "a", "é", "-", ":", ".", "_", "ab-", "1."] {
            check(&format!("{start}{}", piece.repeat(SIZE / piece.len())));
        }
    }
}

#[test]
fn a_megabyte_of_braces_is_one_mistake() {
    assert_eq!(parse(&"{".repeat(MEGABYTE)).errors.len(), 1);
    assert_eq!(parse(&format!("set a = {}", "[".repeat(MEGABYTE))).errors.len(), 2);
}

/// Blocks that are indented deeper and deeper are the only way to nest.
#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let mut text = String::new();
    for depth in 0..1500 {
        text.push_str(&" ".repeat(depth));
        text.push_str(if depth % 2 == 0 { "group a {\n" } else { "in {\n" });
    }
    check(&text);
}

#[test]
fn a_large_policy_is_read_whole() {
    let rules = 40_000;
    let mut text = "group a {\n  in {\n".to_owned();
    for _ in 0..rules {
        text.push_str(
            "    10 allow tcp from [10.0.0.1, set b] port [1, 2-3] to any port 443 as x log \"d\" # c\n",
        );
    }
    text.push_str("  }\n}\n");
    let read = parse(&text);
    assert_eq!(read.errors, []);
    assert_eq!(format(&text).unwrap(), text);
}

/// Pieces of the language in any order, most of them keywords, behind the begin of some statement.
fn soup() -> impl Strategy<Value = String> {
    let starts = select(
        &[
            "",
            "set a = ",
            "service a = ",
            "group a {\n  in {\n    10 allow tcp from ",
            "group a ",
            "instance a {\n  nic a ",
            "expect allow tcp from ",
            "session timeout ",
        ][..],
    );
    let marks = select(
        &[
            "{", "}", "[", "]", "[", "]", ",", ",", "=", "-", "\n", "\n  ", "\r\n", "\n\n", "# c\n", "\"s\"",
            "\"", "'", "#", ";", "(", ")", "\t", "\\",
        ][..],
    );
    let values = select(
        &[
            "10",
            "1-2",
            "0",
            "080",
            "99999999999",
            "10.0.0.1",
            "10.0.0.0/8",
            "10.0.0.256",
            "fd00::1",
            "::ffff:1.2.3.4",
            "5s",
            "910",
            "a",
            "web-1",
            "Web",
            "we_b",
            "2nd",
            "tcp/443",
            "permit",
            "form",
            "$x",
            "*",
            "–",
            "\u{202E}",
            "\0",
            "any,",
        ][..],
    );
    let piece = prop_oneof![4 => select(KEYWORDS), 3 => marks, 2 => values];
    let pieces = vec((piece, select(&[" ", " ", " ", "", "\n", "  "][..])), 0..60);
    (starts, pieces).prop_map(|(start, pieces)| {
        [start].into_iter().chain(pieces.into_iter().flat_map(|(piece, gap)| [piece, gap])).collect()
    })
}

/// Right texts with all the language can say.
const RIGHT: &[&str] = &[
    include_str!("data/sample.sg"),
    include_str!("layout/mixed.sg"),
    include_str!("layout/groups.sg"),
    include_str!("layout/services.sg"),
    include_str!("layout/sets.sg"),
    include_str!("layout/one-line.sg"),
];

/// A right text with a few bytes cut out or put in.
fn damaged() -> impl Strategy<Value = String> {
    let with = select(
        &[
            "", "", "[", "]", "{", "}", "\"", "\n", ",", "port ", "0", "-", "#", " x ", " 5 ", "any ", "(",
            "= ",
        ][..],
    );
    (select(RIGHT), vec((any::<prop::sample::Index>(), 0_usize..12, with), 1..4)).prop_map(
        |(right, edits)| {
            let mut text = right.to_owned();
            for (at, length, with) in edits {
                let at = at.index(text.len().max(1)).min(text.len());
                let end = (at + length).min(text.len());
                if text.is_char_boundary(at) && text.is_char_boundary(end) {
                    text.replace_range(at..end, with);
                }
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_soup_of_tokens_is_read(text in soup()) {
        check(&text);
    }

    #[test]
    fn any_damage_is_survived(text in damaged()) {
        check(&text);
    }
}
