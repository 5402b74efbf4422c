//! Listings as clouds give them become policies that check, and nothing in a listing can say more than it should.
//!
//! A case is a file below `tests/import`, or a folder with the files of one call. Snapshots hold the policy and what
//! was said about it.

mod command;
mod meaning;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use palisade::diagnostic::Diagnostic;
use palisade::front;
use palisade::import::{Import, Input, aliyun};
use palisade::report;
use palisade_grammar::{ast, format, parse};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The cases with their names.
fn cases() -> Vec<(String, Vec<Input>)> {
    let cases: Vec<(String, Vec<Input>)> = entries(&root().join("tests/import"))
        .into_iter()
        .map(|path| {
            let files = if path.is_dir() { entries(&path) } else { vec![path.clone()] };
            (name(&path), files.iter().map(|path| input(path)).collect())
        })
        .collect();
    assert!(cases.len() > 60, "only {} cases found", cases.len());
    cases
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_str().expect("text").to_owned()
}

fn input(path: &Path) -> Input {
    let name = path.file_name().expect("a name").to_str().expect("text").to_owned();
    Input { name, text: fs::read_to_string(path).expect("a readable case") }
}

/// What holds for every policy that comes out: it is formatted, and checks without an error.
fn check(name: &str, import: &Import) {
    let has_errors = import.diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(import.policy.is_none(), has_errors, "{name}: a policy exactly when there is no error");
    let Some(policy) = &import.policy else { return };
    assert_eq!(format(policy).as_ref(), Ok(policy), "{name}: not formatted");
    let front = front::read_text("policy.sg", policy);
    assert!(
        front.policy.is_some(),
        "{name}: {}\n{policy}",
        report::plain(&front.diagnostics, &front.sources)
    );
}

fn shown(import: &Import) -> String {
    let policy = import.policy.as_deref().unwrap_or("no policy\n");
    format!("{policy}\n{}", report::plain(&import.diagnostics, &import.sources))
}

#[test]
fn cases_become_these_policies() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots/import"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, inputs) in cases() {
            let import = aliyun::import(&inputs);
            check(&name, &import);
            insta::assert_snapshot!(name, shown(&import));
        }
    });
}

#[test]
fn every_code_has_a_case() {
    // No listing can provoke it: a unit test beside the check holds its case.
    let mut seen = BTreeSet::from(["palisade::import::not-reproducible"]);
    for (_, inputs) in cases() {
        seen.extend(aliyun::import(&inputs).diagnostics.iter().map(|found| found.code));
    }
    let known: BTreeSet<&str> = aliyun::CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(seen, known);
}

#[test]
fn the_order_of_the_inputs_refuses_nothing_more() {
    for (name, mut inputs) in cases() {
        let forward = aliyun::import(&inputs).policy.is_some();
        inputs.reverse();
        let import = aliyun::import(&inputs);
        check(&name, &import);
        assert_eq!(forward, import.policy.is_some(), "{name}");
    }
}

#[test]
fn a_text_that_breaks_off_anywhere_is_refused() {
    for (name, inputs) in cases() {
        for input in inputs {
            let whole = input.text.trim_end();
            let ends = whole.char_indices().map(|(at, _)| at).filter(|at| at % 7 == 0);
            for end in ends {
                let part = Input { name: input.name.clone(), text: whole[..end].to_owned() };
                let import = aliyun::import(&[part]);
                assert!(import.policy.is_none(), "{name}: {} up to byte {end}", input.name);
            }
        }
    }
}

/// The cloud's documentation: its rule listings become policies, everything else is refused with the reason.
#[test]
fn documented_answers() {
    let folder = root().join("../shared/corpus/alicloud-docs-json");
    if !folder.is_dir() {
        eprintln!("skipped: no documented answers at {}", folder.display());
        return;
    }
    let expected = [
        ("CreateSecurityGroup-1.json", Err("not-a-listing")),
        ("DescribeSecurityGroupAttribute-2.invalid.json", Err("not-json")),
        ("DescribeSecurityGroupAttribute-5.json", Ok(1)),
        ("DescribeSecurityGroupAttribute-7.json", Ok(4)),
        ("DescribeSecurityGroupReferences-3.invalid.json", Err("not-json")),
        ("DescribeSecurityGroupReferences-8.json", Err("not-a-listing")),
        ("DescribeSecurityGroups-4.json", Err("no-listing")),
        ("DescribeSecurityGroups-6.json", Err("no-listing")),
    ];
    let files = entries(&folder).into_iter().filter(|path| path.extension().is_some_and(|it| it == "json"));
    let found: Vec<String> =
        files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(found, expected.map(|(file, _)| file));
    for (file, expected) in expected {
        let import = aliyun::import(&[input(&folder.join(file))]);
        check(file, &import);
        match expected {
            Ok(rules) => {
                let policy = front::read_text("policy.sg", &import.policy.expect(file)).policy.expect(file);
                assert_eq!(
                    policy.groups.iter().map(|group| group.rules.len()).sum::<usize>(),
                    rules,
                    "{file}"
                );
            }
            Err(code) => {
                let codes: Vec<&str> = import.diagnostics.iter().map(|found| found.code).collect();
                assert_eq!(codes, [format!("palisade::import::{code}")], "{file}");
            }
        }
    }
}

