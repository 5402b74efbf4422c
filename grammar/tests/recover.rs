//! After a mistake the parser goes on: it finds the others, and keeps what is right.

use palisade_grammar::ast::{GroupItemKind, ItemKind};
use palisade_grammar::{Parse, parse};

/// Ten mistakes, one to a line that ends with `# HERE: text`, where `text` is what the error points at.
const TEN: &str = include_str!("data/ten.sg");

#[test]
fn ten_mistakes_are_ten_errors_at_their_places() {
    let read = parse(TEN);
    let found: Vec<(usize, &str)> = read
        .errors
        .iter()
        .map(|error| {
            (TEN[..error.span().start].matches('\n').count() + 1, &TEN[error.span().start..error.span().end])
        })
        .collect();
    let meant: Vec<(usize, &str)> = TEN
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, line.split_once("# HERE: ")?.1)))
        .collect();
    assert_eq!(meant.len(), 10);
    assert_eq!(found, meant, "{:#?}", read.errors);
}

#[test]
fn the_right_statements_around_mistakes_are_kept() {
    let read = parse(TEN);
    let kinds: Vec<&str> = read
        .file
        .items
        .iter()
        .map(|item| match &item.kind {
            ItemKind::Set(set) => set.name.value.as_str(),
            ItemKind::Group(group) => group.name.value.as_str(),
            ItemKind::Instance(instance) => instance.name.value.as_str(),
            ItemKind::Expect(_) => "expect",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["other", "good", "bad", "twice", "other", "web", "web-1", "expect"]);
    // The rule without a priority gets the strongest; the one whose only peer is wrong is left out.
    assert_eq!(rules(&read), [10, 20, 30, 1, 60, 70]);
}

/// The priorities of all rules of all groups.
fn rules(read: &Parse) -> Vec<u32> {
    let mut priorities = Vec::new();
    for item in &read.file.items {
        let ItemKind::Group(group) = &item.kind else { continue };
        for line in &group.items {
            let GroupItemKind::Section(section) = &line.kind else { continue };
            priorities.extend(section.rules.iter().map(|rule| rule.priority.value));
        }
    }
    priorities
}

/// A mistake and the codes it must give, no more.
#[test]
fn one_mistake_is_one_error() {
    let cases: &[(&str, &[&str])] = &[
        ("set a = [10.0.0.1, 10.0.0.2\nset b = 10.0.0.3\n", &["unclosed-bracket"]),
        ("set a = [\n  10.0.0.1,\n  set c,\nset b = [\n  10.0.0.3,\n]\n", &["unclosed-bracket"]),
        ("set a = 10.0.0.1]\nset b = 10.0.0.3\n", &["extra-closing"]),
        ("set a = [10.0.0.1, [10.0.0.2, [10.0.0.3]], 10.0.0.4]\n", &["nested-list"]),
        ("set a = (10.0.0.1, 10.0.0.2)\n", &["wrong-brackets"]),
        ("set a {\n  10.0.0.1,\n}\nset b = 10.0.0.1\n", &["unexpected-token", "wrong-brackets"]),
        ("group a {\n  kind basic\n\nset b = 10.0.0.1\n", &["unclosed-brace"]),
        ("group a {\n  in {\n    1 allow all\n  out {\n    1 allow all\n  }\n}\n", &["unclosed-brace"]),
        (
            "group a {\n  in {\n    1 allow all\n  }\n  }\n  out {\n    1 deny all\n  }\n}\nset b = 10.0.0.1\n",
            &["misplaced-statement"],
        ),
        ("group a {\n  in\n  {\n    1 allow all\n  }\n}\n", &["missing-block"]),
        ("group a\n  kind basic\n}\n", &["missing-block"]),
        ("group a { in { 1 allow all } }\n", &["missing-newline", "missing-newline"]),
        ("firewall a {\n  x {\n    y = [\n  ]\n  }\n}\nset b = 10.0.0.1\n", &["unknown-statement"]),
        ("firewall a {\n  x {\nset b = 10.0.0.1\n", &["unknown-statement"]),
        (
            "group a {\n  in {\n    1 allow tcp from {10.0.0.1, 10.0.0.2} to any\n  }\n}\n",
            &["wrong-brackets"],
        ),
        (
            "group a {\n  in {\n    1 allow tcp from [\n      10.0.0.300,\n    ] to any\n  }\n}\n",
            &["bad-address"],
        ),
        ("group a 0default with web {\n}\n", &["unexpected-token"]),
        ("group A {\n  Kind BASIC\n}\n", &["upper-case", "upper-case", "upper-case"]),
        ("expect allow tcp from any to Web port 080\n", &["upper-case", "leading-zero"]),
        ("include \"a\nset b = 10.0.0.1\n", &["unterminated-string"]),
        ("instance a \"b {\n  nic eth0 address 10.0.0.1\n}\n", &["unterminated-string"]),
        ("set a = $b\nset c = <d>\n", &["sigil", "sigil"]),
        ("/* a\n b\n c */ set b = 10.0.0.1\n", &["wrong-comment"]),
        ("session timeout 5 minutes\n", &["bad-duration"]),
        ("set a = 10.0.0.1; set b = 10.0.0.2;\n", &["unexpected-character", "unexpected-character"]),
        ("set a = [10.0.0.1; 10.0.0.2]\n", &["unexpected-character"]),
    ];
    for (text, codes) in cases {
        let found: Vec<&str> = parse(text)
            .errors
            .iter()
            .map(|error| error.code.strip_prefix("palisade::syntax::").unwrap())
            .collect();
        assert_eq!(&found, codes, "{text}");
    }
}

/// The statement behind a mistake is there.
#[test]
fn a_mistake_does_not_eat_the_next_statement() {
    let mistakes = [
        "set a = [10.0.0.1,",
        "set a = ",
        "set",
        "group a {",
        "group a {\n  in {\n    10 allow tcp from [10.0.0.1,",
        "}",
        "]",
        "[",
        "{",
        "instance a {\n  nic eth0 address [10.0.0.1",
        "x",
        "include \"a",
        "expect allow",
        "service a = tcp [80",
        "service a = [tcp",
        "10 allow tcp from any",
        "in {\n  10 allow tcp from any\n}",
        "session",
        "(",
        "'a",
        "\\",
        "set a = {\n  10.0.0.1,",
        "group a\n{\n}",
        "group a { }",
        "any, any",
        "set a = 10.0.0.1 {",
    ];
    for mistake in mistakes {
        let text = format!("{mistake}\nservice next = tcp 80\n");
        let read = parse(&text);
        assert!(!read.errors.is_empty(), "{text}");
        let kept =
            |kind: &ItemKind| matches!(kind, ItemKind::Service(service) if service.name.value == "next");
        assert!(read.file.items.iter().any(|item| kept(&item.kind)), "{text}\n{:#?}", read.errors);
    }
}
