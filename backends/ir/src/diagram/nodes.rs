//! Hash-consed nodes: a function of coordinate bits is one number, and equal functions are the same number.
//!
//! A number with the top bit set is a terminal; what terminals mean, `terminal` and `compose` know. Each node remembers
//! whether a terminal from which a packet goes on is below it, and whether a list of calls is: both end recursions
//! early. Children are made before their parents, so one sweep marks what is reachable and one more moves it together.

use alloc::vec::Vec;

use crate::decide::{Budget, BudgetExceeded};

/// A function: a node or a terminal.
pub(super) type Id = u32;

/// The bit that makes a number a terminal.
const TERMINAL: u32 = 1 << 31;
/// The level of terminals: below all fields.
pub(super) const BOTTOM: u32 = u32::MAX >> 2;
/// In a node's first word, beside its level: whether packets go on from some terminal below.
const OPEN: u32 = 1 << 31;
/// Likewise: whether some terminal below holds calls.
const CALLS: u32 = 1 << 30;
/// An empty place of the table.
const FREE: u32 = u32::MAX;
/// The most nodes alive at once: 20 million take 240 MB, their table up to 270 MB and the cache 64 MB.
pub(super) const MOST_NODES: usize = 20_000_000;
/// The most results that are remembered.
const MOST_RESULTS: usize = 1 << 22;
/// Below so many nodes nothing is collected.
const FEW_NODES: usize = 2_000_000;

/// A choice by one bit of a coordinate.
#[derive(Clone, Copy)]
struct Node {
    /// The level, and what is below.
    head: u32,
    children: [Id; 2],
}

/// A remembered result of an operation.
#[derive(Clone, Copy)]
struct Remembered {
    operation: u32,
    operands: [Id; 2],
    result: Id,
}

/// All nodes.
pub(super) struct Nodes {
    nodes: Vec<Node>,
    /// Places of nodes, by hash.
    table: Vec<u32>,
    results: Vec<Remembered>,
    /// Nodes that were alive after the last collection.
    kept: usize,
    most: usize,
}

/// The terminal of a number.
pub(super) const fn terminal(number: u32) -> Id {
    number | TERMINAL
}

/// The number of a terminal; `None` for a node.
pub(super) const fn terminal_number(id: Id) -> Option<u32> {
    if id & TERMINAL == 0 { None } else { Some(id & !TERMINAL) }
}

