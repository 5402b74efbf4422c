//! One chain and family as tables: a long one arranged by [`palisade_ir::layout`], so that each step is one search.

use std::collections::BTreeMap;

use palisade_ir::layout::{
    Act, Block, Entry, Field, Item, Key, Layout, Leaf, Lookup, MapItem, PeerEnd, PortEnd, RuleItem, Service,
    plan,
};
use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, PortMatch, Protocol, Ranges, Verdict,
};

use super::doc::{Doc, call, slice, word};
use super::sets::Sets;
use super::{text, values};

/// The tables of a chain for packets of one family.
pub(super) fn chain(sets: &mut Sets<'_>, family: Family, chain: &Chain) -> Doc {
    let source = chain.apart();
    let own = source.rules().iter().filter(|rule| rule.matches.family() == family).cloned().collect();
    let (layout, end) = plan(&Chain::from_ordered(own, source.default(), source.default_id()));
    let steps = Writer { sets, family, end }.steps(layout);
    let comment = text::comment(sets.plan, &[source.default_id()]);
    let default = Doc::Word(act(Act::Decide(Outcome::silent(source.default()))).to_owned(), Some(comment));
    Doc::Fields("Chain {", vec![(None, "steps", slice(steps)), (None, "default", default)])
}

/// The verdict as a word of the module.
pub(super) const fn act(act: Act) -> &'static str {
    match act {
        Act::Decide(Outcome { verdict: Verdict::Allow, log: false }) => "Allow",
        Act::Decide(Outcome { verdict: Verdict::Allow, log: true }) => "AllowAndLog",
        Act::Decide(Outcome { verdict: Verdict::Deny, log: false }) => "Deny",
        Act::Decide(Outcome { verdict: Verdict::Deny, log: true }) => "DenyAndLog",
        Act::Leave => "GoOn",
    }
}

/// What a step searches by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Ports(PortEnd),
    Peer,
    Nothing,
}

/// A key, as numbers to sort by, with its text and where it leads.
type Way = ((u128, u128), Doc);

/// A step to be.
struct Step {
    by: By,
    ways: Vec<Way>,
}

struct Writer<'a, 'b> {
    sets: &'a mut Sets<'b>,
    family: Family,
    end: PeerEnd,
}

impl Writer<'_, '_> {
    fn steps(&mut self, layout: Layout) -> Vec<Doc> {
        let mut steps: Vec<Step> = Vec::new();
        for Block { front: _, lookup, leaves } in layout.blocks {
            match lookup {
                Lookup::Nothing | Lookup::Service => {
                    steps.extend(
                        leaves
                            .iter()
                            .map(|leaf| Step { by: By::Nothing, ways: vec![((0, 0), self.alone(leaf))] }),
                    );
                }
                Lookup::Port(end) | Lookup::PortRange(_, end) => {
                    let ways = leaves.iter().map(|leaf| self.by_port(leaf, end)).collect();
                    add_ports(&mut steps, end, ways);
                }
                Lookup::Prefix(..) | Lookup::Address(_) => {
                    for layer in layers(&leaves) {
                        let ways = layer.into_iter().map(|leaf| self.by_peer(leaf)).collect();
                        steps.push(Step { by: By::Peer, ways });
                    }
                }
            }
        }
        steps.into_iter().flat_map(|step| self.step(step)).collect()
    }

    fn step(&self, Step { by, mut ways }: Step) -> Vec<Doc> {
        ways.sort_by_key(|(key, _)| *key);
        let docs = ways.into_iter().map(|(_, doc)| doc).collect();
        let open = match (by, self.end) {
            (By::Nothing, _) => return docs,
            (By::Ports(PortEnd::Source), _) => "SourcePort(",
            (By::Ports(PortEnd::Destination), _) => "DestinationPort(",
            (By::Peer, PeerEnd::Source) => "Source(",
            (By::Peer, PeerEnd::Destination) => "Destination(",
        };
        vec![call(open, vec![slice(docs)])]
    }

    /// A leaf that no search leads to.
    fn alone(&mut self, leaf: &Leaf) -> Doc {
        let tests = self.tests(leaf);
        match &leaf.key {
            Key::Service(Service { protocols, source, destination }) => {
                let span = |span: &Option<(u16, u16)>| match span {
                    Some((first, last)) => Ranges::span((*first).into(), (*last).into()),
                    None => Ranges::empty(),
                };
                let numbers = protocols.iter().map(|protocol| (protocol.0.into(), protocol.0.into()));
                let numbers = if protocols.is_all() { Ranges::empty() } else { numbers.collect() };
                let among = among(None, None, &numbers, &span(source), &span(destination));
                call("Only(", vec![among, tests])
            }
            Key::All | Key::Prefix(..) => call("Always(", vec![tests]),
        }
    }

    fn by_port(&mut self, leaf: &Leaf, end: PortEnd) -> Way {
        let Key::Service(service) = &leaf.key else { return ((0, 0), self.tests(leaf)) };
        let protocol = service.only().unwrap_or(Protocol(0)).0;
        let (first, last) = service.span(end).unwrap_or((0, u16::MAX));
        let key = word(values::ports(protocol, first, last));
        ((protocol.into(), first.into()), call("(", vec![key, self.tests(leaf)]))
    }

    fn by_peer(&mut self, leaf: &Leaf) -> Way {
        let Key::Prefix(family, first, last) = leaf.key else { return ((0, 0), self.tests(leaf)) };
        let key = word(values::range(family, first, last));
        ((first, last), call("(", vec![key, self.tests(leaf)]))
    }

