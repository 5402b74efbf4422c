//! Which tree a text has.

#![allow(clippy::panic, clippy::indexing_slicing)] // Clippy knows tests, but not what they call.

use palisade_grammar::ast::*;
use palisade_grammar::parse;

const SAMPLE: &str = include_str!("data/sample.sg");

/// The tree of a text without mistakes.
fn tree(text: &str) -> File {
    let read = parse(text);
    assert_eq!(read.errors, [], "{text}");
    read.file
}

/// The only statement of a text.
fn only(text: &str) -> ItemKind {
    let mut items = tree(text).items;
    assert_eq!(items.len(), 1);
    items.remove(0).kind
}

/// The only rule of a group with that one line in its `in` block.
fn rule(line: &str) -> Rule {
    let ItemKind::Group(mut group) = only(&format!("group g {{\n in {{\n  {line}\n }}\n}}")) else {
        panic!("no group")
    };
    let GroupItemKind::Section(mut section) = group.items.remove(0).kind else { panic!("no section") };
    section.rules.remove(0)
}

#[test]
fn the_sample() {
    insta::assert_snapshot!(outline(&tree(SAMPLE)));
}

#[test]
fn comments_and_blank_lines_belong_to_what_follows_or_precedes_them() {
    let text = "# head\n\n# of a\n\nset a = [ # first\n  10.0.0.1, # one\n\n  # two\n  10.0.0.2\n  # end\n] # done\n\n# last\n";
    insta::assert_snapshot!(outline(&tree(text)));
}

#[test]
fn every_keyword_may_be_a_name() {
    for word in palisade_grammar::KEYWORDS {
        tree(&format!("set {word} = set {word}\nservice {word} = service {word}\nnetwork {word} = vpc\n"));
        tree(&format!("group {word} clone {word} {{\n  network {word}\n  remove in {word}\n}}\n"));
        tree(&format!(
            "group {word} {{\n  in {{\n    1 allow service {word} from group {word} as {word} log\n  }}\n}}\n"
        ));
        tree(&format!(
            "instance a {{\n  nic {word} via {word} address 10.0.0.1 groups [{word}, {word}]\n}}\n"
        ));
        tree(&format!("instance a {{\n  nic {word} address 10.0.0.1 network {word}\n}}\n"));
        if !matches!(*word, "any" | "set" | "group") {
            tree(&format!(
                "instance {word} {{\n}}\nexpect deny all from {word} port 1 to [{word}, {word}] port 1\n"
            ));
        }
    }
}

#[test]
fn words_that_only_begin_like_keywords_are_names() {
    for word in ["tcp-lb", "any-1", "in.a", "set1", "fe80", "abcd", "dead.beef", "s", "m", "h"] {
        tree(&format!("set {word} = set {word}\n"));
    }
}

#[test]
fn a_rule_may_have_every_clause() {
    let full = rule(
        "20 deny proto 300 from [10.9.0.0/16, set a, group b] port [1, 2-3] to any port 0 as x log \"why\"",
    );
    assert_eq!(full.priority.value, 20);
    assert_eq!(full.verdict.value, Verdict::Deny);
    assert!(matches!(&full.protocol.value, Protocol::Number(number) if number.value == 300));
    let from = full.from.unwrap();
    let Some(Peers::List(peers)) = from.peers else { panic!("no peers") };
    assert!(matches!(peers.elements[0].value, Peer::Address(Address { length: Some(16), .. })));
    assert!(matches!(&peers.elements[1].value, Peer::Set(name) if name.value == "a"));
    assert!(matches!(&peers.elements[2].value, Peer::Group(name) if name.value == "b"));
    let ports: Vec<Ports> = from.ports.unwrap().elements.into_iter().map(|element| element.value).collect();
    assert_eq!(ports, [Ports { first: 1, last: 1 }, Ports { first: 2, last: 3 }]);
    let to = full.to.unwrap();
    assert!(matches!(to.peers, Some(Peers::Any(_))));
    assert_eq!(to.ports.unwrap().elements[0].value, Ports { first: 0, last: 0 });
    assert_eq!(full.label.unwrap().value, "x");
    assert!(full.log.is_some());
    assert_eq!(full.description.unwrap().value, "why");
}

#[test]
fn a_rule_may_have_no_clause() {
    let bare = rule("1 allow all");
    assert!(bare.from.is_none() && bare.to.is_none() && bare.label.is_none() && bare.log.is_none());
}

/// What resolving refuses with a better reason than the grammar could give.
#[test]
fn numbers_and_prefixes_are_not_judged_here() {
    let odd = rule("0 allow tcp from 10.1.2.3/8 port 70000 to any port 200-1");
    assert_eq!(odd.priority.value, 0);
    let ports = odd.to.unwrap().ports.unwrap();
    assert_eq!(ports.elements[0].value, Ports { first: 200, last: 1 });
    assert_eq!(rule("4294967295 allow tcp from any").priority.value, u32::MAX);
}

