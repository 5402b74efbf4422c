//! From a module's text to its verdicts. Reads the tables as rustc would, by a small part of Rust's grammar, and knows in
//! its own words what the code below them does. What it does not understand it refuses, by line.

mod ast;
mod decide;
mod parse;
mod program;
mod tables;
mod tokens;

use palisade_ir::{Artifact, LiftError, Lifted};

/// Reads an artifact back.
pub(crate) fn read(artifact: &Artifact) -> Result<Box<dyn Lifted>, LiftError> {
    Ok(Box::new(parse::artifact(artifact)?))
}
