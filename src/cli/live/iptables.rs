//! iptables in the kernel: the filter tables of both families as far as a packet can get in them, and the sets they
//! name. What is left out is blanked line by line, so that lines keep their numbers.

use std::collections::BTreeSet;

use palisade_ir::{Artifact, ArtifactFile, Family};

use super::Live;
use super::machine::Machine;
use crate::cli::Failure;

/// The built-in chains of the filter table.
const BUILT_IN: [&str; 3] = ["INPUT", "FORWARD", "OUTPUT"];
/// What the names of entry chains begin with where only own chains are loaded.
const OWN: &str = "PALISADE-";

pub(super) fn read(machine: &Machine<'_>, chains_only: bool) -> Result<Live, Failure> {
    let mut live = Live {
        artifact: Artifact { files: Vec::new() },
        commands: Vec::new(),
        notes: Vec::new(),
        sessions: Vec::new(),
    };
    let mut sets: BTreeSet<String> = BTreeSet::new();
    for family in Family::ALL {
        let (command, suffix) = match family {
            Family::V4 => ("iptables-save", "rules.v4"),
            Family::V6 => ("ip6tables-save", "rules.v6"),
        };
        let printed = machine.list(command, &[])?;
        if printed.out.contains("tables present, use") || printed.aside.contains("tables present, use") {
            live.notes.push(format!(
                "the other variant of iptables (legacy or nft) has tables too, which `{command}` does not list: \
                 they can drop packets, and are not part of the proof"
            ));
        }
        let kept = keep(&printed.out, chains_only);
        live.notes.extend(kept.notes.iter().map(|note| format!("{command}: {note}")));
        sets.extend(kept.sets);
        live.artifact.files.push(ArtifactFile::text(suffix, kept.text));
        live.commands.push((suffix, command.to_owned()));
    }
    if !sets.is_empty() {
        let listing = only_sets(&machine.list("ipset", &["save"])?.out, &sets);
        live.artifact.files.insert(0, ArtifactFile::text("ipset", listing));
        live.commands.push(("ipset", "ipset save".to_owned()));
    }
    Ok(live)
}

/// A listing less what is not part of the proof.
struct Kept {
    text: String,
    /// The sets that its rules name.
    sets: BTreeSet<String>,
    notes: Vec<String>,
}

/// A line, and what it does as far as it matters here.
struct Line<'a> {
    text: &'a str,
    /// The table it stands in.
    table: &'a str,
    words: Vec<&'a str>,
}

impl Line<'_> {
    /// The chain that the rule belongs to.
    fn chain(&self) -> Option<&str> {
        match self.words.as_slice() {
            ["-A", chain, ..] => Some(chain),
            _ => None,
        }
    }

    /// Where the rule leads.
    fn target(&self) -> Option<&str> {
        self.after(&["-j", "-g"])
    }

    /// The sets that the rule asks.
    fn sets(&self) -> impl Iterator<Item = &str> {
        let pairs = self.words.iter().zip(self.words.iter().skip(1));
        pairs.filter(|(option, _)| **option == "--match-set").map(|(_, name)| *name)
    }

    fn after(&self, options: &[&str]) -> Option<&str> {
        let at = self.words.iter().position(|word| options.contains(word))?;
        self.words.get(at + 1).copied()
    }
}

fn keep(listing: &str, chains_only: bool) -> Kept {
    let mut table = "";
    let mut lines: Vec<Line<'_>> = Vec::new();
    for text in listing.lines() {
        table = text.strip_prefix('*').unwrap_or(table);
        lines.push(Line { text, table, words: text.split_whitespace().collect() });
    }
    let mut notes = others(&lines);
    let behind = if chains_only { behind_own(&lines) } else { BTreeSet::new() };
    if !behind.is_empty() {
        notes.push(
            "rules behind the jump into the policy's chains are not part of the proof: they see what those leave alone"
                .to_owned(),
        );
    }
    let reached = reached(&lines, &behind);
    notes.extend(astray(&lines, &reached));
    let mut sets = BTreeSet::new();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let declared = line.text.strip_prefix(':').and_then(|rest| rest.split_whitespace().next());
        let wanted = match (line.chain(), declared) {
            (Some(chain), _) => reached.contains(chain) && !behind.contains(&at),
            (None, Some(chain)) => reached.contains(chain),
            (None, None) => !line.text.starts_with('#'),
        };
        if wanted && line.table == "filter" {
            sets.extend(line.sets().map(str::to_owned));
            match declared {
                // What happens to packets that own chains leave alone is the business of others.
                Some(chain) if chains_only && BUILT_IN.contains(&chain) => {
                    text.push_str(&format!(":{chain} ACCEPT"));
                }
                _ => text.push_str(line.text),
            }
        }
        text.push('\n');
    }
    Kept { text, sets, notes }
}

/// Own chains that are loaded and that no packet comes to.
fn astray<'a>(lines: &'a [Line<'_>], reached: &'a BTreeSet<&str>) -> impl Iterator<Item = String> + 'a {
    let declared = lines.iter().filter_map(|line| line.text.strip_prefix(':')?.split_whitespace().next());
    let astray = declared.filter(|chain| chain.starts_with(OWN) && !reached.contains(chain));
    astray.map(|chain| {
        format!("no built-in chain leads into `{chain}`; the file's header says how to lead packets there")
    })
}

