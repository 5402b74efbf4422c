//! Plan to text. Each file knows one thing: `host` and `gateway` where packets go, `rule` how a rule reads, `sets`,
//! `names` and `text` what is safe to print, `session` timeouts, `file` the order of the whole. None of them reads a
//! ruleset.

mod dispatch;
mod errors;
mod file;
mod gateway;
mod host;
mod keywords;
mod maps;
mod names;
mod rule;
mod session;
mod sets;
mod text;

use std::collections::BTreeSet;

use palisade_ir::{Artifact, ArtifactFile, EmitError, Options, Placement, Plan, Prelude, Style, Verdict};

pub(crate) use names::NAME_BYTES;
pub(crate) use text::COMMENT_BYTES;

/// The default table of a host.
const HOST_TABLE: &str = "palisade";
/// The default table of a gateway: another one, so that a machine can be both, and because loading a gateway's file
/// into a host's table would leave the host's base chains behind, empty, with their policy.
const GATEWAY_TABLE: &str = "palisade_gateway";

/// What the options say, checked.
struct Settings<'a> {
    table: &'a str,
    prelude: &'a BTreeSet<Prelude>,
    unmanaged: Verdict,
    counters: bool,
    layout: Style,
}

pub(crate) fn emit(plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
    let Options { placement, prelude, unmanaged, counters, table, chains_only, ipset, layout } = options;
    for (wanted, option) in [(chains_only, "chains-only"), (ipset, "ipset")] {
        if *wanted {
            return Err(errors::iptables_only(option));
        }
    }
    session::check(plan.session_timeout)?;
    let (own, others) = match placement {
        Placement::Host(_) => (HOST_TABLE, GATEWAY_TABLE),
        Placement::Gateway => (GATEWAY_TABLE, HOST_TABLE),
    };
    let table = table.as_deref().unwrap_or(own);
    names::check_table(table)?;
    if table == others {
        return Err(errors::others_table(table, own));
    }
    let settings = Settings { table, prelude, unmanaged: *unmanaged, counters: *counters, layout: *layout };
    let (stem, ruleset) = match placement {
        Placement::Host(id) => {
            let instance = plan.instances.get(id.0 as usize).ok_or_else(|| errors::unknown_instance(id.0))?;
            (instance.name.as_str(), host::ruleset(plan, instance, &settings)?)
        }
        Placement::Gateway => ("gateway", gateway::ruleset(plan, &settings)?),
    };
    let files = vec![
        ArtifactFile::text("nft", ruleset.render(stem)),
        ArtifactFile::text("sysctl", session::sysctl(stem, plan.session_timeout)),
    ];
    Ok(Artifact { files })
}
