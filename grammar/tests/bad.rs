//! Every syntax error: `bad/<code>.sg` shows the mistakes of one code, its snapshot what the author is told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // Clippy knows tests, but not what they call.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use palisade_grammar::{CODES, Span, SyntaxError, parse};

/// How many errors of one case its snapshot shows.
const MOST_SHOWN: usize = 40;

#[test]
fn each_mistake_teaches() {
    insta::glob!("bad/*.sg", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let errors = parse(&text).errors;
        let shown = if errors.len() > MOST_SHOWN {
            errors.last().into_iter().collect()
        } else {
            errors.iter().collect::<Vec<_>>()
        };
        let rendered: Vec<String> = shown.into_iter().map(|error| render(&text, error)).collect();
        insta::assert_snapshot!(rendered.join("\n"));
    });
}

#[test]
fn each_case_shows_its_code() {
    for path in cases() {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = format!("palisade::syntax::{}", path.file_stem().unwrap().to_str().unwrap());
        assert!(
            parse(&text).errors.iter().any(|error| error.code == code),
            "{} lacks {code}",
            path.display()
        );
    }
}

#[test]
fn each_code_has_a_case() {
    let stems: BTreeSet<String> =
        cases().iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let codes: BTreeSet<String> =
        CODES.iter().map(|(code, _)| code.strip_prefix("palisade::syntax::").unwrap().to_owned()).collect();
    assert_eq!(stems, codes);
    assert_eq!(codes.len(), CODES.len(), "a code is declared twice");
}

/// Messages and labels are lower case without a final period; spans lie in the text, at character boundaries.
#[test]
fn each_text_keeps_the_house_style() {
    for path in cases() {
        let text = std::fs::read_to_string(&path).unwrap();
        for error in parse(&text).errors {
            for part in error.labels.iter().map(|(_, label)| label).chain([&error.message]).chain(&error.help)
            {
                let first = part.chars().next().unwrap();
                let acronym = part.starts_with("NIC") || part.starts_with("IPv") || part.starts_with("U+");
                assert!(first.is_lowercase() || "`0123456789".contains(first) || acronym, "{part}");
                assert!(!part.ends_with('.'), "{part}");
            }
            assert!(CODES.iter().any(|(code, _)| *code == error.code), "{} is not declared", error.code);
            for (span, _) in &error.labels {
                assert!(text.get(span.start..span.end).is_some(), "{}: {span:?}", path.display());
            }
        }
    }
}

fn cases() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The error in plain text: its code and message, each label with its line, column and carets, and the help.
fn render(text: &str, error: &SyntaxError) -> String {
    let mut out = format!("{}: {}\n", error.code, error.message);
    for (span, label) in &error.labels {
        let (line, column, source) = place(text, *span);
        let width = text[span.start..span.end].lines().next().unwrap_or_default().chars().count().max(1);
        let blanks: String =
            source.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(out, "{line:4} | {}", visible(source)).unwrap();
        writeln!(out, "     | {blanks}{} {line}:{column} {label}", "^".repeat(width)).unwrap();
    }
    if let Some(help) = &error.help {
        writeln!(out, "help: {help}").unwrap();
    }
    out
}

/// Line and column, from 1 and in characters, and the text of the line.
fn place(text: &str, span: Span) -> (usize, usize, &str) {
    let before = &text[..span.start];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[start..].chars().count() + 1, text[start..].lines().next().unwrap_or_default())
}

/// The line with what a terminal would hide or obey made visible.
fn visible(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() && c != '\t' || ('\u{2028}'..='\u{2069}').contains(&c) { '·' } else { c })
        .collect()
}
