//! Which block each rule of a chain goes to.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::compose::{Composer, compose};
use super::groups::{Own, Rules, by_service};
use super::later::{Index, Later};
use super::peers::{Peers, Place};
use super::{Block, Key, Layout, Leaf, Lookup, PeerEnd, PortEnd, Service};
use crate::{Chain, Family, Protocol};

/// The most look-ups for ranges of ports of one protocol that overlap each other.
const LAYERS: usize = 3;
/// Up to so many ranges of ports are tested in turn.
const FEW_RANGES: usize = 3;
/// A range of ports that more rules ask for gets a leaf of its own even where ranges overlap a lot.
const POPULAR: usize = 8;
/// From so many rules by prefix on, services that few rules ask for join them.
const PEERS: usize = 32;
/// So few.
const LONELY: usize = 2;
/// The most comparisons to find rules that may stand in front.
const FRONT_STEPS: usize = 20_000_000;

/// A leaf to be.
struct Standing {
    /// Which block it belongs to, in the order of packets. Leaves that are tested in turn have an order each.
    order: usize,
    block: usize,
    place: Place,
}

/// Blocks to be, in order.
#[derive(Default)]
struct Plan {
    /// What each looks up, and whether it stands in front.
    lookups: Vec<(Lookup, bool)>,
    places: Vec<Standing>,
    order: usize,
}

impl Plan {
    fn block(&mut self, lookup: Lookup, places: Vec<Place>) {
        self.add(lookup, false, places);
    }

    fn add(&mut self, lookup: Lookup, front: bool, places: Vec<Place>) {
        if places.is_empty() {
            return;
        }
        let block = self.lookups.len();
        self.lookups.push((lookup, front));
        for place in places {
            if lookup == Lookup::Service {
                self.order += 1;
            }
            self.places.push(Standing { order: self.order, block, place });
        }
        self.order += 1;
    }
}

/// Groups of rules by service; each in the order of the chain.
type Groups = BTreeMap<Service, Vec<usize>>;

/// Arranges a chain, and says at which end its rules tell packets apart.
pub fn plan(chain: &Chain) -> (Layout, PeerEnd) {
    let rules = Rules::new(chain);
    let (mut groups, odd) = by_service(rules);
    let front = front(rules, &mut groups);
    let mut plan = Plan::default();
    let (all, wide): (Groups, Groups) = front.into_iter().partition(|(service, _)| service.is_all());
    plan.add(Lookup::Service, true, in_turn(wide));
    plan.add(Lookup::Nothing, true, for_all(all, Vec::new()));

    let mut peers = Peers::default();
    let mut any_ports: BTreeMap<Protocol, Vec<Own>> = BTreeMap::new();
    let ranges = ranges(rules, &mut groups, &mut peers, &mut any_ports);
    for end in [PortEnd::Destination, PortEnd::Source] {
        let mut ports = by_port(end, &mut groups);
        if end == PortEnd::Destination && peers.rules() >= PEERS {
            lonely(rules, &mut ports, &mut peers);
        }
        plan.block(Lookup::Port(end), ports);
    }
    for (protocol, end, layer) in ranges {
        plan.block(Lookup::PortRange(protocol, end), in_turn(layer));
    }
    for lengths in peers.into_lookups() {
        let lookup = match lengths.length {
            Some(length) => Lookup::Prefix(lengths.family, length),
            None => Lookup::Address(lengths.family),
        };
        plan.block(lookup, lengths.places);
    }
    let any_ports = any_ports.into_iter().map(|(protocol, own)| leaf(Service::protocol(protocol), own));
    let (all, wide): (Groups, Groups) = groups.into_iter().partition(|(service, _)| service.is_all());
    plan.block(Lookup::Service, any_ports.chain(in_turn(wide)).collect());
    plan.block(Lookup::Nothing, for_all(all, odd));
    (finish(rules, plan), rules.end)
}

fn leaf(service: Service, own: Vec<Own>) -> Place {
    Place { key: Key::Service(service), own, ranges: Vec::new(), parent: None }
}

