//! Following includes: where a path leads, whether it may, and who includes whom.

use std::path::{Path, PathBuf};

use palisade_grammar::ast;

use super::files::{FileSystem, ReadError, lexical};
use super::{LoadError, LoadOptions, Loaded, add, codes, includes_of, sort};
use crate::diagnostic::{Diagnostic, FileId, Location};

/// How many files of a long circle are named.
const MOST_SHOWN: usize = 7;

/// A file whose includes are being followed.
struct Open {
    file: FileId,
    path: PathBuf,
    /// The statement that leads on from here.
    at: Option<Location>,
    rest: std::vec::IntoIter<ast::Text>,
}

struct Loader<'a> {
    files: &'a dyn FileSystem,
    most: u64,
    /// The policy's folder.
    home: PathBuf,
    /// The same as the caller wrote it.
    shown_home: PathBuf,
    /// Other folders: as given, and their true path.
    others: Vec<(PathBuf, PathBuf)>,
    loaded: Loaded,
    /// True paths of all files read so far.
    known: std::collections::BTreeMap<PathBuf, FileId>,
    /// The root file and the includes that lead to the present one. No recursion: a chain may be long.
    path: Vec<Open>,
}

pub(super) fn load(files: &dyn FileSystem, root: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |why| LoadError { path, why }
    };
    let canonical = files.canonical(root).map_err(failed(root))?;
    let text = read(files, &canonical, options.largest_file).map_err(failed(root))?;
    let mut others = Vec::with_capacity(options.include_dirs.len());
    for folder in &options.include_dirs {
        others.push((folder.clone(), files.canonical(folder).map_err(failed(folder))?));
    }
    let mut loader = Loader {
        files,
        most: options.largest_file,
        shown_home: shown_home(files, root, &canonical),
        home: canonical.parent().map(Path::to_owned).unwrap_or_default(),
        others,
        loaded: Loaded::default(),
        known: std::collections::BTreeMap::new(),
        path: Vec::new(),
    };
    loader.open(canonical, root.display().to_string(), text);
    loader.follow();
    sort(&mut loader.loaded.diagnostics);
    Ok(loader.loaded)
}

/// The root policy's folder as the caller wrote it; its true path where the root is a link to somewhere else.
fn shown_home(files: &dyn FileSystem, root: &Path, canonical: &Path) -> PathBuf {
    let given = root.parent().unwrap_or(Path::new(""));
    let home = canonical.parent().unwrap_or(Path::new(""));
    let here = if given.as_os_str().is_empty() { Path::new(".") } else { given };
    if files.canonical(here).is_ok_and(|true_path| true_path == home) {
        given.to_owned()
    } else {
        home.to_owned()
    }
}

fn read(files: &dyn FileSystem, path: &Path, most: u64) -> Result<String, ReadError> {
    let bytes = files.read(path, most)?;
    String::from_utf8(bytes).map_err(|error| ReadError::NotUtf8(error.utf8_error().valid_up_to()))
}

