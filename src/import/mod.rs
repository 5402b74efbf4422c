//! Clouds' own listings of rules, turned into policy text.
//!
//! It ends where an author's editor would begin: the text is a policy like any other, and what it means is for the
//! later stages. Whatever a listing says that a policy cannot say is reported, never guessed, and nothing is widened
//! on the way. It reads texts, not files, and prints nothing.

pub mod aliyun;

mod build;
mod json;
mod report;
mod text;

use crate::diagnostic::{Diagnostic, Sources};

/// One file of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The path as shown to the user. Some listings have no other name for their group.
    pub name: String,
    /// The content.
    pub text: String,
}

/// What became of the inputs.
#[derive(Clone, Debug)]
pub struct Import {
    /// The formatted policy; `None` when there is an error.
    pub policy: Option<String>,
    /// The inputs, for showing the diagnostics.
    pub sources: Sources,
    /// Errors, and a warning for everything that was read as something else than what is written. Each label names
    /// the place in the listing, such as `Permissions.Permission[2].PortRange`.
    pub diagnostics: Vec<Diagnostic>,
}
