//! Layout: a long chain arranged as a few look-ups, so that its cost in a kernel does not grow with its length.
//!
//! A first-match list costs as much as it is long. [`plan`] arranges the rules of a chain by what they ask for most
//! narrowly: one port, a range of ports, one remote prefix, one protocol. Each such [`Block`] is one look-up that leads
//! to a [`Leaf`], the few rules of that service or prefix; what no rule of a leaf decides goes on with the next block.
//!
//! This changes the order in which rules are met. It is exact because of one lemma: *a rule may stand before a stronger
//! one of another outcome when the packets that both match leave its block first, for the stronger one stands in a later
//! block.* Those exceptions are the [`Act::Leave`] entries. Rules of the same outcome, and rules that share no packet,
//! need none. No rule is copied into several leaves, so a layout is about as large as its chain.
//!
//! Within a leaf all rules ask for the same service, so what is left of them is one field: their remote addresses. The
//! strongest rule at each address is found by one sweep over the prefixes, and the result is a map of disjoint ranges.
//!
//! Cost: `n log n` for chains whose rules name few overlapping services, as catalogues of services do. The worst case
//! are thousands of overlapping port ranges that are also from anywhere or from named sets; each of them stands in a leaf
//! of its own that is tested in turn, which costs what the list did. This module knows no target.

mod arrange;
mod compose;
mod groups;
mod later;
mod peers;
mod service;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;

use alloc::vec::Vec;

pub use arrange::plan;
pub use service::{PortEnd, Service};

use crate::{Family, Match, Origin, Outcome, Packet, Protocol};

/// A chain as look-ups, in the order in which a packet meets them; what no block decides has the chain's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// One look-up and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whether it stands in front because no stronger rule stands against its own: none of its packets leave.
    pub front: bool,
    /// What is looked up.
    pub lookup: Lookup,
    /// Where it leads, sorted by key.
    pub leaves: Vec<Leaf>,
}

/// What a block looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// Nothing: its one leaf is for all packets.
    Nothing,
    /// Protocol and port together; the keys are single ports.
    Port(PortEnd),
    /// The port of one protocol; the keys are disjoint ranges.
    PortRange(Protocol, PortEnd),
    /// The remote address, cut to a length of prefix.
    Prefix(Family, u8),
    /// The remote address; the keys are the leaves' disjoint [`Leaf::ranges`].
    Address(Family),
    /// Each leaf's service in turn.
    Service,
}

/// The end of a packet whose address tells the rules of a chain apart: its remote one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerEnd {
    /// The source: what comes in.
    Source,
    /// The destination: what goes out.
    Destination,
}

/// What the packets of a leaf have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Nothing.
    All,
    /// Their service.
    Service(Service),
    /// Their remote prefix: family, first and last address.
    Prefix(Family, u128, u128),
}

/// The rules for packets of one key; what they do not decide goes on with `parent`, else with the next block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What its packets have in common.
    pub key: Key,
    /// For [`Lookup::Address`]: the addresses that lead here, disjoint from those of all other leaves.
    pub ranges: Vec<(u128, u128)>,
    /// For [`Lookup::Address`]: the leaf of the next wider prefix.
    pub parent: Option<usize>,
    /// Its tests in order.
    pub items: Vec<Item>,
}

/// What a leaf tests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// One rule.
    Rule(RuleItem),
    /// One look-up in disjoint ranges.
    Map(MapItem),
}

/// A rule of a leaf, without what the leaf's key says already.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleItem {
    /// What is left to test. Where ports are tested, so is the protocol.
    pub matches: Match,
    /// Whether packets of the other family match as well.
    pub both: bool,
    /// What happens.
    pub act: Act,
    /// The source rules.
    pub origin: Origin,
}

/// Disjoint ranges of one field, each with what happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapItem {
    /// The field.
    pub field: Field,
    /// The family of the packets; `None` for both.
    pub family: Option<Family>,
    /// Its ranges, ascending and disjoint.
    pub entries: Vec<Entry>,
}

/// The field that a map looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The remote address.
    Peer(PeerEnd),
    /// The destination port of a protocol.
    Port(Protocol),
}

/// One range of a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The first value.
    pub first: u128,
    /// The last value.
    pub last: u128,
    /// What happens.
    pub act: Act,
    /// The source rules.
    pub origin: Origin,
}

/// What happens to a packet in a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Its outcome is known.
    Decide(Outcome),
    /// It goes on behind the leaf: a stronger rule there decides it.
    Leave,
}

