//! `check` as a whole: one report for all that is found, in every format.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::command::{Run, arg, folder, palisade, root};

/// A lint, a warning of the resolver, and an expectation that does not hold.
const POLICY: &str = "network prod = vpc
group web {
  kind basic
  network prod
  inner allow
  in {
    10 allow tcp from 198.51.100.0/24 to port 80
    20 allow tcp from 198.51.100.0/25 to port 80
    20 allow tcp from 198.51.100.0/25 to port 80
  }
}
instance web-1 {
  nic eth0 address 10.0.1.1 groups web
}
expect allow tcp from 203.0.113.9 to web-1 port 80
";

/// What SARIF 2.1.0 allows of what is written here; anything else in a document fails to read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    #[serde(rename = "$schema")]
    schema: String,
    version: String,
    runs: Vec<RunLog>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RunLog {
    tool: Tool,
    column_kind: String,
    results: Vec<Found>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Driver {
    name: String,
    version: String,
    semantic_version: String,
    information_uri: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rule {
    id: String,
    name: String,
    short_description: Text,
    help: Help,
    default_configuration: Configuration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Configuration {
    enabled: bool,
    level: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Text {
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Found {
    rule_id: String,
    rule_index: usize,
    level: String,
    message: Text,
    locations: Vec<Place>,
    #[serde(default)]
    related_locations: Vec<Place>,
    partial_fingerprints: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Place {
    id: Option<usize>,
    message: Option<Text>,
    physical_location: Physical,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Physical {
    artifact_location: Uri,
    region: Region,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Uri {
    uri: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

fn sarif(policy: &str) -> (Run, RunLog) {
    let run = palisade(&["check", "--format", "sarif", policy]);
    assert_eq!(run.stderr, "", "{policy}");
    let document: Document =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{policy}: {error}"));
    assert_eq!((document.version.as_str(), document.runs.len()), ("2.1.0", 1));
    assert!(document.schema.ends_with("sarif-2.1.0.json"));
    let log = document.runs.into_iter().next().expect("a run");
    holds_together(policy, &log);
    (run, log)
}

/// What the schema cannot say.
fn holds_together(policy: &str, log: &RunLog) {
    let RunLog { tool: Tool { driver }, column_kind, results } = log;
    assert_eq!((driver.name.as_str(), column_kind.as_str()), ("palisade", "unicodeCodePoints"));
    assert!(driver.version == driver.semantic_version && driver.information_uri.starts_with("https://"));
    let ids: BTreeSet<&str> = driver.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids.len(), driver.rules.len(), "a rule twice");
    for Rule { id, name, short_description, help, default_configuration } in &driver.rules {
        assert!(id.ends_with(name.as_str()) && !short_description.text.is_empty(), "{id}");
        assert!(!help.text.is_empty() && !help.markdown.is_empty(), "{id}");
        let level = default_configuration.level.as_str();
        assert!(["none", "warning", "error"].contains(&level), "{id}");
        assert_eq!(default_configuration.enabled, level != "none", "{id}");
    }
    let mut prints = BTreeSet::new();
    for found in results {
        assert_eq!(driver.rules[found.rule_index].id, found.rule_id, "{policy}");
        assert!(["warning", "error"].contains(&found.level.as_str()) && !found.message.text.is_empty());
        assert!(
            prints.insert(&found.partial_fingerprints["palisadeLine/v1"]),
            "{policy}: a fingerprint twice"
        );
        for place in found.locations.iter().chain(&found.related_locations) {
            let Physical { artifact_location, region } = &place.physical_location;
            let text =
                std::fs::read_to_string(root().join(&artifact_location.uri)).expect("a file that is there");
            let lines: Vec<&str> = text.split('\n').collect();
            for (line, column) in
                [(region.start_line, region.start_column), (region.end_line, region.end_column)]
            {
                assert!(
                    line >= 1 && column >= 1 && column <= lines[line - 1].chars().count() + 1,
                    "{policy}"
                );
            }
        }
        assert_eq!(found.locations.len(), 1, "{policy}");
        assert!(found.related_locations.iter().zip(1..).all(|(place, id)| place.id == Some(id)));
        assert!(found.related_locations.iter().all(|place| place.message.is_some()));
    }
}

/// Run from the root, as code scanning does. The official schema was asked by hand about the same documents.
#[test]
fn every_case_is_sound_sarif() {
    let mut policies = Vec::new();
    for folder in ["tests/lint", "tests/bad"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("cases") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            // Half the cases of refusals are enough: each run starts a process.
            if name.ends_with(".sg") && (folder == "tests/lint" || name.len() % 2 == 0) {
                policies.push(format!("{folder}/{name}"));
            }
        }
    }
    policies.push("tests/bad/duplicate-set-in-include/policy.sg".to_owned());
    let mut results = 0;
    for policy in &policies {
        let (run, log) = sarif(policy);
        let rejected = log.results.iter().any(|found| found.level == "error");
        assert_eq!(run.code, if rejected { 2 } else { 0 }, "{policy}");
        results += log.results.len();
    }
    assert!(policies.len() > 50 && results >= policies.len(), "{results}");
}

#[test]
fn sarif_points_at_covering_rules() {
    let (_, log) = sarif("tests/lint/redundant-union.sg");
    let found =
        log.results.iter().find(|found| found.rule_id == "palisade::lint::redundant").expect("the finding");
    assert_eq!(found.level, "warning");
    assert_eq!(found.related_locations.len(), 2);
    let place = &found.locations[0].physical_location;
    assert_eq!(place.artifact_location.uri, "tests/lint/redundant-union.sg");
    let text = std::fs::read_to_string(root().join(&place.artifact_location.uri)).expect("the case");
    let line = text.lines().nth(place.region.start_line - 1).expect("the line");
    assert!(line.trim_start().starts_with("20 "), "{line}");
}

#[test]
fn fingerprints_stay_while_lines_move() {
    let place = folder(&[("policy.sg", POLICY), ("moved.sg", "")]);
    let path = place.path().join("policy.sg");
    let prints = || {
        let run = palisade(&["check", "--format", "sarif", arg(&path)]);
        let document: Document = serde_json::from_str(&run.stdout).expect("a document");
        let found = document.runs.into_iter().flat_map(|run| run.results);
        found.map(|found| found.partial_fingerprints["palisadeLine/v1"].clone()).collect::<Vec<_>>()
    };
    let before = prints();
    assert_eq!(before.len(), 3);
    std::fs::write(&path, format!("# a comment\n\n{}", POLICY.replace("    10", "  10"))).expect("an edit");
    assert_eq!(prints(), before);
    std::fs::write(&path, POLICY.replace("/25", "/26")).expect("an edit");
    assert_ne!(prints(), before);
}

#[test]
fn odd_paths_and_words_stay_sound() {
    let place = folder(&[("a b/ü#.sg", "group {\n")]);
    let path = place.path().join("a b/ü#.sg");
    let run = palisade(&["check", "--format", "sarif", arg(&path)]);
    let document: Document = serde_json::from_str(&run.stdout).expect("a document");
    let found = &document.runs[0].results[0];
    assert!(found.message.text.contains("`{{`"), "{}", found.message.text);
    let uri = &found.locations[0].physical_location.artifact_location.uri;
    assert!(uri.starts_with("file:///") && uri.ends_with("/a%20b/%C3%BC%23.sg"), "{uri}");
}

#[test]
fn one_summary_for_everything() {
    let place = folder(&[("policy.sg", POLICY)]);
    let run = palisade(&["check", arg(&place.path().join("policy.sg"))]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let summaries: Vec<&str> = run.stderr.lines().filter(|line| line.contains(" warning")).collect();
    assert_eq!(summaries, ["1 error, 2 warnings"], "{}", run.stderr);
    assert!(run.stderr.ends_with("1 error, 2 warnings\n"));
}

#[test]
fn included_files_are_shown_where_they_lie() {
    let run = palisade(&["check", "tests/bad/duplicate-set-in-include/policy.sg"]);
    assert_eq!(run.code, 2);
    for path in
        ["tests/bad/duplicate-set-in-include/sets.sg:1:5", "tests/bad/duplicate-set-in-include/policy.sg:3:5"]
    {
        assert!(run.stderr.contains(path), "{path}: {}", run.stderr);
    }
    // From within the folder both are plain names.
    let place = folder(&[
        ("policy.sg", "include \"sets.sg\"\nset a = 10.0.0.1\n"),
        ("sets.sg", "set a = 10.0.0.2\n"),
    ]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["check", "--format", "json", "policy.sg"])
        .current_dir(place.path())
        .output()
        .expect("a run");
    let told = String::from_utf8(output.stderr).expect("text");
    assert!(told.contains("\"file\":\"policy.sg\"") && told.contains("\"file\":\"sets.sg\""), "{told}");
    // Through a link to the policy, what it includes lies beside the true file.
    #[cfg(unix)]
    {
        let elsewhere = folder(&[]);
        let link = elsewhere.path().join("link.sg");
        std::os::unix::fs::symlink(place.path().join("policy.sg"), &link).expect("a link");
        let run = palisade(&["check", "--format", "json", arg(&link)]);
        let home = std::fs::canonicalize(place.path()).expect("the folder");
        assert!(run.stderr.contains(arg(Path::new(&home.join("sets.sg")))), "{}", run.stderr);
    }
}

/// Nobody reads ten thousand drawings; programs get all there is.
#[test]
fn people_see_a_hundred_warnings_and_the_number_of_the_rest() {
    let rules: String =
        (0..150).map(|at| format!("    20 allow tcp from 198.51.100.{at} to port 80\n")).collect();
    let text = POLICY
        .replace("    20 allow tcp from 198.51.100.0/25 to port 80\n", "")
        .replace("  }\n}\ninst", &format!("{rules}  }}\n}}\ninst"));
    let folder = folder(&[("policy.sg", &text)]);
    let policy = arg(&folder.path().join("policy.sg")).to_owned();
    let run = palisade(&["check", &policy]);
    let drawn = |run: &Run| run.stderr.matches("palisade::lint::redundant").count();
    assert!(drawn(&run) <= 100 && drawn(&run) > 90, "{}", run.stderr);
    let hidden: Vec<&str> =
        run.stderr.lines().filter(|line| line.contains("more warnings (--all shows them)")).collect();
    assert!(hidden.len() == 1 && hidden[0].contains(" redundant"), "{hidden:?}");
    // What fails is drawn, however much comes before it.
    assert!(run.stderr.contains("palisade::expect::failed"), "{}", run.stderr);
    let all = palisade(&["check", &policy, "--all"]);
    assert_eq!(drawn(&all), 150);
    assert_eq!(run.stderr.lines().last(), all.stderr.lines().last());
    let json = palisade(&["check", &policy, "--format", "json"]);
    assert_eq!(drawn(&json), 150);
}
