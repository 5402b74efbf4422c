//! Permissions as rules that a policy can say.
//!
//! What a policy cannot say is an error when it is a deny, since the group would be more open without it; an allow is
//! left out with a warning, since without it the group is at most more closed.

use std::collections::BTreeSet;

use ipnet::IpNet;
use palisade_ir::{Direction, Protocol, Side, Verdict};

use super::codes;
use super::families::{self, Ends};
use super::fields::Field;
use super::groups::{Group, Kind, Network, World};
use super::permission::{End, Permission};
use super::values::Ports;
use crate::import::json::Node;
use crate::import::report::{Report, Told, error, warning};

/// A rule on its way into the policy.
#[derive(Clone, Debug)]
pub(super) struct Rule<'t> {
    pub(super) key: Key,
    pub(super) description: Option<Field<'t>>,
    pub(super) node: Node<'t>,
}

/// What makes two rules the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) direction: Direction,
    pub(super) side: Option<Side>,
    /// Up to 110.
    pub(super) priority: u32,
    pub(super) verdict: Verdict,
    pub(super) protocol: Option<Protocol>,
    pub(super) source_ports: Option<Ports>,
    pub(super) destination_ports: Option<Ports>,
    pub(super) peer: Peer,
    /// Prefixes of the group's own side; empty when all of it is meant.
    pub(super) local: Vec<IpNet>,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    Prefixes(Vec<IpNet>),
    /// The group of this id.
    Group(String),
    /// The prefix list of this id; its content is in no input.
    PrefixList(String),
}

/// The rules of a group, each once, in the order of the listing.
pub(super) fn rules<'t>(
    group: &Group<'t>,
    world: &World<'_>,
    report: &mut Report,
) -> Result<Vec<Rule<'t>>, Told> {
    let mut all = Vec::new();
    let mut good = Ok(());
    for permission in &group.permissions {
        match (Listed { permission, group, world }).rules(report) {
            Ok(rules) => all.extend(rules),
            Err(told) => good = Err(told),
        }
    }
    good.map(|()| once(all, report))
}

/// Drops rules that are there already.
pub(super) fn once<'t>(rules: Vec<Rule<'t>>, report: &mut Report) -> Vec<Rule<'t>> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for rule in rules {
        if seen.insert(rule.key.clone()) {
            kept.push(rule);
        } else {
            let message = "the group has this rule already";
            report.warn(warning(codes::REPEATED_RULE, &rule.node, message).help("it is kept once"));
        }
    }
    kept
}

/// A permission in its group.
struct Listed<'a, 't> {
    permission: &'a Permission<'t>,
    group: &'a Group<'t>,
    world: &'a World<'a>,
}

/// `None` is left out, which was reported.
type Said<T> = Result<Option<T>, Told>;

