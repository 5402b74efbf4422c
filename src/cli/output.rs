//! Standard streams and files: nothing is written by halves.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::Failure;

/// Prints to standard output. A reader that has gone away is no error.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::io("standard output", &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints to standard error; there is nobody left to tell when that fails.
pub(super) fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints a usage or system error.
pub(super) fn complain(message: &str, help: Option<&str>) {
    let (red, plain) = if colour_on_stderr() { ("\u{1b}[31m", "\u{1b}[0m") } else { ("", "") };
    tell(&format!("{red}error:{plain} {}\n", crate::report::visible(message)));
    if let Some(help) = help {
        tell(&format!(" help: {help}\n"));
    }
}

/// Whether errors may be coloured: on a terminal, unless NO_COLOR is set to anything (no-color.org).
pub(super) fn colour_on_stderr() -> bool {
    stderr_is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether a person may be reading.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes a file whole or not at all: a temporary file beside it is renamed over it.
pub(super) fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let told = |error: &io::Error| Failure::io(&format!("cannot write `{}`", path.display()), error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".palisade-")
        .permissions(permissions(path))
        .tempfile_in(folder)
        .map_err(|error| told(&error))?;
    file.write_all(contents).and_then(|()| file.as_file().sync_all()).map_err(|error| told(&error))?;
    file.persist(path).map_err(|error| told(&error.error))?;
    Ok(())
}

/// Those of the file that is replaced, else what other files get: temporary files are private by default.
#[cfg(unix)]
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or_else(|_| fs::Permissions::from_mode(0o644), |known| known.permissions())
}
