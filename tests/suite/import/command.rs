//! The command: what goes where, and how it ends.

use std::fs;

use crate::command::{arg, folder, palisade, root};

const LISTING: &str = "tests/import/complete/listing.json";
const GROUPS: &str = "tests/import/complete/groups.json";

#[test]
fn the_policy_goes_to_standard_output() {
    let run = palisade(&["import", "aliyun", GROUPS, LISTING]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("group sg-a \"alpha\" {\n"), "{}", run.stdout);
}

#[test]
fn warnings_go_to_standard_error() {
    let run = palisade(&["import", "aliyun", LISTING]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("palisade::import::assumed-kind"), "{}", run.stderr);
    assert!(!run.stdout.contains("assumed-kind"), "{}", run.stdout);
    let lines = palisade(&["import", "aliyun", LISTING, "--format", "json"]);
    assert_eq!(lines.stdout, run.stdout);
    for line in lines.stderr.lines() {
        let found: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
        assert_eq!(found["code"], "palisade::import::assumed-kind", "{line}");
    }
    assert_eq!(lines.stderr.lines().count(), 1, "{}", lines.stderr);
}

#[test]
fn the_policy_checks_and_is_written_whole_or_not_at_all() {
    let folder = folder(&[("policy.sg", "as before\n")]);
    let policy = folder.path().join("policy.sg");
    let bad = palisade(&["import", "aliyun", LISTING, "tests/import/not-json.json", "-o", arg(&policy)]);
    assert_eq!((bad.code, bad.stdout.as_str()), (2, ""));
    assert_eq!(fs::read_to_string(&policy).expect("a file"), "as before\n");
    let good = palisade(&["import", "aliyun", GROUPS, LISTING, "-o", arg(&policy)]);
    assert_eq!((good.code, good.stdout.as_str(), good.stderr.as_str()), (0, "", ""));
    assert_eq!(palisade(&["check", arg(&policy)]).code, 0);
    assert_eq!(palisade(&["fmt", "--check", arg(&policy)]).code, 0);
    let text = fs::read_to_string(&policy).expect("a file");
    let with_instance = format!("{text}\ninstance web-1 {{\n  nic eth0 address 10.0.1.1 groups sg-a\n}}\n");
    fs::write(&policy, with_instance).expect("written");
    for target in ["nftables", "iptables", "matcher"] {
        let out = folder.path().join(target);
        let run = palisade(&["compile", arg(&policy), "--target", target, "-o", arg(&out)]);
        assert_eq!(run.code, 0, "{target}: {}", run.stderr);
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let missing = palisade(&["import", "aliyun", "no-such-file.json"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (1, ""));
    assert!(missing.stderr.contains("`no-such-file.json`"), "{}", missing.stderr);
    let folder = folder(&[]);
    let path = folder.path().join("latin1.json");
    fs::write(&path, b"[{\"Description\": \"\xe9\"}]").expect("written");
    let foreign = palisade(&["import", "aliyun", arg(&path)]);
    assert_eq!((foreign.code, foreign.stdout.as_str()), (2, ""));
    assert!(foreign.stderr.contains("not UTF-8"), "{}", foreign.stderr);
    let cloud = palisade(&["import", "nowhere", LISTING]);
    assert_eq!(cloud.code, 1);
    assert_eq!(palisade(&["import", "aliyun"]).code, 1);
}

/// A listing names no instances; a gateway's rules are complete without them.
#[test]
fn documented_listings_check_and_compile() {
    let corpus = root().join("../shared/corpus/alicloud-docs-json");
    if !corpus.is_dir() {
        eprintln!("skipped: no documented answers at {}", corpus.display());
        return;
    }
    let folder = folder(&[]);
    for listing in ["DescribeSecurityGroupAttribute-5.json", "DescribeSecurityGroupAttribute-7.json"] {
        let policy = folder.path().join("policy.sg");
        let run = palisade(&["import", "aliyun", arg(&corpus.join(listing)), "-o", arg(&policy)]);
        assert_eq!(run.code, 0, "{listing}: {}", run.stderr);
        let run = palisade(&["check", arg(&policy)]);
        assert_eq!(run.code, 0, "{listing}: {}", run.stderr);
        for target in ["nftables", "iptables", "matcher"] {
            let out = folder.path().join(target);
            let run = palisade(&["compile", arg(&policy), "--gateway", "--target", target, "-o", arg(&out)]);
            assert_eq!(run.code, 0, "{listing} for {target}: {}", run.stderr);
        }
    }
}
