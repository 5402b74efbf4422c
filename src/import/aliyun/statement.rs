//! Groups and their rules as statements of the policy language.

use palisade_grammar::ast::{
    self, GroupBase, GroupItem, GroupItemKind, GroupKind, Item, ItemKind, RuleSection,
};
use palisade_ir::{Direction, Side};

use super::codes;
use super::groups::{Group, Kind, Network};
use super::naming::Naming;
use super::rules::{Peer, Rule};
use crate::import::build::{address, end, group_item, item, name, protocol, rule, spanned, verdict};
use crate::import::json::Node;
use crate::import::report::{Report, warning};
use crate::import::text::clean;

/// A group with its lines.
pub(super) fn listed_group(
    group: &Group<'_>,
    called: &str,
    base: GroupBase,
    lines: Vec<GroupItem>,
    report: &mut Report,
) -> Item {
    let title = titled(group.name.as_ref().map(|name| name.text.as_str()), &group.id, called);
    let own = group.description.as_ref();
    let text = match (title, own.map(|own| own.text.as_str())) {
        (Some(title), Some(own)) => Some(format!("{title}: {own}")),
        (title, own) => title.or(own.map(str::to_owned)),
    };
    let place = own.or(group.name.as_ref()).map_or(&group.node, |field| &field.node);
    let description = text.and_then(|text| cleaned(&text, place, report));
    item(ItemKind::Group(ast::Group {
        name: name(called),
        base,
        description: description.as_deref().map(name),
        items: lines,
        dangling: Vec::new(),
    }))
}

/// What the cloud calls a thing, where the policy's name does not say it already.
pub(super) fn titled(title: Option<&str>, id: &str, called: &str) -> Option<String> {
    match (title, id == called) {
        (Some(title), true) => Some(title.to_owned()),
        (Some(title), false) => Some(format!("{title} ({id})")),
        (None, true) => None,
        (None, false) => clean(id).text,
    }
}

/// A description as the language takes it.
fn cleaned(text: &str, place: &Node<'_>, report: &mut Report) -> Option<String> {
    let cleaned = clean(text);
    if cleaned.removed {
        let message = "control or bidirectional characters in a description";
        report.warn(warning(codes::TEXT_CLEANED, place, message).help("they are removed"));
    }
    if cleaned.cut {
        let message = "a description of more than 512 characters";
        report.warn(warning(codes::TEXT_CUT, place, message).help("its end is cut off"));
    }
    cleaned.text
}

/// The lines before a group's rules.
pub(super) fn attributes(network: &str, kind: Kind) -> Vec<GroupItem> {
    let (kind, inner) = match kind {
        Kind::Basic { inner } => (GroupKind::Basic, Some(inner)),
        Kind::Enterprise => (GroupKind::Enterprise, None),
    };
    let inner = inner.map(|inner| GroupItemKind::Inner(spanned(verdict(inner))));
    let lines = [GroupItemKind::Kind(spanned(kind)), GroupItemKind::Network(name(network))];
    lines.into_iter().chain(inner).map(group_item).collect()
}

/// The rules in their sections, the strongest first.
pub(super) fn sections(
    mut rules: Vec<Rule<'_>>,
    network: &Network,
    naming: &Naming,
    report: &mut Report,
) -> Vec<GroupItem> {
    let section = |rule: &Rule<'_>| (rule.key.direction, rule.key.side);
    rules.sort_by_key(|rule| (section(rule), rule.key.priority, rule.key.verdict));
    let parts = rules.chunk_by(|one, other| section(one) == section(other));
    let sections = parts.filter_map(|rules| {
        let (direction, side) = rules.first().map(section)?;
        let rules = rules.iter().map(|rule| line(rule, network, naming, report)).collect();
        let direction = spanned(match direction {
            Direction::In => ast::Direction::In,
            Direction::Out => ast::Direction::Out,
        });
        let side = side.map(|side| {
            spanned(match side {
                Side::Public => ast::Side::Public,
                Side::Internal => ast::Side::Internal,
            })
        });
        let section = RuleSection { direction, side, rules, dangling: Vec::new() };
        Some(group_item(GroupItemKind::Section(section)))
    });
    sections.collect()
}

fn line(listed: &Rule<'_>, network: &Network, naming: &Naming, report: &mut Report) -> ast::Rule {
    let key = &listed.key;
    let peer = match &key.peer {
        Peer::Prefixes(nets) => nets.iter().map(|net| ast::Peer::Address(address(*net))).collect(),
        Peer::Group(id) => vec![ast::Peer::Group(name(naming.peer(network, id)))],
        Peer::PrefixList(id) => vec![ast::Peer::Set(name(naming.prefix_list(id)))],
    };
    let local = key.local.iter().map(|net| ast::Peer::Address(address(*net))).collect();
    let (source, destination) = match key.direction {
        Direction::In => (peer, local),
        Direction::Out => (local, peer),
    };
    let from = end(source, key.source_ports);
    let to = end(destination, key.destination_ports);
    let description = listed.description.as_ref().and_then(|text| cleaned(&text.text, &text.node, report));
    rule(key.priority, key.verdict, protocol(key.protocol), from, to, description.as_deref())
}
