//! Rules that mean one family, one address or one kind of group and should mean more.

use std::net::IpAddr;

use palisade_ir::{Direction, Family, PrefixSet, Side, Verdict};

use super::fate::Judgement;
use super::{Subject, catalogue};
use crate::diagnostic::Diagnostic;
use crate::policy::{End, Group, GroupKind, Policy, Rule, Who};

pub(super) fn find(subject: &Subject<'_>, _: &Judgement) -> Vec<Diagnostic> {
    let mut found = without_out(subject.policy);
    let named = members(subject.policy);
    for (id, group, rule) in subject.rules() {
        let words = subject.words(id);
        found.extend(ipv4_only(subject.policy, &words, group, rule));
        found.extend(prefix_for_group(subject.policy, &named, &words, group, rule));
    }
    found
}

/// The end of a rule that is not the group's own.
const fn peer(rule: &Rule) -> &End {
    match rule.direction {
        Direction::In => &rule.source,
        Direction::Out => &rule.destination,
    }
}

/// Whether the end holds all addresses of a family by a literal prefix.
fn is_all_of(end: &End, family: Family) -> bool {
    let End::Peers(peers) = end else { return false };
    peers.iter().any(|peer| match peer.who {
        Who::Prefix(prefix) => prefix.prefix_len() == 0 && Family::of(&prefix.addr()) == family,
        Who::Set(_) | Who::Group(_) | Who::Instance(_) => false,
    })
}

fn ipv4_only(policy: &Policy, words: &str, group: &Group, rule: &Rule) -> Option<Diagnostic> {
    let speaks_both =
        rule.traffic.iter().any(|traffic| traffic.protocol != Some(palisade_ir::Protocol::ICMP));
    let end = peer(rule);
    if !speaks_both || !is_all_of(end, Family::V4) || is_all_of(end, Family::V6) {
        return None;
    }
    // A rule for the other family beside it is as good as one for both.
    let twin = |other: &Rule| {
        other.direction == rule.direction
            && other.side == rule.side
            && other.verdict == rule.verdict
            && (matches!(peer(other), End::Any) || is_all_of(peer(other), Family::V6))
            && rule.traffic.iter().all(|traffic| other.traffic.contains(traffic))
    };
    if group.rules.iter().any(twin) {
        return None;
    }
    let dual = group.members.iter().filter_map(|at| Some((policy.instance(at.instance)?, policy.nic(*at)?)));
    let (instance, nic) = dual
        .filter(|(_, nic)| nic.side == rule.side)
        .find(|(_, nic)| nic.addresses.iter().any(IpAddr::is_ipv6))?;
    let effect = match rule.verdict {
        Verdict::Allow => "does not serve IPv6",
        Verdict::Deny => "leaves IPv6 as it is",
    };
    let message = format!("rule `{words}` {effect}");
    let found = catalogue::IPV4_ONLY
        .at(message, rule.at, "IPv4 only")
        .label(nic.at, format!("`{}` has an IPv6 address", instance.name))
        .help("write `any`, or add a rule for `::/0`");
    Some(found)
}

/// Both families' private addresses of a group's members.
type Members = [PrefixSet; 2];

fn members(policy: &Policy) -> Vec<Members> {
    let addresses = |group: &Group, family| {
        let nics = group.members.iter().filter_map(|at| policy.nic(*at));
        let private = nics.filter(|nic| nic.side != Some(Side::Public)).flat_map(|nic| &nic.addresses);
        let hosts: Vec<_> = private.map(|address| ipnet::IpNet::from(*address)).collect();
        PrefixSet::from_prefixes(family, &hosts)
    };
    policy.groups.iter().map(|group| Family::ALL.map(|family| addresses(group, family))).collect()
}

fn prefix_for_group(
    policy: &Policy,
    named: &[Members],
    words: &str,
    group: &Group,
    rule: &Rule,
) -> Option<Diagnostic> {
    let End::Peers(peers) = peer(rule) else { return None };
    if group.kind == GroupKind::Enterprise || rule.side == Some(Side::Public) {
        return None;
    }
    let literal: Vec<ipnet::IpNet> = peers
        .iter()
        .map(|peer| match peer.who {
            Who::Prefix(prefix) => Some(prefix),
            Who::Set(_) | Who::Group(_) | Who::Instance(_) => None,
        })
        .collect::<Option<_>>()?;
    let literal = Family::ALL.map(|family| PrefixSet::from_prefixes(family, &literal));
    let fits = |(other, members): &(&Group, &Members)| {
        other.network == group.network
            && other.name != group.name
            && !other.is_default
            && other.kind != GroupKind::Enterprise
            && **members == literal
    };
    let (other, _) = policy.groups.iter().zip(named).find(fits)?;
    let first = peers.first()?;
    let message = format!("rule `{words}` spells out the members of group `{}`", other.name);
    Some(
        catalogue::PREFIX_FOR_GROUP
            .at(message, first.at, "the next member will be missing")
            .label(other.at, "exactly its members' addresses")
            .help(format!("write `group {}`", other.name)),
    )
}

fn without_out(policy: &Policy) -> Vec<Diagnostic> {
    let opens = |group: &Group| {
        group.rules.iter().any(|rule| rule.direction == Direction::Out && rule.verdict == Verdict::Allow)
    };
    let closed = policy.groups.iter().filter(|group| group.kind == GroupKind::Enterprise && !opens(group));
    let stuck = closed.filter(|group| {
        // Another group of the same NIC may open the way out.
        let helped = |at: &palisade_ir::NicRef| {
            let groups = policy.nic(*at).map(|nic| nic.groups.as_slice()).unwrap_or_default();
            groups.iter().any(|id| policy.group(*id).is_some_and(opens))
        };
        group.members.is_empty() || !group.members.iter().all(helped)
    });
    stuck
        .map(|group| {
            let message = format!("members of enterprise group `{}` cannot open any connection", group.name);
            catalogue::ENTERPRISE_WITHOUT_OUT.at(message, group.at, "no outbound allow").help(
                "add an `out` section that allows what members need, such as udp 53 to the name servers",
            )
        })
        .collect()
}
