//! Loading: the root file of a policy, the files it includes, each read and parsed once.
//!
//! Knows no names and no meaning. An include can reach nothing outside the policy's folder, so that reading a
//! stranger's policy shows him no other file of the machine.

mod codes;
mod files;
mod includes;

use std::path::{Path, PathBuf};

use palisade_grammar::{SyntaxError, ast};

pub use codes::CODES;
#[cfg(feature = "cli")]
pub(crate) use files::lexical;
pub use files::{Disk, FileSystem, Memory, ReadError};

use crate::diagnostic::{Diagnostic, FileId, Label, Location, Severity, Sources};

/// What loading may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Folders besides the root policy's own from which files may be included.
    pub include_dirs: Vec<PathBuf>,
    /// The most bytes of one file.
    pub largest_file: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { include_dirs: Vec::new(), largest_file: 64 << 20 }
    }
}

/// A policy's texts and syntax trees.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// All texts, the root file first, then in the order of the includes.
    pub sources: Sources,
    /// What could be read of them, in the same order.
    pub files: Vec<(FileId, ast::File)>,
    /// Syntax errors and bad includes, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// The root file, or a folder of the options, cannot be read: no place in a policy can be shown for that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{path}`: {why}")]
pub struct LoadError {
    /// The path as given.
    pub path: String,
    /// Why.
    pub why: ReadError,
}

/// Loads a policy from the disk.
pub fn load(root: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    load_from(&Disk, root, options)
}

/// Loads a policy from any file system.
pub fn load_from(files: &dyn FileSystem, root: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    includes::load(files, root, options)
}

/// Loads a single text, shown under this name; it can include nothing.
pub fn load_text(name: &str, text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    let file = add(&mut loaded, name.to_owned(), text.to_owned());
    for include in includes_of(&loaded, file) {
        let found = includes::missing(&include.value, Location { file, span: include.span });
        loaded.diagnostics.push(found);
    }
    sort(&mut loaded.diagnostics);
    loaded
}

/// Parses a text and keeps what came of it.
fn add(loaded: &mut Loaded, path: String, text: String) -> FileId {
    let parse = palisade_grammar::parse(&text);
    let file = loaded.sources.add(path, text);
    loaded.diagnostics.extend(parse.errors.into_iter().map(|error| syntax(file, error)));
    loaded.files.push((file, parse.file));
    file
}

/// A syntax error as a diagnostic of a file.
pub(crate) fn syntax(file: FileId, error: SyntaxError) -> Diagnostic {
    let SyntaxError { code, message, labels, help } = error;
    let labels = labels.into_iter().map(|(span, text)| Label { at: Location { file, span }, text });
    Diagnostic { code, severity: Severity::Error, message, labels: labels.collect(), help }
}

fn includes_of(loaded: &Loaded, file: FileId) -> Vec<ast::Text> {
    let items = loaded.files.iter().filter(|(id, _)| *id == file).flat_map(|(_, content)| &content.items);
    items
        .filter_map(|item| match &item.kind {
            ast::ItemKind::Include(path) => Some(path.clone()),
            _ => None,
        })
        .collect()
}

fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|found| found.labels.first().map(|label| (label.at.file, label.at.span)));
}

#[cfg(test)]
mod tests;
