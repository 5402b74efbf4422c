//! A decision tree: a long list of rules as short lists that a packet reaches by a few tests or look-ups.
//!
//! A node divides its packets by one field (protocol, a port, an address); each part goes on to a node of its own, with
//! the rules that can match there, in their order; a leaf is a short list of rules. A rule that reaches over several
//! parts is in each of them; what a part says already is not tested again, and rules that cannot decide there are left
//! out. Equal parts share one node. Leaves grow until the tree has no more lines than it may ([`Wanted::most`]), so that
//! rules which cannot be told apart stay a list.
//!
//! Unlike [`crate::layout`] a tree copies rules, and so it is for chains where few rules reach over many parts. It knows a
//! chain's rules of one family, and nothing of targets, NICs or names.

mod divide;
mod item;
mod ports;
mod region;
mod split;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

use hashbrown::HashMap;

use crate::{Chain, Family, Match, Outcome, Packet, Plan, Rule, RuleId, RuleSource, Verdict};

use self::item::tidy;
pub use self::item::{Item, Piece};
pub use self::ports::{by_ports, joined};
pub use self::region::End;
use self::region::{Known, Region};

/// How many rules may be looked at to build a tree of look-ups; beyond them it is one leaf.
const LOOKS: usize = 1_000_000;

/// What tree is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The family of the rules.
    pub family: Family,
    /// What happens to packets that no rule decides, where that is known.
    pub default: Option<Verdict>,
    /// How many lines it may have at most.
    pub most: usize,
    /// Lines of a leaf to begin with.
    pub leaf: usize,
    /// Lines of a leaf at most: beyond them it is one leaf.
    pub most_leaf: usize,
    /// How parts are told apart.
    pub by: By,
    /// How many lines the target takes for a match.
    pub lines: fn(&Match) -> usize,
}

/// How a target tells the parts of a node apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By one test after the other: few parts, ports in ranges and addresses in prefixes.
    Tests,
    /// By a look-up in a map of disjoint ranges: as many parts as there are, but each field only once on a way.
    /// Protocols are few and tested. A named set stays a test, so that it keeps its name.
    Maps {
        /// What the look-up and the way to a part cost, in lines.
        way: usize,
    },
}

impl By {
    const fn is_maps(self) -> bool {
        matches!(self, By::Maps { way: _ })
    }
}

/// A node; children by their place in the tree.
#[derive(Debug)]
pub enum Node {
    /// Rules in order.
    Leaf(Vec<Item>),
    /// Disjoint parts of one field that hold all packets of the node, in order; the last ones may be all the rest.
    Inner(Vec<(Piece, usize)>),
}

/// A decision tree.
#[derive(Debug)]
pub struct Tree {
    /// Children before their parents.
    nodes: Vec<Node>,
    root: usize,
    size: usize,
}

/// A tree under construction.
struct Builder<'w> {
    wanted: &'w Wanted,
    nodes: Vec<Node>,
    /// Leaves by their rules.
    leaves: HashMap<Vec<Item>, usize>,
    /// Nodes of look-ups by their rules and what is known of their packets.
    inner: HashMap<(Vec<Item>, Known), usize>,
    default: Option<Outcome>,
    leaf: usize,
    /// Lines so far.
    size: usize,
    /// Rules that may still be looked at.
    looks: usize,
}

impl Tree {
    /// The tree of some rules of one family, each of one range of ports at most ([`by_ports`]).
    ///
    /// Leaves double until the tree has no more lines than it may; at worst it is one leaf.
    pub fn of(rules: &[&Rule], wanted: Wanted) -> Self {
        let default = wanted.default.map(Outcome::silent);
        let items = tidy(rules.iter().map(|rule| Item::new((*rule).clone(), &wanted)), default);
        let lines: usize = items.iter().map(|item| item.lines).sum();
        let mut leaf = wanted.leaf;
        let mut looks = if wanted.by.is_maps() { LOOKS } else { usize::MAX };
        loop {
            let mut builder = Builder {
                wanted: &wanted,
                nodes: Vec::new(),
                leaves: HashMap::new(),
                inner: HashMap::new(),
                default,
                leaf,
                size: 0,
                looks,
            };
            match builder.node(items.clone(), &Region::all(wanted.family)) {
                Some(root) => return Self { nodes: builder.nodes, root, size: builder.size },
                None if builder.looks == 0 || leaf > lines.min(wanted.most_leaf) => {
                    return Self { nodes: vec![Node::Leaf(builder.list(&items))], root: 0, size: lines };
                }
                None => (leaf, looks) = (leaf * 2, builder.looks),
            }
        }
    }

