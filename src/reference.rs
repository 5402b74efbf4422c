//! The reference evaluator: the meaning of a policy, written to be read in one sitting.
//!
//! It decides one packet at a time from the resolved policy, by the letter of the language's definition, and shares
//! nothing with lowering, optimising or any backend: it is what they are judged against. It is slow on purpose.

use std::net::IpAddr;

use palisade_ir::{Direction, Family, NicRef, Outcome, Packet, Protocol, Side, Verdict};

use crate::policy::{End, Group, GroupId, GroupKind, InnerScope, Nic, Policy, Rule, Traffic, Who};

/// What decided at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// Both ends are members of this basic group, and it lets its members reach each other.
    InnerAccess(GroupId),
    /// The rule of this group at this index.
    Rule(GroupId, usize),
    /// No rule matched.
    Default(Direction),
}

/// How one end decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndDecision {
    /// The verdict and whether it is logged.
    pub outcome: Outcome,
    /// What decided.
    pub decider: Decider,
}

/// How both ends decide a packet; an end without a managed NIC has no say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Allow when no end denies.
    pub verdict: Verdict,
    /// The sender's decision.
    pub egress: Option<EndDecision>,
    /// The receiver's decision, asked even when the sender denies.
    pub ingress: Option<EndDecision>,
}

/// Decides the first packet of a session between two ends, each a managed NIC or not.
pub fn decide(
    policy: &Policy,
    packet: &Packet,
    sender: Option<NicRef>,
    receiver: Option<NicRef>,
) -> Decision {
    let end = |at: Option<NicRef>, direction| {
        at.and_then(|at| policy.nic(at)).map(|nic| decide_end(policy, nic, direction, packet))
    };
    let egress = end(sender, Direction::Out);
    let ingress = end(receiver, Direction::In);
    let denied = [egress, ingress].iter().flatten().any(|end| end.outcome.verdict == Verdict::Deny);
    Decision { verdict: if denied { Verdict::Deny } else { Verdict::Allow }, egress, ingress }
}

/// Decides a packet at one NIC: inner access, then rules by priority with deny first, then the default.
pub fn decide_end(policy: &Policy, nic: &Nic, direction: Direction, packet: &Packet) -> EndDecision {
    if let Some(group) = inner_access(policy, nic, direction, packet) {
        let outcome = Outcome::silent(Verdict::Allow);
        return EndDecision { outcome, decider: Decider::InnerAccess(group) };
    }
    // Groups are sorted by name and rules by position: the first of the smallest (priority, verdict) decides.
    let mut best: Option<(&Rule, GroupId, usize)> = None;
    for id in &nic.groups {
        let Some(group) = policy.group(*id) else { continue };
        for (index, rule) in group.rules.iter().enumerate() {
            let applies =
                rule.direction == direction && rule.side == nic.side && matches(policy, rule, packet);
            let stronger = |than: &Rule| (rule.priority, rule.verdict) < (than.priority, than.verdict);
            if applies && best.is_none_or(|(than, ..)| stronger(than)) {
                best = Some((rule, *id, index));
            }
        }
    }
    if let Some((rule, group, index)) = best {
        let outcome = Outcome { verdict: rule.verdict, log: rule.log };
        return EndDecision { outcome, decider: Decider::Rule(group, index) };
    }
    let enterprise = nic.groups.iter().any(|id| is_enterprise(policy, *id));
    let verdict = if direction == Direction::Out && !enterprise { Verdict::Allow } else { Verdict::Deny };
    EndDecision { outcome: Outcome::silent(verdict), decider: Decider::Default(direction) }
}

/// The first group that both ends share and that lets its members reach each other.
fn inner_access(policy: &Policy, nic: &Nic, direction: Direction, packet: &Packet) -> Option<GroupId> {
    let peer = match (direction, policy.inner_scope) {
        (Direction::In, _) => packet.source(),
        (Direction::Out, InnerScope::Both) => packet.destination(),
        (Direction::Out, InnerScope::Ingress) => return None,
    };
    if nic.side == Some(Side::Public) {
        return None;
    }
    nic.groups.iter().copied().find(|id| {
        let open = |group: &Group| group.kind == GroupKind::Basic { inner: Verdict::Allow };
        policy.group(*id).is_some_and(open) && is_member(policy, *id, peer)
    })
}

/// Whether the address is a private address of a member of the group.
fn is_member(policy: &Policy, group: GroupId, address: IpAddr) -> bool {
    policy.nics().any(|(_, nic)| {
        nic.groups.contains(&group) && nic.side != Some(Side::Public) && nic.addresses.contains(&address)
    })
}

fn is_enterprise(policy: &Policy, id: GroupId) -> bool {
    policy.group(id).is_some_and(|group| group.kind == GroupKind::Enterprise)
}

fn matches(policy: &Policy, rule: &Rule, packet: &Packet) -> bool {
    rule.traffic.iter().any(|traffic| matches_traffic(traffic, packet))
        && matches_end(policy, &rule.source, packet.source())
        && matches_end(policy, &rule.destination, packet.destination())
}

fn matches_traffic(traffic: &Traffic, packet: &Packet) -> bool {
    let protocol = match traffic.protocol {
        None => true,
        Some(Protocol::ICMP) => packet.protocol() == Protocol::ICMP && packet.family() == Family::V4,
        Some(Protocol::ICMPV6) => packet.protocol() == Protocol::ICMPV6 && packet.family() == Family::V6,
        Some(other) => packet.protocol() == other,
    };
    protocol
        && traffic.source_ports.matches(packet.source_port())
        && traffic.destination_ports.matches(packet.destination_port())
}

fn matches_end(policy: &Policy, end: &End, address: IpAddr) -> bool {
    match end {
        End::Any => true,
        End::Peers(peers) => peers.iter().any(|peer| match peer.who {
            Who::Prefix(prefix) => prefix.contains(&address),
            Who::Set(id) => {
                policy.set(id).is_some_and(|set| set.v4.contains(address) || set.v6.contains(address))
            }
            Who::Group(id) => is_member(policy, id, address),
            Who::Instance(id) => policy
                .instance(id)
                .is_some_and(|instance| instance.nics.iter().any(|nic| nic.addresses.contains(&address))),
        }),
    }
}
