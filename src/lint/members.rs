//! What the members of a group are to each other: unlike ones in one group, one each in groups that are alike, and
//! members that a rule lets to each other although `inner deny` says otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{Direction, NetworkId, PortMatch, Priority, Protocol, Side, Verdict};

use super::catalogue;
use super::fate::{Fate, Judgement};
use super::{MOST_LABELS, Subject};
use crate::diagnostic::Diagnostic;
use crate::policy::{End, Group, GroupId, GroupKind, Nic, Policy, Rule, Who};

/// So many groups of one member each and with the same rules are one group in pieces.
const PIECES: usize = 3;

pub(super) fn find(subject: &Subject<'_>, judgement: &Judgement) -> Vec<Diagnostic> {
    let policy = subject.policy;
    let written = || policy.groups.iter().filter(|group| !group.is_default);
    let mut found: Vec<Diagnostic> = written().filter_map(|group| unlike(policy, group)).collect();
    found.extend(pieces(policy));
    for (id, group, rule) in subject.rules() {
        let dead = matches!(judgement.fates.get(id.0 as usize), Some(Fate::Dead(_)));
        if let Some((one, another)) = reopened(policy, group, rule).filter(|_| !dead) {
            found.push(reopening(&subject.words(id), group, rule, one, another));
        }
    }
    found
}

/// Whether one of a NIC's addresses is meant by an end that names peers.
fn names(policy: &Policy, end: &End, nic: &Nic) -> bool {
    let End::Peers(peers) = end else { return false };
    let holds = |who: Who, address: &IpAddr| match who {
        Who::Prefix(prefix) => prefix.contains(address),
        Who::Set(id) => policy
            .sets
            .get(id.0 as usize)
            .is_some_and(|set| set.v4.contains(*address) || set.v6.contains(*address)),
        Who::Group(id) => nic.groups.contains(&id),
        Who::Instance(_) => false,
    };
    peers.iter().any(|peer| nic.addresses.iter().any(|address| holds(peer.who, address)))
}

fn members<'a>(policy: &'a Policy, group: &'a Group) -> impl Iterator<Item = &'a Nic> {
    group.members.iter().filter_map(|at| policy.nic(*at))
}

/// A group with rules that mean some of its members and not others.
fn unlike(policy: &Policy, group: &Group) -> Option<Diagnostic> {
    let splits = |rule: &&Rule| {
        let local = match rule.direction {
            Direction::In => &rule.destination,
            Direction::Out => &rule.source,
        };
        let meant = |nic: &Nic| names(policy, local, nic);
        let mut concerned = members(policy, group).filter(|nic| nic.side == rule.side).map(meant);
        let first = concerned.next();
        matches!(local, End::Peers(_)) && first.is_some_and(|first| concerned.any(|next| next != first))
    };
    let rules: Vec<&Rule> = group.rules.iter().filter(splits).collect();
    let (first, rest) = rules.split_first()?;
    let message = format!("group `{}` has rules for some of its members only", group.name);
    let found = catalogue::UNLIKE_MEMBERS
        .at(message, first.at, "for some")
        .help("give members with other tasks a group of their own");
    Some(rest.iter().take(MOST_LABELS - 1).fold(found, |found, rule| found.label(rule.at, "for some")))
}

/// The meaning of a group but for its name and its members.
type Shape = (NetworkId, (bool, bool), Vec<RuleShape>);
type RuleShape = (
    (Direction, Option<Side>, Priority, Verdict, bool),
    Vec<(Option<Protocol>, PortMatch, PortMatch)>,
    Vec<Who>,
    Vec<Who>,
);

