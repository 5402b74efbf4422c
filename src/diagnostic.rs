//! What the compiler tells its users: errors and warnings with places, as data. Rendering is elsewhere.

use palisade_grammar::Span;

/// Index into [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes.
    pub span: Span,
}

impl Location {
    /// The first byte of the root file: for what has no better place.
    pub const START: Self = Self { file: FileId(0), span: Span::new(0, 0) };
}

/// One source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as shown to the user: as given for the root file, in the same folder for included ones.
    pub path: String,
    /// The text.
    pub text: String,
}

/// All texts of a policy, the root file first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a text.
    pub fn add(&mut self, path: String, text: String) -> FileId {
        self.files.push(SourceFile { path, text });
        FileId(self.files.len().saturating_sub(1) as u32)
    }

    /// Adds the files of another collection behind these; returns the new id of its first.
    pub fn append(&mut self, other: Sources) -> FileId {
        let first = FileId(self.files.len() as u32);
        self.files.extend(other.files);
        first
    }

    /// The file behind an id.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// Path, line and column (in characters), both counted from 1, of a location's first byte.
    pub fn position(&self, at: Location) -> Option<(&str, usize, usize)> {
        let file = self.get(at.file)?;
        let before = file.text.get(..at.span.start)?;
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
        Some((&file.path, line, column))
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is compiled.
    Error,
    /// Worth a look.
    Warning,
}

/// What is the matter at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub at: Location,
    /// A few words.
    pub text: String,
}

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `palisade::phase::name`
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong: lower case, no final period, user input in backticks.
    pub message: String,
    /// All places involved; the first is the primary one.
    pub labels: Vec<Label>,
    /// The remedy.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error with its primary place.
    pub fn error(
        code: &'static str,
        message: impl Into<String>,
        at: Location,
        label: impl Into<String>,
    ) -> Self {
        let labels = vec![Label { at, text: label.into() }];
        Self { code, severity: Severity::Error, message: message.into(), labels, help: None }
    }

    /// A warning with its primary place.
    pub fn warning(
        code: &'static str,
        message: impl Into<String>,
        at: Location,
        label: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, at, label) }
    }

    /// Points at one more place.
    #[must_use]
    pub fn label(mut self, at: Location, text: impl Into<String>) -> Self {
        self.labels.push(Label { at, text: text.into() });
        self
    }

    /// Names the remedy.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The same about another file.
    #[must_use]
    pub fn moved_to(mut self, file: FileId) -> Self {
        self.labels.iter_mut().for_each(|label| label.at.file = file);
        self
    }

    /// Whether nothing may be compiled.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
