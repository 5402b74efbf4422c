//! The nodes of tries: cuts between intervals and what lies between them.

use alloc::vec::Vec;

use super::gather::Loads;
use super::number::Number;
use crate::hash::HashMap;
use crate::stored::Stored;

/// The words of a small node, and its cuts, the last of which is above all numbers.
pub(super) const FEW: usize = 8;
/// The same of large nodes, where they save a level.
pub(super) const MANY: usize = 16;

/// Cuts in ascending order, each the last number before it, and what comes before, between and after them. Unused
/// cuts are above all numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C, align(64))]
pub(crate) struct Node<T, const CUTS: usize> {
    pub(super) cuts: [T; CUTS],
    pub(super) words: [u32; CUTS],
}

impl<T: Number, const CUTS: usize> Node<T, CUTS> {
    /// The word that belongs to a number: that of as many cuts as lie below it.
    #[inline(always)]
    pub(super) fn word<L: Loads>(&self, loads: L, number: T) -> u32 {
        // There is always one: CUTS is a power of two.
        let rank = number.rank(loads, &self.cuts) as usize & (CUTS - 1);
        self.words.get(rank).copied().unwrap_or_default()
    }
}

/// Nodes of one of both sizes.
#[derive(Clone, Debug)]
pub(super) enum Nodes<T> {
    Small(Vec<Node<T, FEW>>),
    Large(Vec<Node<T, MANY>>),
}

impl<T: Number> Stored for Nodes<T> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Nodes::Small(nodes) => (0_u8.write(out), nodes.write(out)),
            Nodes::Large(nodes) => (1_u8.write(out), nodes.write(out)),
        };
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Stored::read(input).map(Nodes::Small),
            1 => Stored::read(input).map(Nodes::Large),
            _ => None,
        }
    }
}

impl<T: Number, const CUTS: usize> Stored for Node<T, CUTS> {
    const FEWEST: usize = CUTS * (T::FEWEST + 4);

    fn write(&self, out: &mut Vec<u8>) {
        let Self { cuts, words } = self;
        cuts.write(out);
        words.write(out);
    }

    #[inline]
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self { cuts: Stored::read(input)?, words: Stored::read(input)? })
    }
}

/// Nodes while they are made, each distinct one once.
pub(super) struct Level<T, const CUTS: usize> {
    all: Vec<Node<T, CUTS>>,
    known: HashMap<Node<T, CUTS>, u32>,
}

impl<T: Number, const CUTS: usize> Level<T, CUTS> {
    /// The words of slots, and the nodes that they lead to.
    pub(super) fn slots<'c>(
        buckets: impl Iterator<Item = (&'c [(u128, u32)], u32)>,
        depth: u32,
    ) -> (Vec<u32>, Vec<Node<T, CUTS>>) {
        let mut nodes = Self { all: Vec::new(), known: HashMap::default() };
        let slots = buckets.map(|(inside, name)| nodes.below(inside, name, depth)).collect();
        nodes.all.shrink_to_fit();
        (slots, nodes.all)
    }

    /// The word that leads to a name for each number, by so many levels of nodes; `before` the first cut.
    fn below(&mut self, cuts: &[(u128, u32)], before: u32, depth: u32) -> u32 {
        if depth == 0 {
            return before;
        }
        // What one child takes; its neighbour begins with a cut of this node.
        let room = CUTS.saturating_pow(depth - 1);
        let mut node = Node { cuts: [T::MAX; CUTS], words: [0; CUTS] };
        let (mut rest, mut name) = (cuts, before);
        let mut ends = node.cuts.iter_mut();
        for word in &mut node.words {
            let (child, later) = rest.split_at(rest.len().min(room - 1));
            *word = self.below(child, name, depth - 1);
            if let Some(((cut, next), later)) = later.split_first() {
                if let Some(end) = ends.next() {
                    *end = T::narrow(cut - 1);
                }
                (rest, name) = (later, *next);
            } else {
                rest = later;
            }
        }
        let next = self.all.len() as u32;
        let all = &mut self.all;
        *self.known.entry(node).or_insert_with(|| {
            all.push(node);
            next
        })
    }
}
