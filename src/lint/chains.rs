//! The chains that rules stand in: each different one once, with a NIC to take examples from.

use std::collections::BTreeSet;
use std::sync::Arc;

use palisade_ir::{Chain, Direction, NicPlan, Plan, Side};

use crate::lower;
use crate::policy::{GroupId, NetworkKind, Policy};

/// A chain in which rules stand.
pub(super) struct Standing<'a> {
    pub(super) chain: Arc<Chain>,
    pub(super) direction: Direction,
    /// A NIC that has the chain; `None` for that of a group without members.
    pub(super) nic: Option<&'a NicPlan>,
}

/// The different chains of all NICs, and for the rules of groups that no NIC of their side joins, the chains that the
/// group makes alone.
pub(super) fn standings<'a>(policy: &Policy, plan: &'a Plan) -> Vec<Standing<'a>> {
    let mut known: BTreeSet<(&[GroupId], Option<Side>)> = BTreeSet::new();
    let mut joined: BTreeSet<(GroupId, Option<Side>)> = BTreeSet::new();
    let mut found = Vec::new();
    for (at, nic) in policy.nics() {
        joined.extend(nic.groups.iter().map(|group| (*group, nic.side)));
        let Some(owner) = plan.nic(at).filter(|_| known.insert((&nic.groups, nic.side))) else { continue };
        for (direction, chain) in [(Direction::In, &owner.ingress), (Direction::Out, &owner.egress)] {
            found.push(Standing { chain: Arc::clone(chain), direction, nic: Some(owner) });
        }
    }
    found.extend(of_groups(policy, sides(policy).filter(|key| !joined.contains(key))));
    found
}

/// The chains that each group makes alone.
pub(super) fn alone<'a>(policy: &Policy) -> Vec<Standing<'a>> {
    of_groups(policy, sides(policy))
}

fn of_groups<'a>(
    policy: &Policy,
    groups: impl Iterator<Item = (GroupId, Option<Side>)>,
) -> Vec<Standing<'a>> {
    let wanted: Vec<_> = groups.map(|(group, side)| (vec![group], side)).collect();
    let mut found = Vec::new();
    for [ingress, egress] in lower::chains_of(policy, &wanted) {
        for (direction, chain) in [(Direction::In, ingress), (Direction::Out, egress)] {
            found.push(Standing { chain, direction, nic: None });
        }
    }
    found
}

/// Every group with every side that its rules could be on.
fn sides(policy: &Policy) -> impl Iterator<Item = (GroupId, Option<Side>)> + '_ {
    policy.groups.iter().enumerate().flat_map(|(id, group)| {
        let network = policy.networks.get(group.network.0 as usize);
        let classic = network.is_some_and(|network| network.kind == NetworkKind::Classic);
        let sides: &[Option<Side>] =
            if classic { &[Some(Side::Public), Some(Side::Internal)] } else { &[None] };
        sides.iter().map(move |side| (GroupId(id as u32), *side))
    })
}
