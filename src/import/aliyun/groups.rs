//! The listed groups with everything the inputs say about them: id, network, kind and inner policy.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::{Side, Verdict};

use super::codes;
use super::document::{Entry, Listing};
use super::fields::Field;
use super::permission::Permission;
use crate::import::json::Node;
use crate::import::report::{Report, error, quote, warning};

/// A group whose rules are listed.
#[derive(Debug)]
pub(super) struct Group<'t> {
    pub(super) node: Node<'t>,
    pub(super) id: String,
    pub(super) name: Option<Field<'t>>,
    pub(super) description: Option<Field<'t>>,
    pub(super) network: Network,
    pub(super) kind: Kind,
    pub(super) permissions: Vec<Permission<'t>>,
}

/// Where a group belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Network {
    /// The VPC of this id.
    Vpc(String),
    /// The classic network.
    Classic,
    /// Some VPC that no input names.
    Unknown,
}

/// A group's kind, with what only that kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What its members may do among each other.
    Basic { inner: Verdict },
    /// Always isolated.
    Enterprise,
}

/// All that is known of groups, by id.
pub(super) struct World<'t> {
    /// Those whose rules are listed, in the order of the inputs.
    pub(super) groups: Vec<Group<'t>>,
    /// Those that a list of groups names.
    pub(super) entries: BTreeMap<String, Entry<'t>>,
    /// Where each listed group stands.
    listed: BTreeMap<String, usize>,
}

impl<'t> World<'t> {
    /// The group of an id, if its rules are listed.
    pub(super) fn group(&self, id: &str) -> Option<&Group<'t>> {
        self.listed.get(id).and_then(|at| self.groups.get(*at))
    }

    /// Puts everything together. `listings` come with the names of their files.
    pub(super) fn new(
        listings: Vec<(&str, Listing<'t>)>,
        entries: Vec<Entry<'t>>,
        report: &mut Report,
    ) -> Self {
        let entries = catalogue(entries, report);
        let mut groups: Vec<Group<'t>> = Vec::new();
        let mut listed: BTreeMap<String, usize> = BTreeMap::new();
        for (file, listing) in listings {
            let group = group(file, listing, &entries, report);
            match listed.get(&group.id).and_then(|at| groups.get_mut(*at)) {
                Some(first) => join(first, group, report),
                None => {
                    listed.insert(group.id.clone(), groups.len());
                    groups.push(group);
                }
            }
        }
        for group in &groups {
            one_nic_type(group, report);
        }
        Self { groups, entries, listed }
    }
}

/// The entries by id. Pages may overlap, but not contradict each other.
fn catalogue<'t>(entries: Vec<Entry<'t>>, report: &mut Report) -> BTreeMap<String, Entry<'t>> {
    let mut all: BTreeMap<String, Entry<'t>> = BTreeMap::new();
    for entry in entries {
        let id = entry.about.id.as_ref().map_or(String::new(), |id| id.text.clone());
        if let Some(first) = all.get(&id) {
            if first.enterprise != entry.enterprise || first.network() != entry.network() {
                contradiction(&id, &first.node, &entry.node, report);
            }
        } else {
            all.insert(id, entry);
        }
    }
    all
}

fn contradiction(id: &str, first: &Node<'_>, second: &Node<'_>, report: &mut Report) {
    let message = format!("two inputs say different things about group {}", quote(id));
    let help = "give inputs of the same moment";
    report.refuse(
        error(codes::CONTRADICTION, second, message).label(first.location(), first.label()).help(help),
    );
}

impl Entry<'_> {
    /// The network, if the entry names it. Very old answers have no `VpcId` at all.
    pub(super) fn network(&self) -> Option<Network> {
        self.about.vpc.as_ref().map(|vpc| network(&vpc.text))
    }
}

fn network(vpc: &str) -> Network {
    if vpc.is_empty() { Network::Classic } else { Network::Vpc(vpc.to_owned()) }
}

