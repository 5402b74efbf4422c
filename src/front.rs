//! The front half in one call: texts in, a policy or the reasons why not.

use std::path::Path;

use palisade_grammar::ast;

use crate::diagnostic::{Diagnostic, FileId, Sources};
use crate::policy::Policy;
use crate::resolve::resolve;
use crate::source::{LoadError, LoadOptions, Loaded, load, load_text};

/// What became of a policy's texts.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// The texts.
    pub sources: Sources,
    /// Their syntax trees, in reading order.
    pub files: Vec<(FileId, ast::File)>,
    /// The policy; there exactly when no diagnostic is an error.
    pub policy: Option<Policy>,
    /// Errors and warnings, in the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
}

impl From<Loaded> for Front {
    fn from(loaded: Loaded) -> Self {
        let Loaded { sources, files, mut diagnostics } = loaded;
        // Names that a broken statement would have declared are not reported as unknown on top.
        let policy = if diagnostics.iter().any(Diagnostic::is_error) {
            None
        } else {
            let (policy, found) = resolve(&files);
            diagnostics.extend(found);
            policy
        };
        Self { sources, files, policy, diagnostics }
    }
}

/// Reads a policy file and what it includes.
pub fn read(root: &Path, options: &LoadOptions) -> Result<Front, LoadError> {
    load(root, options).map(Front::from)
}

/// Reads a single text, shown under this name.
pub fn read_text(name: &str, text: &str) -> Front {
    load_text(name, text).into()
}

/// Reads a policy file and, as if it stood in a further file, an expectation about the traffic described: the last one
/// of the policy. Errors in the description are labelled there.
pub fn read_with_traffic(root: &Path, options: &LoadOptions, traffic: &str) -> Result<Front, LoadError> {
    let mut loaded = load(root, options)?;
    let statement = load_text("<traffic>", &format!("expect allow {}\n", traffic.replace(['\n', '\r'], " ")));
    let id = loaded.sources.append(statement.sources);
    loaded.diagnostics.extend(statement.diagnostics.into_iter().map(|found| found.moved_to(id)));
    loaded.files.extend(statement.files.into_iter().map(|(_, file)| (id, file)));
    Ok(loaded.into())
}
