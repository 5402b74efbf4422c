//! Whether a rule may stand in its group: sections, group peers and sets under the group's attributes.
//!
//! Inherited rules are checked again, since a clone may change its kind and network.

use palisade_grammar::ast;
use palisade_ir::Side;

use super::attributes::{Attributes, network_kind};
use super::codes;
use super::findings::Findings;
use super::names::{Declared, Names};
use super::rules::Draft;
use crate::diagnostic::{Diagnostic, Location};
use crate::policy::{End, GroupId, NetworkKind, Peer, Rule, Who};

/// How many inherited rules one error points at.
const MOST_LABELS: usize = 8;

/// The group that a rule stands in.
pub(super) struct Owner<'a> {
    pub(super) index: usize,
    pub(super) at: Location,
    pub(super) own: &'a Attributes,
    pub(super) attributes: &'a [Attributes],
    pub(super) names: &'a Names<'a>,
}

/// Inherited rules that the clone's network has no section for: one error for all of them.
#[derive(Default)]
pub(super) struct Inherited {
    misplaced: Vec<(Location, Option<Side>)>,
}

/// Why a peer is refused.
struct Refusal {
    code: &'static str,
    message: String,
    label: &'static str,
    /// What else is involved.
    other: Option<(Location, &'static str)>,
    help: &'static str,
}

impl Owner<'_> {
    /// Reports what is wrong with a rule here; a bad one loses its body, so that clones do not report it again.
    pub(super) fn check(&self, draft: &mut Draft, inherited: &mut Inherited, findings: &mut Findings) {
        let Some(rule) = &draft.body else { return };
        let mut good = true;
        if draft.inherited && self.misplaced(rule) {
            inherited.misplaced.push((rule.at, rule.side));
            good = false;
        }
        for end in [&rule.source, &rule.destination] {
            let End::Peers(peers) = end else { continue };
            for peer in peers {
                let Some(refusal) = self.refusal(rule, peer) else { continue };
                good = false;
                findings.push(self.report(draft.inherited.then_some(rule), peer, refusal));
            }
        }
        if !good {
            draft.body = None;
        }
    }

    fn misplaced(&self, rule: &Rule) -> bool {
        let network = self.own.network_id().and_then(|id| network_kind(self.names, id));
        network.is_some_and(|kind| (kind == NetworkKind::Classic) != rule.side.is_some())
    }

    fn refusal(&self, rule: &Rule, peer: &Peer) -> Option<Refusal> {
        let public = rule.side == Some(Side::Public);
        let wrong = |code, message: &str, label, other, help| {
            Some(Refusal { code, message: message.to_owned(), label, other, help })
        };
        match peer.who {
            Who::Prefix(_) | Who::Instance(_) => None,
            Who::Set(_) if public => wrong(
                codes::SET_IN_PUBLIC_SECTION,
                "a prefix set in a public section",
                "a prefix set",
                None,
                "sets are for internal and vpc rules; write the addresses",
            ),
            Who::Set(_) => None,
            Who::Group(_) if public => wrong(
                codes::GROUP_IN_PUBLIC_SECTION,
                "a group peer in a public section",
                "a group peer",
                None,
                "a group stands for private addresses; write the public ones",
            ),
            Who::Group(id) => self.group_refusal(id),
        }
    }

    fn group_refusal(&self, id: GroupId) -> Option<Refusal> {
        let index = id.0 as usize;
        let peer = self.attributes.get(index)?;
        let name = self.names.groups.name(index);
        let there = self.names.groups.get(index).map(|group| group.at);
        if self.own.is_enterprise() {
            return Some(Refusal {
                code: codes::GROUP_PEER_IN_ENTERPRISE,
                message: format!("group peer `{name}` in an enterprise group"),
                label: "a group peer",
                other: self.own.kind.map(|(_, at)| (at, "the kind")),
                help: "enterprise groups know addresses and sets only; name the members' prefix",
            });
        }
        if index == self.index {
            return Some(Refusal {
                code: codes::OWN_GROUP_AS_PEER,
                message: format!("group `{name}` is the peer of its own rule"),
                label: "the rule's own group",
                other: Some((self.at, "the group")),
                help: "`inner allow` opens a group to its own members; to allow less, name their addresses",
            });
        }
        if peer.is_enterprise() {
            return Some(Refusal {
                code: codes::ENTERPRISE_AS_PEER,
                message: format!("enterprise group `{name}` as a peer"),
                label: "an enterprise group",
                other: peer.kind.map(|(_, at)| at).or(there).map(|at| (at, "its kind")),
                help: "name the members' addresses or a set of them",
            });
        }
        let (own, other) = (self.own.network?, peer.network?);
        (own.0 != other.0).then(|| Refusal {
            code: codes::PEER_OF_OTHER_NETWORK,
            message: format!("group `{name}` is of another network"),
            label: "a group of another network",
            other: Some((other.1, "its network")),
            help: "name the members' addresses; groups reach no further than their network",
        })
    }

    fn report(&self, inherited: Option<&Rule>, peer: &Peer, refusal: Refusal) -> Diagnostic {
        let Refusal { code, message, label, other, help } = refusal;
        let found = if let Some(rule) = inherited {
            let clone = self.names.groups.name(self.index);
            let message = format!("`{clone}` inherits a rule that it cannot have: {message}");
            let help = match &rule.label {
                Some(label) => format!("write `remove {} {label}` in the clone", rule.direction),
                None => format!(
                    "label the rule (`as NAME`), and write `remove {} NAME` in the clone",
                    rule.direction
                ),
            };
            Diagnostic::error(codes::INHERITED_RULE, message, self.at, "inherits the rule")
                .label(peer.at, label)
                .help(help)
        } else {
            Diagnostic::error(code, message, peer.at, label).help(help)
        };
        match other.filter(|(at, _)| found.labels.iter().all(|label| label.at != *at)) {
            Some((at, text)) => found.label(at, text),
            None => found,
        }
    }
}

impl Inherited {
    /// Reports inherited rules that stand in sections the clone's network does not have.
    pub(super) fn report(self, clone: &Declared<'_, ast::Group>, own: &Attributes, findings: &mut Findings) {
        let Some((_, side)) = self.misplaced.first() else { return };
        let (what, network) = match side {
            Some(_) => ("rules of a `public` or `internal` section", "a vpc network has no such sections"),
            None => ("rules outside a section", "a classic network needs `public` or `internal`"),
        };
        let message = format!("`{}` inherits {what} that it cannot have", clone.name);
        let mut found = Diagnostic::error(codes::INHERITED_RULE, message, clone.at, "inherits the rules");
        if let Some((_, place)) = own.network {
            found = found.label(place, network);
        }
        let mut places: Vec<Location> = self.misplaced.iter().map(|(place, _)| *place).collect();
        places.dedup();
        for place in places.into_iter().take(MOST_LABELS) {
            found = found.label(place, "inherited");
        }
        findings.push(found.help("clone a group of a network of the same kind, or `remove` these rules"));
    }
}
