//! A decision tree of chains: a long list of rules as short lists that a packet reaches by a few tests.
//!
//! A node divides its packets by protocol, ports or prefixes and sends each part on (`-g`) to a chain with the rules
//! that can match there, in their order; a leaf is a short list of rules. A rule that reaches over several parts is in
//! each of them; what a part says already is not tested again, and rules that cannot decide there are left out.
//! Equal parts share one chain. Leaves grow until the tree has hardly more lines than the list had ([`Tree::of`]), so
//! that rules which cannot be told apart stay a list.
//!
//! It knows a chain's rules and nothing of families, NICs or names.

mod item;
mod split;
mod write;

use std::collections::HashMap;

use palisade_ir::{
    Addresses, Family, Match, MatchParts, Outcome, PortMatch, PrefixSet, ProtocolSet, Rule, Verdict,
};

use super::apart::joined;

use self::item::{Item, Piece, tidy};
pub(super) use self::write::write;

/// Lines of a leaf to begin with.
const LEAF: usize = 12;
/// Lines that a tree may have beside its share: a short list has nothing to share them with.
const SPARE: usize = 16;

/// What tree is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The family of the rules.
    pub(super) family: Family,
    /// What happens to packets that no rule decides, where that is known.
    pub(super) default: Option<Verdict>,
    /// How many lines it may have at most, in hundredths of the list's.
    pub(super) percent: usize,
    /// Whether leaves are to be as small as can be.
    pub(super) eager: bool,
}

/// An end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// What is known of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// Nothing, not even whether there is one.
    All,
    /// It is in this range.
    In(u16, u16),
    /// There is none.
    Missing,
}

/// What the packets of a node have in common.
#[derive(Clone, Debug)]
struct Region {
    protocols: ProtocolSet,
    source: PrefixSet,
    destination: PrefixSet,
    source_port: Span,
    destination_port: Span,
}

/// A node; children by their place in [`Tree::nodes`].
#[derive(Debug)]
enum Node {
    /// Rules in order.
    Leaf(Vec<Item>),
    /// Parts, tested in order; the last ones may be all the rest.
    Inner(Vec<(Piece, usize)>),
}

/// A decision tree.
#[derive(Debug)]
pub(super) struct Tree {
    /// Children before their parents.
    nodes: Vec<Node>,
    root: usize,
}

/// A tree under construction.
struct Builder {
    nodes: Vec<Node>,
    /// Leaves by their rules.
    known: HashMap<Vec<Item>, usize>,
    default: Option<Outcome>,
    leaf: usize,
    /// Lines that may still be written.
    left: usize,
}

impl Tree {
    /// The tree of some rules of one family, each of one range of ports at most.
    ///
    /// Leaves double until the tree has no more lines than it may; at worst it is one leaf.
    pub(super) fn of(rules: &[&Rule], wanted: Wanted) -> Self {
        let Wanted { family, default, percent, eager } = wanted;
        let lines = lines(&joined(rules.iter().map(|rule| (*rule).clone())));
        let default = default.map(Outcome::silent);
        let items = tidy(rules.iter().map(|rule| Item::new((*rule).clone())), default);
        let mut leaf = if eager { LEAF / 4 } else { LEAF };
        loop {
            let left = lines.saturating_mul(percent) / 100 + SPARE;
            let mut builder = Builder { nodes: Vec::new(), known: HashMap::new(), default, leaf, left };
            match builder.node(items.clone(), &Region::all(family)) {
                Some(root) => return Self { nodes: builder.nodes, root },
                None if leaf > lines => return Self { nodes: vec![Node::Leaf(list(&items))], root: 0 },
                None => leaf *= 2,
            }
        }
    }

