//! palisade compiles a small security-group language to native firewalls.
//!
//! [`front`] reads a policy, [`lower`] turns it into chains, [`optimize`] shortens them, [`compile`] writes them for a
//! target. `ARCHITECTURE.md` beside this file shows the stages and what each must hold.

pub mod analyze;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compile;
pub mod diagnostic;
pub mod diff;
pub mod embed;
pub mod engine;
pub mod front;
pub mod import;
pub mod lint;
pub mod lower;
pub mod optimize;
pub mod policy;
pub mod reference;
pub mod report;
pub mod resolve;
pub mod source;
pub mod targets;
pub mod verify;
