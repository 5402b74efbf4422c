//! The house is in order: arrows between crates, sizes of files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::root;

/// Which of our crates each of our crates may use. A dev-dependency on the kit is allowed to the root alone.
const ARROWS: &[(&str, &[&str])] = &[
    ("example-bare", &["palisade", "palisade-ir", "palisade-matcher"]),
    ("example-embed", &["palisade"]),
    ("example-flow-log", &["palisade", "palisade-ir", "palisade-matcher"]),
    ("example-tcp-proxy", &["palisade", "palisade-ir", "palisade-matcher"]),
    ("palisade-grammar", &[]),
    ("palisade-ir", &[]),
    ("palisade-nftables", &["palisade-ir"]),
    ("palisade-iptables", &["palisade-ir"]),
    ("palisade-matcher", &["palisade-ir"]),
    ("palisade-rust", &["palisade-ir"]),
    ("palisade-testkit", &["palisade-grammar", "palisade-ir"]),
    (
        "palisade",
        &[
            "palisade-grammar",
            "palisade-ir",
            "palisade-iptables",
            "palisade-matcher",
            "palisade-nftables",
            "palisade-rust",
            "palisade-testkit",
        ],
    ),
];

/// Above this many lines without tests a file is more than one room.
const LONGEST_FILE: usize = 400;

#[test]
fn arrows_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let uses = package["dependencies"].as_array().expect("dependencies").iter();
        let ours = uses.filter_map(|it| it["name"].as_str()).filter(|name| name.starts_with("palisade"));
        found.insert(package["name"].as_str().expect("a name").to_owned(), ours.map(str::to_owned).collect());
    }
    let allowed: BTreeMap<String, BTreeSet<String>> = ARROWS
        .iter()
        .map(|(name, uses)| ((*name).to_owned(), uses.iter().map(|it| (*it).to_owned()).collect()))
        .collect();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        allowed.keys().collect::<Vec<_>>(),
        "crates come and go in ARROWS too"
    );
    for (name, uses) in &found {
        assert!(uses.is_subset(&allowed[name]), "{name} uses {uses:?}");
    }
}

#[test]
fn files_are_rooms() {
    let mut files = Vec::new();
    for folder in
        ["src", "grammar/src", "backends", "examples", "tests/kit/src", "tests/suite", "tests/kernel"]
    {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    let mut long = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        if lines > LONGEST_FILE {
            long.push(format!("{lines} {}", path.display()));
        }
    }
    assert!(long.is_empty(), "split these: {long:#?}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
