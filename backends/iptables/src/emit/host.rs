//! The table of a host: prelude, live sessions, then each packet to the chain of the NIC it belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{Direction, EmitError, Family, InstanceId, InstancePlan, NicPlan, Plan, Verdict};

use super::rule::Exits;
use super::sets::Sets;
use super::table::{ChainId, Table, Target};
use super::{Context, error, nic, prelude};

/// The own chain of a built-in one.
pub(super) const ENTRIES: [(&str, &str); 2] = [("INPUT", "PALISADE-IN"), ("OUTPUT", "PALISADE-OUT")];

/// Refuses instances that do not exist or whose NICs share an interface.
pub(super) fn check(plan: &Plan, at: InstanceId) -> Result<(), EmitError> {
    let instance = find(plan, at)?;
    let mut seen = BTreeSet::new();
    for nic in &instance.nics {
        if !seen.insert(&nic.interface) {
            return Err(error::same_interface(&instance.name, &nic.interface));
        }
    }
    Ok(())
}

fn find(plan: &Plan, at: InstanceId) -> Result<&InstancePlan, EmitError> {
    plan.instances.get(at.0 as usize).ok_or_else(|| error::no_such_instance(at.0))
}

/// The filter table of one family.
pub(super) fn table(context: &Context<'_>, at: InstanceId, sets: &mut Sets) -> Result<Table, EmitError> {
    let instance = find(context.plan, at)?;
    let unmanaged = context.options.unmanaged;
    let mut table = Table::new();
    let mut built_in = Vec::new();
    if !context.options.chains_only {
        for name in ["INPUT", "FORWARD", "OUTPUT"] {
            built_in.push((name, table.built_in(name, unmanaged)));
        }
    }
    for (direction, (hook, entry)) in [Direction::In, Direction::Out].into_iter().zip(ENTRIES) {
        let entry = table.chain(entry)?;
        if let Some((_, hook)) = built_in.iter().find(|(name, _)| *name == hook) {
            table.rule::<&str>(*hook, &[], "palisade", Target::Jump(entry));
        }
        let chains = declare(&mut table, instance, direction)?;
        prelude::write(context, &mut table, entry, direction);
        prelude::sessions(context, &mut table, entry);
        dispatch(context, &mut table, entry, &chains, direction);
        if unmanaged == Verdict::Deny {
            table.rule::<&str>(entry, &[], "unmanaged interface", Target::Drop);
        }
        for (nic, chain) in chains {
            nic::fill(context, sets, &mut table, chain, nic::rules(nic, direction), Exits::Final)?;
        }
    }
    Ok(table)
}

fn declare<'a>(
    table: &mut Table,
    instance: &'a InstancePlan,
    direction: Direction,
) -> Result<Vec<(&'a NicPlan, ChainId)>, EmitError> {
    let declared = instance.nics.iter().map(|nic| {
        let chain = table.chain(&format!("PAL-{direction}-{}", nic.interface))?;
        Ok((nic, chain))
    });
    declared.collect()
}

/// A packet belongs to the NIC that owns its local address, whatever the interface; else to the NIC whose interface
/// it uses. An address of two NICs says nothing.
fn dispatch(
    context: &Context<'_>,
    table: &mut Table,
    entry: ChainId,
    chains: &[(&NicPlan, ChainId)],
    direction: Direction,
) {
    let (address_option, interface_option) = match direction {
        Direction::In => ("-d", "-i"),
        Direction::Out => ("-s", "-o"),
    };
    let mut owners: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for address in chains.iter().flat_map(|(nic, _)| &nic.addresses) {
        *owners.entry(*address).or_default() += 1;
    }
    for (nic, chain) in chains {
        let mine = |address: &&IpAddr| {
            Family::of(address) == context.family && owners.get(address).is_some_and(|count| *count == 1)
        };
        for address in nic.addresses.iter().filter(mine) {
            let test = format!("{address_option} {}", ipnet::IpNet::from(*address));
            let comment = format!("address of {}", nic.interface);
            table.rule(entry, &[test], &comment, Target::Goto(*chain));
        }
    }
    for (nic, chain) in chains {
        let test = format!("{interface_option} {}", nic.interface);
        let comment = format!("interface {}", nic.interface);
        table.rule(entry, &[test], &comment, Target::Goto(*chain));
    }
}