impl Layout {
    /// What the layout does to a packet; `None` when no block decides it.
    pub fn decide(&self, packet: &Packet, end: PeerEnd) -> Option<Outcome> {
        self.blocks.iter().find_map(|block| block.decide(packet, end))
    }

    /// The look-ups, tests and entries of all blocks: what it costs to keep.
    pub fn size(&self) -> Size {
        let mut size = Size::default();
        for leaf in self.blocks.iter().flat_map(|block| &block.leaves) {
            size.leaves += 1;
            size.entries += leaf.ranges.len().max(1);
            for item in &leaf.items {
                match item {
                    Item::Rule(_) => size.rules += 1,
                    Item::Map(map) => {
                        size.rules += 1;
                        size.entries += map.entries.len();
                    }
                }
            }
        }
        size
    }
}

/// How large a layout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Leaves of all blocks.
    pub leaves: usize,
    /// Tests in all leaves.
    pub rules: usize,
    /// Entries of all look-ups.
    pub entries: usize,
}

impl Block {
    fn decide(&self, packet: &Packet, end: PeerEnd) -> Option<Outcome> {
        let mut tried = self.leaves.iter().filter(|leaf| leaf.holds(self.lookup, packet, end));
        match self.lookup {
            Lookup::Service => tried.find_map(|leaf| leaf.decide(packet, end).flatten()),
            Lookup::Address(_) => {
                let mut leaf = tried.next();
                while let Some(here) = leaf {
                    if let Some(decided) = here.decide(packet, end).flatten() {
                        return Some(decided);
                    }
                    leaf = here.parent.and_then(|parent| self.leaves.get(parent));
                }
                None
            }
            Lookup::Nothing | Lookup::Port(_) | Lookup::PortRange(..) | Lookup::Prefix(..) => {
                tried.next().and_then(|leaf| leaf.decide(packet, end).flatten())
            }
        }
    }
}

impl Leaf {
    /// Whether the look-up leads a packet here.
    fn holds(&self, lookup: Lookup, packet: &Packet, end: PeerEnd) -> bool {
        let peer = end.number(packet);
        match &self.key {
            Key::All => true,
            Key::Service(service) => service.holds(packet),
            Key::Prefix(family, first, last) => {
                packet.family() == *family
                    && match lookup {
                        Lookup::Address(_) => self.ranges.iter().any(|(a, b)| (*a..=*b).contains(&peer)),
                        _ => (*first..=*last).contains(&peer),
                    }
            }
        }
    }

    /// `None` when no item matches, `Some(None)` when the packet leaves.
    fn decide(&self, packet: &Packet, end: PeerEnd) -> Option<Option<Outcome>> {
        let act = self.items.iter().find_map(|item| match item {
            Item::Rule(RuleItem { matches, both, act, origin: _ }) => {
                let matches = if *both { matches_both(matches, packet) } else { matches.matches(packet) };
                matches.then_some(*act)
            }
            Item::Map(map) => map.look_up(packet, end),
        })?;
        Some(match act {
            Act::Decide(outcome) => Some(outcome),
            Act::Leave => None,
        })
    }
}

/// A rule for both families tests no address.
fn matches_both(matches: &Match, packet: &Packet) -> bool {
    matches.protocols().contains(packet.protocol())
        && matches.source_ports().matches(packet.source_port())
        && matches.destination_ports().matches(packet.destination_port())
}

impl MapItem {
    fn look_up(&self, packet: &Packet, end: PeerEnd) -> Option<Act> {
        if self.family.is_some_and(|family| family != packet.family()) {
            return None;
        }
        let value = match self.field {
            Field::Peer(_) => end.number(packet),
            Field::Port(protocol) if packet.protocol() == protocol => packet.destination_port()?.into(),
            Field::Port(_) => return None,
        };
        let at = self.entries.partition_point(|entry| entry.last < value);
        self.entries.get(at).filter(|entry| entry.first <= value).map(|entry| entry.act)
    }

    /// Whether its ranges ascend and share nothing: what a kernel may refuse or, worse, take in silence.
    pub fn is_disjoint(&self) -> bool {
        let ordered = self.entries.iter().all(|entry| entry.first <= entry.last);
        ordered && self.entries.windows(2).all(|pair| matches!(pair, [a, b] if a.last < b.first))
    }
}

impl PeerEnd {
    fn number(self, packet: &Packet) -> u128 {
        Family::number(match self {
            PeerEnd::Source => packet.source(),
            PeerEnd::Destination => packet.destination(),
        })
    }
}
