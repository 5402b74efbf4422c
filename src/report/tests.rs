//! What must hold for every text, however hostile.

use super::{json_lines, plain, summary, visible};
use crate::diagnostic::{Diagnostic, FileId, Location, Sources};
use palisade_grammar::Span;

fn place(text: &str, part: &str) -> Location {
    let start = text.find(part).expect("the part is in the text");
    Location { file: FileId(0), span: Span::new(start, start + part.len()) }
}

fn sources(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.add("policy.sg".to_owned(), text.to_owned());
    sources
}

const HOSTILE: &str = "ok \u{1b}[31m\u{202e}x\u{9b}y\u{7} \u{200b}\u{feff}\t日本 end\r\nnext";

fn harmless(shown: &str) {
    let bad = |character: &char| *character != '\n' && super::text::is_hidden(*character);
    assert_eq!(shown.chars().find(bad), None, "{}", shown.escape_debug());
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    let mut sources = sources(HOSTILE);
    let other = sources.add("evil\u{1b}]0;x\u{7}.sg".to_owned(), HOSTILE.to_owned());
    let mut found =
        Diagnostic::error("palisade::test", HOSTILE, place(HOSTILE, "end"), HOSTILE).help(HOSTILE);
    found = found.label(Location { file: other, span: place(HOSTILE, "next").span }, "there");
    harmless(&plain(&[found.clone()], &sources));
    harmless(&json_lines(&[found.clone()], &sources));
    let json: serde_json::Value = serde_json::from_str(&json_lines(&[found.clone()], &sources)).unwrap();
    assert_eq!(json["message"], HOSTILE, "escapes must not change the value");
    #[cfg(feature = "cli")]
    for unicode in [true, false] {
        let look = super::Look { unicode, color: false, width: 80 };
        harmless(&super::people(&[found.clone()], &sources, look));
    }
    assert_eq!(visible("a\u{202e}b\n"), "a\\u{202e}b\\n");
}

#[test]
fn carets_stand_under_the_place() {
    let text = "\tset 日本 = x\n";
    let found = Diagnostic::error("palisade::test", "wrong", place(text, "x"), "here");
    let shown = plain(&[found], &sources(text));
    let expected =
        "error[palisade::test]: wrong\n  policy.sg:1:11: here\n    |  set 日本 = x\n    |             ^\n\n";
    assert_eq!(shown, expected);
}

#[test]
fn odd_places_are_shown_too() {
    let text = "one\ntwo";
    for (start, end) in [(3, 3), (7, 7), (3, 4), (0, 7), (5, 99), (99, 100), (4, 4)] {
        let at = Location { file: FileId(0), span: Span::new(start, end) };
        let found = [Diagnostic::error("palisade::test", "wrong", at, "here")];
        assert!(plain(&found, &sources(text)).contains('^'), "{start}..{end}");
        assert!(json_lines(&found, &sources(text)).contains("\"line\""), "{start}..{end}");
        #[cfg(feature = "cli")]
        {
            let look = super::Look { unicode: false, color: false, width: 80 };
            let shown = super::people(&found, &sources(text), look);
            assert!(shown.contains("here") && !shown.contains("Failed"), "{start}..{end}: {shown}");
        }
    }
}

/// Every span of a text with all kinds of line ends and widths, alone and beside another one.
#[cfg(feature = "cli")]
#[test]
fn every_span_can_be_drawn() {
    let text = "a\t\u{e9}\r\n\r\n\u{65e5}b\n\rc";
    let sources = sources(text);
    let at = |start, end| Location { file: FileId(0), span: Span::new(start, end) };
    let look = super::Look { unicode: true, color: false, width: 80 };
    for start in 0..=text.len() {
        for end in start..=text.len() + 1 {
            let one = Diagnostic::error("palisade::test", "wrong", at(start, end), "here");
            for other in [(0, 1), (4, 6), (8, 9), (text.len(), text.len())] {
                let two = one.clone().label(at(other.0, other.1), "there");
                let shown = super::people(&[two], &sources, look);
                assert!(
                    shown.contains("here") && shown.contains("there"),
                    "{start}..{end} {other:?}: {shown}"
                );
            }
        }
    }
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let text = format!("{}needle{}", "x".repeat(5000), "y".repeat(5000));
    let found = [Diagnostic::error("palisade::test", "wrong", place(&text, "needle"), "here")];
    let shown = plain(&found, &sources(&text));
    assert!(shown.len() < 600 && shown.contains("...") && shown.contains("needle"), "{shown}");
    let (line, carets) = (shown.lines().nth(2).unwrap(), shown.lines().nth(3).unwrap());
    assert_eq!(line.find("needle"), carets.find('^'));
    #[cfg(feature = "cli")]
    {
        let look = super::Look { unicode: true, color: true, width: 80 };
        assert!(super::people(&found, &sources(&text), look).len() < 600);
    }
}

#[test]
fn summary_counts() {
    let at = Location::START;
    let error = Diagnostic::error("palisade::test", "wrong", at, "here");
    let warning = Diagnostic::warning("palisade::test", "odd", at, "here");
    assert_eq!(summary(&[]), None);
    assert_eq!(summary(&[error.clone(), warning.clone(), error]).as_deref(), Some("2 errors, 1 warning"));
    assert_eq!(summary(&[warning]).as_deref(), Some("1 warning"));
}
