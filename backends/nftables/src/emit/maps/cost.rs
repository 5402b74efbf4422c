//! What a packet pays for a chain, as rules and as look-ups, so that the cheaper of both is written.
//!
//! Nanoseconds, measured with `cargo bench --bench kernel` on Linux 6.18; other machines differ by a factor, which
//! takes nothing from the comparison. Both sides are the cost of a packet that no rule decides before the end. It meets
//! every rule of a list; of an arranged chain every look-up, and one leaf.

use palisade_ir::layout::{Block, Item, Layout, Leaf, Lookup};
use palisade_ir::{Addresses, Chain, Match};

use super::WAYS;

/// A rule whose first test, of protocol or port, fails.
const TEST: usize = 20;
/// One that tests an address first: nft puts a test of the family before it.
const ADDRESS: usize = 30;
/// A look-up, in a set or a map.
const LOOKUP: usize = 65;
/// Going to a leaf and coming back: a chain lies elsewhere in memory.
const LEAF: usize = 60;

/// Whether a chain costs a packet clearly less as look-ups; where it hardly matters a list is easier to read.
pub(super) fn pays(layout: &Layout, chain: &Chain) -> bool {
    let list: usize = chain.rules().iter().map(|rule| rule_cost(&rule.matches)).sum();
    arranged(layout) * 4 < list * 3
}

fn arranged(layout: &Layout) -> usize {
    let mut met = 0;
    let mut leaf = 0;
    for block in &layout.blocks {
        if in_line(block) {
            met += block.leaves.iter().map(|leaf| line_cost(block.lookup, leaf)).sum::<usize>();
        } else {
            met += LOOKUP;
            leaf = leaf.max(LEAF + usual(&block.leaves));
        }
    }
    met + leaf
}

/// Whether a block becomes rules instead of a look-up.
fn in_line(block: &Block) -> bool {
    matches!(block.lookup, Lookup::Nothing | Lookup::Service) || block.leaves.len() <= WAYS
}

/// A leaf that is tested for: most packets only fail its first test, unless there is none.
fn line_cost(lookup: Lookup, leaf: &Leaf) -> usize {
    match lookup {
        Lookup::Nothing => leaf_cost(leaf),
        _ => TEST * leaf.items.len().clamp(1, 2),
    }
}

/// The leaf that a rule stands in, on average over the rules: large ones count for more.
fn usual(leaves: &[Leaf]) -> usize {
    let costs = leaves.iter().map(leaf_cost);
    let weighted: usize = costs.clone().map(|cost| cost * cost).sum();
    weighted.div_ceil(costs.sum::<usize>().max(1))
}

fn leaf_cost(leaf: &Leaf) -> usize {
    let item = |item: &Item| match item {
        Item::Map(_) => LOOKUP,
        Item::Rule(rule) => rule_cost(&rule.matches),
    };
    leaf.items.iter().map(item).sum()
}

fn rule_cost(matches: &Match) -> usize {
    let cost = |addresses: &Addresses| match addresses.prefixes.ranges().len() {
        _ if addresses.prefixes.is_any() => TEST,
        0 | 1 => ADDRESS,
        _ => LOOKUP,
    };
    cost(matches.source()).max(cost(matches.destination()))
}