/// Whether a rule leads from a built-in chain into own chains.
fn leads_in(line: &Line<'_>) -> bool {
    let own = line.target().is_some_and(|target| target.starts_with(OWN));
    own && line.table == "filter" && line.chain().is_some_and(|chain| BUILT_IN.contains(&chain))
}

/// Rules of built-in chains behind the first that leads into own chains; all of them where none does.
fn behind_own(lines: &[Line<'_>]) -> BTreeSet<usize> {
    let mut behind = BTreeSet::new();
    for built_in in BUILT_IN {
        let rules = || {
            lines
                .iter()
                .enumerate()
                .filter(|(_, line)| line.table == "filter" && line.chain() == Some(built_in))
        };
        let jump = rules().find(|(_, line)| leads_in(line));
        let first = jump.map_or(0, |(at, _)| at + 1);
        behind.extend(rules().map(|(at, _)| at).filter(|at| *at >= first));
    }
    behind
}

/// The chains of the filter table that a packet can come to.
fn reached<'a>(lines: &'a [Line<'a>], behind: &BTreeSet<usize>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from(BUILT_IN);
    let mut open: Vec<&str> = BUILT_IN.to_vec();
    while let Some(chain) = open.pop() {
        for (at, line) in lines.iter().enumerate() {
            if line.table != "filter" || line.chain() != Some(chain) || behind.contains(&at) {
                continue;
            }
            open.extend(line.target().filter(|target| reached.insert(target)));
        }
    }
    reached
}

/// Other tables that do something.
fn others(lines: &[Line<'_>]) -> Vec<String> {
    let busy =
        |line: &&Line<'_>| line.table != "filter" && (line.chain().is_some() || line.text.contains(" DROP "));
    let tables: BTreeSet<&str> = lines.iter().filter(busy).map(|line| line.table).collect();
    let told = |table| {
        format!(
            "table `{table}` is not part of the proof: it can drop packets, or rewrite and reroute them before or \
             after the rules see them"
        )
    };
    tables.into_iter().map(told).collect()
}

/// The commands about these sets.
fn only_sets(listing: &str, wanted: &BTreeSet<String>) -> String {
    let about = |line: &str| line.split_whitespace().nth(1).is_some_and(|name| wanted.contains(name));
    listing.lines().map(|line| if about(line) { format!("{line}\n") } else { "\n".to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\
# Generated by iptables-save
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -j MASQUERADE
COMMIT
*filter
:INPUT DROP [1:2]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:PALISADE-IN - [0:0]
:PAL-in-eth0 - [0:0]
:docker - [0:0]
-A INPUT -j PALISADE-IN
-A INPUT -p tcp -m odd --strange -j docker
-A PALISADE-IN -m set --match-set PAL-x src -m set --match-set PAL-y dst -g PAL-in-eth0
-A PAL-in-eth0 -j DROP
-A docker -m odd --strange -j DROP
COMMIT
";

    #[test]
    fn what_others_own_is_blanked_and_told() {
        let Kept { text, sets, notes } = keep(LISTING, true);
        let expected = "\n\n\n\n\n*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:PALISADE-IN - [0:0]\n\
                        :PAL-in-eth0 - [0:0]\n\n-A INPUT -j PALISADE-IN\n\n\
                        -A PALISADE-IN -m set --match-set PAL-x src -m set --match-set PAL-y dst -g PAL-in-eth0\n-A PAL-in-eth0 -j DROP\n\nCOMMIT\n";
        assert_eq!(text, expected);
        assert_eq!(sets, BTreeSet::from(["PAL-x".to_owned(), "PAL-y".to_owned()]));
        assert_eq!(notes.len(), 2, "{notes:?}");
    }

    #[test]
    fn a_whole_table_keeps_all_that_packets_meet() {
        let Kept { text, sets: _, notes } = keep(LISTING, false);
        assert!(text.contains(":INPUT DROP [1:2]") && text.contains("--strange -j docker"), "{text}");
        assert!(text.contains("-A docker"), "{text}");
        assert_eq!(notes.len(), 1, "{notes:?}");
    }

    #[test]
    fn rules_before_the_jump_are_part_of_the_proof() {
        let early = LISTING.replace(
            "-A INPUT -j PALISADE-IN\n",
            "-A INPUT -s 10.0.0.1 -j ACCEPT\n-A INPUT -j PALISADE-IN\n",
        );
        let Kept { text, .. } = keep(&early, true);
        assert!(text.contains("-s 10.0.0.1") && !text.contains("--strange"), "{text}");
    }

    #[test]
    fn only_the_sets_in_use_are_read() {
        let listing =
            "create other list:set size 8\ncreate PAL-x hash:net\nadd PAL-x 10.0.0.0/8\nadd other PAL-x\n";
        let kept = only_sets(listing, &BTreeSet::from(["PAL-x".to_owned()]));
        assert_eq!(kept, "\ncreate PAL-x hash:net\nadd PAL-x 10.0.0.0/8\n\n");
    }
}
