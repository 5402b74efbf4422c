//! Prefix sets by value: nested ones put in, `except` taken out.

use std::sync::Arc;

use ipnet::IpNet;
use palisade_grammar::ast::{self, Member};
use palisade_ir::{Family, PrefixSet, Ranges};

use super::circles;
use super::findings::{Findings, at};
use super::names::{Declared, Names};
use super::order::order;
use super::values::{self, Families};
use crate::diagnostic::FileId;

/// The addresses of a set or of an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Addresses {
    pub(super) v4: Arc<PrefixSet>,
    pub(super) v6: Arc<PrefixSet>,
}

impl Addresses {
    /// Every address.
    pub(super) fn any() -> Self {
        Self { v4: Arc::new(PrefixSet::any(Family::V4)), v6: Arc::new(PrefixSet::any(Family::V6)) }
    }

    /// The families that have addresses here.
    pub(super) fn families(&self) -> Families {
        Families { v4: !self.v4.is_empty(), v6: !self.v6.is_empty() }
    }
}

/// Addresses being put together: one sort at the end instead of one per part.
#[derive(Default)]
pub(super) struct Gather {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Gather {
    pub(super) fn prefix(&mut self, net: IpNet) {
        let range = (Family::number(net.network()), Family::number(net.broadcast()));
        match Family::of(&net.addr()) {
            Family::V4 => self.v4.push(range),
            Family::V6 => self.v6.push(range),
        }
    }

    pub(super) fn addresses(&mut self, part: &Addresses) {
        self.v4.extend(part.v4.ranges().iter());
        self.v6.extend(part.v6.ranges().iter());
    }

    pub(super) fn finish(self) -> Addresses {
        let set = |family, parts| Arc::new(PrefixSet::from_ranges(family, &Ranges::from_unsorted(parts)));
        Addresses { v4: set(Family::V4, self.v4), v6: set(Family::V6, self.v6) }
    }
}

/// The value of every set, by index; `None` where an error keeps it from having one.
pub(super) fn sets(names: &Names<'_>, findings: &mut Findings) -> Vec<Option<Addresses>> {
    let declared = &names.sets.entries;
    let needs: Vec<Vec<usize>> = declared
        .iter()
        .map(|set| references(set.node).filter_map(|name| names.sets.index(&name.value)).collect())
        .collect();
    let order = order(&needs);
    let place = |from: usize, to: usize| {
        let set = names.sets.get(from)?;
        let name = references(set.node).find(|name| names.sets.index(&name.value) == Some(to))?;
        Some(at(set.file, name.span))
    };
    circles::report(&circles::SETS, &names.sets, &order.circles, place, findings);

    let mut values: Vec<Option<Addresses>> = vec![None; declared.len()];
    for index in order.sorted {
        let value = declared.get(index).and_then(|set| value(set, names, &values, findings));
        if let Some(place) = values.get_mut(index) {
            *place = value;
        }
    }
    values
}

fn references(set: &ast::Set) -> impl Iterator<Item = &ast::Name> {
    let except = set.except.iter().flat_map(|list| &list.elements);
    set.members.elements.iter().chain(except).filter_map(|element| match &element.value {
        Member::Set(name) => Some(name),
        Member::Address(_) => None,
    })
}

fn value(
    set: &Declared<'_, ast::Set>,
    names: &Names<'_>,
    values: &[Option<Addresses>],
    findings: &mut Findings,
) -> Option<Addresses> {
    let members = members(&set.node.members, set.file, names, values, findings);
    let Some(except) = &set.node.except else { return members };
    let except = self::members(except, set.file, names, values, findings);
    let (members, except) = (members?, except?);
    Some(Addresses {
        v4: Arc::new(members.v4.subtract(&except.v4)),
        v6: Arc::new(members.v6.subtract(&except.v6)),
    })
}

fn members(
    list: &ast::List<Member>,
    file: FileId,
    names: &Names<'_>,
    values: &[Option<Addresses>],
    findings: &mut Findings,
) -> Option<Addresses> {
    let mut all = Gather::default();
    let mut whole = true;
    for element in &list.elements {
        match &element.value {
            Member::Address(address) => {
                all.prefix(values::prefix(*address, at(file, element.span), findings));
            }
            Member::Set(name) => {
                let index = names.sets.find(name, file, findings);
                match index.and_then(|index| values.get(index)) {
                    Some(Some(part)) => all.addresses(part),
                    Some(None) | None => whole = false,
                }
            }
        }
    }
    whole.then(|| all.finish())
}
