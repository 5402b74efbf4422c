//! `palisade diff`: what a change of policy does to traffic.

use std::path::{Path, PathBuf};

use palisade_ir::Plan;
use palisade_ir::decide::{Budget, BudgetExceeded};

use super::args::{DiffArgs, DiffFormat, Format, Gate};
use super::policy::{self, LoadedPolicy};
use super::revision::Revision;
use super::{Exit, Failure, generated, output};
use crate::diff::show::{self, Report, Side};
use crate::diff::{Both, Difference, End, Outside, Unknown, diff, outside, outside_unlisted};
use crate::lower::lower;
use crate::report::words;
use crate::source::{Disk, FileSystem};

/// What a folder's policy is called.
const IN_A_FOLDER: &str = "policy.sg";

/// A policy and its plan.
struct Read {
    loaded: LoadedPolicy,
    plan: Plan,
}

impl Read {
    const fn side(&self) -> Side<'_> {
        Side { policy: &self.loaded.policy, sources: &self.loaded.sources, plan: &self.plan }
    }
}

pub(super) fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    let (old, new) = read_both(args)?;
    let envelope = args.within.as_deref().map(|path| from_disk(args, path)).transpose()?;
    let both = Both { old: &old.plan, new: &new.plan };
    let difference = match diff(&old.plan, &new.plan, &mut Budget::default()) {
        Ok(difference) => difference,
        Err(found) => return unknown(args, &found, both, envelope.as_ref()),
    };
    let outside = envelope
        .as_ref()
        .map(|envelope| outside(&difference, both, &envelope.plan, &mut Budget::default()))
        .transpose()
        .map_err(not_proved)?;
    let generated =
        args.generated.then(|| generated::changes(&old.plan, &new.plan, &args.layout)).transpose()?;
    let report = Report {
        old: old.side(),
        new: new.side(),
        difference: &difference,
        within: envelope.as_ref().map(Read::side).zip(outside.as_deref()),
        generated: generated.as_deref(),
        all: args.all,
    };
    let text = match args.format {
        DiffFormat::Text => show::text(&report),
        DiffFormat::Json => show::json(&report),
        DiffFormat::Markdown => show::markdown(&report),
    };
    output::print(text.as_bytes())?;
    Ok(exit(args, &difference, outside.as_deref()))
}

fn exit(args: &DiffArgs, difference: &Difference, outside: Option<&[Outside]>) -> Exit {
    let is_closed = match args.fail_on {
        None => false,
        Some(Gate::Widen) => difference.widens(),
        Some(Gate::Narrow) => difference.narrows(),
        Some(Gate::Any) => !difference.is_empty(),
    };
    let is_outside = outside.is_some_and(|outside| !outside.is_empty());
    let is_told = args.exit_code && !difference.is_empty();
    if is_closed || is_outside || is_told { Exit::Difference } else { Exit::Fine }
}

/// How they differ is not known; a packet on which they do may be. Whether the envelope allows what is newly allowed is
/// another question, and may have an answer.
fn unknown(
    args: &DiffArgs,
    unknown: &Unknown,
    both: Both<'_>,
    envelope: Option<&Read>,
) -> Result<Exit, Failure> {
    let outside = envelope
        .map(|envelope| (envelope, outside_unlisted(both, &envelope.plan, &mut Budget::default()).ok()));
    let is_within = outside.as_ref().is_some_and(|(_, outside)| outside.as_ref().is_some_and(Vec::is_empty));
    if args.format == DiffFormat::Json {
        let within = outside.as_ref().map(|(envelope, outside)| (envelope.side(), outside.as_deref()));
        output::print(show::unknown_json(unknown, within).as_bytes())?;
    } else {
        tell(unknown);
        match &outside {
            Some((envelope, Some(outside))) => {
                output::print(show::outside_text(&envelope.side(), outside).as_bytes())?;
            }
            Some((_, None)) => output::complain("what is newly allowed is too much for the envelope", None),
            None => {}
        }
    }
    // The envelope alone asks for no more than that nothing is outside it.
    let is_asked_more = args.fail_on.is_some() || args.exit_code;
    Ok(if is_within && !is_asked_more { Exit::Fine } else { Exit::Difference })
}

fn tell(unknown: &Unknown) {
    let Unknown { ends, direction, packet } = unknown;
    let whose = match ends.as_slice() {
        [] => String::new(),
        [End { instance, interface }] => format!(", for `{instance}` {interface} {direction}"),
        [End { instance, interface }, rest @ ..] => {
            format!(", for `{instance}` {interface} {direction} and {} more", rest.len())
        }
    };
    let help = match packet {
        Some(packet) => {
            format!("they do differ: {}, for one; compare them in smaller steps", words::packet(packet))
        }
        None => "whether they differ at all is open too; compare them in smaller steps".to_owned(),
    };
    output::complain(&format!("{unknown}{whose}"), Some(&help));
}

/// Nothing may be taken for equal that is not proved to be.
fn not_proved(_: BudgetExceeded) -> Failure {
    output::complain(
        "unknown: what is newly allowed is too much to compare with the envelope",
        Some("compare in smaller steps"),
    );
    Failure::Told(Exit::Difference)
}

fn read_both(args: &DiffArgs) -> Result<(Read, Read), Failure> {
    match (args.policies.as_slice(), args.git.as_slice()) {
        ([old, new], []) => Ok((from_disk(args, old)?, from_disk(args, new)?)),
        ([policy], [old]) => Ok((from_git(args, old, policy)?, from_disk(args, policy)?)),
        ([policy], [old, new]) => Ok((from_git(args, old, policy)?, from_git(args, new, policy)?)),
        ([_], []) => Err(Failure::with_help(
            "one policy has no difference",
            "give the old and the new one, or the revision to compare with: --git main",
        )),
        (_, [_, _, ..] | [_]) => {
            Err(Failure::with_help("with --git goes one policy", "it is read at the revision, or at both"))
        }
        (_, []) => Err(Failure::usage("two policies can be compared, not more")),
    }
}

fn from_disk(args: &DiffArgs, path: &Path) -> Result<Read, Failure> {
    read(args, &Disk, &file(path))
}

fn from_git(args: &DiffArgs, name: &str, path: &Path) -> Result<Read, Failure> {
    let revision = Revision::open(name, &file(path))?;
    read(args, &revision, revision.root())
}

fn file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(IN_A_FOLDER) } else { path.to_owned() }
}

fn read(args: &DiffArgs, files: &dyn FileSystem, root: &Path) -> Result<Read, Failure> {
    let format = match args.format {
        DiffFormat::Json => Format::Json,
        DiffFormat::Text | DiffFormat::Markdown => Format::Human,
    };
    let loaded = policy::load_quietly(files, root, &args.include_dir, format)?;
    let plan = lower(&loaded.policy);
    Ok(Read { loaded, plan })
}