fn group<'t>(
    file: &str,
    listing: Listing<'t>,
    entries: &BTreeMap<String, Entry<'t>>,
    report: &mut Report,
) -> Group<'t> {
    let Listing { node, about, inner, permissions } = listing;
    let id = match about.id {
        Some(id) => id.text,
        None => named_after_file(file, &node, report),
    };
    let entry = entries.get(&id);
    let own = about.vpc.as_ref().map(|vpc| network(&vpc.text));
    let network = match (own, entry.and_then(Entry::network)) {
        (Some(own), other) => {
            if let (Some(entry), true) = (entry, other.is_some_and(|other| other != own)) {
                contradiction(&id, &entry.node, &node, report);
            }
            own
        }
        (None, Some(other)) => other,
        (None, None) => assumed_network(&node, &permissions, report),
    };
    let kind = kind(&node, entry.and_then(|entry| entry.enterprise), inner, report);
    if kind == Kind::Enterprise && network == Network::Classic {
        let message = format!("enterprise group {} in the classic network", quote(&id));
        let help = "enterprise groups are of VPCs only; check `VpcId` and `SecurityGroupType`";
        report.refuse(error(codes::ENTERPRISE_IN_CLASSIC, &node, message).help(help));
    }
    let name = about.name.or_else(|| entry.and_then(|entry| entry.about.name.clone()));
    let description = about.description.or_else(|| entry.and_then(|entry| entry.about.description.clone()));
    Group { node, id, name, description, network, kind, permissions }
}

/// The console calls its export `ecs_REGION_GROUP.json`.
fn named_after_file(file: &str, node: &Node<'_>, report: &mut Report) -> String {
    let last = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let id = stem.strip_prefix("ecs_").and_then(|rest| rest.split_once('_')).map_or(stem, |(_, id)| id);
    let message = format!("the listing does not name its group; by its file it is {}", quote(id));
    let help = "rename the file if the group has another id";
    report.warn(warning(codes::ASSUMED_GROUP, node, message).help(help));
    id.to_owned()
}

/// Without any `VpcId`: rules of the answer belong to the classic network, as the API documents; an export never has
/// the key, and only a classic group has public rules.
fn assumed_network(node: &Node<'_>, permissions: &[Permission<'_>], report: &mut Report) -> Network {
    let public = permissions.iter().any(|permission| permission.side == Some(Side::Public));
    let (network, what) = if node.is_object() || public {
        (Network::Classic, "the classic network")
    } else {
        (Network::Unknown, "a VPC")
    };
    let message = format!("the group's network is not given; it is read as {what}");
    let help = "give the answer of DescribeSecurityGroups too: it names the VPC";
    report.warn(warning(codes::ASSUMED_NETWORK, node, message).help(help));
    network
}

fn kind(node: &Node<'_>, enterprise: Option<bool>, inner: Option<Verdict>, report: &mut Report) -> Kind {
    if enterprise == Some(true) {
        if inner == Some(Verdict::Allow) {
            let message = "an enterprise group with inner policy `Accept`";
            let help = "it has no effect: enterprise groups are always isolated inside";
            report.warn(warning(codes::INNER_IN_ENTERPRISE, node, message).help(help));
        }
        return Kind::Enterprise;
    }
    if enterprise.is_none() {
        let message = "the group's type is not given; it is read as a basic group";
        let help = "give the answer of DescribeSecurityGroups too: it names the type";
        report.warn(warning(codes::ASSUMED_KIND, node, message).help(help));
    }
    if inner.is_none() {
        let message = "the group's `InnerAccessPolicy` is not given and read as `Accept`";
        let help = "members then reach each other; write `inner deny` into the policy if they must not";
        report.warn(warning(codes::ASSUMED_INNER, node, message).help(help));
    }
    Kind::Basic { inner: inner.unwrap_or(Verdict::Allow) }
}

fn sides(group: &Group<'_>) -> BTreeSet<Side> {
    group.permissions.iter().filter_map(|permission| permission.side).collect()
}

/// The API lists one NIC type of a classic group per call, so such a group comes in two listings.
fn join<'t>(first: &mut Group<'t>, second: Group<'t>, report: &mut Report) {
    let (one, other) = (sides(first), sides(&second));
    let halves = one.is_disjoint(&other) && !(one.is_empty() && other.is_empty());
    if first.network != Network::Classic || second.network != Network::Classic || !halves {
        let message = format!("the rules of group {} are listed twice", quote(&first.id));
        let help = "keep one; only the two NIC types of a classic group come in two listings";
        let there = first.node.location();
        report.refuse(
            error(codes::SAME_GROUP, &second.node, message).label(there, first.node.label()).help(help),
        );
    } else if first.kind != second.kind {
        contradiction(&first.id, &first.node, &second.node, report);
    } else {
        first.permissions.extend(second.permissions);
    }
}

fn one_nic_type(group: &Group<'_>, report: &mut Report) {
    if group.network == Network::Classic && sides(group).len() < 2 {
        let message = format!("only one NIC type of classic group {} is listed", quote(&group.id));
        let help = "the API lists one per call: give the answers for `internet` and `intranet`; a missing half \
                    becomes a section without rules";
        report.warn(warning(codes::ONE_NIC_TYPE, &group.node, message).help(help));
    }
}