fn owned(service: &Service, group: Vec<usize>) -> Vec<Own> {
    group.into_iter().map(|rule| Own { rule, services: vec![service.clone()] }).collect()
}

/// A leaf for each service: the narrower first.
fn in_turn(groups: Groups) -> Vec<Place> {
    let width = |service: &Service| {
        let span = |span: Option<(u16, u16)>| span.map_or(1 << 17, |(first, last)| u32::from(last - first));
        (service.protocols.len(), span(service.destination), span(service.source))
    };
    let mut groups: Vec<(Service, Vec<usize>)> = groups.into_iter().collect();
    groups.sort_by_key(|(service, _)| width(service));
    groups
        .into_iter()
        .map(|(service, group)| {
            let own = owned(&service, group);
            leaf(service, own)
        })
        .collect()
}

/// The one leaf without a look-up.
fn for_all(groups: Groups, odd: Vec<Own>) -> Vec<Place> {
    let mut own = odd;
    own.extend(groups.into_iter().flat_map(|(service, group)| owned(&service, group)));
    own.sort_by_key(|own| own.rule);
    let place = Place { key: Key::All, own, ranges: Vec::new(), parent: None };
    if place.own.is_empty() { Vec::new() } else { vec![place] }
}

/// Takes out the rules for whole protocols that no stronger rule of another outcome stands against: in front of all
/// others they need no exceptions, as lists of barred addresses do not.
fn front(rules: Rules<'_>, groups: &mut Groups) -> Groups {
    let is_wide = |service: &Service| service.source.is_none() && service.destination.is_none();
    let mut wide: Vec<(usize, Service)> = groups
        .iter()
        .filter(|(service, _)| is_wide(service))
        .flat_map(|(service, group)| group.iter().map(|rule| (*rule, service.clone())))
        .collect();
    wide.sort();
    let mut front: BTreeMap<Service, BTreeSet<usize>> = BTreeMap::new();
    let mut steps = 0;
    for (rule, service) in wide {
        let opposed = groups.iter().filter(|(other, _)| other.meets(&service)).any(|(other, group)| {
            let stands = front.get(other);
            steps += 1;
            group.iter().take_while(|other| **other < rule).any(|other| {
                steps += 1;
                steps > FRONT_STEPS
                    || rules.conflict(*other, rule) && !stands.is_some_and(|front| front.contains(other))
            })
        });
        if !opposed && steps <= FRONT_STEPS {
            front.entry(service).or_default().insert(rule);
        }
    }
    for (service, gone) in &front {
        if let Some(group) = groups.get_mut(service) {
            group.retain(|rule| !gone.contains(rule));
        }
    }
    groups.retain(|_, group| !group.is_empty());
    front.into_iter().map(|(service, rules)| (service, rules.into_iter().collect())).collect()
}

/// Takes out the services with a single port at an end, one leaf for each protocol and port.
fn by_port(end: PortEnd, groups: &mut Groups) -> Vec<Place> {
    let mut leaves: BTreeMap<Service, BTreeMap<usize, Vec<Service>>> = BTreeMap::new();
    groups.retain(|service, group| {
        let Some(port) = service.port(end) else { return true };
        let mut key = Service { protocols: service.protocols, source: None, destination: None };
        match end {
            PortEnd::Source => key.source = Some((port, port)),
            PortEnd::Destination => key.destination = Some((port, port)),
        }
        let leaf = leaves.entry(key).or_default();
        for rule in group.iter() {
            leaf.entry(*rule).or_default().push(service.clone());
        }
        false
    });
    let own = |rules: BTreeMap<usize, Vec<Service>>| {
        rules.into_iter().map(|(rule, services)| Own { rule, services }).collect()
    };
    leaves.into_iter().map(|(key, rules)| leaf(key, own(rules))).collect()
}

/// Moves the leaves of one or two rules from few prefixes to those prefixes.
fn lonely(rules: Rules<'_>, ports: &mut Vec<Place>, peers: &mut Peers) {
    ports.retain(|place| {
        let stays = |own: &Own| {
            own.services.iter().any(|service| service.source.is_some()) || !fits_peers(rules, own.rule)
        };
        if place.own.len() > LONELY || place.own.iter().any(stays) {
            return true;
        }
        for Own { rule, services } in &place.own {
            for service in services {
                add(rules, peers, *rule, service);
            }
        }
        false
    });
}

