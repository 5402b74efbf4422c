//! The items of one leaf: maps where rules differ in one field only, single rules where more is asked, and before both
//! the exceptions for stronger rules of later blocks.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::groups::{Own, Rules};
use super::later::Later;
use super::service::Span;
use super::sweep::{Spread, Stretch, sweep};
use super::{Act, Entry, Field, Item, Key, MapItem, PeerEnd, RuleItem, Service};
use crate::{Addresses, Family, Match, MatchParts, PortMatch, PortSet, PrefixSet, ProtocolSet, Ranges};

/// A map to be: its field, the rules in it, and the rule behind it that decides all the rest.
struct Map {
    axis: Axis,
    members: Vec<usize>,
    whole: Option<usize>,
}

/// The one field in which rules differ.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Axis {
    field: Field,
    family: Family,
}

enum Pending {
    Map(Map),
    Rule { rule: usize, services: Vec<Service>, leaves: bool },
}

pub(super) struct Composer<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) key: &'a Key,
    /// Rules of later blocks that share the leaf's service, ascending.
    pub(super) later: Vec<Later<'a>>,
}

/// The items of a leaf; its own rules ascend.
pub(super) fn compose(composer: &Composer<'_>, own: &[Own]) -> Vec<Item> {
    let mut pending: Vec<Pending> = Vec::new();
    let mut excepted: BTreeSet<(usize, &Service)> = BTreeSet::new();
    let mut closed: Vec<Family> = Vec::new();
    for own in own {
        // Behind a rule for all packets of its family nothing is met.
        let family = composer.rules.family(own.rule);
        if family.is_some_and(|family| closed.contains(&family)) {
            continue;
        }
        composer.place(own, &mut pending, &mut excepted);
        if composer.whole(own).is_some() {
            closed.extend(family);
        }
    }
    let items = pending.iter().flat_map(|pending| composer.items(pending)).collect();
    join_families(items)
}

