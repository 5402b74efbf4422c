//! Limits that clouds have: a policy near them is hard to move there, and hard to read.
//!
//! Native firewalls have no such limits, so these are warnings. Rules are counted as the cloud counts them: one per
//! kind of traffic, port range and peer.

use palisade_ir::{PortMatch, Side};

use super::fate::Judgement;
use super::{Subject, catalogue};
use crate::diagnostic::{Diagnostic, Location};
use crate::policy::{End, Group, GroupKind, Nic, Policy, Rule, Traffic, Who};

/// The limits of Alibaba Cloud's help pages, the largest of the versions of 2019, 2021 and later.
const GROUPS_PER_NIC: usize = 10;
const RULES_PER_GROUP: usize = 200;
const RULES_PER_NIC: usize = 1000;
const GROUP_PEERS: usize = 20;
const ADDRESSES: usize = 6000;

/// What was counted.
struct Count {
    what: String,
    number: usize,
    most: usize,
    at: Location,
}

pub(super) fn find(subject: &Subject<'_>, _: &Judgement) -> Vec<Diagnostic> {
    let policy = subject.policy;
    let counts = policy.groups.iter().flat_map(|group| of_group(policy, group));
    let per_group: Vec<usize> =
        policy.groups.iter().map(|group| group.rules.iter().map(size).sum()).collect();
    let nics = policy.nics().flat_map(|(at, nic)| {
        let owner = policy.instance(at.instance).map(|owner| owner.name.as_str()).unwrap_or_default();
        of_nic(&per_group, owner, nic)
    });
    let near = counts.chain(nics).filter(|count| count.number * 10 > count.most * 9);
    near.map(|Count { what, number, most, at }| {
        let message = format!("{what}: {number}, where clouds allow {most}");
        let label = if number > most { "above the limit" } else { "near the limit" };
        catalogue::NEAR_QUOTA
            .at(message, at, label)
            .help("name sets and groups instead of many addresses, or split the group")
    })
    .collect()
}

fn of_group(policy: &Policy, group: &Group) -> Vec<Count> {
    let count = |what: &str, number, most| Count {
        what: format!("group `{}` has many {what}", group.name),
        number,
        most,
        at: group.at,
    };
    let mut counts = vec![count("rules", group.rules.iter().map(size).sum(), RULES_PER_GROUP)];
    if matches!(group.kind, GroupKind::Basic { .. }) {
        let private = group
            .members
            .iter()
            .filter_map(|at| policy.nic(*at))
            .filter(|nic| nic.side != Some(Side::Public));
        counts.push(count(
            "rules with group peers",
            group.rules.iter().filter(|rule| names_group(rule)).count(),
            GROUP_PEERS,
        ));
        counts.push(count("addresses", private.map(|nic| nic.addresses.len()).sum(), ADDRESSES));
    }
    counts
}

fn of_nic(per_group: &[usize], owner: &str, nic: &Nic) -> Vec<Count> {
    let count = |what: &str, number, most| Count {
        what: format!("nic `{}` of instance `{owner}` has many {what}", nic.interface),
        number,
        most,
        at: nic.at,
    };
    let rules = nic.groups.iter().filter_map(|group| per_group.get(group.0 as usize)).sum();
    vec![count("groups", nic.groups.len(), GROUPS_PER_NIC), count("rules", rules, RULES_PER_NIC)]
}

/// How many rules of the cloud a line is.
fn size(rule: &Rule) -> usize {
    let ranges = |ports: &PortMatch| match ports {
        PortMatch::Any => 1,
        PortMatch::In(set) => set.ranges().len(),
    };
    let peers = |end: &End| match end {
        End::Any => 1,
        End::Peers(peers) => peers.len(),
    };
    let traffic = |Traffic { protocol: _, source_ports, destination_ports }: &Traffic| {
        ranges(source_ports) * ranges(destination_ports)
    };
    rule.traffic.iter().map(traffic).sum::<usize>() * peers(&rule.source) * peers(&rule.destination)
}

fn names_group(rule: &Rule) -> bool {
    [&rule.source, &rule.destination].into_iter().any(|end| match end {
        End::Any => false,
        End::Peers(peers) => peers.iter().any(|peer| matches!(peer.who, Who::Group(_))),
    })
}
