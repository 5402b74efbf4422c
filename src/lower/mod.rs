//! From policy to plan: per NIC and direction one ordered chain.
//!
//! Lowering spells every rule out as matches of one family each, keeps the names of sets and groups, and gives every
//! rule an id whose order settles ties between deciders. It merges nothing: that is optimising.

mod rules;
mod sets;

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_ir::{Chain, Direction, InstancePlan, NicPlan, Plan, Side, Verdict};

use crate::diagnostic::Location;
use crate::policy::{GroupId, GroupKind, Instance, Nic, Policy};
use rules::Ids;
use sets::Sets;

/// The plan of a policy.
pub fn lower(policy: &Policy) -> Plan {
    let mut lowering =
        Lowering { policy, ids: Ids::new(policy), sets: Sets::new(policy), chains: BTreeMap::new() };
    let instances = policy.instances.iter().map(|instance| lowering.instance(instance)).collect();
    let Lowering { ids, sets, .. } = lowering;
    Plan {
        session_timeout: policy.session_timeout,
        networks: policy.networks.iter().map(|network| network.name.clone()).collect(),
        sets: sets.named,
        services: policy.services.clone(),
        rules: ids.infos,
        instances,
    }
}

/// The chains, `in` and `out`, that a NIC of these groups and this side would have: for questions about groups that no
/// NIC joins.
pub fn chains_of(policy: &Policy, wanted: &[(Vec<GroupId>, Option<Side>)]) -> Vec<[Arc<Chain>; 2]> {
    let mut lowering =
        Lowering { policy, ids: Ids::new(policy), sets: Sets::new(policy), chains: BTreeMap::new() };
    let both = |(groups, side): &(Vec<GroupId>, Option<Side>)| {
        [Direction::In, Direction::Out].map(|direction| lowering.chain(groups, *side, direction))
    };
    wanted.iter().map(both).collect()
}

/// The words for a rule of a group in the plan of the same policy.
pub fn rule_id(policy: &Policy, group: GroupId, index: usize) -> palisade_ir::RuleId {
    Ids::rule_of(policy, group, index)
}

/// The line of a rule of the plan; `None` for inner access and defaults, which have none.
pub fn rule_location(policy: &Policy, id: palisade_ir::RuleId) -> Option<Location> {
    policy.groups.iter().flat_map(|group| &group.rules).nth(id.0 as usize).map(|rule| rule.at)
}

/// NICs of the same groups and side have equal chains: each is built once.
type ChainKey = (Vec<GroupId>, Option<Side>, Direction);

struct Lowering<'a> {
    policy: &'a Policy,
    ids: Ids,
    sets: Sets,
    chains: BTreeMap<ChainKey, Arc<Chain>>,
}

impl Lowering<'_> {
    fn instance(&mut self, instance: &Instance) -> InstancePlan {
        let Instance { name, description, nics, at: _ } = instance;
        InstancePlan {
            name: name.clone(),
            description: description.clone(),
            nics: nics.iter().map(|nic| self.nic(nic)).collect(),
        }
    }

    fn nic(&mut self, nic: &Nic) -> NicPlan {
        let Nic { interface, side, via, network, addresses, groups, at: _ } = nic;
        NicPlan {
            interface: interface.clone(),
            via: via.clone(),
            network: *network,
            side: *side,
            addresses: addresses.clone(),
            ingress: self.chain(groups, *side, Direction::In),
            egress: self.chain(groups, *side, Direction::Out),
        }
    }

    fn chain(&mut self, groups: &[GroupId], side: Option<Side>, direction: Direction) -> Arc<Chain> {
        let key = (groups.to_vec(), side, direction);
        if let Some(chain) = self.chains.get(&key) {
            return Arc::clone(chain);
        }
        let mut rules = rules::inner_access(self.policy, groups, side, direction, &self.ids, &self.sets);
        let mut enterprise = false;
        for id in groups {
            let Some(group) = self.policy.group(*id) else { continue };
            enterprise |= group.kind == GroupKind::Enterprise;
            rules.reserve(group.rules.len());
            for (index, rule) in group.rules.iter().enumerate() {
                if rule.direction == direction && rule.side == side {
                    rules::lower_rule(rule, self.ids.rule(*id, index), &self.sets, &mut rules);
                }
            }
        }
        let default = match direction {
            Direction::Out if !enterprise => Verdict::Allow,
            Direction::Out | Direction::In => Verdict::Deny,
        };
        let chain = Arc::new(Chain::new(rules, default, self.ids.default(direction)));
        self.chains.insert(key, Arc::clone(&chain));
        chain
    }
}
