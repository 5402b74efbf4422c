//! Reading files: from the disk, or from memory for tests and embedders. The only place of loading that touches the
//! system.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// A folder, a device, a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// Larger than allowed.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// Not UTF-8; the first bad byte.
    #[error("not UTF-8 text (byte {0})")]
    NotUtf8(usize),
    /// The system says no.
    #[error("{0}")]
    Denied(String),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => ReadError::Missing,
            // The kind's own words: those of the system differ from machine to machine.
            kind => ReadError::Denied(kind.to_string()),
        }
    }
}

/// Where policies are read from.
pub trait FileSystem {
    /// The one true path of an existing file or folder: absolute, without `..` and symbolic links.
    fn canonical(&self, path: &Path) -> Result<PathBuf, ReadError>;
    /// The content of a regular file of at most `most` bytes.
    fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadError>;
}

/// The disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn canonical(&self, path: &Path) -> Result<PathBuf, ReadError> {
        Ok(fs::canonicalize(path)?)
    }

    fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
        // Asked before opening: opening a pipe waits for a writer.
        if !fs::metadata(path)?.is_file() {
            return Err(ReadError::NotAFile);
        }
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most { Err(ReadError::TooLarge(most)) } else { Ok(bytes) }
    }
}

/// Files in memory, under absolute paths; folders exist by the files in them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Memory {
    /// No files.
    pub const fn new() -> Self {
        Self { files: BTreeMap::new() }
    }

    /// Adds a file; a relative path counts from `/`.
    #[must_use]
    pub fn with(mut self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(absolute(path.as_ref()), content.into());
        self
    }
}

impl FileSystem for Memory {
    fn canonical(&self, path: &Path) -> Result<PathBuf, ReadError> {
        let path = absolute(path);
        // Paths sort by their parts: what lies in a folder follows it at once.
        let next = self.files.range(path.clone()..).next();
        let exists = next.is_some_and(|(file, _)| file.starts_with(&path));
        if exists { Ok(path) } else { Err(ReadError::Missing) }
    }

    fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
        let path = absolute(path);
        let Some(content) = self.files.get(&path) else {
            return Err(self.canonical(&path).map_or_else(|error| error, |_| ReadError::NotAFile));
        };
        if content.len() as u64 > most { Err(ReadError::TooLarge(most)) } else { Ok(content.clone()) }
    }
}

fn absolute(path: &Path) -> PathBuf {
    lexical(&Path::new("/").join(path))
}

/// The path without `.` and `..`, by its letters alone.
pub(crate) fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}
