//! Warnings about peers that match nothing: legal, since a group may get its first member tomorrow.

use std::collections::BTreeSet;

use super::codes;
use super::ends::{self, World};
use super::expects::Owners;
use super::findings::Findings;
use super::values::Families;
use crate::diagnostic::{Diagnostic, FileId};
use crate::policy::{End, Policy, Rule, Who};

/// Warns about each place in rules and expectations where an empty set or group is named.
pub(super) fn warn(world: &World<'_>, owners: &Owners, policy: &Policy, findings: &mut Findings) {
    // Clones share their rules' places with the groups they come from.
    let mut seen: BTreeSet<(FileId, palisade_grammar::Span)> = BTreeSet::new();
    let of_rules = policy.groups.iter().flat_map(|group| &group.rules).flat_map(|rule| {
        let families = families(world, rule);
        [(&rule.source, families), (&rule.destination, families)]
    });
    let of_expects = policy.expects.iter().flat_map(|expect| [&expect.source, &expect.destination]);
    for (end, families) in of_rules.chain(of_expects.map(|end| (end, Families::BOTH))) {
        let End::Peers(peers) = end else { continue };
        for peer in peers {
            let (kind, name, has) = match peer.who {
                Who::Prefix(_) | Who::Instance(_) => continue,
                Who::Set(id) => {
                    let Some(addresses) = ends::set(world, id) else { continue };
                    // Sets of another family were narrowed away knowingly; only an empty one is a surprise.
                    if !addresses.families().is_empty() {
                        continue;
                    }
                    ("set", world.names.sets.name(id.0 as usize), Families::NONE)
                }
                Who::Group(id) => ("group", world.names.groups.name(id.0 as usize), owners.group(id)),
            };
            if !has.shared(families).is_empty() || !seen.insert((peer.at.file, peer.at.span)) {
                continue;
            }
            let (label, help) = match (kind, has.is_empty()) {
                ("set", _) => ("matches nothing", "give the set an address, or drop it here".to_owned()),
                (_, true) => ("matches nothing", "give the group a member, or drop it here".to_owned()),
                (_, false) => (
                    "matches nothing here",
                    format!("its members have {has}; the rule needs the other family"),
                ),
            };
            let message = format!("{kind} `{name}` has no address that could match");
            findings.push(Diagnostic::warning(codes::EMPTY_PEER, message, peer.at, label).help(help));
        }
    }
}

/// The families that a rule's protocol and literal addresses leave.
fn families(world: &World<'_>, rule: &Rule) -> Families {
    let spoken = rule.traffic.iter().fold(Families::NONE, |all, one| all.union(Families::of(one.protocol)));
    [&rule.source, &rule.destination].into_iter().fold(spoken, |all, end| {
        let has_group =
            matches!(end, End::Peers(peers) if peers.iter().any(|peer| matches!(peer.who, Who::Group(_))));
        match ends::literal_families(world, end) {
            Some(literal) if !has_group && !literal.is_empty() => all.shared(literal),
            Some(_) | None => all,
        }
    })
}
