//! `palisade fmt`: the canonical layout, in place.

use std::fs;
use std::io::Read;
use std::path::Path;

use palisade_grammar::FormatError;

use super::args::{FmtArgs, Format};
use super::{Exit, Failure, output, policy};
use crate::diagnostic::Sources;

pub(super) fn run(args: &FmtArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    for path in &args.files {
        let outcome = if path.as_os_str() == "-" { standard_input(args)? } else { file(path, args)? };
        exit = worse(exit, outcome);
    }
    Ok(exit)
}

fn worse(a: Exit, b: Exit) -> Exit {
    if a == Exit::Rejected || b == Exit::Fine { a } else { b }
}

fn standard_input(args: &FmtArgs) -> Result<Exit, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::io("standard input", &error))?;
    let Some(formatted) = format(Path::new("<stdin>"), &text, args.format) else { return Ok(Exit::Rejected) };
    if args.check {
        return compare("<stdin>", &text, &formatted);
    }
    output::print(formatted.as_bytes())?;
    Ok(Exit::Fine)
}

fn file(path: &Path, args: &FmtArgs) -> Result<Exit, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::io(&format!("cannot read `{}`", path.display()), &error))?;
    let Some(formatted) = format(path, &text, args.format) else { return Ok(Exit::Rejected) };
    if args.check {
        return compare(&path.display().to_string(), &text, &formatted);
    }
    if formatted != text {
        output::write_atomically(path, formatted.as_bytes())?;
    }
    Ok(Exit::Fine)
}

fn compare(name: &str, text: &str, formatted: &str) -> Result<Exit, Failure> {
    if text == formatted {
        return Ok(Exit::Fine);
    }
    output::print(super::compile::text_diff(name, text, formatted).as_bytes())?;
    Ok(Exit::Difference)
}

/// The formatted text; `None` when there were errors, which are printed.
fn format(path: &Path, text: &str, format: Format) -> Option<String> {
    let errors = match palisade_grammar::format(text) {
        Ok(formatted) => return Some(formatted),
        Err(FormatError::Syntax(errors)) => errors,
        Err(error) => {
            output::complain(&format!("`{}`: {error}", path.display()), None);
            return None;
        }
    };
    let mut sources = Sources::default();
    let file = sources.add(path.display().to_string(), text.to_owned());
    let diagnostics: Vec<_> = errors.into_iter().map(|error| crate::source::syntax(file, error)).collect();
    policy::tell(&sources, &diagnostics, format);
    None
}
