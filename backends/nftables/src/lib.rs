//! The nftables backend: writes a plan as a ruleset of nft's own language and reads such rulesets back.
//!
//! [`Nftables`] is the backend. `emit` and `lift` share nothing but this file: the reader is written from nft(8) and
//! the kernel, so that a misunderstanding of the writer shows up as a difference instead of being read back as meant.
//! This crate runs no command and touches no file; loading is up to the caller.

mod emit;
mod lift;

pub use lift::{ast, line, read, session_drift};

use palisade_ir::{Artifact, Backend, Capabilities, EmitError, LiftError, Lifted, Options, Plan};

/// The nftables backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nftables;

impl Backend for Nftables {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            host: true,
            gateway: true,
            sessions: true,
            prelude: true,
            log: true,
            comment_bytes: emit::COMMENT_BYTES,
            chain_name_bytes: emit::NAME_BYTES,
        }
    }

    fn emit(&self, plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
        emit::emit(plan, options)
    }

    fn lift(&self, artifact: &Artifact) -> Result<Box<dyn Lifted>, LiftError> {
        Ok(Box::new(read(artifact)?))
    }
}
