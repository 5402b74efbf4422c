//! The examples check, their committed outputs are what they compile to, and they are formatted.

use std::collections::BTreeSet;

use crate::command::{palisade, root};

/// Example, output folder, arguments: `palisade compile examples/EXAMPLE/policy.sg ARGUMENTS -o examples/EXAMPLE/FOLDER`.
const OUTPUTS: &[(&str, &str, &[&str])] = &[
    ("web-tier", "nftables", &[]),
    ("web-tier", "iptables", &["--target", "iptables"]),
    ("web-tier", "ipset", &["--target", "iptables", "--ipset"]),
    ("three-tier", "nftables", &[]),
    ("three-tier", "iptables-chains", &["--target", "iptables", "--chains-only"]),
    ("classic", "nftables", &[]),
    ("gateway", "nftables", &["--gateway"]),
    ("gateway", "iptables", &["--gateway", "--target", "iptables"]),
    ("enterprise", "nftables", &["--unmanaged", "deny", "--counters"]),
    ("default-group", "nftables", &[]),
    ("embed", "rust", &["--target", "rust"]),
];

#[test]
fn every_example_is_covered() {
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("examples"))
        .expect("examples")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| root().join("examples").join(name).join("policy.sg").exists())
        .collect();
    let covered: BTreeSet<String> = OUTPUTS.iter().map(|(example, ..)| (*example).to_owned()).collect();
    assert_eq!(folders, covered);
}

#[test]
fn committed_outputs_are_current() {
    for (example, folder, args) in OUTPUTS {
        let policy = format!("examples/{example}/policy.sg");
        let output = format!("examples/{example}/{folder}");
        let mut command = vec!["compile", &policy, "-o", &output, "--check"];
        command.extend_from_slice(args);
        let run = palisade(&command);
        assert_eq!(run.code, 0, "palisade {}\n{}{}", command.join(" "), run.stdout, run.stderr);
    }
}

#[test]
fn examples_check_without_a_warning_and_are_formatted() {
    for (example, ..) in OUTPUTS {
        let policy = format!("examples/{example}/policy.sg");
        let run = palisade(&["check", &policy]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{example}");
        let run = palisade(&["fmt", "--check", &policy]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{example}");
    }
}

#[test]
fn every_example_explains_itself() {
    for (example, folder, _) in OUTPUTS {
        let path = root().join("examples").join(example).join("README.md");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            text.contains(&format!("-o examples/{example}/{folder}")),
            "{example} does not say how {folder} is made"
        );
    }
}