fn shape(group: &Group) -> Shape {
    let who = |end: &End| match end {
        End::Any => Vec::new(),
        End::Peers(peers) => peers.iter().map(|peer| peer.who).collect(),
    };
    let rule = |rule: &Rule| {
        let Rule { direction, side, priority, verdict, log, traffic, source, destination, .. } = rule;
        let traffic = traffic
            .iter()
            .map(|one| (one.protocol, one.source_ports.clone(), one.destination_ports.clone()))
            .collect();
        ((*direction, *side, *priority, *verdict, *log), traffic, who(source), who(destination))
    };
    let kind = match group.kind {
        GroupKind::Basic { inner } => (true, inner == Verdict::Allow),
        GroupKind::Enterprise => (false, false),
    };
    (group.network, kind, group.rules.iter().map(rule).collect())
}

/// Groups of one member each that say the same. A group that rules name as a peer is there for its name.
fn pieces(policy: &Policy) -> Vec<Diagnostic> {
    let ends = policy
        .groups
        .iter()
        .flat_map(|group| &group.rules)
        .flat_map(|rule| [&rule.source, &rule.destination]);
    let named: BTreeSet<GroupId> = ends
        .filter_map(|end| match end {
            End::Peers(peers) => Some(peers),
            End::Any => None,
        })
        .flatten()
        .filter_map(|peer| match peer.who {
            Who::Group(id) => Some(id),
            Who::Prefix(_) | Who::Set(_) | Who::Instance(_) => None,
        })
        .collect();
    let mut alike: BTreeMap<Shape, Vec<&Group>> = BTreeMap::new();
    for (id, group) in (0_u32..).map(GroupId).zip(&policy.groups) {
        if group.members.len() == 1 && !group.rules.is_empty() && !group.is_default && !named.contains(&id) {
            alike.entry(shape(group)).or_default().push(group);
        }
    }
    alike
        .into_values()
        .filter(|groups| groups.len() >= PIECES)
        .filter_map(|groups| piecemeal(&groups))
        .collect()
}

fn piecemeal(groups: &[&Group]) -> Option<Diagnostic> {
    let (first, rest) = groups.split_first()?;
    let message = format!("{} groups of one member each have the same rules", groups.len());
    let found = catalogue::GROUP_PER_INSTANCE
        .at(message, first.at, "one member")
        .help("let all of them join one group, so that a rule is written once");
    Some(
        rest.iter().take(MOST_LABELS - 1).fold(found, |found, group| found.label(group.at, "the same rules")),
    )
}

/// Two members of an `inner deny` group that an inbound rule for everything lets to each other by naming their
/// addresses. Who lets in everyone is told so already.
pub(super) fn reopened<'a>(policy: &'a Policy, group: &'a Group, rule: &Rule) -> Option<(&'a Nic, &'a Nic)> {
    let closed = group.kind == (GroupKind::Basic { inner: Verdict::Deny });
    let everything = rule.traffic.iter().any(|traffic| traffic.protocol.is_none());
    let End::Peers(peers) = &rule.source else { return None };
    let everyone =
        peers.iter().any(|peer| matches!(peer.who, Who::Prefix(prefix) if prefix.prefix_len() == 0));
    if !closed || !everything || everyone || (rule.direction, rule.verdict) != (Direction::In, Verdict::Allow)
    {
        return None;
    }
    let ours = || members(policy, group).filter(|nic| nic.side != Some(Side::Public));
    let from = ours().find(|nic| names(policy, &rule.source, nic))?;
    let to = ours().find(|nic| {
        nic.addresses != from.addresses
            && (matches!(rule.destination, End::Any) || names(policy, &rule.destination, nic))
    })?;
    Some((from, to))
}

fn reopening(words: &str, group: &Group, rule: &Rule, from: &Nic, to: &Nic) -> Diagnostic {
    let message = format!("rule `{words}` opens again what `inner deny` of group `{}` closes", group.name);
    catalogue::INNER_DENY_REOPENED
        .at(message, rule.at, "lets members in to each other")
        .label(group.at, "`inner deny` here")
        .label(from.at, "this member may reach")
        .label(to.at, "this one")
        .help("name the protocols and ports that members need from each other, or write `inner allow`")
}
