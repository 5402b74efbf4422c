//! The syntax tree of the imported policy: networks, sets, groups, and empty groups for peers nobody listed.

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use palisade_grammar::ast::{self, File, GroupBase, Item, ItemKind, Member, NetworkKind};
use palisade_ir::Verdict;

use super::defaults;
use super::groups::{Group, Kind, Network, World};
use super::naming::Naming;
use super::rules::Rule;
use super::statement::{attributes, listed_group, sections, titled};
use crate::import::build::{address, item, list, name, spanned};
use crate::import::report::Report;
use crate::import::text::clean;

/// What an author is told at the top of the policy.
const HEADER: &str = "Imported. The listings name no instances: add them, with NICs that join these groups.";

/// A listed group with its rules.
pub(super) struct Ruled<'a, 't> {
    pub(super) group: &'a Group<'t>,
    pub(super) rules: Vec<Rule<'t>>,
}

/// The whole policy. The groups' rules have been checked.
pub(super) fn file(ruled: Vec<Ruled<'_, '_>>, world: &World<'_>, report: &mut Report) -> File {
    let naming = Naming::new(&ruled);
    let mut items: Vec<Item> = networks(&naming).collect();
    items.extend(sets(&naming));
    let mut with_default = BTreeSet::new();
    for Ruled { group, rules } in ruled {
        let web = defaults::default_group(group, &rules);
        // A network has one default group; a second one of the same content has rules like any other group.
        let web = web.filter(|_| with_default.insert(group.network.clone()));
        let (base, lines) = match web {
            Some(web) => {
                defaults::forget_descriptions(&rules, report);
                (GroupBase::Default { web, span: ast::Span::default() }, network_line(&naming, group))
            }
            None => {
                let rules = defaults::lowered(rules, report);
                let mut lines = attributes(naming.network(&group.network), group.kind);
                lines.extend(sections(rules, &group.network, &naming, report));
                (GroupBase::Custom, lines)
            }
        };
        items.push(listed_group(group, naming.listed(&group.id), base, lines, report));
    }
    items.extend(stubs(&naming, world));
    if let Some(first) = items.first_mut() {
        first.trivia.leading.push(HEADER.to_owned());
    }
    File { items, dangling: Vec::new() }
}

/// The only line that a default group may have.
fn network_line(naming: &Naming, group: &Group<'_>) -> Vec<ast::GroupItem> {
    let mut lines = attributes(naming.network(&group.network), group.kind);
    lines.retain(|line| matches!(line.kind, ast::GroupItemKind::Network(_)));
    lines
}

fn networks(naming: &Naming) -> impl Iterator<Item = Item> {
    naming.networks.iter().map(|(network, called)| {
        let (kind, description) = match network {
            Network::Vpc(id) => (NetworkKind::Vpc, titled(None, id, called)),
            Network::Classic => (NetworkKind::Classic, None),
            Network::Unknown => (NetworkKind::Vpc, Some("a VPC that the listing does not name".to_owned())),
        };
        item(ItemKind::Network(ast::Network {
            name: name(called),
            description: description.as_deref().map(name),
            kind: spanned(kind),
        }))
    })
}

/// A set cannot be written empty; everything except everything is.
fn sets(naming: &Naming) -> impl Iterator<Item = Item> {
    naming.prefix_lists.iter().map(|(id, called)| {
        let everything = || {
            let all = [IpNet::from(Ipv4Net::default()), IpNet::from(Ipv6Net::default())];
            list(all.map(|net| Member::Address(address(net))))
        };
        let text = format!("prefix list {id}: empty, since the listing does not hold its entries");
        item(ItemKind::Set(ast::Set {
            name: name(called),
            description: clean(&text).text.as_deref().map(name),
            members: everything(),
            except: Some(everything()),
        }))
    })
}

/// Members of such a group reach each other no further than rules let them: what the cloud lets them is not known.
fn stubs(naming: &Naming, world: &World<'_>) -> impl Iterator<Item = Item> {
    naming.stubs.iter().map(|((network, id), called)| {
        let title = world.entries.get(id).and_then(|entry| entry.about.name.as_ref());
        let note = "a peer of other groups, its own rules are not listed";
        let text = match titled(title.map(|title| title.text.as_str()), id, called) {
            Some(title) => format!("{title}: {note}"),
            None => note.to_owned(),
        };
        item(ItemKind::Group(ast::Group {
            name: name(called),
            base: GroupBase::Custom,
            description: clean(&text).text.as_deref().map(name),
            items: attributes(naming.network(network), Kind::Basic { inner: Verdict::Deny }),
            dangling: Vec::new(),
        }))
    })
}