impl<'t> Listed<'_, 't> {
    fn rules(&self, report: &mut Report) -> Result<Vec<Rule<'t>>, Told> {
        let permission = self.permission;
        let side = self.side(report)?;
        let (peer, local) = match permission.direction {
            Direction::In => (&permission.source, &permission.destination),
            Direction::Out => (&permission.destination, &permission.source),
        };
        if let Some(ports) = &permission.port_list {
            let reason = format!("its ports are the list {}, whose content is in no listing", ports.quoted());
            return self.unsayable(&ports.node, &reason, report).map(|()| Vec::new());
        }
        let Some(peer) = self.peer(peer, side, report)? else { return Ok(Vec::new()) };
        let Some(local) = self.local(local, report)? else { return Ok(Vec::new()) };
        let ends = Ends { protocol: permission.protocol, peer, local };
        let sayable = families::narrowed(ends, &permission.node, report)?;
        Ok(sayable.into_iter().map(|ends| self.rule(ends, side)).collect())
    }

    fn rule(&self, ends: Ends, side: Option<Side>) -> Rule<'t> {
        let permission = self.permission;
        let Ends { protocol, peer, local } = ends;
        let key = Key {
            direction: permission.direction,
            side,
            priority: permission.priority,
            verdict: permission.verdict,
            protocol,
            source_ports: permission.source_ports,
            destination_ports: permission.destination_ports,
            peer,
            local,
        };
        Rule { key, description: permission.description.clone(), node: permission.node.clone() }
    }

    /// The section of a classic group.
    fn side(&self, report: &mut Report) -> Result<Option<Side>, Told> {
        let node = &self.permission.node;
        match (&self.group.network, self.permission.side) {
            (Network::Classic, Some(side)) => Ok(Some(side)),
            (Network::Classic, None) => {
                let help = "in the classic network it decides the section: write `internet` or `intranet`";
                Err(report.refuse(error(codes::MISSING_VALUE, node, "`NicType` is missing").help(help)))
            }
            (Network::Vpc(_) | Network::Unknown, Some(Side::Public)) => {
                let message = "`NicType` is `internet` in a group of a VPC";
                let help = "it is read as `intranet`: one set of rules governs all traffic of a VPC";
                report.warn(warning(codes::NIC_TYPE_IN_VPC, node, message).help(help));
                Ok(None)
            }
            (Network::Vpc(_) | Network::Unknown, Some(Side::Internal) | None) => Ok(None),
        }
    }

    /// The cloud reads the first of prefix, group and prefix list.
    fn peer(&self, end: &End<'t>, side: Option<Side>, report: &mut Report) -> Said<Peer> {
        let kinds = [!end.prefixes.is_empty(), end.group.is_some(), end.prefix_list.is_some()];
        if kinds.iter().filter(|given| **given).count() > 1 {
            let help = "as the cloud does, the rule takes prefixes before a group before a prefix list";
            let message = "several kinds of peer in one rule";
            report.warn(warning(codes::SEVERAL_PEERS, &self.permission.node, message).help(help));
        }
        if !end.prefixes.is_empty() {
            return Ok(Some(Peer::Prefixes(IpNet::aggregate(&end.prefixes))));
        }
        if let Some(id) = &end.group {
            return self.group_peer(id, side, report);
        }
        if let Some(id) = &end.prefix_list {
            return self.prefix_list_peer(id, side, report);
        }
        let message = "the rule does not say whom it is about";
        let keys = match self.permission.direction {
            Direction::In => "`SourceCidrIp`, `Ipv6SourceCidrIp` or `SourceGroupId`",
            Direction::Out => "`DestCidrIp`, `Ipv6DestCidrIp` or `DestGroupId`",
        };
        Err(report
            .refuse(error(codes::NO_PEER, &self.permission.node, message).help(format!("write {keys}"))))
    }

    fn group_peer(&self, id: &Field<'t>, side: Option<Side>, report: &mut Report) -> Said<Peer> {
        let refused = |code, message: String, help: &str| Err(error(code, &id.node, message).help(help));
        let shown = id.quoted();
        let checked = if side == Some(Side::Public) {
            let message = format!("group {shown} as a peer in a public section");
            refused(
                codes::GROUP_IN_PUBLIC,
                message,
                "a group stands for private addresses; name the public ones",
            )
        } else if self.group.kind == Kind::Enterprise {
            let message = format!("group {shown} as a peer in an enterprise group");
            refused(
                codes::GROUP_IN_ENTERPRISE,
                message,
                "enterprise groups know addresses only; name the members'",
            )
        } else if self.is_enterprise(&id.text) {
            let message = format!("enterprise group {shown} as a peer");
            refused(codes::ENTERPRISE_PEER, message, "name the members' addresses")
        } else if self.network_of(&id.text).is_some_and(|network| network != self.group.network) {
            let message = format!("group {shown} is of another network");
            refused(
                codes::OTHER_NETWORK,
                message,
                "give DescribeSecurityGroups too, or name the members' addresses",
            )
        } else {
            Ok(())
        };
        checked.map_err(|error| report.refuse(error))?;
        if id.text == self.group.id {
            return self.own_group(id, report);
        }
        if self.world.group(&id.text).is_none() {
            let message = format!("the rules of peer group {shown} are not listed");
            let help = "it becomes a group that matches nothing until NICs join it; give its listing too if you have it";
            report.warn(warning(codes::UNKNOWN_PEER, &id.node, message).help(help));
        }
        Ok(Some(Peer::Group(id.text.clone())))
    }

    fn is_enterprise(&self, id: &str) -> bool {
        let listed = self.world.group(id).map(|group| group.kind == Kind::Enterprise);
        listed.unwrap_or_else(|| self.world.entries.get(id).and_then(|entry| entry.enterprise) == Some(true))
    }

    fn network_of(&self, id: &str) -> Option<Network> {
        let listed = self.world.group(id).map(|group| group.network.clone());
        listed.or_else(|| self.world.entries.get(id)?.network())
    }

    /// What inner access lets in stands before every rule, so a rule about the same packets decides nothing.
    fn own_group(&self, id: &Field<'t>, report: &mut Report) -> Said<Peer> {
        let opened = self.group.kind == Kind::Basic { inner: Verdict::Allow };
        if opened && self.permission.direction == Direction::In {
            let message = "the rule's peer is its own group";
            let help = "it is left out: the inner policy `Accept` lets members in before any rule";
            report.warn(warning(codes::OWN_GROUP_LEFT_OUT, &id.node, message).help(help));
            return Ok(None);
        }
        let message = "the rule's peer is its own group, and the inner policy does not say the same";
        let help = "name the members' addresses instead of the group";
        Err(report.refuse(error(codes::OWN_GROUP, &id.node, message).help(help)))
    }

    fn prefix_list_peer(&self, id: &Field<'t>, side: Option<Side>, report: &mut Report) -> Said<Peer> {
        let shown = id.quoted();
        if self.permission.verdict == Verdict::Deny || side == Some(Side::Public) {
            let reason = format!("its peer is the prefix list {shown}, whose content is in no listing");
            return self.unsayable(&id.node, &reason, report).map(|()| None);
        }
        let message = format!("the content of prefix list {shown} is not in the listing");
        let help = "it becomes an empty set, which matches nothing until its prefixes stand there";
        report.warn(warning(codes::UNKNOWN_PREFIX_LIST, &id.node, message).help(help));
        Ok(Some(Peer::PrefixList(id.text.clone())))
    }

    /// The filter of the group's own side.
    fn local(&self, end: &End<'t>, report: &mut Report) -> Said<Vec<IpNet>> {
        if let Some(list) = &end.prefix_list {
            let reason = format!("its own side is limited to the prefix list {}", list.quoted());
            return self.unsayable(&list.node, &reason, report).map(|()| None);
        }
        if let Some(group) = &end.group {
            if group.text != self.group.id {
                let reason = format!("its own side is limited to group {}", group.quoted());
                return self.unsayable(&group.node, &reason, report).map(|()| None);
            }
            let message = "the rule's own side is limited to its own group";
            let help = "that is every member, so nothing is limited";
            report.warn(warning(codes::LOCAL_FILTER_IGNORED, &group.node, message).help(help));
        }
        Ok(Some(IpNet::aggregate(&end.prefixes)))
    }

    /// An allow is left out; a deny is an error.
    fn unsayable(&self, at: &Node<'_>, reason: &str, report: &mut Report) -> Result<(), Told> {
        match self.permission.verdict {
            Verdict::Allow => {
                let message = format!("an allow rule is left out: {reason}");
                let help = "add a rule to the policy by hand if its traffic is to pass";
                report.warn(warning(codes::ALLOW_LEFT_OUT, at, message).help(help));
                Ok(())
            }
            Verdict::Deny => {
                let message = format!("a deny rule cannot be said: {reason}");
                let help = "write what it stands for into the listing; without the rule the group would be more open";
                Err(report.refuse(error(codes::DENY_LOST, at, message).help(help)))
            }
        }
    }
}