    /// How many lines a packet is tested by, on average over the rules' own packets: half of its leaf, and the tests
    /// that lead there.
    pub(super) fn way(&self) -> usize {
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

/// Rules as they stand in a leaf.
fn list(items: &[Item]) -> Vec<Item> {
    joined(items.iter().map(|item| item.rule.clone())).into_iter().map(Item::new).collect()
}

fn lines(rules: &[Rule]) -> usize {
    rules.iter().map(|rule| Item::new(rule.clone()).lines).sum()
}

impl Builder {
    /// The place of a node; `None` when the tree grows too large.
    fn node(&mut self, items: Vec<Item>, region: &Region) -> Option<usize> {
        let leaf = list(&items);
        let lines: usize = leaf.iter().map(|item| item.lines).sum();
        let pieces = if lines > self.leaf { split::best(&items, region) } else { None };
        if let Some(pieces) = pieces {
            self.left = self.left.checked_sub(pieces.len())?;
            let mut parts = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let inside = items.iter().filter_map(|item| item.within(&piece));
                let child = self.node(tidy(inside, self.default), &region.within(&piece))?;
                parts.push((piece, child));
            }
            return Some(self.push(Node::Inner(parts)));
        }
        if let Some(known) = self.known.get(&leaf) {
            return Some(*known);
        }
        self.left = self.left.checked_sub(lines)?;
        let at = self.push(Node::Leaf(leaf.clone()));
        self.known.insert(leaf, at);
        Some(at)
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

impl End {
    const fn ports(self, matches: &Match) -> &PortMatch {
        match self {
            End::Source => matches.source_ports(),
            End::Destination => matches.destination_ports(),
        }
    }

    /// What a match asks of the address of this end.
    pub(super) const fn addresses(self, matches: &Match) -> &Addresses {
        match self {
            End::Source => matches.source(),
            End::Destination => matches.destination(),
        }
    }

    const fn ports_mut(self, parts: &mut MatchParts) -> &mut PortMatch {
        match self {
            End::Source => &mut parts.source_ports,
            End::Destination => &mut parts.destination_ports,
        }
    }

    const fn addresses_mut(self, parts: &mut MatchParts) -> &mut Addresses {
        match self {
            End::Source => &mut parts.source,
            End::Destination => &mut parts.destination,
        }
    }
}

impl Region {
    fn all(family: Family) -> Self {
        Self {
            protocols: ProtocolSet::all(),
            source: PrefixSet::any(family),
            destination: PrefixSet::any(family),
            source_port: Span::All,
            destination_port: Span::All,
        }
    }

    const fn addresses(&self, end: End) -> &PrefixSet {
        match end {
            End::Source => &self.source,
            End::Destination => &self.destination,
        }
    }

    const fn ports(&self, end: End) -> Span {
        match end {
            End::Source => self.source_port,
            End::Destination => self.destination_port,
        }
    }

    /// Whether every packet has ports.
    const fn has_ports(&self) -> bool {
        matches!(self.source_port, Span::In(..)) || matches!(self.destination_port, Span::In(..))
    }

    fn within(&self, piece: &Piece) -> Self {
        let mut part = self.clone();
        match piece {
            Piece::Protocol(protocol) => part.protocols = ProtocolSet::only(*protocol),
            Piece::OtherProtocols(others) => part.protocols = *others,
            Piece::Ports(End::Source, first, last) => part.source_port = Span::In(*first, *last),
            Piece::Ports(End::Destination, first, last) => part.destination_port = Span::In(*first, *last),
            Piece::NoPorts => (part.source_port, part.destination_port) = (Span::Missing, Span::Missing),
            Piece::Prefix(end, prefix) => {
                *part.addresses_mut(*end) = PrefixSet::from_prefixes(self.source.family(), [prefix]);
            }
            Piece::OtherAddresses(end, others) => *part.addresses_mut(*end) = others.clone(),
        }
        part
    }

    const fn addresses_mut(&mut self, end: End) -> &mut PrefixSet {
        match end {
            End::Source => &mut self.source,
            End::Destination => &mut self.destination,
        }
    }
}
