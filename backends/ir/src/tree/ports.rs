//! Rules taken apart by range of ports, and put together again.

use alloc::vec::Vec;

use crate::{Match, MatchParts, PortMatch, PortSet, Rule};

/// A rule for each range of destination ports, so that each can go where its ports belong.
pub fn by_ports(rule: &Rule) -> Vec<Rule> {
    let PortMatch::In(set) = rule.matches.destination_ports() else { return vec![rule.clone()] };
    let parts = rule.matches.parts();
    let one = |range| {
        let destination_ports = PortMatch::In(PortSet::from_ranges([range]));
        let matches = Match::new(MatchParts { destination_ports, ..parts.clone() }).ok()?;
        Some(Rule { matches, ..rule.clone() })
    };
    set.ranges().filter_map(one).collect()
}

/// The opposite: neighbours that differ in destination ports only become one rule again.
pub fn joined(rules: impl IntoIterator<Item = Rule>) -> Vec<Rule> {
    let mut all: Vec<Rule> = Vec::new();
    for rule in rules {
        match all.last_mut().and_then(|last| Some((join(last, &rule)?, last))) {
            Some((both, last)) => *last = both,
            None => all.push(rule),
        }
    }
    all
}

fn join(one: &Rule, other: &Rule) -> Option<Rule> {
    let (PortMatch::In(ports), PortMatch::In(more)) =
        (one.matches.destination_ports(), other.matches.destination_ports())
    else {
        return None;
    };
    let destination_ports = PortMatch::In(ports.union(more));
    let with = |rule: &Rule| {
        let destination_ports = destination_ports.clone();
        let matches = Match::new(MatchParts { destination_ports, ..rule.matches.parts() }).ok()?;
        Some(Rule { matches, ..rule.clone() })
    };
    let both = with(one)?;
    (Some(&both) == with(other).as_ref()).then_some(both)
}
