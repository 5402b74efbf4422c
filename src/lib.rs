//! palisade compiles a small security-group language to native firewalls.
//!
//! `ARCHITECTURE.md` beside this file shows the stages and what each must hold.

pub mod diagnostic;
pub mod lower;
pub mod policy;
pub mod reference;
pub mod report;
pub mod resolve;
pub mod source;