    /// Where a packet begins.
    pub const fn root(&self) -> usize {
        self.root
    }

    /// The node at a place.
    pub fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// All nodes, children before their parents.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the tree does to a packet of its family; `None` when no rule decides it.
    pub fn decide(&self, packet: &Packet) -> Option<Outcome> {
        let mut node = self.node(self.root)?;
        loop {
            match node {
                Node::Leaf(items) => {
                    let rule = items.iter().find(|item| item.rule.matches.matches(packet))?;
                    return Some(rule.rule.outcome);
                }
                Node::Inner(parts) => {
                    let (_, child) = parts.iter().find(|(piece, _)| piece.holds(packet))?;
                    node = self.node(*child)?;
                }
            }
        }
    }

    /// How many lines it has, elements of maps among them.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// How many nodes may lie below one another.
    pub fn depth(&self) -> usize {
        let mut depths: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            depths.push(match node {
                Node::Leaf(_) => 1,
                Node::Inner(parts) => {
                    let below = parts.iter().filter_map(|(_, child)| depths.get(*child));
                    1 + below.copied().max().unwrap_or(0)
                }
            });
        }
        depths.get(self.root).copied().unwrap_or(0)
    }

    /// How many lines a packet is tested by where parts are tested in turn, on average over the rules' own packets: half
    /// of its leaf, and the tests that lead there.
    pub fn way(&self) -> usize {
        // Of each node the lines below it, and the tests of all of them together; children stand before parents.
        let mut sums: Vec<(usize, usize)> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            sums.push(match node {
                Node::Leaf(items) => {
                    let lines: usize = items.iter().map(|item| item.lines).sum();
                    (lines, lines * lines.div_ceil(2))
                }
                Node::Inner(parts) => parts.iter().enumerate().fold((0, 0), |sum, (at, (_, child))| {
                    let (lines, tests) = sums.get(*child).copied().unwrap_or_default();
                    (sum.0 + lines, sum.1 + tests + lines * (at + 1))
                }),
            });
        }
        let (lines, tests) = sums.get(self.root).copied().unwrap_or_default();
        tests / lines.max(1)
    }
}

/// How many rules the groups behind a chain have in its direction: a file that says each of them has at least as many
/// lines, so a tree may have as many.
pub fn source_rules(plan: &Plan, chain: &Chain) -> usize {
    let group = |id: RuleId| match &plan.rule(id)?.source {
        RuleSource::Group { group, direction, side, priority: _, label: _ } => {
            Some((group, *direction, *side))
        }
        RuleSource::InnerAccess { group: _ } | RuleSource::Default { direction: _ } => None,
    };
    let ids = chain.rules().iter().flat_map(|rule| rule.origin.ids());
    let groups: BTreeSet<_> = ids.filter_map(|id| group(*id)).collect();
    let all = (0..plan.rules.len()).filter_map(|at| group(RuleId(at as u32)));
    all.filter(|source| groups.contains(source)).count()
}

