//! Inner access, which stands before all rules: denies it passes by, and groups it opens by another door.

use std::collections::BTreeSet;

use palisade_ir::{Direction, Packet, PacketPorts, Protocol, Region, RuleSource, Side, Tier, Verdict};

use super::chains::{Standing, standings};
use super::deciders::Spot;
use super::fate::{Fate, Judgement};
use super::{Subject, catalogue};
use crate::diagnostic::Diagnostic;
use crate::policy::{Group, GroupId, GroupKind, Nic, Rule};
use crate::report::words;

pub(super) fn find(subject: &Subject<'_>, judgement: &Judgement) -> Vec<Diagnostic> {
    let mut found = reopened(subject);
    let dead: BTreeSet<u32> = (0_u32..)
        .zip(&judgement.fates)
        .filter(|(_, fate)| matches!(fate, Fate::Dead(_)))
        .map(|(id, _)| id)
        .collect();
    let mut told = dead;
    let denies: Vec<_> = subject.rules().filter(|(_, group, rule)| is_meant(group, rule)).collect();
    for standing in standings(subject.policy, subject.plan) {
        for (id, group, rule) in &denies {
            if rule.direction == standing.direction
                && !told.contains(&id.0)
                && let Some(packet) = passed_by(subject, &standing, group, id.0)
            {
                told.insert(id.0);
                found.push(of_members(&subject.words(*id), group, rule, &packet));
            }
        }
    }
    found
}

const INNER_ALLOW: GroupKind = GroupKind::Basic { inner: Verdict::Allow };

/// Whether a deny of an open group seems to mean members: it names peers, or no allow of the group is stronger. One
/// that closes a list of allows is not meant for members.
fn is_meant(group: &Group, rule: &Rule) -> bool {
    let peer = match rule.direction {
        Direction::In => &rule.source,
        Direction::Out => &rule.destination,
    };
    let everyone = match peer {
        crate::policy::End::Any => true,
        crate::policy::End::Peers(peers) => peers.iter().any(|peer| match peer.who {
            crate::policy::Who::Prefix(prefix) => prefix.prefix_len() == 0,
            crate::policy::Who::Set(_) | crate::policy::Who::Group(_) | crate::policy::Who::Instance(_) => {
                false
            }
        }),
    };
    let first = || {
        !group.rules.iter().any(|other| {
            other.direction == rule.direction
                && other.side == rule.side
                && other.verdict == Verdict::Allow
                && other.priority < rule.priority
        })
    };
    group.kind == INNER_ALLOW
        && group.members.len() > 1
        && rule.verdict == Verdict::Deny
        && (!everyone || first())
}

/// A packet that the rule matches in this chain and that the inner access of its own group lets through before.
fn passed_by(subject: &Subject<'_>, standing: &Standing<'_>, group: &Group, id: u32) -> Option<Packet> {
    let rules = standing.chain.rules();
    let own = |id: &palisade_ir::RuleId| {
        let source = subject.plan.rule(*id).map(|info| &info.source);
        matches!(source, Some(RuleSource::InnerAccess { group: opener }) if *opener == group.name)
    };
    let inner = rules
        .iter()
        .take_while(|rule| rule.rank.tier == Tier::InnerAccess)
        .filter(|rule| rule.origin.ids().first().is_some_and(own));
    let inner: Vec<Region> = inner.map(|rule| Region::of(&rule.matches)).collect();
    if inner.is_empty() {
        return None;
    }
    let lines = rules.iter().filter(|rule| rule.origin.ids().first().is_some_and(|first| first.0 == id));
    let spot = Spot { direction: standing.direction, nic: standing.nic };
    let mut common = lines.flat_map(|line| {
        let line = Region::of(&line.matches);
        inner.iter().filter_map(move |inner| inner.intersect(&line)).collect::<Vec<_>>()
    });
    common.find_map(|region| spot.example(&spot.without_itself(&region)?))
}

fn of_members(words: &str, group: &Group, rule: &Rule, packet: &Packet) -> Diagnostic {
    let message = format!("rule `{words}` does not deny members of group `{}` to each other", group.name);
    catalogue::DENY_OF_MEMBERS
        .at(message, rule.at, "comes after inner access")
        .label(group.at, "`inner allow` lets members through first")
        .help(format!(
            "write `inner deny` and allow what members need from each other; {} passes",
            words::packet(packet)
        ))
}

/// Groups with `inner deny` two of whose members share a group with `inner allow`.
fn reopened(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let policy = subject.policy;
    let mut found = Vec::new();
    for (id, group) in policy.groups.iter().enumerate() {
        if group.kind != (GroupKind::Basic { inner: Verdict::Deny }) {
            continue;
        }
        let members: Vec<&Nic> = group
            .members
            .iter()
            .filter_map(|at| policy.nic(*at))
            .filter(|nic| nic.side != Some(Side::Public))
            .collect();
        let others: BTreeSet<GroupId> = members.iter().flat_map(|nic| &nic.groups).copied().collect();
        for other in others.into_iter().filter(|other| other.0 as usize != id) {
            let Some(opener) = policy.group(other).filter(|other| other.kind == INNER_ALLOW) else {
                continue;
            };
            let both: Vec<&&Nic> = members.iter().filter(|nic| nic.groups.contains(&other)).collect();
            let [one, another, ..] = both.as_slice() else { continue };
            found.push(reopening(group, opener, one, another));
        }
    }
    found
}

fn reopening(group: &Group, opener: &Group, one: &Nic, another: &Nic) -> Diagnostic {
    let message = format!("group `{}` opens again what group `{}` closes", opener.name, group.name);
    let pair = one.addresses.iter().flat_map(|from| another.addresses.iter().map(move |to| (*from, *to)));
    let ports = Some(PacketPorts { source: 40_000, destination: 443 });
    let packet = pair.into_iter().find_map(|(from, to)| Packet::new(from, to, Protocol::TCP, ports).ok());
    let example = packet.map(|packet| format!("; {} passes", words::packet(&packet))).unwrap_or_default();
    catalogue::INNER_DENY_REOPENED
        .at(message, group.at, "`inner deny` here")
        .label(opener.at, "`inner allow` here")
        .label(one.at, "member of both")
        .label(another.at, "member of both")
        .help(format!(
            "write `inner deny` in group `{}` too, or take the members out of it{example}",
            opener.name
        ))
}