/// Whether a rule may stand by its remote prefixes.
fn fits_peers(rules: Rules<'_>, rule: usize) -> bool {
    !rules.is_any(rule)
        && !rules.is_named(rule)
        && rules.peer(rule).is_some_and(|peer| peer.ranges().len() <= 2)
}

fn add(rules: Rules<'_>, peers: &mut Peers, rule: usize, service: &Service) {
    let Some(peer) = rules.peer(rule) else { return };
    for prefix in peer.prefixes() {
        let (first, last) = (Family::number(prefix.network()), Family::number(prefix.broadcast()));
        peers.add((peer.family(), first, last), rule, service);
    }
}

/// Takes out the ranges of ports. Those that overlap little become look-ups, several where they do overlap; of the
/// others, rules from few prefixes go by prefix, and rules from anywhere together by port.
fn ranges(
    rules: Rules<'_>,
    groups: &mut Groups,
    peers: &mut Peers,
    any_ports: &mut BTreeMap<Protocol, Vec<Own>>,
) -> Vec<(Protocol, PortEnd, Groups)> {
    let mut lookups = Vec::new();
    for end in [PortEnd::Destination, PortEnd::Source] {
        let mut by_protocol: BTreeMap<Protocol, Groups> = BTreeMap::new();
        groups.retain(|service, group| {
            let other = match end {
                PortEnd::Source => service.destination,
                PortEnd::Destination => service.source,
            };
            let alone = other.is_none() && service.span(end).is_some() && service.port(end).is_none();
            let Some(protocol) = service.only().filter(|_| alone) else { return true };
            by_protocol.entry(protocol).or_default().insert(service.clone(), core::mem::take(group));
            false
        });
        for (protocol, ranges) in by_protocol {
            if ranges.len() <= FEW_RANGES {
                groups.extend(ranges);
                continue;
            }
            let lone = ranges.values().filter(|group| group.len() == 1).count();
            let (mut layers, rest) = layers(ranges, end);
            // Many ranges of one rule each are cheaper to tell apart by prefix.
            if !rest.is_empty() || lone >= PEERS {
                let mut crowd: Groups = layers.drain(..).flatten().collect();
                crowd.extend(rest);
                let popular = if end == PortEnd::Destination { POPULAR } else { 1 };
                let (known, rare): (Groups, Groups) =
                    crowd.into_iter().partition(|(_, group)| group.len() >= popular);
                let (some, more) = self::layers(known, end);
                layers = some;
                for (service, group) in rare.into_iter().chain(more) {
                    scatter(rules, &service, group, protocol, groups, peers, any_ports);
                }
            }
            let layers = layers.into_iter().filter(|layer| !layer.is_empty());
            lookups.extend(layers.map(|layer| (protocol, end, layer)));
        }
    }
    for own in any_ports.values_mut() {
        own.sort_by_key(|own| own.rule);
        own.dedup_by(|later, first| {
            let same = later.rule == first.rule;
            if same {
                first.services.append(&mut later.services);
            }
            same
        });
    }
    lookups
}

/// Distributes the rules of a range of ports that gets no look-up.
fn scatter(
    rules: Rules<'_>,
    service: &Service,
    group: Vec<usize>,
    protocol: Protocol,
    groups: &mut Groups,
    peers: &mut Peers,
    any_ports: &mut BTreeMap<Protocol, Vec<Own>>,
) {
    let by_destination = service.destination.is_some();
    for rule in group {
        if by_destination && fits_peers(rules, rule) {
            add(rules, peers, rule, service);
        } else if by_destination && rules.is_any(rule) && rules.is_plain(rule) {
            let own = Own { rule, services: vec![service.clone()] };
            any_ports.entry(protocol).or_default().push(own);
        } else {
            groups.entry(service.clone()).or_default().push(rule);
        }
    }
}