impl Builder<'_> {
    /// The place of a node; `None` when the tree grows too large.
    fn node(&mut self, items: Vec<Item>, region: &Region) -> Option<usize> {
        let leaf = self.list(&items);
        if lines(&leaf) <= self.leaf {
            return self.leaf(leaf);
        }
        match self.wanted.by {
            By::Tests => self.divided(&items, region, leaf),
            By::Maps { way: _ } => {
                let key = (items, region.known());
                if let Some(same) = self.inner.get(&key) {
                    return Some(*same);
                }
                let at = self.divided(&key.0, region, leaf)?;
                self.inner.insert(key, at);
                Some(at)
            }
        }
    }

    fn divided(&mut self, items: &[Item], region: &Region, leaf: Vec<Item>) -> Option<usize> {
        let wanted = self.wanted;
        self.look(items.len())?;
        let Some(division) = split::best(items, region, wanted, self.leaf) else { return self.leaf(leaf) };
        if wanted.by == By::Tests {
            self.spend(division.len())?;
        }
        let mut parts = Vec::with_capacity(division.len());
        for (piece, met) in division {
            let inside = match met {
                None => tidy(items.iter().filter_map(|item| item.within(&piece, wanted)), self.default),
                Some(met) => {
                    self.look(met.len())?;
                    let met = met.into_iter().filter_map(|at| items.get(at));
                    tidy(met.filter_map(|item| item.within(&piece, wanted)), self.default)
                }
            };
            let child = self.node(inside, &region.within(&piece))?;
            parts.push((piece, child));
        }
        if wanted.by.is_maps() {
            parts = together(parts);
            if let [(_, only)] = parts.as_slice() {
                return Some(*only);
            }
            let rest = rest(&parts);
            let elements = parts.iter().filter(|(_, child)| Some(*child) != rest).count();
            // The look-up stands in a line of its own; what no key holds goes on behind it, or elsewhere.
            let behind = match rest.and_then(|rest| self.nodes.get(rest)) {
                Some(Node::Leaf(items)) => self.lines_of(items),
                Some(Node::Inner(_)) | None => 1,
            };
            self.spend(elements + 1 + behind)?;
        }
        Some(self.push(Node::Inner(parts)))
    }

    fn leaf(&mut self, leaf: Vec<Item>) -> Option<usize> {
        if let Some(known) = self.leaves.get(&leaf) {
            return Some(*known);
        }
        self.spend(self.lines_of(&leaf))?;
        let at = self.push(Node::Leaf(leaf.clone()));
        self.leaves.insert(leaf, at);
        Some(at)
    }

    /// What a leaf takes. One that a map leads to ends in what happens anyway; one verdict for all stands in the map.
    fn lines_of(&self, leaf: &[Item]) -> usize {
        match (self.wanted.by, leaf) {
            (By::Tests, _) => lines(leaf),
            (By::Maps { way: _ }, []) => 0,
            (By::Maps { way: _ }, [item]) if item.is_all() && !item.rule.outcome.log => 0,
            (By::Maps { way: _ }, [.., last]) if last.is_all() => lines(leaf),
            (By::Maps { way: _ }, _) => lines(leaf) + 1,
        }
    }

    /// Counts looks at rules; `None` when there were too many.
    fn look(&mut self, rules: usize) -> Option<()> {
        let left = self.looks.checked_sub(rules);
        self.looks = left.unwrap_or(0);
        left.map(|_| ())
    }

    /// Counts lines; `None` when they get too many.
    fn spend(&mut self, lines: usize) -> Option<()> {
        self.size = self.size.saturating_add(lines);
        (self.size <= self.wanted.most).then_some(())
    }

    /// Rules as they stand in a leaf.
    fn list(&self, items: &[Item]) -> Vec<Item> {
        let rules = joined(items.iter().map(|item| item.rule.clone()));
        rules.into_iter().map(|rule| Item::new(rule, self.wanted)).collect()
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

fn lines(items: &[Item]) -> usize {
    items.iter().map(|item| item.lines).sum()
}

/// Neighbours that lead to the same node, as one part.
fn together(parts: Vec<(Piece, usize)>) -> Vec<(Piece, usize)> {
    let mut all: Vec<(Piece, usize)> = Vec::with_capacity(parts.len());
    for (piece, child) in parts {
        let both = all.last().filter(|(_, before)| *before == child).and_then(|(last, _)| last.join(&piece));
        match (both, all.last_mut()) {
            (Some(both), Some(last)) => last.0 = both,
            _ => all.push((piece, child)),
        }
    }
    all
}

/// Where packets go that no key of a map of these parts holds: what is no range of values, else what most ranges lead to,
/// which then need not stand in the map.
pub fn rest(parts: &[(Piece, usize)]) -> Option<usize> {
    if let Some((Piece::NoPorts | Piece::OtherProtocols(_) | Piece::OtherAddresses(..), child)) = parts.last()
    {
        return Some(*child);
    }
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, child) in parts {
        *counts.entry(*child).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(child, count)| (*count, Reverse(*child))).map(|(child, _)| child)
}
