//! Telling about names that need themselves: sets in sets, services in services, clones of clones.

use super::codes;
use super::findings::Findings;
use super::names::Table;
use super::order::Circle;
use crate::diagnostic::{Diagnostic, Location};

/// How one kind of circle is worded.
pub(super) struct Wording {
    pub(super) code: &'static str,
    /// `contains itself`
    pub(super) verb: &'static str,
    /// `contains`
    pub(super) label: &'static str,
    pub(super) help: &'static str,
}

pub(super) const SETS: Wording = Wording {
    code: codes::SET_CYCLE,
    verb: "contains itself",
    label: "contains",
    help: "take one of these sets out of the other",
};

pub(super) const SERVICES: Wording = Wording {
    code: codes::SERVICE_CYCLE,
    verb: "contains itself",
    label: "contains",
    help: "take one of these services out of the other",
};

pub(super) const CLONES: Wording = Wording {
    code: codes::CLONE_CYCLE,
    verb: "is a clone of itself",
    label: "is a clone of",
    help: "one group of the chain must stand on its own: write its kind, network and rules",
};

/// Reports circles; `place` finds where one node names the next.
pub(super) fn report<T>(
    wording: &Wording,
    table: &Table<'_, T>,
    circles: &[Circle],
    place: impl Fn(usize, usize) -> Option<Location>,
    findings: &mut Findings,
) {
    let kind = table.kind();
    for Circle { nodes, cut } in circles {
        let Some(first) = nodes.first().copied() else { continue };
        let mut chain: Vec<String> = nodes.iter().map(|node| format!("`{}`", table.name(*node))).collect();
        if *cut {
            chain.insert(chain.len().saturating_sub(1), "...".to_owned());
        }
        chain.push(format!("`{}`", table.name(first)));
        let message = format!(
            "{kind} {} {}: {}",
            chain.first().map_or("", String::as_str),
            wording.verb,
            chain.join(" -> ")
        );
        let nexts = nodes.iter().skip(1).copied().chain([first]);
        let mut labels = nodes.iter().zip(nexts).filter_map(|(node, next)| {
            let text = format!("`{}` {} `{}`", table.name(*node), wording.label, table.name(next));
            place(*node, next).map(|place| (place, text))
        });
        let Some((primary, text)) = labels.next() else { continue };
        let found = Diagnostic::error(wording.code, message, primary, text).help(wording.help);
        findings.push(labels.fold(found, |found, (place, text)| found.label(place, text)));
    }
}
