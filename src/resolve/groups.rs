//! Groups: their rules, in clones the inherited ones first, and what the group's attributes forbid.

use std::collections::BTreeMap;

use palisade_grammar::ast::{self, GroupBase, GroupItemKind};
use palisade_ir::{Direction, Priority};

use super::attributes::{Attributes, network_kind};
use super::codes;
use super::defaults;
use super::ends::World;
use super::findings::{Findings, at};
use super::fitness::{Inherited, Owner};
use super::names::{Declared, nearest};
use super::repeats;
use super::rules::{self, Draft};
use crate::diagnostic::{Diagnostic, Location};
use crate::policy::NetworkKind;

/// The rules of all groups, by index; `sorted` has clones after what they are clones of.
pub(super) fn rules(
    world: &World<'_>,
    attributes: &[Attributes],
    sorted: &[usize],
    findings: &mut Findings,
) -> Vec<Vec<Draft>> {
    let groups = &world.names.groups;
    let mut all: Vec<Vec<Draft>> = vec![Vec::new(); groups.entries.len()];
    let mut values = repeats::Values::new(world);
    for index in sorted {
        let (Some(group), Some(own)) = (groups.get(*index), attributes.get(*index)) else { continue };
        let mut drafts = start(world, group, own, &all);
        remove(group, &mut drafts, own.base_unknown(), findings);
        let owner = Owner { index: *index, at: group.at, own, attributes, names: world.names };
        let mut inherited = Inherited::default();
        for draft in &mut drafts {
            owner.check(draft, &mut inherited, findings);
        }
        inherited.report(group, own, findings);
        let mut written = lines(world, group, own, findings);
        for draft in &mut written {
            owner.check(draft, &mut Inherited::default(), findings);
        }
        drafts.append(&mut written);
        repeats::labels(group, &drafts, findings);
        values.mark_repeats(&mut drafts, findings);
        if let Some(place) = all.get_mut(*index) {
            *place = drafts;
        }
    }
    all
}

/// What the group begins with: nothing, the default rules, or a copy of another group's rules.
fn start(
    world: &World<'_>,
    group: &Declared<'_, ast::Group>,
    own: &Attributes,
    all: &[Vec<Draft>],
) -> Vec<Draft> {
    match &group.node.base {
        GroupBase::Custom => Vec::new(),
        GroupBase::Default { web, .. } => {
            let kind = own.network_id().and_then(|id| network_kind(world.names, id));
            kind.map(|kind| defaults::rules(kind, *web, group.at)).unwrap_or_default()
        }
        GroupBase::Clone(base) => {
            let base = world.names.groups.index(&base.value).and_then(|base| all.get(base));
            base.into_iter().flatten().cloned().map(inherit).collect()
        }
    }
}

fn inherit(mut draft: Draft) -> Draft {
    draft.inherited = true;
    if let Some(rule) = &mut draft.body {
        // Only default groups have weaker rules than a user may write.
        rule.priority = rule.priority.min(Priority::LAST);
    }
    draft
}

/// Takes the removed rules out again.
fn remove(
    group: &Declared<'_, ast::Group>,
    drafts: &mut Vec<Draft>,
    base_unknown: bool,
    findings: &mut Findings,
) {
    let mut removed: BTreeMap<(Direction, &str), Location> = BTreeMap::new();
    for item in &group.node.items {
        let GroupItemKind::Remove { direction, label } = &item.kind else { continue };
        let place = at(group.file, label.span);
        let direction = rules::direction(direction.value);
        match &group.node.base {
            GroupBase::Clone(base) => {
                let before = drafts.len();
                drafts.retain(|draft| !labelled(draft, direction, &label.value));
                let again = removed.insert((direction, &label.value), place);
                if drafts.len() == before && !base_unknown {
                    findings.push(unknown_label(drafts, direction, label, &base.value, place, again));
                }
            }
            GroupBase::Custom => findings.push(
                Diagnostic::error(
                    codes::REMOVE_WITHOUT_CLONE,
                    format!("group `{}` inherits nothing to remove", group.name),
                    at(group.file, item.span),
                    "only clones inherit rules",
                )
                .label(group.at, "not a clone")
                .help("drop the line, or write `clone NAME` behind the group's name"),
            ),
            // Reported with the other lines that a default group cannot have.
            GroupBase::Default { .. } => {}
        }
    }
}