    fn tests(&mut self, leaf: &Leaf) -> Doc {
        slice(leaf.items.iter().map(|item| self.item(item)).collect())
    }

    fn item(&mut self, item: &Item) -> Doc {
        match item {
            Item::Map(MapItem { field, family: _, entries }) => {
                let key = |entry: &Entry| match field {
                    Field::Peer(_) => values::range(self.family, entry.first, entry.last),
                    Field::Port(protocol) => values::ports(protocol.0, entry.first as u16, entry.last as u16),
                };
                let entries: Vec<Doc> = entries
                    .iter()
                    .map(|entry| call("(", vec![word(key(entry)), self.act(entry.act, &entry.origin)]))
                    .collect();
                let open = match field {
                    Field::Peer(PeerEnd::Source) => "Source(",
                    Field::Peer(PeerEnd::Destination) => "Destination(",
                    Field::Port(_) => "DestinationPort(",
                };
                call(open, vec![slice(entries)])
            }
            Item::Rule(RuleItem { matches, both: _, act, origin }) => {
                let then = self.act(*act, origin);
                match self.asked(matches) {
                    Some(among) => call("Only(", vec![among, then]),
                    None => call("Always(", vec![then]),
                }
            }
        }
    }

    /// What is left to be asked, if anything.
    fn asked(&mut self, matches: &Match) -> Option<Doc> {
        let MatchParts { source, destination, protocols, source_ports, destination_ports } = matches.parts();
        let ports = |ports: &PortMatch| match ports {
            PortMatch::Any => Ranges::empty(),
            PortMatch::In(set) => set.numbers().clone(),
        };
        let numbers = protocols.iter().map(|protocol| (protocol.0.into(), protocol.0.into()));
        let numbers = if protocols.is_all() { Ranges::empty() } else { numbers.collect() };
        let (from, to) = (ports(&source_ports), ports(&destination_ports));
        let anything = source.prefixes.is_any() && destination.prefixes.is_any();
        if anything && numbers.is_empty() && from.is_empty() && to.is_empty() {
            return None;
        }
        let [source, destination] = [source, destination].map(|addresses| self.addresses(&addresses));
        Some(among(source, destination, &numbers, &from, &to))
    }

    /// A list to search an address in; nothing for any address.
    fn addresses(&mut self, addresses: &Addresses) -> Option<Doc> {
        if addresses.prefixes.is_any() {
            return None;
        }
        let named = self.sets.named(addresses).map(word);
        named.or_else(|| Some(slice(ranges(self.family, addresses.prefixes.ranges()))))
    }

    fn act(&self, what: Act, origin: &Origin) -> Doc {
        Doc::Word(act(what).to_owned(), Some(text::comment(self.sets.plan, origin.ids())))
    }
}

/// Ranges of addresses, an element each.
pub(super) fn ranges(family: Family, ranges: &Ranges) -> Vec<Doc> {
    ranges.iter().map(|(first, last)| word(values::range(family, first, last))).collect()
}

/// What a rule asks, without the fields that it does not ask for.
fn among(
    source: Option<Doc>,
    destination: Option<Doc>,
    protocol: &Ranges,
    from: &Ranges,
    to: &Ranges,
) -> Doc {
    let numbers = |numbers: &Ranges| match numbers.is_empty() {
        true => None,
        false => Some(slice(values::pairs(numbers).into_iter().map(word).collect())),
    };
    let fields = [
        ("source", source),
        ("destination", destination),
        ("protocol", numbers(protocol)),
        ("source_port", numbers(from)),
        ("destination_port", numbers(to)),
    ];
    Doc::Record("Among", fields.into_iter().filter_map(|(name, doc)| Some((name, doc?))).collect())
}

/// Adds ways by port: to the steps before, as far as these are for other protocols, so that a packet searches less.
fn add_ports(steps: &mut Vec<Step>, end: PortEnd, ways: Vec<Way>) {
    let mut by_protocol: BTreeMap<u128, Vec<Way>> = BTreeMap::new();
    for way in ways {
        by_protocol.entry(way.0.0).or_default().push(way);
    }
    let open = steps.iter().rposition(|step| step.by != By::Ports(end)).map_or(0, |at| at + 1);
    for (protocol, ways) in by_protocol {
        let has = |step: &Step| step.ways.iter().any(|(key, _)| key.0 == protocol);
        let behind = steps.iter().rposition(has).map_or(open, |at| open.max(at + 1));
        match steps.get_mut(behind) {
            Some(step) => step.ways.extend(ways),
            None => steps.push(Step { by: By::Ports(end), ways }),
        }
    }
}

/// Prefixes in layers of disjoint ones, the narrow before those around them: what the leaf of a prefix does not decide
/// goes on with the next wider one.
fn layers(leaves: &[Leaf]) -> Vec<Vec<&Leaf>> {
    let mut height = vec![0; leaves.len()];
    // A parent stands before its children.
    for (at, leaf) in leaves.iter().enumerate().rev() {
        let above = height.get(at).map_or(0, |height| height + 1);
        if let Some(parent) = leaf.parent.and_then(|parent| height.get_mut(parent)) {
            *parent = above.max(*parent);
        }
    }
    let mut layers: Vec<Vec<&Leaf>> = Vec::new();
    for (leaf, height) in leaves.iter().zip(height) {
        layers.resize_with(layers.len().max(height + 1), Vec::new);
        if let Some(layer) = layers.get_mut(height) {
            layer.push(leaf);
        }
    }
    layers
}
