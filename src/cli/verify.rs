//! `palisade verify`: whether rulesets mean the policy, for all packets; and the same before `compile` writes.

use std::fs;
use std::path::{Path, PathBuf};

use palisade_ir::decide::Budget;
use palisade_ir::{Artifact, ArtifactFile, Options, Placement, Plan, Verdict};

use super::args::{LayoutArgs, VerifyArgs};
use super::live::Live;
use super::policy::{self, LoadedPolicy};
use super::{Exit, Failure, layout, live, output};
use crate::compile::{Emitted, Selection, emit};
use crate::lower::lower;
use crate::report::visible;
use crate::targets::Target;
use crate::verify::{self, Proof, show};

pub(super) fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    let VerifyArgs { policy, layout, artifacts, live, netns } = args;
    let loaded = policy::load(policy)?;
    let plan = lower(&loaded.policy);
    if *live {
        return running(&loaded, &plan, layout, netns.as_deref());
    }
    let emitted = if artifacts.is_empty() {
        let selection = layout::selection(layout, &plan)?;
        let source = layout::source(layout, plan.clone());
        emit(&source, layout.target, &selection, &layout::options(layout)?).map_err(layout::refused)?
    } else {
        read(artifacts, layout, &plan)?
    };
    prove(&loaded, &plan, layout.target, &emitted, true)
}

/// Proves each; what fails is printed, and what succeeds where that is wanted.
pub(super) fn prove(
    loaded: &LoadedPolicy,
    plan: &Plan,
    target: Target,
    emitted: &[Emitted],
    tell: bool,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    for Emitted { stem, options, artifact } in emitted {
        match verify::verify(plan, target, options, artifact, &mut Budget::default()) {
            Ok(proof) if tell => {
                output::print(format!("{stem}: proved for all packets ({})\n", chains(proof)).as_bytes())?;
            }
            Ok(_) => {}
            Err(failure) => {
                exit = Exit::Difference;
                let (policy, sources) = (&loaded.policy, &loaded.sources);
                let setting = show::Setting { policy, sources, plan, stem, artifact, listings: &[] };
                output::tell(&show::failure(&setting, &failure));
            }
        }
    }
    Ok(exit)
}

fn chains(Proof { chains }: Proof) -> String {
    if chains == 1 { "1 chain compared".to_owned() } else { format!("{chains} chains compared") }
}

/// Proves what the running kernel enforces on this machine.
fn running(
    loaded: &LoadedPolicy,
    plan: &Plan,
    layout: &LayoutArgs,
    netns: Option<&str>,
) -> Result<Exit, Failure> {
    let selection = layout::selection(layout, plan)?;
    if selection == Selection::Instances && plan.instances.len() != 1 {
        return Err(Failure::with_help(
            "the policy does not say which of its instances this machine is",
            "say it with --instance NAME, or --gateway",
        ));
    }
    let source = layout::source(layout, plan.clone());
    let wanted =
        emit(&source, layout.target, &selection, &layout::options(layout)?).map_err(layout::refused)?;
    let mut exit = Exit::Fine;
    for wanted in wanted {
        let live = live::read(&wanted, layout.target, netns)?;
        let Emitted { stem, options, artifact: _ } = &wanted;
        let text = match verify::verify(plan, layout.target, options, &live.artifact, &mut Budget::default())
        {
            Ok(proof) => {
                let chains = chains(proof);
                format!("{stem}: the running kernel means the policy, for all packets ({chains})\n")
            }
            Err(failure) => {
                exit = Exit::Difference;
                drift(loaded, plan, stem, &live, &failure)
            }
        };
        let sessions = sessions(stem, &live.sessions);
        if !sessions.is_empty() {
            exit = Exit::Difference;
        }
        let text = text + &sessions;
        let notes: String = live.notes.iter().map(|note| format!("note: {}\n", visible(note))).collect();
        if exit == Exit::Fine {
            output::print(text.as_bytes())?
        } else {
            output::tell(&text)
        }
        output::tell(&notes);
    }
    Ok(exit)
}

