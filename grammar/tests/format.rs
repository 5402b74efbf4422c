//! The canonical layout: stable, complete, and the same for everybody.

mod support;

use palisade_grammar::{FormatError, ast, format, format_file, parse, same_meaning};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{sloppy, trees};

const SAMPLE: &str = include_str!("data/sample.sg");

#[test]
fn the_sample_is_in_canonical_layout() {
    assert_eq!(format(SAMPLE).unwrap(), SAMPLE);
}

/// `layout/*.sg` against the snapshots of their canonical forms, which are fixed points.
#[test]
fn each_layout_rule_holds() {
    insta::glob!("layout/*.sg", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let formatted = format(&text).unwrap();
        assert_eq!(format(&formatted).unwrap(), formatted);
        insta::assert_snapshot!(formatted);
    });
}

#[test]
fn a_text_with_mistakes_is_refused_with_all_of_them() {
    let Err(FormatError::Syntax(errors)) = format("set a 10.0.0.1\nset b = 10.0.0.300\n") else {
        panic!("formatted")
    };
    assert_eq!(errors.len(), 2);
}

#[test]
fn an_empty_file_stays_empty() {
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format("\u{FEFF}\r\n \t\n\n").unwrap(), "");
}

#[test]
fn comments_of_a_built_tree_cannot_become_code() {
    let leading = vec!["one\ninclude \"x\"".to_owned(), "two\r\u{202E}".to_owned()];
    let file = ast::File { items: Vec::new(), dangling: leading };
    assert_eq!(format_file(&file), "# one\n# include \"x\"\n# two\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// parse(format_file(tree)) == tree, and the text is a fixed point.
    #[test]
    fn a_tree_survives_its_text(file in trees::file()) {
        let text = format_file(&file);
        let again = parse(&text);
        prop_assert_eq!(&again.errors, &[], "{}", text);
        prop_assert!(same_meaning(&file, &again.file), "{}", text);
        prop_assert_eq!(format(&text).unwrap(), text);
    }

    /// Whatever an author does to the layout, the same canonical text says the same and keeps every comment.
    #[test]
    fn a_careless_text_is_tidied(file in trees::file(), choices in vec(any::<u8>(), 1..200)) {
        let canonical = format_file(&file);
        let (careless, added) = sloppy::rewrite(&canonical, &choices);
        let read = parse(&careless);
        prop_assert_eq!(&read.errors, &[], "{}", careless);
        prop_assert!(same_meaning(&file, &read.file), "{}", careless);
        let tidy = format(&careless).unwrap();
        prop_assert_eq!(&format(&tidy).unwrap(), &tidy);
        let kept: Vec<&str> = tidy.match_indices("# added ").filter_map(|(at, _)| tidy[at + 2..].lines().next()).collect();
        prop_assert_eq!(kept, added, "{}\n{}", careless, tidy);
    }

    /// Each statement's span holds exactly that statement.
    #[test]
    fn a_statement_is_what_its_span_says(file in trees::file(), choices in vec(any::<u8>(), 1..200)) {
        let (text, _) = sloppy::rewrite(&format_file(&file), &choices);
        for item in parse(&text).file.items {
            let alone = parse(&text[item.span.start..item.span.end]);
            prop_assert_eq!(&alone.errors, &[]);
            let one = ast::File { items: vec![item], dangling: Vec::new() };
            prop_assert!(same_meaning(&alone.file, &one));
        }
    }
}
