//! Leaves that say the same: ports of one service share a chain, which is called after the service.
//!
//! So a service of three ports takes no more lines than one of one port, and another port of a service that a hundred
//! rules ask for moves none of them.

use std::collections::{BTreeMap, HashMap};

use palisade_ir::layout::{Item, Key, Leaf, Lookup, PortEnd};
use palisade_ir::{NamedPorts, Plan, Protocol};

use super::words::{keys_of, protocol_name};

/// A protocol and a range of its ports.
type Span = (Protocol, u16, u16);

/// Words for the leaves of services, by what they say. A `_` stands in no name of a policy, so no two names meet.
pub(super) fn names<'a>(plan: &Plan, lookup: Lookup, leaves: &'a [Leaf]) -> HashMap<&'a [Item], String> {
    if !matches!(lookup, Lookup::Port(PortEnd::Destination) | Lookup::PortRange(_, PortEnd::Destination)) {
        return HashMap::new();
    }
    let services = services(plan, lookup);
    if services.is_empty() {
        return HashMap::new();
    }
    let mut spans: HashMap<&[Item], Vec<Span>> = HashMap::new();
    for Leaf { key, ranges: _, parent: _, items } in leaves {
        if let Key::Service(service) = key
            && let Some(protocol) = service.only()
        {
            let (first, last) = keys_of(service, lookup);
            spans.entry(items).or_default().push((protocol, first, last));
        }
    }
    let named = spans.into_iter().filter_map(|(items, mut spans)| {
        spans.sort_unstable();
        services.get(&spans).map(|name| (items, name.clone()))
    });
    named.collect()
}

/// What the keys of a service's leaves are in a look-up, and its name; of two services of the same keys the first.
fn services(plan: &Plan, lookup: Lookup) -> BTreeMap<Vec<Span>, String> {
    let mut whole: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    let mut names = BTreeMap::new();
    let mut halves = Vec::new();
    for NamedPorts { name, protocol, ports } in &plan.services {
        let fits = |(first, last): &(u16, u16)| match lookup {
            Lookup::PortRange(wanted, _) => first < last && wanted == *protocol,
            _ => first == last,
        };
        let spans: Vec<Span> =
            ports.ranges().filter(fits).map(|(first, last)| (*protocol, first, last)).collect();
        whole.entry(name.as_str()).or_default().extend(&spans);
        halves.push((spans, format!("{name}_{}", protocol_name(*protocol))));
    }
    let whole = whole.into_iter().map(|(name, mut spans)| {
        spans.sort_unstable();
        (spans, format!("{name}_service"))
    });
    let suffix = if matches!(lookup, Lookup::PortRange(..)) { "_ranges" } else { "" };
    for (spans, name) in whole.chain(halves) {
        if !spans.is_empty() {
            names.entry(spans).or_insert(format!("{name}{suffix}"));
        }
    }
    names
}