/// By what sessions end otherwise than the policy says.
fn sessions(stem: &str, drift: &[String]) -> String {
    if drift.is_empty() {
        return String::new();
    }
    let lines: String = drift.iter().map(|line| format!("  {}\n", visible(line))).collect();
    format!(
        "{stem}: idle sessions do not end as the policy says\n{lines}  help     load the ruleset again, and then \
         `sysctl -e -p {stem}.sysctl`\n"
    )
}

/// Why what the kernel has is not what the policy says.
fn drift(loaded: &LoadedPolicy, plan: &Plan, stem: &str, live: &Live, failure: &verify::Failure) -> String {
    let (policy, sources) = (&loaded.policy, &loaded.sources);
    let Live { artifact, commands, notes: _, sessions: _ } = live;
    let setting = show::Setting { policy, sources, plan, stem, artifact, listings: commands };
    let text = show::failure(&setting, failure);
    match failure {
        verify::Failure::Unreadable(error) => format!("{text}  listing  {}\n", visible(&live.place(error))),
        verify::Failure::Different(_) => {
            format!(
                "{text}  help     the running kernel has drifted from the policy: compile and load it again\n"
            )
        }
        verify::Failure::Unproved(_) => text,
    }
}

/// The files named, and those of the folders named, by placement.
fn read(paths: &[PathBuf], layout: &LayoutArgs, plan: &Plan) -> Result<Vec<Emitted>, Failure> {
    let mut emitted: Vec<Emitted> = Vec::new();
    for path in files(paths, layout.target)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((stem, suffix)) = split(&name, layout.target) else {
            let known = layout.target.suffixes().join(", ");
            return Err(Failure::with_help(
                format!("`{}` is no file of this target", path.display()),
                format!(
                    "its files are called NAME.SUFFIX, NAME an instance or `gateway`, SUFFIX one of {known}"
                ),
            ));
        };
        let contents = fs::read(&path)
            .map_err(|error| Failure::io(&format!("cannot read `{}`", path.display()), &error))?;
        let file = ArtifactFile { suffix, contents };
        match emitted.iter_mut().find(|known| known.stem == stem) {
            Some(known) => known.artifact.files.push(file),
            None => emitted.push(Emitted {
                stem: stem.to_owned(),
                options: options(stem, layout, plan)?,
                artifact: Artifact { files: vec![file] },
            }),
        }
    }
    // A sysctl file alone guards nothing, but beside a ruleset it is read too.
    emitted.sort_by(|one, other| one.stem.cmp(&other.stem));
    if emitted.is_empty() {
        return Err(Failure::usage("there is no file of this target to verify"));
    }
    Ok(emitted)
}

/// The paths that are files, and the files of this target in those that are folders, sorted.
fn files(paths: &[PathBuf], target: Target) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error| Failure::io(&format!("cannot read `{}`", path.display()), &error);
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if split(&name.to_string_lossy(), target).is_some() {
                found.push(path.join(Path::new(&name)));
            }
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// `web-1.rules.v4` is `web-1` and `rules.v4`.
fn split(name: &str, target: Target) -> Option<(&str, &'static str)> {
    target.suffixes().iter().find_map(|suffix| {
        let stem = name.strip_suffix(suffix)?.strip_suffix('.')?;
        Some((stem, *suffix)).filter(|_| !stem.is_empty())
    })
}

/// The options with the placement that a file's name says.
fn options(stem: &str, layout: &LayoutArgs, plan: &Plan) -> Result<Options, Failure> {
    let options = layout::options(layout)?;
    if stem == "gateway" {
        return Ok(Options {
            placement: Placement::Gateway,
            prelude: Default::default(),
            unmanaged: Verdict::Allow,
            ..options
        });
    }
    let (id, _) = plan.instance(stem).ok_or_else(|| {
        Failure::with_help(
            format!("the policy has no instance `{stem}`"),
            "the first part of a file's name says whose ruleset it is",
        )
    })?;
    Ok(Options { placement: Placement::Host(id), ..options })
}
