//! Lists of addresses and ports: written into the rule when short, else as a named set.

use std::collections::BTreeMap;

use palisade_ir::{
    Addresses, EmitError, Family, NamedPorts, NamedSet, Plan, PortSet, PrefixSet, Protocol, SetId, SetKind,
};

use super::{errors, names, text};

/// How long a list may be to stand in a rule.
#[derive(Clone, Copy)]
pub(super) struct Room {
    elements: usize,
    bytes: usize,
}

impl Room {
    /// For short lists.
    pub(super) const SOME: Self = Self { elements: 8, bytes: 60 };
    /// For single values only: several short lists make a long rule.
    pub(super) const NONE: Self = Self { elements: 1, bytes: 0 };
}

/// Groups have at most some thousands of members; more addresses are somebody's prefixes.
const GROUP_MEMBERS: u128 = 65_536;

/// A set of the ruleset.
#[derive(PartialEq, Eq)]
pub(super) struct SetText {
    /// What the author says about it, ready to print.
    pub(super) note: Option<String>,
    /// nft's type of its elements.
    pub(super) kind: &'static str,
    /// Its elements, sorted.
    pub(super) elements: Vec<String>,
}

/// The named sets that the rules of one ruleset use.
pub(super) struct Sets<'a> {
    plan: &'a Plan,
    used: BTreeMap<String, SetText>,
    /// Services by their words in the ruleset, where rules name them: what each stands for.
    services: Option<BTreeMap<String, Vec<String>>>,
    /// The names of those sets of the plan that are printed already.
    printed: BTreeMap<(SetId, Family), String>,
}

impl<'a> Sets<'a> {
    pub(super) const fn new(plan: &'a Plan) -> Self {
        Self { plan, used: BTreeMap::new(), services: None, printed: BTreeMap::new() }
    }

    /// From now on rules name the services they ask for, so that another port of a service is one other line.
    pub(super) fn name_services(&mut self) {
        self.services.get_or_insert_default();
    }

    /// The sets, and what stands for the ports of services, in the order of their names.
    pub(super) fn into_used(self) -> (BTreeMap<String, SetText>, BTreeMap<String, Vec<String>>) {
        (self.used, self.services.unwrap_or_default())
    }

    /// What to write behind `ip saddr`; `rule` and `field` name a set made for this rule.
    pub(super) fn addresses(
        &mut self,
        addresses: &Addresses,
        rule: &str,
        field: &str,
        room: Room,
    ) -> Result<String, EmitError> {
        let Addresses { prefixes, set } = addresses;
        let family = prefixes.family();
        // A reference is a hint; the addresses are the meaning. Where they differ, the addresses win.
        if let Some(id) = *set
            && let Some(named) = self.plan.sets.get(id.0 as usize)
            && named.family(family) == prefixes
        {
            return self.named(id, named, family);
        }
        let elements = prefixes.prefixes().iter().map(prefix).collect();
        let base = || format!("{rule}_{field}_{}", version(family));
        Ok(self.short_or_named(base, address_type(family), elements, room))
    }

    /// What to write behind `dport` for the ports of a service, where rules name those.
    pub(super) fn service(&mut self, protocol: Protocol, ports: &PortSet) -> Option<String> {
        let used = self.services.as_mut()?;
        let NamedPorts { name, .. } =
            self.plan.services.iter().find(|it| it.protocol == protocol && it.ports == *ports)?;
        let word = names::shorten(format!("service_{name}_{}", protocol.name()?));
        let elements = || ports.ranges().map(|(first, last)| range(first, last)).collect();
        let known = used.entry(word.clone()).or_insert_with(elements);
        // A name that was cut short may stand for another service already.
        (*known == elements()).then(|| format!("${word}"))
    }

    /// What to write behind `dport`.
    pub(super) fn ports(&mut self, ports: &PortSet, rule: &str, field: &str, room: Room) -> String {
        let elements = ports.ranges().map(|(first, last)| range(first, last)).collect();
        self.short_or_named(|| format!("{rule}_{field}"), "inet_service", elements, room)
    }

    fn named(&mut self, id: SetId, named: &NamedSet, family: Family) -> Result<String, EmitError> {
        if let Some(name) = self.printed.get(&(id, family)) {
            return Ok(format!("@{name}"));
        }
        let NamedSet { kind, name, description, v4: _, v6: _ } = named;
        let prefixes = named.family(family);
        let elements = || prefixes.prefixes().iter().map(prefix).collect();
        let (kind, elements) = match kind {
            SetKind::Set => ("set", elements()),
            SetKind::Group => ("group", members(prefixes).unwrap_or_else(elements)),
        };
        let name = names::shorten(format!("{kind}_{name}_{}", version(family)));
        let note = description.as_deref().map(text::clean).filter(|note| !note.is_empty()).map(Into::into);
        let set = SetText { note, kind: address_type(family), elements };
        match self.used.insert(name.clone(), set) {
            Some(_) => Err(errors::name_taken(&name)),
            None => {
                self.printed.insert((id, family), name.clone());
                Ok(format!("@{name}"))
            }
        }
    }

    fn short_or_named(
        &mut self,
        base: impl FnOnce() -> String,
        kind: &'static str,
        elements: Vec<String>,
        room: Room,
    ) -> String {
        match <[String; 1]>::try_from(elements) {
            Ok([only]) => only,
            Err(elements) => self.list(&base(), kind, &elements.clone(), elements, room),
        }
    }

    /// A list in the rule while it is short, else a named set of the elements: the keys, with comments.
    pub(super) fn list(
        &mut self,
        base: &str,
        kind: &'static str,
        keys: &[String],
        elements: Vec<String>,
        room: Room,
    ) -> String {
        if let [only] = keys {
            return only.clone();
        }
        let list = format!("{{ {} }}", keys.join(", "));
        if keys.len() <= room.elements && list.len() <= room.bytes {
            return list;
        }
        let set = SetText { note: None, kind, elements };
        // Rules that a pass split from one source rule share its words: number those with other elements.
        let mut number = 1_u32;
        loop {
            let name = names::shorten(if number == 1 { base.to_owned() } else { format!("{base}_{number}") });
            match self.used.get(&name) {
                Some(before) if *before != set => number += 1,
                Some(_) => return format!("@{name}"),
                None => {
                    self.used.insert(name.clone(), set);
                    return format!("@{name}");
                }
            }
        }
    }
}

const fn version(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}

const fn address_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

/// A group's addresses one by one, so that a new member is a new line and changes no other. `None` when there are more
/// than any group has members.
fn members(addresses: &PrefixSet) -> Option<Vec<String>> {
    let mut members = Vec::new();
    for (first, last) in addresses.ranges().iter() {
        if last - first >= GROUP_MEMBERS || members.len() as u128 >= GROUP_MEMBERS {
            return None;
        }
        members.extend((first..=last).map(|number| addresses.family().address(number).to_string()));
    }
    Some(members)
}

fn prefix(net: &ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// A number, or an inclusive range of numbers.
pub(super) fn range<T: PartialEq + std::fmt::Display>(first: T, last: T) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}
