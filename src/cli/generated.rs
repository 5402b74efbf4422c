//! How the compiled files change with a policy, line by line.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::Plan;

use super::Failure;
use super::args::LayoutArgs;
use super::compile::text_diff;
use super::layout;
use crate::compile::compile;
use crate::diff::show::FileChange;

type Files = BTreeMap<String, Vec<u8>>;

/// The files that differ, by name.
pub(super) fn changes(old: &Plan, new: &Plan, args: &LayoutArgs) -> Result<Vec<FileChange>, Failure> {
    if let Some(name) = &args.instance
        && old.instance(name).is_none()
        && new.instance(name).is_none()
    {
        return Err(Failure::usage(format!("neither policy has an instance `{name}`")));
    }
    let (old, new) = (files(old, args)?, files(new, args)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let of = |files: &Files, name: &String| files.get(name).cloned().unwrap_or_default();
    let pairs = names.into_iter().map(|name| (name, of(&old, name), of(&new, name)));
    Ok(pairs
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| FileChange { name: name.clone(), diff: change(name, &old, &new) })
        .collect())
}

fn change(name: &str, old: &[u8], new: &[u8]) -> String {
    match (std::str::from_utf8(old), std::str::from_utf8(new)) {
        (Ok(old), Ok(new)) if !old.contains('\0') && !new.contains('\0') => text_diff(name, old, new),
        _ => format!("{name}: binary, {} bytes before, {} now\n", old.len(), new.len()),
    }
}

/// Everything that is compiled; nothing for an instance that this policy does not have.
fn files(plan: &Plan, args: &LayoutArgs) -> Result<Files, Failure> {
    if args.instance.as_ref().is_some_and(|name| plan.instance(name).is_none()) {
        return Ok(Files::new());
    }
    let selection = layout::selection(args, plan)?;
    let source = layout::source(args, plan.clone());
    let files =
        compile(&source, args.target, &selection, &layout::options(args)?).map_err(layout::refused)?;
    Ok(files.into_iter().map(|file| (file.name, file.contents)).collect())
}
