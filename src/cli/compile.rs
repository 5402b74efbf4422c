//! `palisade compile`: firewalls to standard output or a folder, or a comparison with what the folder holds.

use std::collections::BTreeSet;
use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use similar::TextDiff;

use super::args::CompileArgs;
use super::layout::{options, refused, selection, source};
use super::{Exit, Failure, check, output, policy, verify};
use crate::compile::{Emitted, OutputFile, Selection, emit};
use crate::lower::lower;
use crate::targets::Target;

/// How many files are written at once. A writer mostly waits for the disk, which takes as long for several files.
const WRITERS: usize = 8;

pub(super) fn run(args: &CompileArgs) -> Result<Exit, Failure> {
    let loaded = policy::load(&args.policy)?;
    let plan = lower(&loaded.policy);
    if !check::expectations(&loaded, &plan, args.policy.format) {
        return Ok(Exit::Difference);
    }
    let CompileArgs { policy: _, layout, output, check, no_verify } = args;
    let selection = selection(layout, &plan)?;
    let target = layout.target;
    let to_prove = (!no_verify).then(|| (loaded, plan.clone()));
    let source = source(layout, plan);
    let emitted = emit(&source, target, &selection, &options(layout)?).map_err(refused)?;
    if let Some((loaded, plan)) = &to_prove {
        let exit = verify::prove(loaded, plan, target, &emitted, false)?;
        if exit != Exit::Fine {
            return Ok(exit);
        }
    }
    let files: Vec<OutputFile> = emitted.into_iter().flat_map(Emitted::files).collect();
    if source.instances.is_empty() {
        output::tell("note: the policy has no instance, so there is nothing to guard\n");
    }
    match (output, check) {
        (Some(folder), true) => compare(folder, &files, target, &selection),
        (Some(folder), false) => write(folder, &files),
        (None, _) => print(&files),
    }
}

fn print(files: &[OutputFile]) -> Result<Exit, Failure> {
    if files.is_empty() {
        return Ok(Exit::Fine);
    }
    // A sysctl file only accompanies a ruleset; on standard output the ruleset alone is wanted.
    let rulesets: Vec<&OutputFile> = files.iter().filter(|file| !file.name.ends_with(".sysctl")).collect();
    let [file] = rulesets.as_slice() else {
        let names: Vec<&str> = rulesets.iter().map(|file| file.name.as_str()).take(8).collect();
        let more = if rulesets.len() > names.len() { ", ..." } else { "" };
        return Err(Failure::with_help(
            format!("{} files do not fit on standard output: {}{more}", rulesets.len(), names.join(", ")),
            "write them to a folder with -o DIR, or choose one with --instance NAME",
        ));
    };
    output::print(&file.contents)?;
    Ok(Exit::Fine)
}

fn write(folder: &Path, files: &[OutputFile]) -> Result<Exit, Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::io(&format!("cannot create `{}`", folder.display()), &error))?;
    let lot = files.len().div_ceil(WRITERS).max(1);
    let written: Vec<Result<(), Failure>> = thread::scope(|scope| {
        let writers = files.chunks(lot).map(|files| scope.spawn(|| write_all(folder, files)));
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    written.into_iter().collect::<Result<(), Failure>>()?;
    Ok(Exit::Fine)
}

/// Writes those files that are not there yet as they should be.
fn write_all(folder: &Path, files: &[OutputFile]) -> Result<(), Failure> {
    for file in files {
        let path = folder.join(&file.name);
        if fs::read(&path).is_ok_and(|found| found == file.contents) {
            continue;
        }
        output::write_atomically(&path, &file.contents)?;
    }
    Ok(())
}

/// Compares the folder with what would be written. With all instances selected, a file of a kind this target writes
/// that nothing would write any more is left over from an instance that is gone.
fn compare(
    folder: &Path,
    files: &[OutputFile],
    target: Target,
    selection: &Selection,
) -> Result<Exit, Failure> {
    let mut report = String::new();
    for file in files {
        let path = folder.join(&file.name);
        match fs::read(&path) {
            Ok(found) if found == file.contents => {}
            Ok(found) => report.push_str(&describe_change(&path, &found, &file.contents)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                report.push_str(&format!("missing: {}\n", path.display()));
                report.push_str(&describe_change(&path, b"", &file.contents));
            }
            Err(error) => return Err(Failure::io(&format!("cannot read `{}`", path.display()), &error)),
        }
    }
    if *selection == Selection::Instances {
        for name in leftovers(folder, files, target)? {
            report.push_str(&format!("left over: {}\n", folder.join(name).display()));
        }
    }
    if report.is_empty() {
        return Ok(Exit::Fine);
    }
    output::print(report.as_bytes())?;
    output::tell(
        "the output folder differs from what the policy compiles to; run the same command without --check\n",
    );
    Ok(Exit::Difference)
}

fn leftovers(folder: &Path, files: &[OutputFile], target: Target) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(&format!("cannot read `{}`", folder.display()), &error)),
    };
    let expected: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut left = Vec::new();
    for entry in entries {
        let entry =
            entry.map_err(|error| Failure::io(&format!("cannot read `{}`", folder.display()), &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = target.suffixes().iter().any(|suffix| name.ends_with(&format!(".{suffix}")));
        let gateway = name.starts_with("gateway.");
        if ours && !gateway && !expected.contains(name.as_str()) {
            left.push(name);
        }
    }
    left.sort();
    Ok(left)
}

fn describe_change(path: &Path, old: &[u8], new: &[u8]) -> String {
    let name = path.display().to_string();
    match (std::str::from_utf8(old), std::str::from_utf8(new)) {
        (Ok(old), Ok(new)) if !new.contains('\0') && !old.contains('\0') => text_diff(&name, old, new),
        _ => format!("stale: {name} (binary, {} bytes before, {} now)\n", old.len(), new.len()),
    }
}

/// A unified diff from what is there to what should be there.
pub(super) fn text_diff(name: &str, old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(name, name).to_string()
}
