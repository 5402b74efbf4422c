//! How the nftables files of all instances change with a policy, line by line.

use std::collections::BTreeMap;

use palisade_ir::{Options, Placement, Plan};

use super::Failure;
use super::compile::text_diff;
use crate::compile::{Selection, compile};
use crate::diff::show::FileChange;
use crate::optimize::optimize_plan;
use crate::targets::Target;

/// The files that differ, by name.
pub(super) fn changes(old: &Plan, new: &Plan) -> Result<Vec<FileChange>, Failure> {
    let (old, new) = (files(old)?, files(new)?);
    let names: BTreeMap<&String, ()> = old.keys().chain(new.keys()).map(|name| (name, ())).collect();
    let text = |files: &BTreeMap<String, String>, name: &String| files.get(name).cloned().unwrap_or_default();
    let changed = names.into_keys().map(|name| (name, text(&old, name), text(&new, name)));
    Ok(changed
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| FileChange { name: name.clone(), diff: text_diff(name, &old, &new) })
        .collect())
}

fn files(plan: &Plan) -> Result<BTreeMap<String, String>, Failure> {
    let options = Options::at(Placement::Gateway);
    let files = compile(&optimize_plan(plan).0, Target::Nftables, &Selection::Instances, &options)
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(files
        .into_iter()
        .map(|file| (file.name, String::from_utf8_lossy(&file.contents).into_owned()))
        .collect())
}