fn labelled(draft: &Draft, direction: Direction, label: &str) -> bool {
    draft.direction == direction && draft.label.as_ref().is_some_and(|(name, _)| name.as_str() == label)
}

fn unknown_label(
    drafts: &[Draft],
    direction: Direction,
    label: &ast::Name,
    base: &str,
    place: Location,
    removed: Option<Location>,
) -> Diagnostic {
    let label = label.value.as_str();
    if let Some(first) = removed {
        let message = format!("the `{direction}` rule labelled `{label}` is removed twice");
        return Diagnostic::error(codes::UNKNOWN_LABEL, message, place, "again")
            .label(first, "first")
            .help("drop the line");
    }
    let message = format!("group `{base}` has no `{direction}` rule labelled `{label}`");
    let found = Diagnostic::error(codes::UNKNOWN_LABEL, message, place, "no such label");
    let all = drafts.iter().filter_map(|draft| draft.label.as_ref().map(|(name, at)| (draft, name, *at)));
    if let Some((draft, _, there)) = all.clone().find(|(_, name, _)| name.as_str() == label) {
        let help = format!("write `remove {} {label}`", draft.direction);
        return found.label(there, format!("an `{}` rule", draft.direction)).help(help);
    }
    let here = all.filter(|(draft, ..)| draft.direction == direction).map(|(_, name, _)| name.as_str());
    match nearest(label, here) {
        Some(name) => found.help(format!("did you mean `{name}`?")),
        None => found.help("label the rule with `as LABEL` where it is written"),
    }
}

/// The group's own lines; those of a section in the wrong place lose their body.
fn lines(
    world: &World<'_>,
    group: &Declared<'_, ast::Group>,
    own: &Attributes,
    findings: &mut Findings,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if matches!(group.node.base, GroupBase::Default { .. }) {
        return drafts;
    }
    for item in &group.node.items {
        let GroupItemKind::Section(section) = &item.kind else { continue };
        let fits = section_fits(world, group, own, section, findings);
        drafts.reserve(section.rules.len());
        for line in &section.rules {
            let mut draft = rules::draft(world, section, line, group.file, findings);
            if !fits {
                draft.body = None;
            }
            drafts.push(draft);
        }
    }
    drafts
}

fn section_fits(
    world: &World<'_>,
    group: &Declared<'_, ast::Group>,
    own: &Attributes,
    section: &ast::RuleSection,
    findings: &mut Findings,
) -> bool {
    let Some((network, network_at)) = own.network else { return true };
    let name = world.names.networks.name(network.0 as usize);
    let word = rules::direction(section.direction.value);
    match (network_kind(world.names, network), &section.side) {
        (Some(NetworkKind::Vpc), Some(side)) => {
            let message = format!("a `{}` section in a vpc group", rules::side(side.value));
            findings.push(
                Diagnostic::error(codes::SECTION_IN_VPC, message, at(group.file, side.span), "not in a vpc")
                    .label(network_at, format!("`{name}` is a vpc network"))
                    .help(format!("write `{word} {{`; a vpc has one set of rules for all traffic")),
            );
            false
        }
        (Some(NetworkKind::Classic), None) => {
            let message = format!("`{word}` rules of a classic group without a section");
            let place = at(group.file, section.direction.span);
            findings.push(
                Diagnostic::error(codes::MISSING_SECTION, message, place, "public or internal?")
                    .label(network_at, format!("`{name}` is a classic network"))
                    .help(format!("write `{word} public {{` or `{word} internal {{`")),
            );
            false
        }
        (Some(NetworkKind::Vpc), None) | (Some(NetworkKind::Classic), Some(_)) | (None, _) => true,
    }
}
