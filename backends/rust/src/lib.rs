//! The Rust backend: writes the rules of one instance as a Rust module of static tables, and reads such modules back.
//!
//! [`Rust`] is the backend. What `emit` and `lift` share is the text of the module's code (`judge.rs`), which is the same
//! in every module: the reader refuses any other, and says in its own words what that code does with the tables. This
//! crate calls no compiler and touches no file.

mod emit;
mod lift;

use palisade_ir::{Artifact, Backend, Capabilities, EmitError, LiftError, Lifted, Options, Plan};

/// The code below the tables of every module.
pub const CODE: &str = include_str!("judge.rs");

/// The suffix of the file.
const SUFFIX: &str = "rs";

/// The target `rust`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rust;

impl Backend for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            host: true,
            gateway: false,
            // Who embeds the module keeps the sessions, and asks about first packets only.
            sessions: false,
            prelude: false,
            log: true,
            comment_bytes: emit::COMMENT_BYTES,
            chain_name_bytes: 0,
        }
    }

    fn emit(&self, plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
        emit::emit(plan, options)
    }

    fn lift(&self, artifact: &Artifact) -> Result<Box<dyn Lifted>, LiftError> {
        lift::read(artifact)
    }
}
