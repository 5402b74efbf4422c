//! How a change of the examples reads in each format, and that hostile text stays text.

use palisade::diff::show::{json, markdown, text};

use super::{Read, printed};
use crate::command::root;

/// Texts and what replaces them.
type Edits<'a> = &'a [(&'a str, &'a str)];

/// An example, a name for the edit, and the edit.
const EDITS: &[(&str, &str, Edits<'_>)] = &[
    (
        "web-tier",
        "peers-and-ports",
        &[
            ("from set office to port 22", "from [set office, 203.0.113.0/24] to port 22"),
            ("to any port 25 ", "to any port [25, 465] "),
            ("    40 allow icmpv6 from any\n", ""),
            ("1 deny all from 192.0.2.66", "1 deny all from 192.0.2.66 log"),
        ],
    ),
    (
        "three-tier",
        "a-member-more",
        &[("address 10.0.2.10 groups app", "address [10.0.2.10, 10.0.2.11] groups app")],
    ),
    ("three-tier", "a-weaker-deny", &[("100 deny all to any log", "100 deny tcp to any log")]),
    (
        "classic",
        "an-instance-more",
        &[
            (
                "instance ops-1 {",
                "instance ops-2 {\n  nic eth0 internal address 10.10.9.2 groups ops\n}\n\ninstance ops-1 {",
            ),
            (
                "instance front-2 {\n  nic eth0 internal address 10.10.0.2 groups front\n  nic eth1 public address 47.96.0.2 groups front\n}\n",
                "",
            ),
            ("network old = classic\n", "network old = classic\n\nsession timeout 10m\n"),
        ],
    ),
    ("web-tier", "inner-scope", &[("network prod = vpc\n", "network prod = vpc\n\ninner scope both\n")]),
    (
        "enterprise",
        "another-order",
        &[("10 allow tcp from set partners to port 8443", "30 allow tcp from set partners to port 8443")],
    ),
];

fn example(name: &str, edits: Edits<'_>) -> Read {
    let folder = root().join("examples").join(name);
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("an example");
    let mut policy = read("policy.sg");
    for (from, to) in edits {
        assert!(policy.contains(from), "{name}: {from}");
        policy = policy.replacen(from, to, 1);
    }
    let mut files = vec![("policy.sg", policy)];
    if folder.join("common/admin.sg").exists() {
        files.push(("common/admin.sg", read("common/admin.sg")));
    }
    Read::files(&files)
}

#[test]
fn edits_of_the_examples_read_well() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots/diff"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, edit, edits) in EDITS {
        let (old, new) = (example(name, &[]), example(name, edits));
        let text = printed(text, &old, &new, None);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        settings.bind(|| insta::assert_snapshot!(format!("{name}-{edit}-text"), text));
        let markdown = printed(markdown, &old, &new, Some(&old));
        settings.bind(|| insta::assert_snapshot!(format!("{name}-{edit}-markdown"), markdown));
    }
    let (name, edit, edits) = EDITS[1];
    let json = printed(json, &example(name, &[]), &example(name, edits), Some(&example(name, &[])));
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    settings.bind(|| insta::assert_snapshot!(format!("{name}-{edit}-json"), json));
}

/// A policy whose only rule stands in an included file of this name.
fn including(file: &str, port: u16) -> Read {
    let root = format!(
        "include \"{}\"\n\nnetwork prod = vpc\n\ngroup g {{\n  kind basic\n  network prod\n  inner deny\n\n  in {{\n    1 \
         allow tcp from 192.0.2.0/24 to port {port} \"```<script>|`@octocat`\"\n  }}\n}}\n\ninstance i {{\n  nic eth0 \
         address 10.0.0.1 groups g\n}}\n",
        file.replace('\\', "\\\\")
    );
    let inner = format!(
        "group h {{\n  kind basic\n  network prod\n  inner deny\n\n  in {{\n    1 allow tcp from any to port {port}\n  \
         }}\n}}\n\ninstance j {{\n  nic eth0 address 10.0.0.2 groups h\n}}\n"
    );
    Read::files(&[("policy.sg", root), (file, inner)])
}

/// Names of files come from the policy: they can close no code block, start no HTML and name no user.
#[test]
fn hostile_names_stay_in_their_code() {
    for file in ["a```b.sg", "`<img src=x>|`.sg", "````~~~~.sg", "@octocat [x](y) ```.sg", "``````` |.sg"] {
        let (old, new) = (including(file, 80), including(file, 81));
        let markdown = printed(markdown, &old, &new, Some(&old));
        let mut fence: Option<String> = None;
        let mut fenced = 0;
        for line in markdown.lines() {
            match &fence {
                Some(open) if line == open => fence = None,
                Some(open) => {
                    fenced += usize::from(line.contains(file));
                    let run = line.chars().take_while(|it| *it == '`').count();
                    assert!(run < open.len(), "{line}");
                    assert!(!line.contains(open.as_str()), "{line}");
                }
                None if line.starts_with("```") => {
                    let run = line.chars().take_while(|it| *it == '`').count();
                    assert_eq!(&line[run..], "diff", "{line}");
                    fence = Some("`".repeat(run));
                }
                None => assert!(!line.contains("octocat") && !line.contains('<'), "{line}"),
            }
        }
        assert_eq!(fence, None, "{markdown}");
        assert!(fenced >= 2, "the name is told: {markdown}");
    }
}

#[test]
fn few_regions_are_printed_and_the_rest_counted() {
    let policy = |deny: &str| {
        let rules: String = (0..60)
            .map(|at| format!("    10 {deny} tcp from 192.0.2.{} to port {}\n", at * 4, 1000 + at * 2))
            .collect();
        Read::text(&format!(
            "network prod = vpc\n\ngroup g {{\n  kind basic\n  network prod\n  inner deny\n\n  in {{\n{rules}    20 allow tcp \
             from any to port 1-9999\n  }}\n}}\n\ninstance i {{\n  nic eth0 address 10.0.0.1 groups g\n}}\n"
        ))
    };
    let (old, new) = (policy("deny"), policy("allow"));
    let text = printed(text, &old, &new, None);
    assert!(text.lines().count() < 130, "{text}");
    assert!(text.contains("\n  and 20 more regions, addresses x ports: 20\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&printed(json, &old, &new, None)).expect("JSON");
    let changes = json["chains"][0]["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 60);
}