/// Texts that would be something else than a text, were they not kept in their place.
const HOSTILE: &[&str] = &[
    "x\" {\n}\ninclude \"/etc/passwd\"\n",
    "\"\n  1 allow all from any \"",
    "\\",
    "\\\" as x log",
    "# comment",
    "}\n}\ngroup y default {",
    "any",
    "default",
    "in",
    "\r\n",
    "\u{202e}\u{2066}\u{2028}",
    "0.0.0.0/0",
    "-",
    "..",
    "a--b",
    "9",
    "安全组",
    "\u{fe0f}\u{200d}",
    "../../etc/passwd",
];

#[test]
fn hostile_texts_stay_texts() {
    let listing = |text: &str| {
        let rule = |key: &str, priority: u32, tail: &str| {
            serde_json::json!({"Direction": "ingress", "IpProtocol": "TCP", "PortRange": "22/22", "Policy": "Accept",
                "Priority": priority, key: format!("{text}{tail}"), "Description": text})
        };
        let rules = [rule("SourceGroupId", 1, "~"), rule("SourcePrefixListId", 2, "")];
        serde_json::json!({"SecurityGroupId": format!("{text}!"), "SecurityGroupName": text, "Description": text,
            "VpcId": format!("{text}?"), "InnerAccessPolicy": "Accept", text: text,
            "Permissions": {"Permission": rules}})
    };
    let export = serde_json::json!([{"Direction": "ingress", "IpProtocol": "TCP", "PortRange": "22/22",
        "Policy": "Accept", "Priority": 1, "SourceCidrIp": "192.0.2.0/24"}]);
    for text in
        HOSTILE.iter().map(|text| (*text).to_owned()).chain(HOSTILE.iter().map(|text| text.repeat(200)))
    {
        let inputs = [
            Input { name: "listing.json".to_owned(), text: listing(&text).to_string() },
            Input { name: format!("{text}.json"), text: export.to_string() },
        ];
        let import = aliyun::import(&inputs);
        check(&text, &import);
        let policy = import
            .policy
            .clone()
            .unwrap_or_else(|| panic!("{text:?}: {}", report::plain(&import.diagnostics, &import.sources)));
        let file = parse(&policy).file;
        let kinds: Vec<&str> = file.items.iter().map(|item| kind(&item.kind)).collect();
        assert_eq!(
            kinds,
            ["network", "network", "set", "group 2", "group 1", "group 0"],
            "{text:?}\n{policy}"
        );
    }
}

fn kind(item: &ast::ItemKind) -> &'static str {
    let rules = |group: &ast::Group| -> usize {
        let sections = group.items.iter().map(|item| match &item.kind {
            ast::GroupItemKind::Section(section) => section.rules.len(),
            _ => 0,
        });
        sections.sum()
    };
    match item {
        ast::ItemKind::Network(_) => "network",
        ast::ItemKind::Set(_) => "set",
        ast::ItemKind::Group(group) => match rules(group) {
            0 => "group 0",
            1 => "group 1",
            2 => "group 2",
            _ => "another group",
        },
        _ => "something else",
    }
}

#[test]
fn deep_and_large_texts_are_no_burden() {
    let deep = format!("{{\"Permissions\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let codes = |text: String| -> Vec<&'static str> {
        let import = aliyun::import(&[Input { name: "x.json".to_owned(), text }]);
        import.diagnostics.iter().map(|found| found.code).collect()
    };
    assert_eq!(codes(deep), ["palisade::import::wrong-type"]);
    let rule =
        r#"{"Direction":"ingress","IpProtocol":"UNKNOWN","PortRange":"1","Policy":"Accept","Priority":1}"#;
    let many = format!("[{}]", vec![rule; 20_000].join(","));
    let found = codes(many);
    assert_eq!(found.len(), 1, "one error for one mistake, however often it is made");
}