impl Loader<'_> {
    fn open(&mut self, path: PathBuf, shown: String, text: String) {
        let file = add(&mut self.loaded, shown, text);
        self.known.insert(path.clone(), file);
        let rest = includes_of(&self.loaded, file).into_iter();
        self.path.push(Open { file, path, at: None, rest });
    }

    fn follow(&mut self) {
        while let Some(open) = self.path.last_mut() {
            let Some(include) = open.rest.next() else {
                self.path.pop();
                continue;
            };
            let at = Location { file: open.file, span: include.span };
            open.at = Some(at);
            let folder = open.path.parent().map(Path::to_owned).unwrap_or_default();
            if let Err(found) = self.include(&include.value, &folder, at) {
                self.loaded.diagnostics.push(*found);
            }
        }
    }

    fn include(&mut self, written: &str, folder: &Path, at: Location) -> Result<(), Box<Diagnostic>> {
        let wanted = folder.join(written);
        let is_absolute = Path::new(written).is_absolute();
        let path = match self.files.canonical(&wanted) {
            Ok(path) if self.allowed(&path, is_absolute) => path,
            // Of files outside not even their existence is told: where the path leads is judged first.
            Err(why) if self.allowed(&lexical(&wanted), is_absolute) => {
                return Err(Box::new(unreadable(written, at, &why)));
            }
            Ok(_) | Err(_) if is_absolute => return Err(Box::new(absolute(written, at))),
            Ok(_) | Err(_) => return Err(Box::new(outside(written, at))),
        };
        if let Some(start) = self.path.iter().position(|open| open.path == path) {
            return Err(Box::new(self.cycle(start, at)));
        }
        if self.known.contains_key(&path) {
            return Ok(());
        }
        let text =
            read(self.files, &path, self.most).map_err(|why| Box::new(unreadable(written, at, &why)))?;
        let shown = self.shown(&path);
        self.open(path, shown, text);
        Ok(())
    }

    /// Whether a true path may be read. Absolute paths are for the folders that the caller names, so that a policy
    /// does not depend on where its own folder lies.
    fn allowed(&self, path: &Path, is_absolute: bool) -> bool {
        let at_home = !is_absolute && path.starts_with(&self.home);
        at_home || self.others.iter().any(|(_, folder)| path.starts_with(folder))
    }

    /// The path as the caller would write it: in the policy's folder as given, or in the folder it was allowed by.
    fn shown(&self, path: &Path) -> String {
        if let Ok(inside) = path.strip_prefix(&self.home) {
            return self.shown_home.join(inside).display().to_string();
        }
        let other = self
            .others
            .iter()
            .find_map(|(given, folder)| path.strip_prefix(folder).ok().map(|inside| given.join(inside)));
        other.unwrap_or_else(|| path.to_owned()).display().to_string()
    }

    fn cycle(&self, start: usize, at: Location) -> Diagnostic {
        let circle = self.path.get(start..).unwrap_or_default();
        let name = |open: &Open| {
            let shown = self.loaded.sources.get(open.file).map_or("", |file| file.path.as_str());
            format!("`{shown}`")
        };
        let (mut chain, mut shown): (Vec<String>, Vec<&Open>) = (Vec::new(), circle.iter().collect());
        if let [begin @ .., last] = circle
            && begin.len() >= MOST_SHOWN
        {
            shown = begin.iter().take(MOST_SHOWN).chain([last]).collect();
        }
        chain.extend(shown.iter().map(|open| name(open)));
        if shown.len() < circle.len() {
            chain.insert(MOST_SHOWN, "...".to_owned());
        }
        chain.extend(circle.first().map(name));
        let message = format!("includes in a circle: {}", chain.join(" -> "));
        let label = format!("leads back to {}", chain.last().map_or("", String::as_str));
        let mut found = Diagnostic::error(codes::INCLUDE_CYCLE, message, at, label);
        // The last file of the circle is the one with the primary label.
        shown.pop();
        for open in shown {
            if let Some(at) = open.at {
                found = found.label(at, "leads on");
            }
        }
        found.help("drop one of these includes; each file is read once, wherever it is included")
    }
}

fn absolute(written: &str, at: Location) -> Diagnostic {
    let message = format!("`{written}` is an absolute path");
    Diagnostic::error(codes::INCLUDE_ABSOLUTE, message, at, "absolute")
        .help("write the path relative to this file, or allow its folder with `--include-dir`")
}

fn outside(written: &str, at: Location) -> Diagnostic {
    let message = format!("`{written}` is outside the policy's folder");
    Diagnostic::error(codes::INCLUDE_OUTSIDE, message, at, "leads out of the folder of the root policy")
        .help("move the file into the folder, or allow its folder with `--include-dir`")
}

pub(super) fn missing(written: &str, at: Location) -> Diagnostic {
    unreadable(written, at, &ReadError::Missing)
}

fn unreadable(written: &str, at: Location, why: &ReadError) -> Diagnostic {
    let (code, message, label, help) = match why {
        ReadError::Missing => (
            codes::INCLUDE_MISSING,
            format!("there is no file `{written}`"),
            "not found".to_owned(),
            "the path counts from the folder of the including file",
        ),
        ReadError::NotAFile => (
            codes::INCLUDE_NOT_A_FILE,
            format!("`{written}` is not a file"),
            "a folder or a device".to_owned(),
            "include the files in it one by one",
        ),
        ReadError::TooLarge(most) => (
            codes::INCLUDE_TOO_LARGE,
            format!("`{written}` is too large for a policy"),
            format!("larger than {most} bytes"),
            "split it into several files",
        ),
        ReadError::NotUtf8(byte) => (
            codes::INCLUDE_NOT_UTF8,
            format!("`{written}` is not UTF-8 text"),
            format!("its byte {byte} is not UTF-8"),
            "save the file as UTF-8",
        ),
        ReadError::Denied(words) => (
            codes::INCLUDE_UNREADABLE,
            format!("`{written}` cannot be read"),
            words.clone(),
            "see that you may read the file",
        ),
    };
    Diagnostic::error(code, message, at, label).help(help)
}
