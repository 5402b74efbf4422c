//! What a packet pays for a chain, as rules, as look-ups and as a tree, so that the cheapest is written.
//!
//! Nanoseconds, measured with `cargo bench --bench kernel` on Linux 6.18; other machines differ by a factor, which
//! takes nothing from the comparison. All are the cost of a packet that no rule decides before the end. It meets
//! every rule of a list; of an arranged chain every look-up, and one leaf; of a tree the look-ups on its way, and one leaf.

use palisade_ir::layout::{Block, Item, Layout, Leaf, Lookup};
use palisade_ir::tree::{Node, Piece, Tree, rest};
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

/// What is cheap enough to leave it at that.
pub(super) const CHEAP: usize = 500;

/// Whether a way to write a chain costs a packet clearly less than a simpler one; where it hardly matters that one is
/// easier to read.
pub(super) const fn pays(cost: usize, simpler: usize) -> bool {
    cost * 4 < simpler * 3
}

/// A chain as a list.
pub(super) fn list(chain: &Chain) -> usize {
    chain.rules().iter().map(|rule| rule_cost(&rule.matches)).sum()
}

/// A tree: the look-ups on a way and its leaf, on average over the parts of each node, large ones counting for more.
pub(super) fn tree(tree: &Tree) -> usize {
    // Children stand before their parents.
    let mut costs: Vec<usize> = Vec::with_capacity(tree.nodes().len());
    for node in tree.nodes() {
        costs.push(match node {
            Node::Leaf(items) => items.iter().map(|item| rule_cost(&item.rule.matches)).sum(),
            Node::Inner(parts) => {
                let rest = rest(parts);
                let own = parts.iter().filter(|(_, child)| Some(*child) != rest).count();
                let in_turn = own <= WAYS || matches!(parts.first(), Some((Piece::Protocol(_), _)));
                let parts = parts.iter().map(|(_, child)| {
                    let cost = costs.get(*child).copied().unwrap_or(0);
                    if Some(*child) == rest || cost == 0 { cost } else { cost + LEAF }
                });
                let weighted: usize = parts.clone().map(|cost| cost * cost).sum();
                let met = weighted.div_ceil(parts.sum::<usize>().max(1));
                met + if in_turn { own * TEST } else { LOOKUP }
            }
        });
    }
    // The family is asked first.
    TEST + costs.get(tree.root()).copied().unwrap_or(0)
}

/// A chain as look-ups.
pub(super) fn arranged(layout: &Layout) -> usize {
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
