//! From files back to a verdict function: a reader of iptables-restore(8), ip6tables-restore(8), `ipset restore` and
//! sysctl.conf(5) text, and an interpreter of what it read.
//!
//! Written from the manual pages, for the output of `iptables-save` and `ipset save` too. Knows no plan and nothing of
//! how palisade emits. Whatever it does not understand it refuses; it never skips a line.

mod ast;
mod decide;
mod options;
mod program;
mod protocol;
mod restore;
mod services;
mod sets;
mod settings;
mod words;

use palisade_ir::symbolic::Program;
use palisade_ir::{Artifact, Family, LiftError, Lifted, LiftedDecision, Packet, Traversal};

pub use self::ast::{AddressSet, Asks, Chain, ChainAt, End, Filter, Hook, Rule, Ruleset, Target, Test};
pub use self::services::Services;

/// What is wrong with a line; the file is known further out.
struct BadLine {
    line: usize,
    message: String,
}

impl BadLine {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }

    fn of(self, file: &'static str) -> LiftError {
        let Self { line, message } = self;
        LiftError { file, line, message }
    }
}

/// The files this reader knows.
const SUFFIXES: [&str; 4] = ["ipset", "rules.v4", "rules.v6", "sysctl"];

/// Reads the files of an artifact, by suffix: `ipset`, `rules.v4`, `rules.v6`, `sysctl`.
pub fn read(artifact: &Artifact) -> Result<Ruleset, LiftError> {
    for file in &artifact.files {
        if !SUFFIXES.contains(&file.suffix) {
            return Err(BadLine::new(1, "a file of a kind this reader does not know").of(file.suffix));
        }
        if artifact.files.iter().filter(|other| other.suffix == file.suffix).count() > 1 {
            return Err(BadLine::new(1, "this file is there twice").of(file.suffix));
        }
    }
    let sets = part(artifact, "ipset", sets::read)?;
    Ok(Ruleset {
        v4: part(artifact, "rules.v4", |text| restore::read(text, Family::V4, &sets))?,
        v6: part(artifact, "rules.v6", |text| restore::read(text, Family::V6, &sets))?,
        settings: part(artifact, "sysctl", settings::read)?,
        sets,
    })
}

/// One file; where it is missing, nothing.
fn part<T: Default>(
    artifact: &Artifact,
    suffix: &'static str,
    read: impl FnOnce(&str) -> Result<T, BadLine>,
) -> Result<T, LiftError> {
    let Some(file) = artifact.file(suffix) else { return Ok(T::default()) };
    text_of(&file.contents).and_then(read).map_err(|bad| bad.of(suffix))
}

fn text_of(bytes: &[u8]) -> Result<&str, BadLine> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
        BadLine::new(before + 1, "not UTF-8")
    })
}

impl Lifted for Ruleset {
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision {
        decide::decide(self, packet, at)
    }

    fn program(&self, family: Family) -> Result<Program, LiftError> {
        let file = match family {
            Family::V4 => "rules.v4",
            Family::V6 => "rules.v6",
        };
        program::program(self.filter(family), family).map_err(|bad| bad.of(file))
    }
}
