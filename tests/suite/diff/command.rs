//! The command: exit codes, gates, envelopes and git.

use std::path::Path;
use std::process::Command;

use crate::command::{Run, arg, folder, palisade};

const OLD: &str = "network prod = vpc

group web {
  kind basic
  network prod
  inner deny

  in {
    20 allow tcp from 198.51.100.0/24 to port 22 as ssh
    30 allow tcp from any to port 443
  }
}

instance web-1 {
  nic eth0 address 10.0.1.1 groups web
}

instance web-2 {
  nic eth0 address 10.0.1.2 groups web
}
";

/// Runs `palisade diff old.sg new.sg` with the new one made from the old one.
fn diff(new: &str, args: &[&str]) -> Run {
    let place = folder(&[("old.sg", OLD), ("new.sg", new)]);
    let (old, new) = (place.path().join("old.sg"), place.path().join("new.sg"));
    let mut all = vec!["diff", arg(&old), arg(&new)];
    all.extend_from_slice(args);
    palisade(&all)
}

fn code(new: &str, args: &[&str]) -> i32 {
    let run = diff(new, args);
    assert_eq!(run.stderr, "");
    run.code
}

#[test]
fn gates_look_at_the_meaning() {
    let same = OLD.replace("20 allow", "21 allow").replace("as ssh", "as shell \"words\"");
    let wider = OLD.replace("198.51.100.0/24", "198.51.0.0/16");
    let narrower = OLD.replace("198.51.100.0/24", "198.51.100.0/25");
    let logged = OLD.replace("as ssh", "as ssh log");
    let patient = format!("session timeout 20m\n\n{OLD}");
    let gone = OLD.split_once("instance web-2").expect("an instance").0.to_owned();
    for (new, [changed, widens, narrows]) in [
        (OLD.to_owned(), [0, 0, 0]),
        (same, [0, 0, 0]),
        (wider, [3, 3, 0]),
        (narrower, [3, 0, 3]),
        (logged, [3, 0, 0]),
        (patient, [3, 3, 0]),
        (gone, [3, 3, 3]),
    ] {
        assert_eq!(code(&new, &[]), 0, "{new}");
        assert_eq!(code(&new, &["--exit-code"]), changed, "{new}");
        assert_eq!(code(&new, &["--fail-on", "any"]), changed, "{new}");
        assert_eq!(code(&new, &["--fail-on", "widen"]), widens, "{new}");
        assert_eq!(code(&new, &["--fail-on", "narrow"]), narrows, "{new}");
    }
}

#[test]
fn equal_policies_are_said_to_be_proved_equal() {
    let run = diff(&OLD.replace("20 allow", "21 allow"), &[]);
    assert_eq!(run.stdout, "no change in meaning: proved for all packets of 4 chains\n");
    let run = diff(OLD, &["--format", "json"]);
    assert!(run.stdout.contains("\"same\": true"), "{}", run.stdout);
    let run = diff(OLD, &["--format", "markdown"]);
    assert!(run.stdout.contains("no change in meaning"), "{}", run.stdout);
}

#[test]
fn a_change_names_packets_sizes_and_both_rules() {
    let run = diff(&OLD.replace("198.51.100.0/24", "[198.51.100.0/24, 203.0.113.0/24]"), &[]);
    assert!(run.stdout.starts_with("web-1 eth0 in (also web-2 eth0)\n"), "{}", run.stdout);
    for line in ["  + allow tcp from 203.0.113.0/24 to any port 22", "256 addresses, 1 port"] {
        assert!(run.stdout.contains(line), "{}", run.stdout);
    }
    assert!(run.stdout.contains("        was deny by `default in`\n"), "{}", run.stdout);
    assert!(run.stdout.contains("now allow by `web in 20 ssh` (") && run.stdout.contains("new.sg:9)"));
}

#[test]
fn an_envelope_lets_small_changes_pass() {
    let new = OLD.replace("198.51.100.0/24", "[198.51.100.0/24, 203.0.113.0/24]");
    let wide = OLD.replace("198.51.100.0/24", "[198.51.100.0/24, 203.0.0.0/16]");
    let half = OLD.replace("198.51.100.0/24", "[198.51.100.0/24, 203.0.113.0/25]");
    let fewer = wide.split_once("instance web-2").expect("an instance").0.to_owned();
    let narrower = OLD.replace("198.51.100.0/24", "198.51.100.0/25");
    for (new, envelope, expected, words) in [
        (&new, &wide, 0, "everything newly allowed is within the envelope"),
        (&new, &half, 3, "allow tcp from 203.0.113.128/25 to any port 22"),
        (&new, &fewer, 3, "web-2 eth0: not in the envelope"),
        (&narrower, &half, 0, "everything newly allowed is within the envelope"),
        (&fewer, &wide, 3, "web-2 eth0: removed"),
    ] {
        let place = folder(&[("envelope.sg", envelope)]);
        let run = diff(new, &["--within", arg(&place.path().join("envelope.sg"))]);
        assert_eq!((run.code, run.stderr.as_str()), (expected, ""), "{}", run.stdout);
        assert!(run.stdout.contains(words), "{}", run.stdout);
    }
}

