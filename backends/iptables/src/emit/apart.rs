//! Lists of rules taken apart by kind, where that changes no decision.

use palisade_ir::{Match, PortMatch, Rule};

/// Comparisons of two rules before it is given up: two rules in three in a list of ten thousand.
const COMPARISONS: usize = 30_000_000;

/// The rules to read first, and those to read behind them, each in their order: what is `late`, and each weaker rule
/// that a late one contradicts. `None` when that would take too long.
pub(super) fn apart<'r>(
    rules: &[&'r Rule],
    late: impl Fn(&Rule) -> bool,
) -> Option<(Vec<&'r Rule>, Vec<&'r Rule>)> {
    let (mut first, mut behind): (Vec<&Rule>, Vec<&Rule>) = (Vec::new(), Vec::new());
    let mut left = COMPARISONS;
    for rule in rules {
        left = left.checked_sub(behind.len())?;
        let contradicted = |late: &&Rule| late.outcome != rule.outcome && meet(&late.matches, &rule.matches);
        if late(rule) || behind.iter().any(contradicted) {
            behind.push(rule);
        } else {
            first.push(rule);
        }
    }
    Some((first, behind))
}

/// Whether some packet may match both.
fn meet(one: &Match, other: &Match) -> bool {
    let ports = |one: &PortMatch, other: &PortMatch| match (one, other) {
        (PortMatch::Any, _) | (_, PortMatch::Any) => true,
        (PortMatch::In(one), PortMatch::In(other)) => one.numbers().overlaps(other.numbers()),
    };
    ports(one.destination_ports(), other.destination_ports())
        && one.source().prefixes.ranges().overlaps(other.source().prefixes.ranges())
        && one.destination().prefixes.ranges().overlaps(other.destination().prefixes.ranges())
        && !one.protocols().intersect(other.protocols()).is_empty()
        && ports(one.source_ports(), other.source_ports())
}

/// How many ports a rule names; `None` when it does not ask for ports.
pub(super) fn named_ports(matches: &Match) -> Option<usize> {
    let PortMatch::In(set) = matches.destination_ports() else { return None };
    Some(set.ranges().map(|(first, last)| usize::from(last - first) + 1).sum())
}
