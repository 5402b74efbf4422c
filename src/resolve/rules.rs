//! One rule line: everything that can be said about it without knowing its group.

use palisade_grammar::ast;
use palisade_ir::{Direction, Name, Priority, Side, Verdict};

use super::codes;
use super::ends::{self, Spoken, World};
use super::findings::{Findings, at};
use super::values::{self, Families};
use crate::diagnostic::{Diagnostic, FileId, Location};
use crate::policy::{End, Peer, Rule, Who};

/// A rule on its way into a group.
#[derive(Clone)]
pub(super) struct Draft {
    /// Its direction.
    pub(super) direction: Direction,
    /// Its label, kept apart so that a clone can remove a bad rule too.
    pub(super) label: Option<(Name, Location)>,
    /// The rule, unless an error in it is reported already.
    pub(super) body: Option<Rule>,
    /// Whether it comes from the group that this one is a clone of.
    pub(super) inherited: bool,
    /// Whether the group has the same rule before. A clone may remove the other one, and inherits both.
    pub(super) repeats: bool,
}

pub(super) const fn direction(written: ast::Direction) -> Direction {
    match written {
        ast::Direction::In => Direction::In,
        ast::Direction::Out => Direction::Out,
    }
}

pub(super) const fn verdict(written: ast::Verdict) -> Verdict {
    match written {
        ast::Verdict::Allow => Verdict::Allow,
        ast::Verdict::Deny => Verdict::Deny,
    }
}

pub(super) const fn side(written: ast::Side) -> Side {
    match written {
        ast::Side::Public => Side::Public,
        ast::Side::Internal => Side::Internal,
    }
}

/// Reads a line of a section.
pub(super) fn draft(
    world: &World<'_>,
    section: &ast::RuleSection,
    line: &ast::Rule,
    file: FileId,
    findings: &mut Findings,
) -> Draft {
    let place = at(file, line.span);
    let label = line.label.as_ref().and_then(|label| {
        let name = Name::new(&*label.value).ok()?;
        Some((name, at(file, label.span)))
    });
    let direction = direction(section.direction.value);
    let priority = priority(line.priority, file, findings);
    let spoken = Spoken {
        protocol: &line.protocol,
        source_ports: line.from.as_ref().and_then(|end| end.ports.as_ref()),
        destination_ports: line.to.as_ref().and_then(|end| end.ports.as_ref()),
        file,
    };
    let traffic = ends::traffic(world, &spoken, findings);
    let description = values::description(line.description.as_ref(), file, findings);
    let pair = pair(world, direction, line, file, findings);
    let body = || {
        let (priority, traffic, pair) = (priority?, traffic?, pair?);
        if !fit(world, at(file, line.protocol.span), &traffic, &pair, findings) {
            return None;
        }
        let (source, destination) = match direction {
            Direction::In => (pair.peer, pair.local),
            Direction::Out => (pair.local, pair.peer),
        };
        Some(Rule {
            direction,
            side: section.side.map(|written| side(written.value)),
            priority,
            verdict: verdict(line.verdict.value),
            log: line.log.is_some(),
            traffic: traffic.into_iter().map(|(traffic, _)| traffic).collect(),
            source,
            destination,
            label: label.as_ref().map(|(name, _)| name.clone()),
            description,
            at: place,
        })
    };
    let body = body();
    Draft { direction, label, body, inherited: false, repeats: false }
}

fn priority(written: ast::Spanned<u32>, file: FileId, findings: &mut Findings) -> Option<Priority> {
    let priority = Priority::user(written.value);
    if priority.is_none() {
        let message = format!("`{}` is no priority", written.value);
        findings.push(
            Diagnostic::error(codes::PRIORITY, message, at(file, written.span), "not within 1 to 100")
                .help("write a number from 1 to 100; a smaller one is stronger"),
        );
    }
    priority
}

/// The two ends of a rule, seen from the managed NIC.
struct Pair {
    peer: End,
    peer_at: Option<Location>,
    local: End,
    local_at: Option<Location>,
}