/// Divides ranges into layers of disjoint ones, the narrow ones first; what does not fit is left.
fn layers(ranges: Groups, end: PortEnd) -> (Vec<Groups>, Groups) {
    let mut sorted: Vec<(Service, Vec<usize>)> = ranges.into_iter().collect();
    let bounds = |service: &Service| service.span(end).unwrap_or((0, u16::MAX));
    sorted.sort_by_key(|(service, _)| {
        let (first, last) = bounds(service);
        (last - first, first)
    });
    let mut taken: Vec<BTreeMap<u16, u16>> = vec![BTreeMap::new(); LAYERS];
    let mut layers: Vec<Groups> = vec![Groups::new(); LAYERS];
    let mut rest = Groups::new();
    for (service, group) in sorted {
        let (first, last) = bounds(&service);
        let free = |taken: &BTreeMap<u16, u16>| {
            taken.range(..=last).next_back().is_none_or(|(_, before)| *before < first)
        };
        let layer = taken.iter_mut().zip(&mut layers).find(|(taken, _)| free(taken));
        match layer {
            Some((taken, layer)) => {
                taken.insert(first, last);
                layer.insert(service, group);
            }
            None => {
                rest.insert(service, group);
            }
        }
    }
    (layers, rest)
}

/// Composes every leaf, now that it is known what stands behind it.
fn finish(rules: Rules<'_>, plan: Plan) -> Layout {
    let Plan { lookups, places, order: _ } = plan;
    let mut behind: BTreeMap<(usize, Service), Vec<usize>> = BTreeMap::new();
    for Standing { order, block, place } in &places {
        // Nothing before the single destination ports needs to know of them: what is in front needs no exceptions.
        if matches!(lookups.get(*block), Some((Lookup::Port(PortEnd::Destination), _))) {
            continue;
        }
        for Own { rule, services } in &place.own {
            for service in services {
                behind.entry((*order, service.clone())).or_default().push(*rule);
            }
        }
    }
    let index = Index::new(behind);
    let mut blocks: Vec<Block> =
        lookups.into_iter().map(|(lookup, front)| Block { front, lookup, leaves: Vec::new() }).collect();
    let mut start = 0;
    for (at, block) in blocks.iter_mut().enumerate() {
        let count = places.iter().skip(start).take_while(|place| place.block == at).count();
        let here = places.get(start..start + count).unwrap_or_default();
        block.leaves = here.iter().map(|place| compose_leaf(rules, &index, here, place)).collect();
        start += count;
    }
    Layout { blocks }
}

fn compose_leaf(rules: Rules<'_>, index: &Index, siblings: &[Standing], at: &Standing) -> Leaf {
    let Standing { order, block: _, place: Place { key, own, ranges, parent } } = at;
    let before = own.last().map_or(0, |own| own.rule);
    let mut later: Vec<Later<'_>> = match key {
        Key::Service(service) => index.meeting(*order, before, service),
        Key::All => index.meeting(*order, before, &Service::all()),
        Key::Prefix(..) => {
            let services: BTreeSet<&Service> = own.iter().flat_map(|own| &own.services).collect();
            services.into_iter().flat_map(|service| index.meeting(*order, before, service)).collect()
        }
    };
    // What the wider prefixes say is met after this leaf.
    let mut outer = *parent;
    while let Some(place) = outer.and_then(|outer| siblings.get(outer)) {
        for Own { rule, services } in place.place.own.iter().take_while(|own| own.rule < before) {
            later.extend(services.iter().map(|service| Later { rule: *rule, service }));
        }
        outer = place.place.parent;
    }
    if matches!(key, Key::Prefix(..)) {
        later.sort_by_key(|later| (later.rule, later.service.clone()));
        later.dedup_by_key(|later| (later.rule, later.service.clone()));
        // Rules of several prefixes stand in several leaves; here they need no exception from themselves.
        later.retain(|later| {
            let same = own.binary_search_by_key(&later.rule, |own| own.rule);
            let same = same.ok().and_then(|at| own.get(at));
            !same.is_some_and(|own| own.services.contains(later.service))
        });
    }
    let composer = Composer { rules, key, later };
    Leaf { key: key.clone(), ranges: ranges.clone(), parent: *parent, items: compose(&composer, own) }
}