#[test]
fn generated_files_are_compared_on_request() {
    let new = OLD.replace("port 443", "port 8443");
    let run = diff(&new, &["--generated"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for words in ["--- web-1.nft\n", "+++ web-2.nft\n", "-\t\ttcp dport 443 ", "+\t\ttcp dport 8443 "] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    let run = diff(&new, &["--generated", "--format", "markdown"]);
    assert!(run.stdout.contains("`web-1.nft`\n\n```diff\n--- web-1.nft\n"), "{}", run.stdout);
    let run = diff(&new, &["--generated", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["generated"].as_array().map(Vec::len), Some(2));
    let run = diff(OLD, &["--generated"]);
    assert_eq!(run.stdout, "no change in meaning: proved for all packets of 4 chains\n");
}

#[test]
fn generated_files_of_every_target_are_compared() {
    let new = OLD.replace("port 443", "port 8443");
    for (args, words) in [
        (&["--target", "iptables"][..], &["--- web-1.rules.v4\n", "+++ web-2.rules.v6\n", "8443"][..]),
        (&["--target", "iptables", "--ipset", "--instance", "web-1"], &["--- web-1.rules.v4\n"]),
        (&["--target", "matcher", "--instance", "web-2"], &["web-2.palisade: binary, "]),
        (&["--gateway", "--table", "edge"], &["--- gateway.nft\n", "8443"]),
    ] {
        let run = diff(&new, &[&["--generated"], args].concat());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args:?}");
        for words in words {
            assert!(run.stdout.contains(words), "{args:?}: {words}: {}", run.stdout);
        }
        assert!(!args.contains(&"web-1") || !run.stdout.contains("web-2.rules"), "{}", run.stdout);
    }
    // An instance that one of them has comes as a new file; one that neither has is a mistake.
    let gone = OLD.split_once("instance web-2").expect("an instance").0;
    let run = diff(gone, &["--generated", "--instance", "web-2"]);
    assert!(run.code == 0 && run.stdout.contains("--- web-2.nft\n"), "{}", run.stderr);
    assert_eq!(diff(&new, &["--generated", "--instance", "web-9"]).code, 1);
}

#[test]
fn wrong_usage_says_what_is_wanted() {
    let place = folder(&[("a.sg", OLD), ("bad.sg", "group {\n")]);
    let (a, bad) = (place.path().join("a.sg"), place.path().join("bad.sg"));
    for (args, expected, words) in [
        (&["diff", arg(&a)][..], 1, "--git"),
        (&["diff", arg(&a), arg(&a), arg(&a)], 1, ""),
        (&["diff", arg(&a), "no-such-file.sg"], 1, "no-such-file.sg"),
        (&["diff", arg(&a), arg(&bad)], 2, "bad.sg"),
        (&["diff", "--git", "HEAD", arg(&a)], 1, "git repository"),
        (&["diff", "--git", "HEAD", arg(&a), arg(&a)], 1, "one policy"),
    ] {
        let run = palisade(args);
        assert_eq!((run.code, run.stdout.as_str()), (expected, ""), "{args:?} {}", run.stderr);
        assert!(run.stderr.contains(words), "{args:?} {}", run.stderr);
    }
}

fn git(place: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
        .args(["-c", "init.defaultBranch=main", "-c", "core.hooksPath=no-hooks"])
        .args(args)
        .current_dir(place)
        .env("GIT_CONFIG_GLOBAL", "no-config")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn git_revisions_are_read_with_their_includes() {
    let (head, rest) = OLD.split_once("group web").expect("a group");
    let policy = format!(
        "include \"common/sets.sg\"\n\n{head}group web{}",
        rest.replace("198.51.100.0/24", "set office")
    );
    let sets = "set office = 198.51.100.0/24\n";
    let place = folder(&[("net/policy.sg", &policy), ("net/common/sets.sg", sets), ("other.txt", "x")]);
    let path = place.path().join("net/policy.sg");
    git(place.path(), &["init", "-q"]);
    git(place.path(), &["add", "."]);
    git(place.path(), &["commit", "-q", "-m", "first"]);
    git(place.path(), &["tag", "v1"]);
    let same = palisade(&["diff", "--git", "v1", arg(&path), "--exit-code"]);
    assert_eq!((same.code, same.stderr.as_str()), (0, ""), "{}", same.stdout);

    // Only the included file changes, and it is not committed yet.
    std::fs::write(place.path().join("net/common/sets.sg"), "set office = 198.51.100.0/23\n")
        .expect("an edit");
    let changed = palisade(&["diff", "--git", "v1", arg(&path.with_file_name("")), "--exit-code"]);
    assert_eq!((changed.code, changed.stderr.as_str()), (3, ""), "{}", changed.stdout);
    assert!(changed.stdout.contains("allow tcp from 198.51.101.0/24 to any port 22"), "{}", changed.stdout);

    std::fs::write(&path, policy.replace("port 443", "port 444")).expect("an edit");
    git(place.path(), &["commit", "-q", "-a", "-m", "second"]);
    std::fs::remove_file(&path).expect("no policy");
    let both = palisade(&["diff", "--git", "v1", "--git", "main", arg(&path)]);
    assert_eq!((both.code, both.stderr.as_str()), (0, ""));
    for words in ["198.51.101.0/24", "port 444", "was allow by `web in 30` (v1:", "(main:", "policy.sg:12)"] {
        assert!(both.stdout.contains(words), "{words}: {}", both.stdout);
    }
    for name in ["no-such-branch", "--help", "-n", "v1:net", "main^{tree}"] {
        let run = palisade(&["diff", &format!("--git={name}"), arg(&path)]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{name}");
        assert!(run.stderr.contains("is no revision"), "{name}: {}", run.stderr);
    }
}
