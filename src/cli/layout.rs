//! What is compiled for whom, from the arguments that `compile` and `verify` share.

use std::collections::BTreeSet;

use palisade_ir::{Options, Placement, Plan, Prelude};

use super::Failure;
use super::args::LayoutArgs;
use crate::compile::{CompileError, Selection};
use crate::optimize::for_layout;

pub(super) fn refused(error: CompileError) -> Failure {
    let help = error.error.help.clone();
    Failure::Usage(error.to_string(), help)
}

pub(super) fn selection(args: &LayoutArgs, plan: &Plan) -> Result<Selection, Failure> {
    if args.gateway {
        return Ok(Selection::Gateway);
    }
    let Some(name) = &args.instance else { return Ok(Selection::Instances) };
    match plan.instance(name) {
        Some((id, _)) => Ok(Selection::Instance(id)),
        None => {
            let names: Vec<&str> = plan.instances.iter().map(|instance| instance.name.as_str()).collect();
            Err(Failure::with_help(
                format!("the policy has no instance `{name}`"),
                format!("its instances are: {}", names.join(", ")),
            ))
        }
    }
}

/// The plan that is emitted: rules as their authors wrote them where the output names them.
pub(super) fn source(args: &LayoutArgs, plan: Plan) -> Plan {
    if args.target.explains() { plan } else { for_layout(plan, args.layout, args.target.joining()) }
}

pub(super) fn options(args: &LayoutArgs) -> Result<Options, Failure> {
    let mut prelude: BTreeSet<Prelude> = match args.prelude.as_str() {
        "all" => Prelude::ALL.into_iter().collect(),
        "none" => BTreeSet::new(),
        names => names.split(',').map(str::parse).collect::<Result<_, String>>().map_err(Failure::usage)?,
    };
    if args.gateway {
        // Forwarded traffic has no prelude: neighbours and leases are the gateway's own, on input and output.
        prelude.clear();
    }
    Ok(Options {
        placement: Placement::Gateway,
        prelude,
        unmanaged: args.unmanaged,
        counters: args.counters,
        table: args.table.clone(),
        chains_only: args.chains_only,
        ipset: args.ipset,
        layout: args.layout,
    })
}
