//! A chain with the structure that answers look-ups: the one place where the matcher searches for a packet's rule.

use std::borrow::Cow;
use std::sync::Arc;

use palisade_ir::decide::Index;
use palisade_ir::{
    Chain, Family, Match, Outcome, Packet, PortMatch, PrefixSet, Protocol, ProtocolSet, Ranges,
};

/// A chain that decides packets fast.
#[derive(Clone, Debug)]
pub(crate) enum IndexedChain {
    /// With bitsets.
    Indexed(Box<Index>),
    /// Read in order, since bitsets would have taken too much memory.
    Ordered(Arc<Chain>),
}

impl IndexedChain {
    /// Prepares a chain for look-ups, as well as the budget allows.
    pub(crate) fn new(chain: Arc<Chain>, budget: &mut Budget) -> Self {
        if budget.spend(&chain) { Self::Indexed(Box::new(Index::new(&chain))) } else { Self::Ordered(chain) }
    }

    /// The chain as it was given.
    pub(crate) fn chain(&self) -> &Chain {
        match self {
            IndexedChain::Indexed(index) => index.chain(),
            IndexedChain::Ordered(chain) => chain,
        }
    }

    /// What happens to a packet: the outcome of the first rule that matches, else the default, unlogged.
    pub(crate) fn outcome(&self, packet: &Packet) -> Outcome {
        match self {
            IndexedChain::Indexed(index) => index.decide(packet).outcome,
            IndexedChain::Ordered(chain) => chain.decide(packet).outcome,
        }
    }
}

/// The bytes that the bitsets of one matcher may still take.
///
/// Bitsets grow with the square of a chain's length, so a small hostile file could ask for all memory there is. What
/// the budget does not cover is read in order: slower, with the same verdicts.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(1 << 30)
    }
}

impl Budget {
    /// Takes what the bitsets of a chain need at most; whether it was there.
    fn spend(&mut self, chain: &Chain) -> bool {
        let left = Family::ALL.into_iter().try_fold(self.0, |left, family| {
            let matches = || chain.rules().iter().map(|rule| &rule.matches).filter(|m| m.family() == family);
            FIELDS.iter().try_fold(left, |left, field| {
                left.checked_sub(cost(chain.rules().len(), left, || matches().filter_map(field)))
            })
        });
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// The values that a rule asks of a field; `None` for all.
type Field = for<'a> fn(&'a Match) -> Option<Cow<'a, Ranges>>;

const FIELDS: [Field; 5] = [
    |rule| addresses(&rule.source().prefixes),
    |rule| addresses(&rule.destination().prefixes),
    |rule| protocols(rule.protocols()),
    |rule| ports(rule.source_ports()),
    |rule| ports(rule.destination_ports()),
];

fn addresses(set: &PrefixSet) -> Option<Cow<'_, Ranges>> {
    (!set.is_any()).then(|| Cow::Borrowed(set.ranges()))
}

fn protocols(set: &ProtocolSet) -> Option<Cow<'_, Ranges>> {
    let number = |protocol: Protocol| (u128::from(protocol.0), u128::from(protocol.0));
    (!set.is_all()).then(|| Cow::Owned(set.iter().map(number).collect()))
}

fn ports(ports: &PortMatch) -> Option<Cow<'_, Ranges>> {
    match ports {
        PortMatch::Any => None,
        PortMatch::In(set) => Some(Cow::Borrowed(set.numbers())),
    }
}