#[test]
fn a_range_may_have_blanks() {
    let ports = rule("1 allow tcp to any port [1 - 2, 3 -4, 5- 6, 7-8]").to.unwrap().ports.unwrap();
    let ends: Vec<(u32, u32)> =
        ports.elements.iter().map(|port| (port.value.first, port.value.last)).collect();
    assert_eq!(ends, [(1, 2), (3, 4), (5, 6), (7, 8)]);
}

#[test]
fn the_bases_of_groups() {
    let base = |head: &str| match only(&format!("{head} {{\n}}")) {
        ItemKind::Group(group) => group.base,
        _ => panic!("no group"),
    };
    assert_eq!(base("group g"), GroupBase::Custom);
    assert!(matches!(base("group g clone h"), GroupBase::Clone(name) if name.value == "h"));
    assert_eq!(base("group g default"), GroupBase::Default { web: false, span: Span::new(8, 15) });
    assert_eq!(
        base("group g default with web \"text\""),
        GroupBase::Default { web: true, span: Span::new(8, 24) }
    );
}

#[test]
fn what_a_nic_belongs_to() {
    let membership = |rest: &str| match only(&format!(
        "instance i {{\nnic \"br_lan\" public via tap3 address 10.0.0.1{rest}\n}}"
    )) {
        ItemKind::Instance(mut instance) => instance.nics.remove(0).membership,
        _ => panic!("no instance"),
    };
    assert_eq!(membership(""), Membership::Missing);
    assert!(matches!(membership(" network n"), Membership::Network(name) if name.value == "n"));
    assert!(matches!(membership(" groups [a, b]"), Membership::Groups(list) if list.elements.len() == 2));
}

#[test]
fn escapes_are_undone() {
    assert!(
        matches!(only(r#"include "a \"b\" \\ c""#), ItemKind::Include(path) if path.value == r#"a "b" \ c"#)
    );
}

#[test]
fn durations_keep_their_unit() {
    for (text, amount, unit) in [
        ("910s", 910, DurationUnit::Seconds),
        ("15m", 15, DurationUnit::Minutes),
        ("0h", 0, DurationUnit::Hours),
    ] {
        let ItemKind::SessionTimeout(duration) = only(&format!("session timeout {text}")) else {
            panic!("no timeout")
        };
        assert_eq!(duration.value, Duration { amount, unit });
    }
}

#[test]
fn line_ends_a_byte_order_mark_and_a_missing_last_line_end_are_fine() {
    for text in [
        "\u{FEFF}include \"a\"",
        "include \"a\"\r\n",
        "\n\n \t include\t\"a\" # c\r\n\r\n",
        "#\ninclude \"a\"#c",
    ] {
        assert!(matches!(only(text), ItemKind::Include(_)));
    }
    let mark = parse("include \"a\"\n\u{FEFF}include \"b\"\n");
    assert_eq!(mark.errors.len(), 1);
    assert_eq!(mark.file.items.len(), 2);
}

#[test]
fn bare_names_are_instances_in_expectations_only() {
    let ItemKind::Expect(expect) =
        only("expect allow tcp from [web-1, 10.0.0.1, set a, group b] to port port 1")
    else {
        panic!("no expectation")
    };
    let Some(Peers::List(from)) = expect.from.peers else { panic!("no peers") };
    assert!(matches!(&from.elements[0].value, Peer::Instance(name) if name.value == "web-1"));
    let Some(Peers::List(to)) = expect.to.peers else { panic!("no peers") };
    assert!(matches!(&to.elements[0].value, Peer::Instance(name) if name.value == "port"));
}

/// The tree without what is empty everywhere.
fn outline(file: &File) -> String {
    let full = format!("{file:#?}");
    let mut lines: Vec<String> = full.lines().map(str::to_owned).collect();
    let empty = ["trivia: Trivia {", "blank_before: false,", "leading: [],", "trailing: None,", "},"];
    let mut at = 0;
    while at < lines.len() {
        let found = lines[at..].iter().zip(empty).filter(|(line, part)| line.trim() == *part).count();
        if found == empty.len() {
            lines.drain(at..at + empty.len());
        } else if lines[at].trim() == "dangling: []," {
            lines.remove(at);
        } else {
            at += 1;
        }
    }
    while fold(&mut lines) {}
    lines.join("\n")
}

/// Puts short groups of lines on one line; answers whether there was one.
fn fold(lines: &mut Vec<String>) -> bool {
    let opens = |line: &str| line.ends_with(['{', '(', '[']);
    let closes = |line: &str| line.trim_start().starts_with(['}', ')', ']']);
    for at in 0..lines.len() {
        let inside = lines[at + 1..].iter().take_while(|line| !opens(line) && !closes(line)).count();
        let end = at + 1 + inside;
        if !opens(&lines[at]) || inside == 0 || lines.get(end).is_none_or(|line| !closes(line)) {
            continue;
        }
        let parts: Vec<&str> = lines[at + 1..=end].iter().map(|line| line.trim()).collect();
        let whole = format!("{} {}", lines[at], parts.join(" "))
            .replace("( ", "(")
            .replace(", )", ")")
            .replace("[ ", "[")
            .replace(", ]", "]");
        if whole.trim_start().len() <= 90 {
            lines.splice(at..=end, [whole]);
            return true;
        }
    }
    false
}
