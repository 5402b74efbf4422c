//! Which groups a NIC joins, and which network it is in by that.

use std::collections::BTreeMap;

use palisade_grammar::ast::{self, GroupBase, Membership};
use palisade_ir::NetworkId;

use super::attributes::Attributes;
use super::codes;
use super::findings::{Findings, at};
use super::names::Names;
use crate::diagnostic::{Diagnostic, FileId, Location};
use crate::policy::GroupId;

/// What a NIC belongs to.
pub(super) struct Joined {
    /// Its network, as far as known.
    pub(super) network: Option<NetworkId>,
    /// Its groups, sorted; those that are known even where others are not.
    pub(super) groups: Vec<GroupId>,
    /// Whether all is well.
    pub(super) good: bool,
}

/// The groups of each network.
pub(super) struct Rooms<'a> {
    names: &'a Names<'a>,
    attributes: &'a [Attributes],
    defaults: BTreeMap<NetworkId, GroupId>,
    /// One custom group of each network that has any.
    customs: BTreeMap<NetworkId, GroupId>,
}

impl<'a> Rooms<'a> {
    pub(super) fn new(names: &'a Names<'a>, attributes: &'a [Attributes]) -> Self {
        let (mut defaults, mut customs) = (BTreeMap::new(), BTreeMap::new());
        for (index, (group, own)) in names.groups.entries.iter().zip(attributes).enumerate() {
            let Some(network) = own.network_id() else { continue };
            let room = match &group.node.base {
                GroupBase::Default { .. } => &mut defaults,
                GroupBase::Custom | GroupBase::Clone(_) => &mut customs,
            };
            room.entry(network).or_insert(GroupId(index as u32));
        }
        Self { names, attributes, defaults, customs }
    }

    /// What a NIC belongs to by its line.
    pub(super) fn join(
        &self,
        membership: &Membership,
        nic: Location,
        file: FileId,
        findings: &mut Findings,
    ) -> Joined {
        match membership {
            Membership::Groups(list) => self.groups(list, file, findings),
            Membership::Network(name) => self.default_group(name, file, findings),
            Membership::Missing => {
                let message = "the NIC belongs to no group";
                findings.push(
                    Diagnostic::error(codes::NIC_WITHOUT_GROUP, message, nic, "no group").help(
                        "end the line with `groups NAME`, or with `network NAME` for the default group",
                    ),
                );
                Joined { network: None, groups: Vec::new(), good: false }
            }
        }
    }

    fn default_group(&self, name: &ast::Name, file: FileId, findings: &mut Findings) -> Joined {
        let place = at(file, name.span);
        let network = self.names.networks.find(name, file, findings).map(|id| NetworkId(id as u32));
        let default = network.and_then(|id| self.defaults.get(&id)).copied();
        let custom = network.and_then(|id| self.customs.get(&id)).copied();
        let mut good = network.is_some() && default.is_some();
        if let Some(custom) = network.and(custom) {
            good = false;
            let other = self.names.groups.name(custom.0 as usize);
            let message = format!("the NIC must choose among the groups of network `{}`", name.value);
            let found = Diagnostic::error(codes::NIC_WITHOUT_GROUP, message, place, "names only the network");
            let found = match self.names.groups.get(custom.0 as usize) {
                Some(group) => found.label(group.at, "a custom group of the network"),
                None => found,
            };
            findings.push(found.help(match default.map(|id| self.names.groups.name(id.0 as usize)) {
                Some(default) => format!("write `groups {default}` for the default group, or another group"),
                None => format!("write `groups {other}`, or another group"),
            }));
        } else if network.is_some() && default.is_none() {
            let message = format!("network `{}` has no default group", name.value);
            findings.push(
                Diagnostic::error(codes::NO_DEFAULT_GROUP, message, place, "nothing to join").help(format!(
                    "declare `group NAME default` with `network {}`, or name a group",
                    name.value
                )),
            );
        }
        let groups: Vec<GroupId> = default.into_iter().filter(|_| good).collect();
        Joined { network, groups, good }
    }

    fn groups(&self, list: &ast::List<ast::Name>, file: FileId, findings: &mut Findings) -> Joined {
        let mut places: BTreeMap<GroupId, Location> = BTreeMap::new();
        let mut order = Vec::with_capacity(list.elements.len());
        let mut good = true;
        for element in &list.elements {
            let name = &element.value;
            let place = at(file, name.span);
            let Some(index) = self.names.groups.find(name, file, findings) else {
                good = false;
                continue;
            };
            let id = GroupId(index as u32);
            if let Some(first) = places.get(&id) {
                good = false;
                let message = format!("the NIC names group `{}` twice", name.value);
                findings.push(
                    Diagnostic::error(codes::REPEATED_GROUP, message, place, "again")
                        .label(*first, "first")
                        .help("name it once"),
                );
                continue;
            }
            places.insert(id, place);
            order.push((id, place));
        }
        let network = order.iter().find_map(|(id, _)| self.own(*id)?.network_id());
        good &= self.one_network(&order, findings) & self.one_kind(&order, findings);
        // A group without a network was reported itself.
        let groups: Vec<GroupId> = places.into_keys().collect();
        Joined { network, groups, good: good && network.is_some() }
    }

    fn own(&self, id: GroupId) -> Option<&Attributes> {
        self.attributes.get(id.0 as usize)
    }

    fn one_network(&self, groups: &[(GroupId, Location)], findings: &mut Findings) -> bool {
        let mut known = groups.iter().filter_map(|(id, place)| {
            let network = self.own(*id)?.network_id()?;
            Some((network, self.names.networks.name(network.0 as usize), *place))
        });
        let Some((first, first_name, first_at)) = known.next() else { return true };
        let Some((_, name, place)) = known.find(|(network, ..)| *network != first) else { return true };
        findings.push(
            Diagnostic::error(
                codes::MIXED_NETWORKS,
                "the NIC is in groups of different networks",
                place,
                format!("of network `{name}`"),
            )
            .label(first_at, format!("of network `{first_name}`"))
            .help("name groups of one network; an instance has one NIC for each network"),
        );
        false
    }

    fn one_kind(&self, groups: &[(GroupId, Location)], findings: &mut Findings) -> bool {
        let mut known = groups.iter().filter_map(|(id, place)| {
            let own = self.own(*id)?;
            own.kind.is_some().then(|| (own.is_enterprise(), *place))
        });
        let Some((first, first_at)) = known.next() else { return true };
        let Some((_, place)) = known.find(|(enterprise, _)| *enterprise != first) else { return true };
        let word = |enterprise| if enterprise { "an enterprise group" } else { "a basic group" };
        findings.push(
            Diagnostic::error(
                codes::MIXED_KINDS,
                "the NIC is in basic and enterprise groups",
                place,
                word(!first),
            )
            .label(first_at, word(first))
            .help("keep the groups of one kind"),
        );
        false
    }
}