impl<'a> Composer<'a> {
    fn place(&self, own: &Own, pending: &mut Vec<Pending>, excepted: &mut BTreeSet<(usize, &'a Service)>) {
        let Own { rule, services } = own;
        let axis = self.axis(own);
        let whole = self.whole(own);
        let mut exceptions = false;
        for later in self.later.iter().take_while(|later| later.rule < *rule) {
            if self.rules.outcome(later.rule) == self.rules.outcome(*rule) {
                continue;
            }
            match axis.or(whole).map(|axis| self.spread(axis, later.rule, later.service)) {
                // Found by the sweep.
                Some(Some(_)) => exceptions |= self.rules.family(later.rule) == self.rules.family(*rule),
                _ => {
                    let meets = services.iter().any(|service| service.meets(later.service));
                    if meets
                        && self.rules.meet(later.rule, *rule)
                        && excepted.insert((later.rule, later.service))
                    {
                        self.except(later, pending);
                    }
                }
            }
        }
        match (axis, whole) {
            (Some(axis), _) => self.join(axis, *rule, pending),
            (None, Some(axis)) => {
                self.close(axis, *rule, exceptions, pending);
                pending.push(Pending::Rule { rule: *rule, services: services.clone(), leaves: false });
            }
            (None, None) => {
                pending.push(Pending::Rule { rule: *rule, services: services.clone(), leaves: false });
            }
        }
    }

    /// The field in which a rule may stand in a map.
    fn axis(&self, own: &Own) -> Option<Axis> {
        let Own { rule, services } = own;
        let family = self.rules.family(*rule)?;
        let [service] = services.as_slice() else { return None };
        let Key::Service(key) = self.key else {
            let alone = *self.key == Key::All && service.is_all();
            let fits = alone && self.rules.is_plain(*rule) && !self.rules.is_any(*rule);
            return fits.then_some(Axis { field: Field::Peer(self.rules.end), family });
        };
        if !self.rules.is_plain(*rule) {
            return None;
        }
        if service == key {
            let narrow = !self.rules.is_any(*rule);
            return narrow.then_some(Axis { field: Field::Peer(self.rules.end), family });
        }
        let ports = service.source == key.source && service.protocols == key.protocols;
        let protocol = service.only().filter(|_| ports && self.rules.is_any(*rule))?;
        Some(Axis { field: Field::Port(protocol), family })
    }

    /// The map that would take the exceptions of a rule that decides all packets of its family in this leaf.
    fn whole(&self, own: &Own) -> Option<Axis> {
        let Own { rule, services } = own;
        let all = match (self.key, services.as_slice()) {
            (Key::Service(key), [service]) => service == key,
            (Key::All, [service]) => service.is_all(),
            _ => false,
        };
        let fits = all && self.rules.is_any(*rule) && self.rules.is_one_ended(*rule);
        let family = self.rules.family(*rule).filter(|_| fits)?;
        Some(Axis { field: Field::Peer(self.rules.end), family })
    }

    /// The values of a field at which a rule matches, if it asks for nothing else in this leaf.
    fn spread(&self, axis: Axis, rule: usize, service: &Service) -> Option<Vec<(u128, u128)>> {
        let rules = self.rules;
        let fits = rules.is_one_ended(rule) && !rules.is_named(rule) && rules.family(rule)? == axis.family;
        if !fits {
            return None;
        }
        match (axis.field, self.key) {
            (Field::Peer(_), Key::Service(key)) if service.contains(key) => {
                Some(rules.peer(rule)?.ranges().iter().collect())
            }
            (Field::Peer(_), Key::All) if service.is_all() => {
                Some(rules.peer(rule)?.ranges().iter().collect())
            }
            (Field::Port(_), Key::Service(key)) if rules.is_any(rule) => {
                let rest = service.source.is_none() && key.protocols.is_subset(&service.protocols);
                // A rule for all ports and one for packets without ports too are alike here: the map asks for a port.
                let (first, last) = service.destination.unwrap_or((0, u16::MAX));
                rest.then(|| vec![(first.into(), last.into())])
            }
            _ => None,
        }
    }

    /// Puts a rule into the last map of its field, unless what stands behind that is in the way.
    fn join(&self, axis: Axis, rule: usize, pending: &mut Vec<Pending>) {
        let at = pending.iter().rposition(|other| matches!(other, Pending::Map(map) if map.axis == axis));
        if let Some(at) = at {
            let free = pending.iter().skip(at + 1).all(|other| match other {
                Pending::Map(map) => map.members.iter().all(|other| !self.rules.conflict(*other, rule)),
                Pending::Rule { rule: other, services: _, leaves } => {
                    let same = !leaves && self.rules.outcome(*other) == self.rules.outcome(rule);
                    same || !self.rules.meet(*other, rule)
                }
            });
            if let Some(Pending::Map(map)) = pending.get_mut(at).filter(|_| free) {
                map.members.push(rule);
                return;
            }
        }
        pending.push(Pending::Map(Map { axis, members: vec![rule], whole: None }));
    }

    /// Says which map stands right before a rule that decides all the rest; makes one if exceptions need it.
    fn close(&self, axis: Axis, rule: usize, exceptions: bool, pending: &mut Vec<Pending>) {
        let own = |other: &Pending| match other {
            Pending::Map(map) => map.axis.family == axis.family,
            Pending::Rule { rule, .. } => self.rules.family(*rule) == Some(axis.family),
        };
        let last = pending.iter_mut().rev().find(|other| own(other));
        match last {
            Some(Pending::Map(map)) if map.axis == axis => map.whole = Some(rule),
            _ if exceptions => {
                pending.push(Pending::Map(Map { axis, members: Vec::new(), whole: Some(rule) }));
            }
            _ => {}
        }
    }

    /// Lets the packets of a stronger rule of a later block leave, before all that is weaker than it.
    fn except(&self, later: &Later<'a>, pending: &mut Vec<Pending>) {
        let stronger = |other: &usize| *other <= later.rule && self.rules.meet(*other, later.rule);
        let behind = pending.iter().rposition(|other| match other {
            Pending::Map(map) => map.members.iter().any(stronger),
            Pending::Rule { rule, services: _, leaves: false } => stronger(rule),
            Pending::Rule { rule: _, services: _, leaves: true } => false,
        });
        let services = vec![later.service.clone()];
        let exception = Pending::Rule { rule: later.rule, services, leaves: true };
        pending.insert(behind.map_or(0, |at| at + 1), exception);
    }

    fn items(&self, pending: &Pending) -> Vec<Item> {
        match pending {
            Pending::Map(map) => self.map(map).map(Item::Map).into_iter().collect(),
            Pending::Rule { rule, services, leaves } => {
                let Some(found) = self.rules.get(*rule) else { return Vec::new() };
                let act = if *leaves { Act::Leave } else { Act::Decide(found.outcome) };
                let item = |matches: Match| {
                    let origin = found.origin.clone();
                    // The key of a prefix says the family.
                    let untested =
                        matches.source().prefixes.is_any() && matches.destination().prefixes.is_any();
                    let both = untested && matches!(self.key, Key::Prefix(..));
                    Item::Rule(RuleItem { matches, both, act, origin })
                };
                self.rest(&found.matches, services).into_iter().map(item).collect()
            }
        }
    }

    fn map(&self, map: &Map) -> Option<MapItem> {
        let Map { axis, members, whole } = map;
        let mut spreads = Vec::new();
        for rule in members {
            let ranges = match axis.field {
                Field::Peer(_) => self.rules.peer(*rule)?.ranges().iter().collect(),
                Field::Port(_) => ports(&self.rules.get(*rule)?.matches),
            };
            spreads.push(Spread { rule: *rule, own: true, ranges });
        }
        let hull = if whole.is_some() { None } else { hull(&spreads) };
        for Later { rule, service } in &self.later {
            if let Some(ranges) = self.spread(*axis, *rule, service) {
                let near = |(first, last): &(u128, u128)| {
                    hull.is_none_or(|hull| *first <= hull.1 && hull.0 <= *last)
                };
                if ranges.iter().any(near) {
                    spreads.push(Spread { rule: *rule, own: false, ranges });
                }
            }
        }
        let last = match axis.field {
            Field::Peer(_) => axis.family.last(),
            Field::Port(_) => u16::MAX.into(),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for stretch in sweep(&spreads, last) {
            let Some((act, rule)) = self.act(&stretch, *whole) else { continue };
            let origin = self.rules.get(rule)?.origin.clone();
            let Stretch { first, last, .. } = stretch;
            match entries.last_mut() {
                Some(before) if before.act == act && before.last + 1 == first => {
                    before.last = last;
                    if !origin.ids().iter().all(|id| before.origin.ids().contains(id)) {
                        before.origin = before.origin.join(&origin);
                    }
                }
                _ => entries.push(Entry { first, last, act, origin }),
            }
        }
        let item = MapItem { field: axis.field, family: Some(axis.family), entries };
        Some(item).filter(|item| !item.entries.is_empty())
    }

    /// What happens in a stretch, and by which rule; `None` when that needs no entry.
    fn act(&self, stretch: &Stretch, whole: Option<usize>) -> Option<(Act, usize)> {
        let rules = self.rules;
        let own = match (stretch.own, whole) {
            (Some(own), Some(whole)) => own.min(whole),
            (own, whole) => own.or(whole)?,
        };
        match stretch.later {
            Some(later) if later < own && rules.outcome(later) != rules.outcome(own) => {
                whole.map(|_| (Act::Leave, later))
            }
            _ if whole.is_some_and(|whole| rules.outcome(whole) == rules.outcome(own)) => None,
            _ => Some((Act::Decide(rules.outcome(own)?), own)),
        }
    }

    /// What is left to test of a rule in this leaf.
    fn rest(&self, matches: &Match, services: &[Service]) -> Vec<Match> {
        let MatchParts { mut source, mut destination, .. } = matches.parts();
        if let Key::Prefix(family, first, last) = self.key {
            let peer = match self.rules.end {
                PeerEnd::Source => &mut source,
                PeerEnd::Destination => &mut destination,
            };
            let here = Ranges::span(*first, *last);
            let inside = peer.prefixes.ranges().intersect(&here);
            *peer = if inside == here {
                Addresses::any(*family)
            } else {
                Addresses::unnamed(PrefixSet::from_ranges(*family, &inside))
            };
        }
        let mut rests: Vec<(ProtocolSet, PortMatch, PortMatch)> = Vec::new();
        for protocols in services.iter().map(|service| service.protocols).collect::<BTreeSet<_>>() {
            let these = || services.iter().filter(|service| service.protocols == protocols);
            let spans = |of: fn(&Service) -> Span, implied: Option<Span>| {
                let spans: Vec<Span> = these().map(of).collect();
                if implied.is_some_and(|implied| spans.iter().all(|span| covers(*span, implied))) {
                    return PortMatch::Any;
                }
                let set: Option<Vec<(u16, u16)>> = spans.into_iter().collect();
                set.map_or(PortMatch::Any, |set| PortMatch::In(PortSet::from_ranges(set)))
            };
            let key = match self.key {
                Key::Service(key) => Some(key),
                Key::All | Key::Prefix(..) => None,
            };
            let from = spans(|service| service.source, key.map(|key| key.source));
            let to = spans(|service| service.destination, key.map(|key| key.destination));
            let implied = key.is_some_and(|key| key.protocols.is_subset(&protocols));
            let untested = from.is_any() && to.is_any();
            let protocols = match key {
                Some(_) if implied && untested => ProtocolSet::all(),
                Some(key) => protocols.intersect(&key.protocols),
                None => protocols,
            };
            match rests.iter_mut().find(|(_, a, b)| *a == from && *b == to) {
                Some((known, _, _)) => *known = known.union(&protocols),
                None => rests.push((protocols, from, to)),
            }
        }
        let with = |(protocols, source_ports, destination_ports)| {
            let (source, destination) = (source.clone(), destination.clone());
            Match::new(MatchParts { source, destination, protocols, source_ports, destination_ports }).ok()
        };
        rests.into_iter().filter_map(with).collect()
    }
}

/// Whether packets that the key lets in pass the test anyway.
fn covers(span: Span, key: Span) -> bool {
    match (span, key) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(span), Some(key)) => span.0 <= key.0 && key.1 <= span.1,
    }
}

