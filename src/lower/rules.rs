//! One rule of a group as rules of a chain, and the ids of all rules.

use ipnet::IpNet;
use palisade_ir::{
    Addresses, Direction, Family, Match, MatchParts, Origin, Outcome, PortMatch, PrefixSet, Protocol,
    ProtocolSet, Rank, Rule, RuleId, RuleInfo, RuleSource, Side, Verdict,
};

use super::sets::Sets;
use crate::policy::{self, End, GroupId, GroupKind, InnerScope, Policy, Traffic, Who};

/// Ids of all rules, ascending by group name and position, then inner access per group, then the defaults.
pub(super) struct Ids {
    pub(super) infos: Vec<RuleInfo>,
    /// Per group the id of its first rule.
    starts: Vec<u32>,
    /// The id of the first group's inner access.
    inner: u32,
}

impl Ids {
    pub(super) fn new(policy: &Policy) -> Self {
        let mut infos = Vec::new();
        let mut starts = Vec::new();
        for group in &policy.groups {
            starts.push(infos.len() as u32);
            infos.extend(group.rules.iter().map(|rule| info(group, rule)));
        }
        let inner = infos.len() as u32;
        for group in &policy.groups {
            let source = RuleSource::InnerAccess { group: group.name.clone() };
            infos.push(RuleInfo { source, description: None });
        }
        for direction in [Direction::In, Direction::Out] {
            infos.push(RuleInfo { source: RuleSource::Default { direction }, description: None });
        }
        Self { infos, starts, inner }
    }

    pub(super) fn rule(&self, group: GroupId, index: usize) -> RuleId {
        RuleId(self.starts.get(group.0 as usize).copied().unwrap_or_default() + index as u32)
    }

    pub(super) fn rule_of(policy: &Policy, group: GroupId, index: usize) -> RuleId {
        let before =
            policy.groups.iter().take(group.0 as usize).map(|group| group.rules.len()).sum::<usize>();
        RuleId((before + index) as u32)
    }

    pub(super) const fn inner_access(&self, group: GroupId) -> RuleId {
        RuleId(self.inner + group.0)
    }

    pub(super) const fn default(&self, direction: Direction) -> RuleId {
        let end = self.infos.len() as u32;
        match direction {
            Direction::In => RuleId(end.saturating_sub(2)),
            Direction::Out => RuleId(end.saturating_sub(1)),
        }
    }
}

fn info(group: &policy::Group, rule: &policy::Rule) -> RuleInfo {
    RuleInfo {
        source: RuleSource::Group {
            group: group.name.clone(),
            direction: rule.direction,
            side: rule.side,
            priority: rule.priority,
            label: rule.label.clone(),
        },
        description: rule.description.clone(),
    }
}

/// The rules that open a chain to members of the groups that let their members reach each other.
pub(super) fn inner_access(
    policy: &Policy,
    groups: &[GroupId],
    side: Option<Side>,
    direction: Direction,
    ids: &Ids,
    sets: &Sets,
) -> Vec<Rule> {
    let applies = match (direction, policy.inner_scope) {
        (Direction::In, InnerScope::Ingress | InnerScope::Both) | (Direction::Out, InnerScope::Both) => true,
        (Direction::Out, InnerScope::Ingress) => false,
    };
    if !applies || side == Some(Side::Public) {
        return Vec::new();
    }
    let open = groups.iter().filter(|id| {
        policy.group(**id).is_some_and(|group| group.kind == GroupKind::Basic { inner: Verdict::Allow })
    });
    let mut rules = Vec::new();
    for id in open {
        for family in Family::ALL {
            let Some(members) = sets.group(*id, family) else { continue };
            let (source, destination) = match direction {
                Direction::In => (members, sets.any(family)),
                Direction::Out => (sets.any(family), members),
            };
            let parts = MatchParts {
                source,
                destination,
                protocols: ProtocolSet::all(),
                source_ports: PortMatch::Any,
                destination_ports: PortMatch::Any,
            };
            let Ok(matches) = Match::new(parts) else { continue };
            let (rank, origin) = (Rank::INNER_ACCESS, Origin::one(ids.inner_access(*id)));
            rules.push(Rule { matches, outcome: Outcome::silent(Verdict::Allow), rank, origin });
        }
    }
    rules
}

/// Adds a group's rule: one rule per traffic, pair of named or literal peers, and family that all of them have.
pub(super) fn lower_rule(rule: &policy::Rule, id: RuleId, sets: &Sets, rules: &mut Vec<Rule>) {
    let policy::Rule {
        direction: _,
        side: _,
        priority,
        verdict,
        log,
        traffic,
        source,
        destination,
        label: _,
        description: _,
        at: _,
    } = rule;
    let outcome = Outcome { verdict: *verdict, log: *log };
    let rank = Rank::user(*priority, *verdict);
    each_match(traffic, source, destination, sets, |matches| {
        rules.push(Rule { matches, outcome, rank, origin: Origin::one(id) });
    });
}

/// Every match of a list of traffic between two ends. A family that some part lacks yields nothing: never wider.
fn each_match(
    traffic: &[Traffic],
    source: &End,
    destination: &End,
    sets: &Sets,
    mut take: impl FnMut(Match),
) {
    for Traffic { protocol, source_ports, destination_ports } in traffic {
        for family in families(*protocol) {
            for source in pieces(source, *family, sets) {
                for destination in pieces(destination, *family, sets) {
                    let parts = MatchParts {
                        source: source.clone(),
                        destination,
                        protocols: protocol.map_or_else(ProtocolSet::all, ProtocolSet::only),
                        source_ports: source_ports.clone(),
                        destination_ports: destination_ports.clone(),
                    };
                    // Only emptiness can make this fail, and an empty match is no rule.
                    if let Ok(matches) = Match::new(parts) {
                        take(matches);
                    }
                }
            }
        }
    }
}

/// The families a protocol exists in: icmp is IPv4 only, icmpv6 IPv6 only.
fn families(protocol: Option<Protocol>) -> &'static [Family] {
    match protocol {
        Some(Protocol::ICMP) => &[Family::V4],
        Some(Protocol::ICMPV6) => &[Family::V6],
        None | Some(_) => &Family::ALL,
    }
}

/// An end's addresses of one family: each named set on its own, all literal prefixes together.
fn pieces(end: &End, family: Family, sets: &Sets) -> Vec<Addresses> {
    let peers = match end {
        End::Any => return vec![sets.any(family)],
        End::Peers(peers) => peers,
    };
    let mut pieces = Vec::new();
    let mut literal: Vec<&IpNet> = Vec::new();
    for peer in peers {
        match &peer.who {
            Who::Prefix(prefix) if Family::of(&prefix.addr()) == family => literal.push(prefix),
            Who::Prefix(_) => {}
            Who::Set(id) => pieces.extend(sets.set(*id, family)),
            Who::Group(id) => pieces.extend(sets.group(*id, family)),
            // Resolving lets instances stand in expectations only, which are not lowered.
            Who::Instance(_) => {}
        }
    }
    if !literal.is_empty() {
        pieces.push(Addresses::unnamed(PrefixSet::from_prefixes(family, literal)));
    }
    pieces
}
