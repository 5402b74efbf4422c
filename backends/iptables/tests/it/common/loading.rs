//! Loading an artifact as its headers say, and reading back what the kernel has.

use palisade_ir::{Artifact, ArtifactFile};

use super::netns::Namespace;
use super::text;

/// Both builds of the tools; each has rulesets of its own in the kernel.
pub const VARIANTS: [&str; 2] = ["legacy", "nft"];

/// Loads the files in order and runs the hook commands of the headers.
pub fn load(namespace: &Namespace, variant: &str, artifact: &Artifact) {
    for ArtifactFile { suffix, contents: _ } in &artifact.files {
        let text = text(artifact, suffix);
        match *suffix {
            "ipset" => drop(namespace.must(&["ipset", "restore"], text)),
            "rules.v4" => restore(namespace, "iptables", variant, text),
            "rules.v6" => restore(namespace, "ip6tables", variant, text),
            "sysctl" => {}
            other => panic!("{other}"),
        }
    }
}

fn restore(namespace: &Namespace, tool: &str, variant: &str, text: &str) {
    let command = format!("{tool}-{variant}-restore");
    let noflush = text.contains("-restore --noflush");
    let arguments: &[&str] = if noflush { &[&command, "--noflush"] } else { &[&command] };
    namespace.must(arguments, text);
    for line in text.lines().filter(|line| line.starts_with("#   ip") && line.contains("||")) {
        let line = line.trim_start_matches('#');
        namespace.must(&["sh", "-c", &format!("{tool}() {{ {tool}-{variant} \"$@\"; }}\n{line}")], "");
    }
}

/// The filter tables and sets as the kernel has them, without time stamps and counters.
pub fn save(namespace: &Namespace, variant: &str) -> Artifact {
    let rules = |tool: &str| {
        let saved = namespace.must(&[&format!("{tool}-{variant}-save"), "-t", "filter"], "");
        let mut kept = String::new();
        for line in saved.lines().filter(|line| !line.starts_with('#')) {
            let line = if line.starts_with(':') { line.split(" [").next().unwrap() } else { line };
            kept.push_str(line);
            kept.push('\n');
        }
        kept
    };
    let sets = namespace.must(&["ipset", "save"], "");
    let mut sets: Vec<&str> = sets.lines().map(|line| line.split(" bucketsize").next().unwrap()).collect();
    // The kernel lists members in the order of a hash seeded anew for each set.
    sets.sort_by_key(|line| (!line.starts_with("create"), line.to_owned()));
    Artifact {
        files: vec![
            ArtifactFile::text("ipset", sets.join("\n")),
            ArtifactFile::text("rules.v4", rules("iptables")),
            ArtifactFile::text("rules.v6", rules("ip6tables")),
        ],
    }
}
