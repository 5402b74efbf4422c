//! A chain with the structure that answers look-ups: the one place where the matcher searches for a packet's rule.

use std::sync::Arc;

use palisade_ir::decide::Index;
use palisade_ir::{Chain, Family, Match, Outcome, Packet, PortMatch, Ranges};

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

/// The values that a rule asks of a field; `None` for all. Protocols are few and never matter here.
type Field = fn(&Match) -> Option<&Ranges>;

const FIELDS: [Field; 4] = [
    |rule| Some(rule.source().prefixes.ranges()).filter(|_| !rule.source().prefixes.is_any()),
    |rule| Some(rule.destination().prefixes.ranges()).filter(|_| !rule.destination().prefixes.is_any()),
    |rule| ports(rule.source_ports()),
    |rule| ports(rule.destination_ports()),
];

const fn ports(ports: &PortMatch) -> Option<&Ranges> {
    match ports {
        PortMatch::Any => None,
        PortMatch::In(set) => Some(set.numbers()),
    }
}

/// About the most bytes of one field: a bit per rule and elementary interval, and for each interval in which a rule
/// starts or goes on the ends of that piece, twice. Never counts further than `limit`.
fn cost<'a, I: Iterator<Item = &'a Ranges>>(rules: usize, limit: u64, values: impl Fn() -> I) -> u64 {
    const PIECE: u64 = 96;
    let pieces: u64 = values().map(|ranges| ranges.len() as u64).sum();
    if pieces.saturating_mul(PIECE) > limit {
        return u64::MAX;
    }
    let turns = values()
        .flat_map(Ranges::iter)
        .flat_map(|(first, last)| [(first, 1_i64), (last.saturating_add(1), -1)]);
    let mut turns: Vec<(u128, i64)> = turns.collect();
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
