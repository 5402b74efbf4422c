//! The plan's named sets: prefix sets as written, groups as the private addresses of their members.

use std::sync::Arc;

use palisade_ir::{Addresses, Family, NamedSet, PrefixSet, Ranges, SetId, SetKind, Side};

use crate::policy::{GroupId, Policy, PrefixSetDef, PrefixSetId};

/// The named sets: all prefix sets by name, then all groups by name.
pub(super) struct Sets {
    pub(super) named: Vec<NamedSet>,
    /// All addresses of either family, once for all the rules that ask for them.
    any: [Addresses; 2],
    /// How many of them are prefix sets.
    prefix_sets: usize,
}

impl Sets {
    pub(super) fn new(policy: &Policy) -> Self {
        let mut named: Vec<NamedSet> = policy.sets.iter().map(prefix_set).collect();
        let members = members(policy);
        named.extend(policy.groups.iter().zip(members).map(|(group, [v4, v6])| NamedSet {
            kind: SetKind::Group,
            name: group.name.clone(),
            description: group.description.clone(),
            v4: Arc::new(v4),
            v6: Arc::new(v6),
        }));
        Self { named, any: Family::ALL.map(Addresses::any), prefix_sets: policy.sets.len() }
    }

    /// All addresses of a family.
    pub(super) fn any(&self, family: Family) -> Addresses {
        let [v4, v6] = &self.any;
        match family {
            Family::V4 => v4.clone(),
            Family::V6 => v6.clone(),
        }
    }

    /// The addresses of a prefix set; `None` when it has none of the family.
    pub(super) fn set(&self, id: PrefixSetId, family: Family) -> Option<Addresses> {
        self.addresses(id.0 as usize, family)
    }

    /// The private addresses of a group's members; `None` when there are none of the family.
    pub(super) fn group(&self, id: GroupId, family: Family) -> Option<Addresses> {
        self.addresses(self.prefix_sets + id.0 as usize, family)
    }

    fn addresses(&self, index: usize, family: Family) -> Option<Addresses> {
        let prefixes = self.named.get(index)?.family(family);
        let set = Some(SetId(index as u32));
        (!prefixes.is_empty()).then(|| Addresses { prefixes: Arc::clone(prefixes), set })
    }
}

fn prefix_set(set: &PrefixSetDef) -> NamedSet {
    let PrefixSetDef { name, description, v4, v6, at: _ } = set;
    NamedSet {
        kind: SetKind::Set,
        name: name.clone(),
        description: description.clone(),
        v4: Arc::clone(v4),
        v6: Arc::clone(v6),
    }
}

/// Per group the addresses of its members, IPv4 and IPv6. A classic public NIC has no private address.
fn members(policy: &Policy) -> Vec<[PrefixSet; 2]> {
    let mut addresses: Vec<[Vec<(u128, u128)>; 2]> = vec![Default::default(); policy.groups.len()];
    for (_, nic) in policy.nics().filter(|(_, nic)| nic.side != Some(Side::Public)) {
        for group in &nic.groups {
            let Some([v4, v6]) = addresses.get_mut(group.0 as usize) else { continue };
            for address in &nic.addresses {
                let number = Family::number(*address);
                match Family::of(address) {
                    Family::V4 => v4.push((number, number)),
                    Family::V6 => v6.push((number, number)),
                }
            }
        }
    }
    let set = |family, parts| PrefixSet::from_ranges(family, &Ranges::from_unsorted(parts));
    addresses.into_iter().map(|[v4, v6]| [set(Family::V4, v4), set(Family::V6, v6)]).collect()
}