fn ports(matches: &Match) -> Vec<(u128, u128)> {
    match matches.destination_ports() {
        PortMatch::Any => vec![(0, u16::MAX.into())],
        PortMatch::In(set) => set.numbers().iter().collect(),
    }
}

/// The first and the last value of all ranges.
fn hull(spreads: &[Spread]) -> Option<(u128, u128)> {
    let first = spreads.iter().filter_map(|spread| spread.ranges.first()).map(|range| range.0).min()?;
    let last = spreads.iter().filter_map(|spread| spread.ranges.last()).map(|range| range.1).max()?;
    Some((first, last))
}

/// Says in one item what two neighbours say for one family each.
fn join_families(items: Vec<Item>) -> Vec<Item> {
    let mut joined: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        match (joined.last_mut(), item) {
            (Some(Item::Rule(one)), Item::Rule(two)) if are_halves(one, &two) => {
                one.both = true;
                one.origin = one.origin.join(&two.origin);
            }
            (Some(Item::Map(one)), Item::Map(two)) if same_ports(one, &two) => one.family = None,
            (_, item) => joined.push(item),
        }
    }
    joined
}

/// Whether two rules are the IPv4 and IPv6 halves of one that asks for no address.
fn are_halves(one: &RuleItem, two: &RuleItem) -> bool {
    !one.both && one.act == two.act && one.matches.is_half_with(&two.matches)
}

fn same_ports(one: &MapItem, two: &MapItem) -> bool {
    let alike = |(a, b): (&Entry, &Entry)| (a.first, a.last, a.act) == (b.first, b.last, b.act);
    matches!(one.field, Field::Port(_))
        && one.field == two.field
        && one.family != two.family
        && one.family.is_some()
        && one.entries.len() == two.entries.len()
        && one.entries.iter().zip(&two.entries).all(alike)
}
