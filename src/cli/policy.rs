//! Reading policies for commands: what is wrong is printed, what is right is handed on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{Format, PolicyArgs};
use super::{Exit, Failure, output};
use crate::diagnostic::{Diagnostic, Sources};
use crate::front::{self, Front};
use crate::policy::{Expect, Policy};
use crate::report::{self, Look};
use crate::source::{FileSystem, LoadError, LoadOptions, load_from};

/// A policy without errors, and its texts.
pub(super) struct LoadedPolicy {
    pub(super) policy: Policy,
    pub(super) sources: Sources,
}

/// Reads a policy, prints its errors and warnings, and stops when there is an error.
pub(super) fn load(args: &PolicyArgs) -> Result<LoadedPolicy, Failure> {
    accept(front::read(&args.policy, &options(args)), args.format)
}

/// Reads a policy and a description of traffic in the words of `expect`.
pub(super) fn load_with_traffic(args: &PolicyArgs, traffic: &str) -> Result<(LoadedPolicy, Expect), Failure> {
    let front = front::read_with_traffic(&args.policy, &options(args), traffic);
    let mut loaded = accept(front, args.format)?;
    match loaded.policy.expects.pop() {
        Some(traffic) => Ok((loaded, traffic)),
        None => Err(Failure::with_help(
            format!("`{traffic}` describes no traffic"),
            "write it like an expectation: tcp from 1.2.3.4 to web-1 port 443",
        )),
    }
}

/// Reads a policy from any file system and says nothing unless it is rejected: for comparing, not for checking.
pub(super) fn load_quietly(
    files: &dyn FileSystem,
    root: &Path,
    include_dirs: &[PathBuf],
    format: Format,
) -> Result<LoadedPolicy, Failure> {
    let options = LoadOptions { include_dirs: include_dirs.to_owned(), ..LoadOptions::default() };
    let mut front = load_from(files, root, &options).map(Front::from);
    if let Ok(front) = &mut front
        && front.policy.is_some()
    {
        front.diagnostics.clear();
    }
    accept(front, format)
}

fn options(args: &PolicyArgs) -> LoadOptions {
    LoadOptions { include_dirs: args.include_dir.clone(), ..LoadOptions::default() }
}

fn accept(front: Result<Front, LoadError>, format: Format) -> Result<LoadedPolicy, Failure> {
    let Front { sources, files: _, policy, diagnostics } =
        front.map_err(|error| Failure::Usage(error.to_string(), None))?;
    tell(&sources, &diagnostics, format);
    match policy {
        Some(policy) => Ok(LoadedPolicy { policy, sources }),
        None => Err(Failure::Told(Exit::Rejected)),
    }
}

/// Prints errors and warnings to standard error.
pub(super) fn tell(sources: &Sources, diagnostics: &[Diagnostic], format: Format) {
    let text = match format {
        Format::Human => report::people(diagnostics, sources, look()) + &summary(diagnostics),
        Format::Json => report::json_lines(diagnostics, sources),
    };
    output::tell(&text);
}

/// Draws all errors and so many warnings; the others are counted by their kind.
pub(super) fn tell_some(sources: &Sources, diagnostics: &[Diagnostic], most: usize) {
    let mut warnings = 0;
    let (shown, hidden): (Vec<_>, Vec<_>) = diagnostics.iter().cloned().partition(|found| {
        warnings += usize::from(!found.is_error());
        found.is_error() || warnings <= most
    });
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for found in &hidden {
        *kinds.entry(found.code.rsplit("::").next().unwrap_or(found.code)).or_default() += 1;
    }
    let mut more = String::new();
    if !hidden.is_empty() {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let kinds: Vec<String> = kinds.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
        let text = format!("and {} more warnings (--all shows them): {}", hidden.len(), kinds.join(", "));
        report::wrap(&mut more, &text, "", "    ");
    }
    output::tell(&(report::people(&shown, sources, look()) + &more + &summary(diagnostics)));
}

fn look() -> Look {
    let terminal = output::stderr_is_terminal();
    Look { unicode: terminal, color: output::colour_on_stderr(), width: report::WIDTH }
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    report::summary(diagnostics).map(|line| line + "\n").unwrap_or_default()
}