/// Mixes three words (multiplication by odd constants, as in FxHash).
const fn mix(words: [u32; 3]) -> usize {
    let [a, b, c] = words;
    let low = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (b as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let all = (low ^ (c as u64).wrapping_mul(0x1656_67b1_9e37_79f9)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (all >> 32) as usize
}

impl Nodes {
    pub(super) fn new(most: usize) -> Self {
        let (table, results) = (vec![FREE; 1 << 8], vec![Remembered::NONE; 1 << 8]);
        Self { nodes: Vec::new(), table, results, kept: 0, most }
    }

    fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    /// The level of a function's first choice; [`BOTTOM`] for terminals.
    pub(super) fn level(&self, id: Id) -> u32 {
        self.node(id).map_or(BOTTOM, |node| node.head & !(OPEN | CALLS))
    }

    /// What a function is on both sides of a choice.
    pub(super) fn children(&self, id: Id, level: u32) -> [Id; 2] {
        match self.node(id) {
            Some(node) if node.head & !(OPEN | CALLS) == level => node.children,
            _ => [id, id],
        }
    }

    /// Whether packets go on from some terminal of a node; `None` for a terminal.
    pub(super) fn open_below(&self, id: Id) -> Option<bool> {
        self.node(id).map(|node| node.head & OPEN != 0)
    }

    /// Whether some terminal of a node holds calls; `None` for a terminal.
    pub(super) fn calls_below(&self, id: Id) -> Option<bool> {
        self.node(id).map(|node| node.head & CALLS != 0)
    }

    /// The node of a choice; `open` and `calls` say what is below.
    pub(super) fn make(
        &mut self,
        level: u32,
        children: [Id; 2],
        open: bool,
        calls: bool,
    ) -> Result<Id, BudgetExceeded> {
        let [low, high] = children;
        if low == high {
            return Ok(low);
        }
        let head = level | if open { OPEN } else { 0 } | if calls { CALLS } else { 0 };
        let mask = self.table.len() - 1;
        let mut at = mix([head, low, high]) & mask;
        while let Some(id) = self.table.get(at).copied().filter(|id| *id != FREE) {
            if self.node(id).is_some_and(|node| node.head == head && node.children == children) {
                return Ok(id);
            }
            at = (at + 1) & mask;
        }
        if self.nodes.len() >= self.most {
            return Err(BudgetExceeded);
        }
        let id = self.nodes.len() as Id;
        self.nodes.push(Node { head, children });
        if let Some(place) = self.table.get_mut(at) {
            *place = id;
        }
        if self.nodes.len() * 3 > self.table.len() * 2 {
            self.tabulate(self.table.len() * 2);
        }
        Ok(id)
    }

    /// Fills a table of some size.
    fn tabulate(&mut self, size: usize) {
        self.table.clear();
        self.table.resize(size, FREE);
        let mask = size - 1;
        for (id, Node { head, children: [low, high] }) in self.nodes.iter().enumerate() {
            let mut at = mix([*head, *low, *high]) & mask;
            while self.table.get(at).is_some_and(|id| *id != FREE) {
                at = (at + 1) & mask;
            }
            if let Some(place) = self.table.get_mut(at) {
                *place = id as u32;
            }
        }
        if size / 2 > self.results.len() && self.results.len() < MOST_RESULTS {
            self.results = vec![Remembered::NONE; size / 2];
        }
    }

    /// The result of an operation, if it is still remembered.
    pub(super) fn remembered(&self, operation: u32, operands: [Id; 2]) -> Option<Id> {
        let [a, b] = operands;
        let known = self.results.get(mix([operation, a, b]) & (self.results.len() - 1))?;
        (known.operation == operation && known.operands == operands).then_some(known.result)
    }

    /// Remembers a result until another takes its place. Costs a step.
    pub(super) fn remember(
        &mut self,
        operation: u32,
        operands: [Id; 2],
        result: Id,
        budget: &mut Budget,
    ) -> Result<Id, BudgetExceeded> {
        budget.spend(1)?;
        let [a, b] = operands;
        let at = mix([operation, a, b]) & (self.results.len() - 1);
        if let Some(place) = self.results.get_mut(at) {
            *place = Remembered { operation, operands, result };
        }
        Ok(result)
    }

    /// Whether it is time to collect: when there are twice as many as were in use, or when few more may come.
    pub(super) fn is_crowded(&self) -> bool {
        let full = (self.most - self.most / 4).max(self.kept + self.most / 16);
        self.nodes.len() > FEW_NODES.min(self.most / 2).max(2 * self.kept).min(full)
    }

    /// What collecting costs, in steps of a budget.
    pub(super) const fn collecting(&self) -> usize {
        self.nodes.len() / 16
    }

    /// Forgets all nodes that no root leads to and numbers the others, and the roots, anew.
    pub(super) fn collect(&mut self, roots: &mut [&mut [Id]]) {
        let mut places = vec![FREE; self.nodes.len()];
        let mark = |places: &mut Vec<u32>, id: Id| {
            if let Some(place) = places.get_mut(id as usize) {
                *place = 0;
            }
        };
        for id in roots.iter().flat_map(|roots| roots.iter()) {
            mark(&mut places, *id);
        }
        for (id, node) in self.nodes.iter().enumerate().rev() {
            if places.get(id) == Some(&0) {
                node.children.iter().for_each(|child| mark(&mut places, *child));
            }
        }
        let moved = |places: &[u32], id: Id| places.get(id as usize).copied().unwrap_or(id);
        let mut kept = 0;
        for id in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(id).copied().filter(|_| places.get(id) == Some(&0)) else {
                continue;
            };
            let children = node.children.map(|child| moved(&places, child));
            if let (Some(place), Some(target)) = (places.get_mut(id), self.nodes.get_mut(kept)) {
                *place = kept as u32;
                *target = Node { head: node.head, children };
                kept += 1;
            }
        }
        for id in roots.iter_mut().flat_map(|roots| roots.iter_mut()) {
            *id = moved(&places, *id);
        }
        self.nodes.truncate(kept);
        self.kept = kept;
        self.results.fill(Remembered::NONE);
        self.tabulate(self.table.len());
    }
}

impl Remembered {
    /// No operation has this number.
    const NONE: Self = Self { operation: u32::MAX, operands: [0; 2], result: 0 };
}
