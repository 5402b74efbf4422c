//! From syntax trees to a policy: every name looked up, every refusal of the language made, all errors collected.
//!
//! Knows no files on disk and no rendering. Errors never hide others: each stage goes on with what it could read, and
//! what depends on a reported error stays silent.

mod attributes;
mod circles;
mod codes;
mod defaults;
mod emptiness;
mod ends;
mod expects;
mod findings;
mod fitness;
mod groups;
mod instances;
mod membership;
mod names;
mod order;
mod repeats;
mod rules;
mod services;
mod sets;
mod settings;
mod usage;
mod values;

use palisade_grammar::ast::{self, GroupBase};
use palisade_ir::{InstanceId, NamedPorts, NicRef};

pub use codes::CODES;
pub(crate) use codes::DUPLICATE_RULE;

use self::attributes::Attributes;
use self::ends::World;
use self::findings::{Findings, at};
use self::instances::Found;
use self::names::{Declared, Names};
use self::rules::Draft;
use crate::diagnostic::{Diagnostic, FileId};
use crate::policy::{Expect, Group, GroupId, InnerScope, Network, Policy, PrefixSetDef, Unused};

/// Resolves the files of a policy; call it with files that were read without a syntax error.
///
/// The policy is there exactly when no diagnostic is an error.
pub fn resolve(files: &[(FileId, ast::File)]) -> (Option<Policy>, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let names = Names::collect(files, &mut findings);
    let session_timeout = settings::session_timeout(&names, &mut findings);
    let inner_scope = settings::inner_scope(&names, &mut findings);
    let networks = settings::networks(&names, &mut findings);
    let sets = sets::sets(&names, &mut findings);
    let services = services::services(&names, &mut findings);
    let world = World { names: &names, sets: &sets, services: &services };

    let sorted = clone_order(&names, &mut findings);
    let attributes = attributes::attributes(&names, &sorted, &mut findings);
    let rules = groups::rules(&world, &attributes, &sorted, &mut findings);
    let instances = instances::instances(&names, &attributes, &mut findings);
    let owners = expects::Owners::new(&world, &instances);
    let expects = expects::expects(&world, &owners, &mut findings);

    let set_defs = set_defs(&world, &mut findings);
    let unused = usage::unused(files, &names);
    let named_ports = services::named_ports(&names, &services);
    let parts = Parts {
        session_timeout,
        inner_scope,
        networks,
        set_defs,
        named_ports,
        rules,
        instances,
        expects,
        unused,
    };
    let policy = if findings.has_errors() { None } else { assemble(&names, &attributes, parts) };
    if let Some(policy) = &policy {
        emptiness::warn(&world, &owners, policy, &mut findings);
    }
    (policy, findings.finish(&names))
}

/// Groups in an order in which clones come after what they are clones of.
fn clone_order(names: &Names<'_>, findings: &mut Findings) -> Vec<usize> {
    let base = |group: &Declared<'_, ast::Group>| match &group.node.base {
        GroupBase::Clone(base) => Some((names.groups.index(&base.value)?, at(group.file, base.span))),
        GroupBase::Custom | GroupBase::Default { .. } => None,
    };
    let needs: Vec<Vec<usize>> = names
        .groups
        .entries
        .iter()
        .map(|group| base(group).map(|(index, _)| index).into_iter().collect())
        .collect();
    let order = order::order(&needs);
    let place = |from: usize, _| names.groups.get(from).and_then(base).map(|(_, place)| place);
    circles::report(&circles::CLONES, &names.groups, &order.circles, place, findings);
    order.sorted
}

fn set_defs(world: &World<'_>, findings: &mut Findings) -> Vec<Option<PrefixSetDef>> {
    let declared = world.names.sets.entries.iter().zip(world.sets);
    declared
        .map(|(set, value)| {
            let description = values::description(set.node.description.as_ref(), set.file, findings);
            let value = value.as_ref()?;
            let (v4, v6) = (value.v4.clone(), value.v6.clone());
            Some(PrefixSetDef { name: set.name.clone(), description, v4, v6, at: set.statement })
        })
        .collect()
}

/// Everything that a policy is made of.
struct Parts {
    session_timeout: u32,
    inner_scope: InnerScope,
    networks: Vec<Network>,
    set_defs: Vec<Option<PrefixSetDef>>,
    named_ports: Vec<NamedPorts>,
    rules: Vec<Vec<Draft>>,
    instances: Vec<Found>,
    expects: Vec<Expect>,
    unused: Vec<Unused>,
}

fn assemble(names: &Names<'_>, attributes: &[Attributes], parts: Parts) -> Option<Policy> {
    let members = members(names, &parts.instances);
    let declared = names.groups.entries.iter().zip(attributes).zip(parts.rules).zip(members);
    let groups = declared.map(|(((group, own), drafts), members)| {
        let kept = drafts.into_iter().filter(|draft| !draft.repeats);
        Some(Group {
            name: group.name.clone(),
            description: group.node.description.as_ref().map(|text| text.value.clone()),
            kind: own.group_kind()?,
            network: own.network_id()?,
            is_default: matches!(group.node.base, GroupBase::Default { .. }),
            rules: kept.map(|draft| draft.body).collect::<Option<Vec<_>>>()?,
            members,
            at: group.at,
        })
    });
    Some(Policy {
        session_timeout: parts.session_timeout,
        inner_scope: parts.inner_scope,
        networks: parts.networks,
        sets: parts.set_defs.into_iter().collect::<Option<Vec<_>>>()?,
        services: parts.named_ports,
        groups: groups.collect::<Option<Vec<_>>>()?,
        instances: parts.instances.into_iter().map(|found| found.whole).collect::<Option<Vec<_>>>()?,
        expects: parts.expects,
        unused: parts.unused,
    })
}

/// The members of every group, sorted.
fn members(names: &Names<'_>, instances: &[Found]) -> Vec<Vec<NicRef>> {
    let mut members: Vec<Vec<NicRef>> = vec![Vec::new(); names.groups.entries.len()];
    for (instance, found) in instances.iter().enumerate() {
        for (nic, joined) in found.joined.iter().enumerate() {
            let member = NicRef { instance: InstanceId(instance as u32), nic: nic as u32 };
            for GroupId(group) in &joined.groups {
                members.get_mut(*group as usize).into_iter().for_each(|list| list.push(member));
            }
        }
    }
    members
}

#[cfg(test)]
mod tests;
