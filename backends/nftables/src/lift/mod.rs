//! Text to verdicts: a reader of nft's language, written from nft(8) and the kernel's sources.
//!
//! It knows the part of the language that palisade writes and `nft list table` prints for it, as text or as JSON
//! (`json`), and refuses the rest: a line is understood or it is an error, never skipped. It must not look at `emit`.

pub mod ast;
mod boxes;
mod build;
mod cursor;
mod decide;
mod defines;
mod elements;
mod json;
mod kinds;
mod lexer;
mod program;
mod rule;
mod sessions;
mod sysctl;
mod table;
mod values;

use palisade_ir::{Artifact, LiftError};

use cursor::{Cursor, FILE};
pub use sessions::session_drift;

/// The ruleset that the files of an artifact leave in an empty kernel.
pub fn read(artifact: &Artifact) -> Result<ast::Ruleset, LiftError> {
    let mut commands = Vec::new();
    for file in &artifact.files {
        let error = |message: &str| LiftError { file: file.suffix, line: 1, message: message.to_owned() };
        let text = std::str::from_utf8(&file.contents).map_err(|_| error("not UTF-8"))?;
        match file.suffix {
            FILE if json::is_json(text) => commands.extend(json::commands(text)?),
            FILE => commands.extend(table::commands(&mut Cursor::new(text)?)?),
            "sysctl" => sysctl::check(text)?,
            _ => return Err(error("not a file of this backend")),
        }
    }
    build::build(commands)
}

/// What stands at a line of a ruleset, as errors and decisions count lines: in a JSON listing, the object of that number.
pub fn line(text: &str, number: usize) -> Option<&str> {
    let at = number.checked_sub(1)?;
    if json::is_json(text) { json::objects(text).ok()?.get(at).copied() } else { text.lines().nth(at) }
}
