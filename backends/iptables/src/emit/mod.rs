//! From a plan to files: checks the options, then builds one table per family, the sets they use and the sysctls.
//!
//! Knows nothing of how the files are read back.

mod apart;
mod comment;
mod cost;
mod error;
mod gateway;
mod header;
mod host;
mod long;
mod matching;
mod name;
mod nic;
mod prelude;
mod rule;
mod services;
mod sets;
mod sysctl;
mod table;
mod tree;

use palisade_ir::{Artifact, ArtifactFile, EmitError, Family, Options, Placement, Plan};

use self::sets::Sets;

/// What every part of the emitter looks at.
struct Context<'a> {
    plan: &'a Plan,
    options: &'a Options,
    family: Family,
}

/// The files for a plan.
pub(crate) fn emit(plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
    check(plan, options)?;
    let mut sets = Sets::new(options.ipset);
    let mut rules = Vec::new();
    for (family, suffix) in [(Family::V4, "rules.v4"), (Family::V6, "rules.v6")] {
        let context = Context { plan, options, family };
        let table = match options.placement {
            Placement::Host(instance) => host::table(&context, instance, &mut sets)?,
            Placement::Gateway => gateway::table(&context, &mut sets)?,
        };
        rules.push(ArtifactFile::text(suffix, table.text(&header::rules(&context))));
    }
    let mut files = Vec::new();
    if options.ipset {
        files.push(ArtifactFile::text("ipset", sets.text(&header::ipset(plan, options))));
    }
    files.append(&mut rules);
    files.push(ArtifactFile::text("sysctl", sysctl::text(plan, options)));
    Ok(Artifact { files })
}

/// Refuses what cannot be said, before anything is written.
fn check(plan: &Plan, options: &Options) -> Result<(), EmitError> {
    let Options { placement, prelude: _, unmanaged, counters: _, table, chains_only: _, ipset: _, layout: _ } =
        options;
    if let Some(table) = table {
        return Err(error::table_name(table));
    }
    let Plan { session_timeout, networks: _, sets: _, services: _, rules: _, instances: _ } = plan;
    sysctl::check(*session_timeout)?;
    match placement {
        Placement::Host(instance) => host::check(plan, *instance),
        Placement::Gateway => gateway::check(plan, *unmanaged),
    }
}
