//! Rules that ask for the same packets as a stronger one.

use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use foldhash::{HashMap, HashMapExt};
use palisade_ir::decide::RuleBits;
use palisade_ir::{Chain, Match, Origin, Rule, RuleId};

/// What a rule matches, whatever its sets are called.
struct Packets<'a>(&'a Match);

impl PartialEq for Packets<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_packets(other.0)
    }
}

impl Eq for Packets<'_> {}

impl Hash for Packets<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self(matches) = self;
        matches.source().prefixes.hash(state);
        matches.destination().prefixes.hash(state);
        matches.protocols().hash(state);
        matches.source_ports().hash(state);
        matches.destination_ports().hash(state);
    }
}

/// Drops every rule that asks for the same packets as a stronger one: the stronger always decides. A dropped rule of
/// the same rank and outcome says the very same, so its origin is kept in the rule that stays.
pub fn duplicates(chain: &Chain) -> Chain {
    let mut live = RuleBits::repeat(true, chain.rules().len());
    let same = unmark(chain.rules(), &mut live);
    with_origins(chain, &live, &same)
}

/// The marked rules, those that others repeat with the origins of all. `same` is what [`unmark`] told.
pub(super) fn with_origins(chain: &Chain, live: &RuleBits, same: &[(usize, usize)]) -> Chain {
    let mut origins: HashMap<usize, Vec<RuleId>> = HashMap::new();
    let of = |place: usize| chain.rules().get(place).map(|rule| rule.origin.ids()).unwrap_or_default();
    for &(first, other) in same {
        origins.entry(first).or_insert_with(|| of(first).to_vec()).extend(of(other));
    }
    let mut rules = Vec::with_capacity(live.count_ones());
    rules.extend(live.iter_ones().filter_map(|place| {
        let mut rule = chain.rules().get(place)?.clone();
        if let Some(origin) = origins.remove(&place).and_then(Origin::new) {
            rule.origin = origin;
        }
        Some(rule)
    }));
    Chain::from_ordered(rules, chain.default(), chain.default_id())
}

/// Unmarks duplicates. Of those that say the very same as the rule that stays, tells both places.
pub(super) fn unmark(rules: &[Rule], live: &mut RuleBits) -> Vec<(usize, usize)> {
    let mut same = Vec::new();
    let mut places: HashMap<Packets<'_>, (usize, &Rule)> = HashMap::with_capacity(rules.len());
    for (place, rule) in rules.iter().enumerate() {
        match places.entry(Packets(&rule.matches)) {
            Entry::Vacant(free) => {
                free.insert((place, rule));
            }
            Entry::Occupied(taken) => {
                let (first, stronger) = *taken.get();
                live.set(place, false);
                if (stronger.rank, stronger.outcome) == (rule.rank, rule.outcome) {
                    same.push((first, place));
                }
            }
        }
    }
    same
}
