//! Rules that differ in one field only, joined by the union of that field.

use std::collections::BTreeMap;

use palisade_ir::{
    Addresses, Chain, Match, MatchParts, Origin, Outcome, PortMatch, Protocol, ProtocolSet, Rank, Region,
    Rule,
};

/// The fields in the order in which they are joined: first what a service was taken apart into, addresses last.
const FIELDS: [Field; 5] =
    [Field::Protocols, Field::DestinationPorts, Field::SourcePorts, Field::Source, Field::Destination];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Source,
    Destination,
    Protocols,
    SourcePorts,
    DestinationPorts,
}

/// What rules must have in common to be joined in one field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    rank: Rank,
    outcome: Outcome,
    /// The match with that field left open.
    rest: Match,
    /// Protocols of different source rules stay apart: a rule that reads `tcp` should not become `tcp, icmp`.
    origin: Option<Origin>,
}

/// Joins rules of one rank and outcome that differ in one field only. One of them moves to the place of the other,
/// past no rule of another outcome that meets it. Addresses that have a name are not joined with others.
pub fn merge(chain: &Chain) -> Chain {
    let mut rules: Vec<Option<Rule>> = chain.rules().iter().cloned().map(Some).collect();
    while FIELDS.map(|field| merge_in(field, &mut rules)).contains(&true) {}
    Chain::from_ordered(rules.into_iter().flatten().collect(), chain.default(), chain.default_id())
}

/// Whether anything was joined.
fn merge_in(field: Field, rules: &mut [Option<Rule>]) -> bool {
    let mut alike: BTreeMap<Likeness, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        if let Some(likeness) = rule.as_ref().and_then(|rule| likeness(field, rule)) {
            let group = *alike.entry(likeness).or_insert(groups.len());
            match groups.get_mut(group) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
    }
    let mut joined = false;
    for group in groups {
        let mut open: Vec<usize> = Vec::new();
        for place in group {
            match open.iter_mut().find_map(|at| Some((join(field, rules, *at, place)?, at))) {
                Some((moved, at)) => {
                    *at = moved;
                    joined = true;
                }
                None => open.push(place),
            }
        }
    }
    joined
}

fn likeness(field: Field, rule: &Rule) -> Option<Likeness> {
    let Rule { matches, outcome, rank, origin } = rule;
    let mut parts = matches.parts();
    let open = match field {
        Field::Source => open_addresses(&mut parts.source),
        Field::Destination => open_addresses(&mut parts.destination),
        Field::SourcePorts => open_ports(&mut parts.source_ports),
        Field::DestinationPorts => open_ports(&mut parts.destination_ports),
        Field::Protocols => {
            let tests_ports = !(parts.source_ports.is_any() && parts.destination_ports.is_any());
            parts.protocols = if tests_ports { transport() } else { ProtocolSet::all() };
            true
        }
    };
    let origin = (field == Field::Protocols).then(|| origin.clone());
    let rest = Match::new(parts).ok().filter(|_| open)?;
    Some(Likeness { rank: *rank, outcome: *outcome, rest, origin })
}

fn open_addresses(addresses: &mut Addresses) -> bool {
    let unnamed = addresses.set.is_none();
    *addresses = Addresses::any(addresses.prefixes.family());
    unnamed
}

fn open_ports(ports: &mut PortMatch) -> bool {
    let tested = !ports.is_any();
    *ports = PortMatch::Any;
    tested
}

fn transport() -> ProtocolSet {
    [Protocol::TCP, Protocol::UDP].into_iter().collect()
}

/// Joins two rules at the place of one of them, which is returned; `None` when rules between are in the way of both.
fn join(field: Field, rules: &mut [Option<Rule>], upper: usize, lower: usize) -> Option<usize> {
    let (high, low) = (upper.min(lower), upper.max(lower));
    let (first, last) = (rules.get(high)?.as_ref()?, rules.get(low)?.as_ref()?);
    let between = rules.get(high + 1..low)?;
    let free = |moving: &Rule| between.iter().flatten().all(|rule| !conflict(rule, moving));
    let (place, gone) = if free(last) {
        (high, low)
    } else if free(first) {
        (low, high)
    } else {
        return None;
    };
    let union = Rule {
        matches: union(field, &first.matches, &last.matches)?,
        outcome: first.outcome,
        rank: first.rank,
        origin: first.origin.join(&last.origin),
    };
    *rules.get_mut(place)? = Some(union);
    *rules.get_mut(gone)? = None;
    Some(place)
}

/// Whether the order of two rules matters.
fn conflict(a: &Rule, b: &Rule) -> bool {
    a.outcome != b.outcome && Region::of(&a.matches).intersect(&Region::of(&b.matches)).is_some()
}

fn union(field: Field, a: &Match, b: &Match) -> Option<Match> {
    let MatchParts { mut source, mut destination, mut protocols, mut source_ports, mut destination_ports } =
        a.parts();
    match field {
        Field::Source => source = Addresses::unnamed(source.prefixes.union(&b.source().prefixes)),
        Field::Destination => {
            destination = Addresses::unnamed(destination.prefixes.union(&b.destination().prefixes))
        }
        Field::Protocols => protocols = protocols.union(b.protocols()),
        Field::SourcePorts => source_ports = ports(&source_ports, b.source_ports()),
        Field::DestinationPorts => destination_ports = ports(&destination_ports, b.destination_ports()),
    }
    Match::new(MatchParts { source, destination, protocols, source_ports, destination_ports }).ok()
}

fn ports(a: &PortMatch, b: &PortMatch) -> PortMatch {
    match (a, b) {
        (PortMatch::In(a), PortMatch::In(b)) => PortMatch::In(a.union(b)),
        (PortMatch::Any, _) | (_, PortMatch::Any) => PortMatch::Any,
    }
}
