//! nftables in the kernel: the one table that is ours is listed; of the others it is said that they are there.

use std::collections::BTreeMap;

use palisade_ir::{Artifact, ArtifactFile};
use palisade_nftables::ast::Ruleset;

use super::Live;
use super::machine::Machine;
use crate::cli::Failure;
use crate::compile::Emitted;

pub(super) fn read(machine: &Machine<'_>, wanted: &Emitted) -> Result<Live, Failure> {
    let emitted = ruleset_of(wanted)?;
    let Some(table) = emitted.tables.keys().next() else { return Err(bug("it has no table")) };
    let own = format!("inet {table}");
    let tables = machine.list("nft", &["list", "tables"])?.out;
    let names: Vec<&str> = tables.lines().filter_map(|line| line.trim().strip_prefix("table ")).collect();
    // Numbers: names of services and protocols depend on files of the machine.
    let list = ["-n", "list", "table", "inet", table];
    let mut notes = Vec::new();
    let listing = if names.contains(&own.as_str()) {
        machine.list("nft", &list)?.out
    } else {
        notes.push(format!("the kernel has no table `{own}`: nothing of the policy is loaded"));
        String::new()
    };
    if names.iter().any(|name| *name != own) {
        notes.extend(foreign(&machine.list("nft", &["list", "chains"])?.out, &own));
    }
    let artifact = Artifact { files: vec![ArtifactFile::text("nft", listing)] };
    // What cannot be read is told by the proof.
    let found = palisade_nftables::read(&artifact).unwrap_or_default();
    Ok(Live {
        sessions: palisade_nftables::session_drift(&emitted, &found),
        artifact,
        commands: vec![("nft", format!("nft {}", list.join(" ")))],
        notes,
    })
}

/// What compiling would write. Its names have passed the emitter's checks, so nft reads them as names.
fn ruleset_of(wanted: &Emitted) -> Result<Ruleset, Failure> {
    palisade_nftables::read(&wanted.artifact).map_err(|error| bug(&error.to_string()))
}

fn bug(why: &str) -> Failure {
    Failure::usage(format!("the emitted file is not read back: {why}"))
}

/// What each other table with base chains could do to packets, from a listing of all chains.
fn foreign(chains: &str, own: &str) -> Vec<String> {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut table = "";
    for line in chains.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", _, _, "{"] => table = line.trim_start_matches("table ").trim_end_matches(" {"),
            ["type", kind, "hook", ..] if table != own => kinds.entry(table).or_default().push(kind),
            _ => {}
        }
    }
    let told = |(table, kinds): (&str, Vec<&str>)| {
        let rewrites = kinds.iter().any(|kind| *kind != "filter");
        let effect = if rewrites {
            "it can drop packets, or rewrite and reroute them before or after the rules see them"
        } else {
            "it can drop packets, but let through nothing that the policy's table drops"
        };
        format!("table `{table}` is not part of the proof: {effect}")
    };
    kinds.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_tables_are_told_by_what_they_can_do() {
        let chains = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n\
                      table ip nat {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t}\n}\n\
                      table inet empty {\n\tchain x {\n\t}\n}\n\
                      table inet palisade {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n";
        let notes = foreign(chains, "inet palisade");
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with("table `ip filter`") && notes[0].contains("let through nothing"));
        assert!(notes[1].starts_with("table `ip nat`") && notes[1].contains("rewrite"));
    }
}
