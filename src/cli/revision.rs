//! Reading a policy as a git revision has it: the tree is listed once, files are read as they are asked for. Nothing is
//! checked out, and git is asked in ways that run no hook and no filter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Failure;
use crate::source::{Disk, FileSystem, ReadError, lexical};

/// A repository's files at a revision. What lies outside the repository is read from the disk.
pub(super) struct Revision {
    /// The repository's folder, its true path.
    top: PathBuf,
    /// All files by absolute path.
    files: BTreeMap<PathBuf, Blob>,
    /// What the policy is called in messages: `main:policy.sg`.
    shown: PathBuf,
    /// Where it stands.
    policy: PathBuf,
}

struct Blob {
    is_file: bool,
    id: String,
    bytes: u64,
}

impl Revision {
    /// The tree of a revision in the repository that holds the policy.
    pub(super) fn open(name: &str, policy: &Path) -> Result<Self, Failure> {
        let told =
            |error: &std::io::Error| Failure::io(&format!("cannot find `{}`", policy.display()), error);
        let folder =
            policy.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = std::fs::canonicalize(folder).map_err(|error| told(&error))?;
        let file = policy.file_name().ok_or_else(|| Failure::usage("a policy is a file, not `..`"))?;
        let top = git(&folder, &["rev-parse", "--show-toplevel"]).map_err(|why| {
            Failure::with_help(
                format!("`{}` is in no git repository: {why}", policy.display()),
                "without --git, give the old and the new policy as files",
            )
        })?;
        let top = PathBuf::from(text(&top));
        let top = std::fs::canonicalize(&top).map_err(|error| told(&error))?;
        let commit = format!("{name}^{{commit}}");
        let commit = git(&folder, &["rev-parse", "--verify", "--end-of-options", &commit])
            .map_err(|why| Failure::usage(format!("`{name}` is no revision: {why}")))?;
        let list = git(&top, &["ls-tree", "-r", "-z", "-l", "--full-tree", &text(&commit)])
            .map_err(|why| Failure::usage(format!("cannot list the files of `{name}`: {why}")))?;
        let files = list.split(|byte| *byte == 0).filter_map(|line| blob(&top, line)).collect();
        let shown = PathBuf::from(format!("{name}:{}", policy.display()));
        Ok(Self { top, files, shown, policy: folder.join(file) })
    }

    /// What the policy is called, also when it is loaded.
    pub(super) fn root(&self) -> &Path {
        &self.shown
    }
}

/// `100644 blob ID     SIZE<tab>PATH`
fn blob(top: &Path, line: &[u8]) -> Option<(PathBuf, Blob)> {
    let (about, path) = std::str::from_utf8(line).ok()?.split_once('\t')?;
    let mut words = about.split_ascii_whitespace();
    let (mode, kind, id, bytes) = (words.next()?, words.next()?, words.next()?, words.next()?);
    // The contents of a submodule are not in this repository.
    let is_file = kind == "blob" && mode.starts_with("100");
    Some((top.join(path), Blob { is_file, id: id.to_owned(), bytes: bytes.parse().unwrap_or_default() }))
}

impl FileSystem for Revision {
    fn canonical(&self, path: &Path) -> Result<PathBuf, ReadError> {
        if path == self.shown {
            return self.canonical(&self.policy);
        }
        let path = lexical(&std::env::current_dir()?.join(path));
        if !path.starts_with(&self.top) {
            return Disk.canonical(&path);
        }
        // Paths sort by their parts: what lies in a folder follows it at once.
        let exists = self.files.range(path.clone()..).next().is_some_and(|(file, _)| file.starts_with(&path));
        if exists { Ok(path) } else { Err(ReadError::Missing) }
    }

    fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
        if !path.starts_with(&self.top) {
            return Disk.read(path, most);
        }
        let blob = self.files.get(path).filter(|blob| blob.is_file).ok_or(ReadError::NotAFile)?;
        if blob.bytes > most {
            return Err(ReadError::TooLarge(most));
        }
        git(&self.top, &["cat-file", "blob", &blob.id]).map_err(ReadError::Denied)
    }
}

/// What git prints, or why it does not.
fn git(folder: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let why = text(&output.stderr);
    Err(why.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ").to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()
}