fn pair(
    world: &World<'_>,
    direction: Direction,
    line: &ast::Rule,
    file: FileId,
    findings: &mut Findings,
) -> Option<Pair> {
    let (peer, local, keyword) = match direction {
        Direction::In => (&line.from, &line.to, "from"),
        Direction::Out => (&line.to, &line.from, "to"),
    };
    let place = |end: &Option<ast::End>| end.as_ref().map(|end| at(file, end.span));
    let (peer_at, local_at) = (place(peer), place(local));
    let local = written(local).map(|peers| ends::end(world, peers, file, findings));
    let peer = match written(peer) {
        Some(peers) => ends::end(world, peers, file, findings),
        None => {
            let shown = peer_at.unwrap_or(at(file, line.span));
            let message = format!("the rule does not say `{keyword}` whom");
            let help = format!("add `{keyword} any`, or `{keyword}` with addresses, sets or groups");
            findings.push(Diagnostic::error(codes::MISSING_PEER, message, shown, "no peer").help(help));
            None
        }
    };
    let local = local.unwrap_or(Some(End::Any));
    let local = local.filter(|end| no_groups(end, findings));
    let (peer, local) = (peer?, local?);
    no_instances(&[&peer, &local], findings).then_some(Pair { peer, peer_at, local, local_at })
}

fn written(end: &Option<ast::End>) -> Option<&ast::Peers> {
    end.as_ref()?.peers.as_ref()
}

fn peers(end: &End) -> &[Peer] {
    match end {
        End::Any => &[],
        End::Peers(peers) => peers,
    }
}

fn no_groups(local: &End, findings: &mut Findings) -> bool {
    let groups = || peers(local).iter().filter(|peer| matches!(peer.who, Who::Group(_)));
    for group in groups() {
        let message = "a group cannot stand at the rule's own end";
        findings.push(
            Diagnostic::error(codes::GROUP_AS_LOCAL_FILTER, message, group.at, "the members' own side")
                .help("name addresses or sets here, or leave this end out for all members"),
        );
    }
    groups().next().is_none()
}

/// The grammar has instances in expectations only; a tree that was built by hand may have them anywhere.
fn no_instances(ends: &[&End], findings: &mut Findings) -> bool {
    let all = || ends.iter().flat_map(|end| peers(end));
    let instances = || all().filter(|peer| matches!(peer.who, Who::Instance(_)));
    for instance in instances() {
        let message = "an instance cannot be a peer";
        findings.push(
            Diagnostic::error(codes::MISSING_PEER, message, instance.at, "an instance")
                .help("name its group or its address"),
        );
    }
    instances().next().is_none()
}

/// Whether protocol and ends go together.
fn fit(
    world: &World<'_>,
    spoken: Location,
    traffic: &[ends::Located],
    pair: &Pair,
    findings: &mut Findings,
) -> bool {
    // A set without a value was reported where it is declared.
    let families = |end: &End| ends::literal_families(world, end);
    let (Some(peer), Some(local)) = (families(&pair.peer), families(&pair.local)) else { return false };
    let has_group = peers(&pair.peer).iter().any(|peer| matches!(peer.who, Who::Group(_)));
    // Membership changes, so a group is of both families; an empty end is a warning, given at the end.
    let side = |families: Families, open: bool, at| ends::Side {
        families: if open || families.is_empty() { Families::BOTH } else { families },
        at,
    };
    let sides = [side(peer, has_group, pair.peer_at), side(local, false, pair.local_at)];
    if !ends::share_a_family(spoken, traffic, &sides, codes::NO_SHARED_FAMILY, findings) {
        return false;
    }
    let written = matches!(pair.local, End::Peers(_));
    let same = || ends::literal(world, &pair.peer) == ends::literal(world, &pair.local);
    if !written || has_group || peer.is_empty() || !same() {
        return true;
    }
    if let (Some(local_at), Some(peer_at)) = (pair.local_at, pair.peer_at) {
        let message = "the rule's two ends are the same addresses";
        findings.push(
            Diagnostic::error(codes::PEER_EQUALS_LOCAL, message, local_at, "the members' own side")
                .label(peer_at, "the peer")
                .help("leave the own side out for all members, or name other addresses"),
        );
    }
    false
}
