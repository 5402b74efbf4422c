//! Labels and rules that a group has twice.
//!
//! Rules are compared by value: `any` equals `[0.0.0.0/0, ::/0]`, a set equals its addresses, and addresses of a
//! family that the rule cannot match do not count.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use palisade_grammar::ast;
use palisade_ir::{Direction, Family, PrefixSet, Priority, Side, Verdict};

use super::codes;
use super::ends::{self, World};
use super::findings::Findings;
use super::names::Declared;
use super::rules::Draft;
use super::sets::Addresses;
use super::values::Families;
use crate::diagnostic::{Diagnostic, Location};
use crate::policy::{End, GroupId, Peer, Rule, Traffic, Who};

/// Reports rules of one direction that share a label; two inherited ones were reported where they stand.
pub(super) fn labels(group: &Declared<'_, ast::Group>, drafts: &[Draft], findings: &mut Findings) {
    let mut first: BTreeMap<(Direction, &str), (bool, Location)> = BTreeMap::new();
    for draft in drafts {
        let Some((label, place)) = &draft.label else { continue };
        let key = (draft.direction, label.as_str());
        let Some((inherited, known)) = first.get(&key) else {
            first.insert(key, (draft.inherited, *place));
            continue;
        };
        if draft.inherited {
            continue;
        }
        let message =
            format!("group `{}` has two `{}` rules labelled `{label}`", group.name, draft.direction);
        let (text, help) = if *inherited {
            ("inherited", format!("`remove {} {label}` first, or choose another label", draft.direction))
        } else {
            ("first", "choose another label; `remove` in a clone must find one rule".to_owned())
        };
        findings.push(
            Diagnostic::error(codes::DUPLICATE_LABEL, message, *place, "again")
                .label(*known, text)
                .help(help),
        );
    }
}

/// A number for each value that an end can have.
pub(super) struct Values<'a> {
    world: &'a World<'a>,
    /// By spelling, so that each spelling is worked out once.
    spelt: HashMap<Vec<Who>, Option<EndValue>>,
    numbers: HashMap<Arc<PrefixSet>, u32>,
    /// The same for one range of addresses, which most ends are.
    ranges: HashMap<(Family, u128, u128), u32>,
}

/// The number of no addresses.
const EMPTY: u32 = u32::MAX - 1;

/// An end by value: per family a number for the addresses.
#[derive(Clone, PartialEq, Eq, Hash)]
struct EndValue {
    families: Families,
    v4: u32,
    v6: u32,
    groups: Vec<GroupId>,
}

type Identity<'r> = ((Direction, Option<Side>, Priority, Verdict), &'r [Traffic], EndValue, EndValue);

impl<'a> Values<'a> {
    pub(super) fn new(world: &'a World<'a>) -> Self {
        Self { world, spelt: HashMap::new(), numbers: HashMap::new(), ranges: HashMap::new() }
    }

    /// Marks rules that repeat an earlier one of the same group, with a warning. The earlier one decides alone.
    pub(super) fn mark_repeats(&mut self, drafts: &mut [Draft], findings: &mut Findings) {
        let mut first: HashMap<Identity<'_>, (Location, bool)> = HashMap::with_capacity(drafts.len());
        let mut repeats = vec![false; drafts.len()];
        for (draft, repeats) in drafts.iter().zip(&mut repeats) {
            let Some(rule) = &draft.body else { continue };
            let Some(identity) = self.identity(rule) else { continue };
            match first.entry(identity) {
                Entry::Vacant(free) => {
                    free.insert((rule.at, rule.log));
                }
                Entry::Occupied(taken) => {
                    let (place, log) = *taken.get();
                    if !draft.inherited {
                        findings.push(repeat(rule, place, log));
                    }
                    *repeats = true;
                }
            }
        }
        for (draft, repeats) in drafts.iter_mut().zip(repeats) {
            draft.repeats = repeats;
        }
    }

    fn identity<'r>(&mut self, rule: &'r Rule) -> Option<Identity<'r>> {
        let spoken =
            rule.traffic.iter().fold(Families::NONE, |all, one| all.union(Families::of(one.protocol)));
        let (source, destination) = (self.end(&rule.source)?, self.end(&rule.destination)?);
        let shared = spoken.shared(source.families).shared(destination.families);
        Some((
            (rule.direction, rule.side, rule.priority, rule.verdict),
            &rule.traffic,
            source.narrowed(shared),
            destination.narrowed(shared),
        ))
    }

    fn end(&mut self, end: &End) -> Option<EndValue> {
        let End::Peers(peers) = end else { return self.spelt(end) };
        let [Peer { who: Who::Prefix(net), at: _ }] = peers.as_slice() else { return self.spelt(end) };
        let family = Family::of(&net.addr());
        let number = self.range(family, Family::number(net.network()), Family::number(net.broadcast()));
        let (v4, v6) = match family {
            Family::V4 => (number, EMPTY),
            Family::V6 => (EMPTY, number),
        };
        Some(EndValue { families: Families::one(family), v4, v6, groups: Vec::new() })
    }

    fn spelt(&mut self, end: &End) -> Option<EndValue> {
        let spelling: Vec<Who> = match end {
            End::Any => Vec::new(),
            End::Peers(peers) => peers.iter().map(|peer| peer.who).collect(),
        };
        if let Some(known) = self.spelt.get(&spelling) {
            return known.clone();
        }
        let value = ends::literal(self.world, end).map(|addresses| {
            let mut groups: Vec<GroupId> = spelling.iter().filter_map(group).collect();
            groups.sort_unstable();
            groups.dedup();
            let families = if groups.is_empty() { addresses.families() } else { Families::BOTH };
            let Addresses { v4, v6 } = addresses;
            EndValue { families, v4: self.number(v4), v6: self.number(v6), groups }
        });
        self.spelt.insert(spelling, value.clone());
        value
    }

    fn number(&mut self, addresses: Arc<PrefixSet>) -> u32 {
        let ranges = addresses.ranges();
        match (ranges.first(), ranges.last()) {
            (Some(first), Some(last)) if ranges.len() == 1 => self.range(addresses.family(), first, last),
            (Some(_), Some(_)) => {
                let next = self.next();
                *self.numbers.entry(addresses).or_insert(next)
            }
            _ => EMPTY,
        }
    }

    fn range(&mut self, family: Family, first: u128, last: u128) -> u32 {
        let next = self.next();
        *self.ranges.entry((family, first, last)).or_insert(next)
    }

    fn next(&self) -> u32 {
        (self.numbers.len() + self.ranges.len()) as u32
    }
}

fn group(who: &Who) -> Option<GroupId> {
    match who {
        Who::Group(id) => Some(*id),
        Who::Prefix(_) | Who::Set(_) | Who::Instance(_) => None,
    }
}

impl EndValue {
    fn narrowed(mut self, to: Families) -> Self {
        // No value has this number, and the families tell the two cases apart.
        if !to.v4 {
            self.v4 = u32::MAX;
        }
        if !to.v6 {
            self.v6 = u32::MAX;
        }
        self.families = to;
        self
    }
}

fn repeat(rule: &Rule, first: Location, first_logs: bool) -> Diagnostic {
    let help = match (rule.log, first_logs) {
        (true, false) => "drop the line; its `log` has no effect either, since the first rule decides",
        (false, true) | (true, true) | (false, false) => "drop the line",
    };
    Diagnostic::warning(codes::DUPLICATE_RULE, "the rule repeats another one", rule.at, "has no effect")
        .label(first, "the same rule")
        .help(help)
}
