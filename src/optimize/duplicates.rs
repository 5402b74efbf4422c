//! Rules that ask for the same packets as a stronger one.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_ir::{Chain, Match, MatchParts, PortMatch, PrefixSet, ProtocolSet, Rule};

/// What a rule matches, whatever its sets are called.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packets {
    source: Arc<PrefixSet>,
    destination: Arc<PrefixSet>,
    protocols: ProtocolSet,
    source_ports: PortMatch,
    destination_ports: PortMatch,
}

impl Packets {
    fn of(matches: &Match) -> Self {
        let MatchParts { source, destination, protocols, source_ports, destination_ports } = matches.parts();
        let (source, destination) = (source.prefixes, destination.prefixes);
        Self { source, destination, protocols, source_ports, destination_ports }
    }
}

/// Drops every rule that asks for the same packets as a stronger one: the stronger always decides. A dropped rule of
/// the same rank and outcome says the very same, so its origin is kept in the rule that stays.
pub fn duplicates(chain: &Chain) -> Chain {
    let mut kept: Vec<Rule> = Vec::with_capacity(chain.rules().len());
    let mut places: BTreeMap<Packets, usize> = BTreeMap::new();
    for rule in chain.rules() {
        let place = *places.entry(Packets::of(&rule.matches)).or_insert(kept.len());
        match kept.get_mut(place) {
            None => kept.push(rule.clone()),
            Some(stronger) if (stronger.rank, stronger.outcome) == (rule.rank, rule.outcome) => {
                stronger.origin = stronger.origin.join(&rule.origin);
            }
            Some(_) => {}
        }
    }
    Chain::from_ordered(kept, chain.default(), chain.default_id())
}
