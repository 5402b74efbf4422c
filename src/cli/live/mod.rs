//! What the running kernel enforces, read for a proof: its listings as files of a target, and what beside them is not
//! part of the proof.

mod iptables;
mod machine;
mod nftables;
mod settings;

use palisade_ir::{Artifact, LiftError};

use self::machine::Machine;
use super::Failure;
use crate::compile::Emitted;
use crate::targets::Target;

/// A placement's ruleset as the kernel has it.
pub(super) struct Live {
    /// The listings, under the suffixes of the files they are compared with.
    pub(super) artifact: Artifact,
    /// The command behind each suffix.
    pub(super) commands: Vec<(&'static str, String)>,
    /// What is there and not compared.
    pub(super) notes: Vec<String>,
    /// By what idle sessions end otherwise than they should: objects, rules and settings.
    pub(super) sessions: Vec<String>,
}

/// Reads what stands in the kernel where `wanted` should.
pub(super) fn read(wanted: &Emitted, target: Target, netns: Option<&str>) -> Result<Live, Failure> {
    let machine = Machine::new(netns)?;
    let mut live = match target {
        Target::Nftables => nftables::read(&machine, wanted)?,
        Target::Iptables => iptables::read(&machine, wanted.options.chains_only)?,
        Target::Matcher => return Err(Failure::usage("no kernel runs compiled matcher files")),
        Target::Rust => return Err(Failure::usage("no kernel runs Rust modules")),
    };
    live.sessions.extend(settings::drift(&machine, &wanted.artifact));
    Ok(live)
}

impl Live {
    /// The command and the line behind an error of the reader.
    pub(super) fn place(&self, error: &LiftError) -> String {
        let command = self.commands.iter().find(|(suffix, _)| *suffix == error.file);
        let command = command.map_or(error.file, |(_, command)| command);
        let text = self.artifact.file(error.file).and_then(|file| std::str::from_utf8(&file.contents).ok());
        let line = text.and_then(|text| text.lines().nth(error.line.checked_sub(1)?)).unwrap_or_default();
        format!("{command}:{}: {}", error.line, line.trim())
    }
}
