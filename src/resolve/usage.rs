//! Groups, sets and services that no other statement names.
//!
//! Read off the syntax trees: a policy no longer knows which services and sets its parts came from.

use std::collections::BTreeSet;

use palisade_grammar::ast::{
    self, GroupBase, GroupItemKind, ItemKind, Member, Membership, Peer, Peers, Protocol, Traffic,
};

use super::names::{Declared, Names};
use crate::diagnostic::FileId;
use crate::policy::{Unused, UnusedKind};

/// What is declared and never named, sorted by kind and name.
pub(super) fn unused(files: &[(FileId, ast::File)], names: &Names<'_>) -> Vec<Unused> {
    let mut used = Used::default();
    files.iter().flat_map(|(_, file)| &file.items).for_each(|item| used.item(&item.kind));
    let mut unused = declared(UnusedKind::Group, &names.groups.entries, &used);
    unused.extend(declared(UnusedKind::Set, &names.sets.entries, &used));
    unused.extend(declared(UnusedKind::Service, &names.services.entries, &used));
    unused
}

fn declared<T>(kind: UnusedKind, entries: &[Declared<'_, T>], used: &Used<'_>) -> Vec<Unused> {
    let idle = entries.iter().filter(|entry| !used.0.contains(&(kind, entry.name.as_str())));
    idle.map(|entry| Unused { kind, name: entry.name.clone(), at: entry.at }).collect()
}

/// Names that something refers to.
#[derive(Default)]
struct Used<'a>(BTreeSet<(UnusedKind, &'a str)>);

impl<'a> Used<'a> {
    fn name(&mut self, kind: UnusedKind, name: &'a ast::Name) {
        self.0.insert((kind, &name.value));
    }

    fn item(&mut self, item: &'a ItemKind) {
        match item {
            ItemKind::Include(_)
            | ItemKind::SessionTimeout(_)
            | ItemKind::InnerScope(_)
            | ItemKind::Network(_) => {}
            ItemKind::Set(set) => {
                let members =
                    set.members.elements.iter().chain(set.except.iter().flat_map(|list| &list.elements));
                for member in members {
                    match &member.value {
                        Member::Address(_) => {}
                        Member::Set(name) => self.name(UnusedKind::Set, name),
                    }
                }
            }
            ItemKind::Service(service) => {
                for traffic in &service.traffic.elements {
                    match &traffic.value {
                        Traffic::Protocol { .. } => {}
                        Traffic::Service(name) => self.name(UnusedKind::Service, name),
                    }
                }
            }
            ItemKind::Group(group) => self.group(group),
            ItemKind::Instance(instance) => {
                for nic in &instance.nics {
                    match &nic.membership {
                        Membership::Groups(groups) => {
                            groups.elements.iter().for_each(|name| self.name(UnusedKind::Group, &name.value));
                        }
                        Membership::Network(_) | Membership::Missing => {}
                    }
                }
            }
            ItemKind::Expect(expect) => {
                self.protocol(&expect.protocol.value);
                self.end(&expect.from);
                self.end(&expect.to);
            }
        }
    }

    fn group(&mut self, group: &'a ast::Group) {
        match &group.base {
            GroupBase::Clone(base) => self.name(UnusedKind::Group, base),
            GroupBase::Custom | GroupBase::Default { .. } => {}
        }
        for item in &group.items {
            let GroupItemKind::Section(section) = &item.kind else { continue };
            for rule in &section.rules {
                self.protocol(&rule.protocol.value);
                rule.from.iter().chain(&rule.to).for_each(|end| self.end(end));
            }
        }
    }

    fn protocol(&mut self, protocol: &'a Protocol) {
        if let Protocol::Service(name) = protocol {
            self.name(UnusedKind::Service, name);
        }
    }

    fn end(&mut self, end: &'a ast::End) {
        let Some(Peers::List(peers)) = &end.peers else { return };
        for peer in &peers.elements {
            match &peer.value {
                Peer::Address(_) | Peer::Instance(_) => {}
                Peer::Set(name) => self.name(UnusedKind::Set, name),
                Peer::Group(name) => self.name(UnusedKind::Group, name),
            }
        }
    }
}
