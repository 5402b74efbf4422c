//! Collecting what is declared, under which name, and looking names up.
//!
//! Entities of different kinds may share a name. Ids are indices into the tables, which are sorted by name; of two
//! declarations of one name the first counts, and the second is an error.

use std::fmt;

use palisade_grammar::ast::{self, ItemKind, Spanned};
use palisade_ir::Name;

use super::codes;
use super::findings::{Findings, at};
use crate::diagnostic::{Diagnostic, FileId, Location};

/// What can be declared and referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Network,
    Set,
    Service,
    Group,
    Instance,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Kind::Network => "network",
            Kind::Set => "set",
            Kind::Service => "service",
            Kind::Group => "group",
            Kind::Instance => "instance",
        })
    }
}

impl Kind {
    pub(super) const fn unknown(self) -> &'static str {
        match self {
            Kind::Network => codes::UNKNOWN_NETWORK,
            Kind::Set => codes::UNKNOWN_SET,
            Kind::Service => codes::UNKNOWN_SERVICE,
            Kind::Group => codes::UNKNOWN_GROUP,
            Kind::Instance => codes::UNKNOWN_INSTANCE,
        }
    }

    const fn duplicate(self) -> &'static str {
        match self {
            Kind::Network => codes::DUPLICATE_NETWORK,
            Kind::Set => codes::DUPLICATE_SET,
            Kind::Service => codes::DUPLICATE_SERVICE,
            Kind::Group => codes::DUPLICATE_GROUP,
            Kind::Instance => codes::DUPLICATE_INSTANCE,
        }
    }

    /// How one declares such a thing.
    pub(super) fn declaration(self, name: &str) -> String {
        match self {
            Kind::Network => format!("`network {name} = vpc`"),
            Kind::Set => format!("`set {name} = [...]`"),
            Kind::Service => format!("`service {name} = [...]`"),
            Kind::Group => format!("`group {name} {{ ... }}`"),
            Kind::Instance => format!("`instance {name} {{ ... }}`"),
        }
    }

    /// How one refers to such a thing where several kinds may stand.
    fn reference(self, name: &str) -> String {
        match self {
            Kind::Set | Kind::Service | Kind::Group => format!("`{self} {name}`"),
            Kind::Network | Kind::Instance => format!("`{name}`"),
        }
    }
}

/// One declaration.
pub(super) struct Declared<'a, T> {
    /// Its name.
    pub(super) name: Name,
    /// Its file.
    pub(super) file: FileId,
    /// Its content.
    pub(super) node: &'a T,
    /// Where its name stands.
    pub(super) at: Location,
    /// The whole statement.
    pub(super) statement: Location,
}

/// All declarations of one kind, sorted by name.
pub(super) struct Table<'a, T> {
    kind: Kind,
    pub(super) entries: Vec<Declared<'a, T>>,
}

impl<'a, T> Table<'a, T> {
    const fn new(kind: Kind) -> Self {
        Self { kind, entries: Vec::new() }
    }

    fn declare(&mut self, file: FileId, name: &ast::Name, node: &'a T, item: &ast::Item) {
        // The grammar lets no other names through, so nothing is lost here.
        if let Ok(valid) = Name::new(&*name.value) {
            let (place, statement) = (at(file, name.span), at(file, item.span));
            self.entries.push(Declared { name: valid, file, node, at: place, statement });
        }
    }

    /// Sorts, and reports names that are declared twice.
    fn finish(&mut self, findings: &mut Findings) {
        let kind = self.kind;
        self.entries.sort_by(|one, other| one.name.cmp(&other.name));
        self.entries.dedup_by(|later, first| {
            let same = later.name == first.name;
            if same {
                let message = format!("{kind} `{}` is declared twice", later.name);
                findings.push(
                    Diagnostic::error(kind.duplicate(), message, later.at, "declared again")
                        .label(first.at, "declared first")
                        .help(format!("rename one of them, or drop one; a name stands for one {kind}")),
                );
            }
            same
        });
    }

    /// What is declared here.
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The index of a name; a missing one is reported.
    pub(super) fn find(&self, name: &ast::Name, file: FileId, findings: &mut Findings) -> Option<usize> {
        let found = self.index(&name.value);
        if found.is_none() {
            findings.unknown(self.kind, &name.value, at(file, name.span));
        }
        found
    }