/// About the most bytes of one field: a bit per rule and elementary interval, and for each interval in which a rule
/// starts or goes on the ends of that piece, twice. Never counts further than `limit`.
fn cost<'a, I: Iterator<Item = Cow<'a, Ranges>>>(rules: usize, limit: u64, values: impl Fn() -> I) -> u64 {
    const PIECE: u64 = 64;
    let pieces: u64 = values().map(|ranges| ranges.len() as u64).sum();
    if pieces.saturating_mul(PIECE) > limit {
        return u64::MAX;
    }
    let mut turns: Vec<(u128, i64)> = Vec::new();
    for ranges in values() {
        turns.extend(ranges.iter().flat_map(|(first, last)| [(first, 1), (last.saturating_add(1), -1)]));
    }
    turns.sort_unstable_by_key(|turn| turn.0);
    let (mut active, mut held, mut intervals) = (0_i64, 0_u64, 1_u64);
    for turn in turns.chunk_by(|a, b| a.0 == b.0) {
        active += turn.iter().map(|(_, change)| change).sum::<i64>();
        held = held.saturating_add(active.unsigned_abs());
        intervals += 1;
    }
    let rows = intervals.saturating_mul(rules.div_ceil(64) as u64 * 8);
    rows.saturating_add(held.saturating_mul(PIECE))
}

#[cfg(test)]
mod tests {
    use palisade_ir::{Addresses, MatchParts, Origin, PortSet, Rank, Rule, RuleId, Verdict};

    use super::*;

    fn chain(ports: u16) -> Arc<Chain> {
        let rule = |port| Rule {
            matches: Match::new(MatchParts {
                source: Addresses::any(Family::V4),
                destination: Addresses::any(Family::V4),
                protocols: ProtocolSet::only(Protocol::TCP),
                source_ports: PortMatch::Any,
                destination_ports: PortMatch::In(PortSet::from_ranges([(0, port)])),
            })
            .unwrap(),
            outcome: Outcome { verdict: Verdict::Allow, log: port % 2 == 0 },
            rank: Rank::INNER_ACCESS,
            origin: Origin::one(RuleId(0)),
        };
        Arc::new(Chain::from_ordered((0..ports).map(rule).collect(), Verdict::Deny, RuleId(0)))
    }

    #[test]
    fn what_the_budget_does_not_cover_is_read_in_order() {
        let mut budget = Budget(100_000);
        let large = IndexedChain::new(chain(1000), &mut budget);
        assert!(matches!(large, IndexedChain::Ordered(_)));
        assert_eq!(budget.0, 100_000, "and costs nothing");
        let small = IndexedChain::new(chain(20), &mut budget);
        assert!(matches!(small, IndexedChain::Indexed(_)));
        assert!(budget.0 < 100_000);
        let ample = IndexedChain::new(chain(1000), &mut Budget::default());
        assert!(matches!(ample, IndexedChain::Indexed(_)));
        let address = "10.0.0.1".parse().unwrap();
        for port in [0, 1, 2, 998, 999, 1000] {
            let ports = palisade_ir::PacketPorts { source: 1, destination: port };
            let packet = Packet::new(address, address, Protocol::TCP, Some(ports)).unwrap();
            assert_eq!(large.outcome(&packet), ample.outcome(&packet), "port {port}");
        }
    }

    #[test]
    fn long_policies_as_people_write_them_fit() {
        let prefix = |at: u32| Ranges::span(u128::from(at) << 8, (u128::from(at) << 8) + 255);
        let rule = |at: u32| Rule {
            matches: Match::new(MatchParts {
                source: Addresses::unnamed(PrefixSet::from_ranges(Family::V4, &prefix(at))),
                destination: Addresses::any(Family::V4),
                protocols: ProtocolSet::only(Protocol::TCP),
                source_ports: PortMatch::Any,
                destination_ports: PortMatch::In(PortSet::from_ranges([(at as u16 % 500, 500)])),
            })
            .unwrap(),
            outcome: Outcome::silent(Verdict::Allow),
            rank: Rank::INNER_ACCESS,
            origin: Origin::one(RuleId(0)),
        };
        let chain = Chain::from_ordered((0..10_000).map(rule).collect(), Verdict::Deny, RuleId(0));
        let mut budget = Budget::default();
        assert!(budget.spend(&chain));
    }
}