    /// The index of a name.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()
    }

    /// The declaration behind an index.
    pub(super) fn get(&self, index: usize) -> Option<&Declared<'a, T>> {
        self.entries.get(index)
    }

    /// The text of a name behind an index.
    pub(super) fn name(&self, index: usize) -> &str {
        self.get(index).map_or("", |entry| entry.name.as_str())
    }

    fn nearest(&self, wrong: &str) -> Option<&str> {
        nearest(wrong, self.entries.iter().map(|entry| entry.name.as_str()))
    }
}

/// The name most like `wrong`, if one is so alike that it may be meant: one slip for every three letters.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (wrong.len() / 3).max(1);
    names
        .filter(|name| name.len().abs_diff(wrong.len()) <= slips)
        .map(|name| (strsim::osa_distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, name)| name)
}

/// All that is declared.
pub(super) struct Names<'a> {
    pub(super) networks: Table<'a, ast::Network>,
    pub(super) sets: Table<'a, ast::Set>,
    pub(super) services: Table<'a, ast::Service>,
    pub(super) groups: Table<'a, ast::Group>,
    pub(super) instances: Table<'a, ast::Instance>,
    pub(super) timeouts: Vec<(FileId, Spanned<ast::Duration>)>,
    pub(super) scopes: Vec<(FileId, Spanned<ast::InnerScope>)>,
    pub(super) expects: Vec<(Location, &'a ast::Expect)>,
}

impl<'a> Names<'a> {
    /// Collects the declarations of all files.
    pub(super) fn collect(files: &'a [(FileId, ast::File)], findings: &mut Findings) -> Self {
        let mut names = Self {
            networks: Table::new(Kind::Network),
            sets: Table::new(Kind::Set),
            services: Table::new(Kind::Service),
            groups: Table::new(Kind::Group),
            instances: Table::new(Kind::Instance),
            timeouts: Vec::new(),
            scopes: Vec::new(),
            expects: Vec::new(),
        };
        for (file, content) in files {
            content.items.iter().for_each(|item| names.add(*file, item));
        }
        names.networks.finish(findings);
        names.sets.finish(findings);
        names.services.finish(findings);
        names.groups.finish(findings);
        names.instances.finish(findings);
        names
    }

    fn add(&mut self, file: FileId, item: &'a ast::Item) {
        match &item.kind {
            // Followed while loading.
            ItemKind::Include(_) => {}
            ItemKind::SessionTimeout(duration) => self.timeouts.push((file, *duration)),
            ItemKind::InnerScope(scope) => self.scopes.push((file, *scope)),
            ItemKind::Network(node) => self.networks.declare(file, &node.name, node, item),
            ItemKind::Set(node) => self.sets.declare(file, &node.name, node, item),
            ItemKind::Service(node) => self.services.declare(file, &node.name, node, item),
            ItemKind::Group(node) => self.groups.declare(file, &node.name, node, item),
            ItemKind::Instance(node) => self.instances.declare(file, &node.name, node, item),
            ItemKind::Expect(node) => self.expects.push((at(file, item.span), node)),
        }
    }

    /// What the author of an unknown name may have meant.
    pub(super) fn suggest(&self, kind: Kind, wrong: &str) -> Option<String> {
        let nearest = match kind {
            Kind::Network => self.networks.nearest(wrong),
            Kind::Set => self.sets.nearest(wrong),
            Kind::Service => self.services.nearest(wrong),
            Kind::Group => self.groups.nearest(wrong),
            Kind::Instance => self.instances.nearest(wrong),
        };
        let exact = [
            (Kind::Set, self.sets.index(wrong)),
            (Kind::Group, self.groups.index(wrong)),
            (Kind::Instance, self.instances.index(wrong)),
            (Kind::Service, self.services.index(wrong)),
            (Kind::Network, self.networks.index(wrong)),
        ];
        let other = exact.iter().find(|(_, index)| index.is_some()).map(|(other, _)| {
            format!("there is a {other} of that name; a {other} is written {}", other.reference(wrong))
        });
        other.or_else(|| nearest.map(|name| format!("did you mean `{name}`?")))
    }
}
