//! A rule as it stands in one part of the packet space: what the part says already is not tested again.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{End, Wanted};
use crate::{
    Addresses, Match, MatchParts, Outcome, Packet, PortMatch, PortSet, PrefixSet, Protocol, ProtocolSet,
    Ranges, Rule,
};

/// A rule, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// What is left to test, and what happens.
    pub rule: Rule,
    /// How many lines it takes.
    pub lines: usize,
}

/// A part of the packets of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// One protocol.
    Protocol(Protocol),
    /// Every other one.
    OtherProtocols(ProtocolSet),
    /// A range of ports, of packets of one protocol.
    Ports(End, u16, u16),
    /// Packets of such a protocol that have no ports.
    NoPorts,
    /// Some addresses: one prefix where parts are tested in turn, else one range.
    Addresses(End, PrefixSet),
    /// Every other address.
    OtherAddresses(End, PrefixSet),
}

impl Item {
    pub(super) fn new(rule: Rule, wanted: &Wanted) -> Self {
        let log = if rule.outcome.log { 2 } else { 1 };
        let lines = (wanted.lines)(&rule.matches).saturating_mul(log);
        Self { rule, lines }
    }

    /// Whether it matches every packet of its part.
    pub fn is_all(&self) -> bool {
        let matches = &self.rule.matches;
        matches.source().prefixes.is_any()
            && matches.destination().prefixes.is_any()
            && matches.protocols().is_all()
            && matches.source_ports().is_any()
            && matches.destination_ports().is_any()
    }

    /// What is left of it in a part; `None` when it matches nothing there.
    pub(super) fn within(&self, piece: &Piece, wanted: &Wanted) -> Option<Self> {
        let mut parts = self.rule.matches.parts();
        match piece {
            Piece::Protocol(protocol) => {
                let only = ProtocolSet::only(*protocol);
                parts.protocols = Some(only).filter(|_| parts.protocols.contains(*protocol))?;
                parts.forget_protocol();
            }
            Piece::OtherProtocols(others) => {
                if others.is_subset(&parts.protocols) {
                    parts.forget_protocol();
                } else if parts.protocols.intersect(others).is_empty() {
                    return None;
                } else if !parts.protocols.contains(Protocol(0)) {
                    // With protocol 0 a smaller set may take more lines.
                    parts.protocols = parts.protocols.intersect(others);
                }
            }
            Piece::Ports(end, first, last) => {
                let ports = end.ports_mut(&mut parts);
                *ports = ports_within(ports, *first, *last)?;
                parts.forget_protocol();
            }
            Piece::NoPorts => {
                let untested = parts.source_ports.is_any() && parts.destination_ports.is_any();
                return untested.then(|| self.clone());
            }
            Piece::Addresses(end, here) => {
                let addresses = end.addresses_mut(&mut parts);
                let cut = !(wanted.by.is_maps() && addresses.set.is_some());
                *addresses = addresses_within(addresses, here.ranges(), cut)?;
            }
            Piece::OtherAddresses(end, others) => {
                let addresses = end.addresses_mut(&mut parts);
                *addresses = addresses_within(addresses, others.ranges(), false)?;
            }
        }
        let matches = Match::new(parts).ok()?;
        if matches == self.rule.matches {
            return Some(self.clone());
        }
        Some(Self::new(Rule { matches, ..self.rule.clone() }, wanted))
    }

    /// About how many lines of it are left in a part.
    pub(super) fn lines_in(&self, piece: &Piece) -> usize {
        let matches = &self.rule.matches;
        let meets = match piece {
            Piece::Protocol(protocol) => matches.protocols().contains(*protocol),
            Piece::OtherProtocols(others) => !matches.protocols().intersect(others).is_empty(),
            Piece::Ports(end, first, last) => match end.ports(matches) {
                PortMatch::Any => true,
                PortMatch::In(set) => set.ranges().any(|(a, b)| a <= *last && *first <= b),
            },
            Piece::NoPorts => matches.source_ports().is_any() && matches.destination_ports().is_any(),
            Piece::Addresses(end, here) => {
                let ranges = end.addresses(matches).prefixes.ranges();
                let here = ranges.iter().filter(|(first, last)| here.ranges().meets(*first, *last)).count();
                // A rule may name thousands of prefixes: the others stand in other parts.
                return (self.lines * here).div_ceil(ranges.len().max(1));
            }
            Piece::OtherAddresses(end, others) => {
                end.addresses(matches).prefixes.ranges().overlaps(others.ranges())
            }
        };
        if meets { self.lines } else { 0 }
    }
}

impl Piece {
    /// Whether a packet of the node is in this part.
    pub fn holds(&self, packet: &Packet) -> bool {
        match self {
            Piece::Protocol(protocol) => packet.protocol() == *protocol,
            Piece::OtherProtocols(others) => others.contains(packet.protocol()),
            Piece::Ports(end, first, last) => {
                let port = match end {
                    End::Source => packet.source_port(),
                    End::Destination => packet.destination_port(),
                };
                port.is_some_and(|port| (*first..=*last).contains(&port))
            }
            Piece::NoPorts => packet.destination_port().is_none(),
            Piece::Addresses(end, here) | Piece::OtherAddresses(end, here) => here.contains(match end {
                End::Source => packet.source(),
                End::Destination => packet.destination(),
            }),
        }
    }

    /// Two neighbouring ranges as one; `None` when they are none.
    pub(super) fn join(&self, next: &Self) -> Option<Self> {
        match (self, next) {
            (Piece::Ports(end, first, before), Piece::Ports(other, after, last)) => (end == other
                && before.checked_add(1) == Some(*after))
            .then_some(Piece::Ports(*end, *first, *last)),
            (Piece::Addresses(end, one), Piece::Addresses(other, two)) => {
                let both = one.union(two);
                (end == other && both.ranges().len() == 1).then_some(Piece::Addresses(*end, both))
            }
            _ => None,
        }
    }
}

/// A part that has one protocol, or only some: no test of the protocol where none of ports needs it.
trait Forget {
    fn forget_protocol(&mut self);
}

impl Forget for MatchParts {
    fn forget_protocol(&mut self) {
        if self.source_ports.is_any() && self.destination_ports.is_any() {
            self.protocols = ProtocolSet::all();
        }
    }
}

fn ports_within(ports: &PortMatch, first: u16, last: u16) -> Option<PortMatch> {
    let PortMatch::In(set) = ports else { return Some(PortMatch::Any) };
    let here = Ranges::span(first.into(), last.into());
    if here.is_subset(set.numbers()) {
        return Some(PortMatch::Any);
    }
    let inside = set.numbers().intersect(&here);
    (!inside.is_empty()).then(|| PortMatch::In(PortSet::from_numbers(&inside)))
}

/// `cut` says that what lies outside is to be dropped; else it is left in where that takes fewer prefixes.
fn addresses_within(addresses: &Addresses, here: &Ranges, cut: bool) -> Option<Addresses> {
    let ranges = addresses.prefixes.ranges();
    let family = addresses.prefixes.family();
    if here.is_subset(ranges) {
        return Some(Addresses::any(family));
    }
    if !ranges.overlaps(here) {
        return None;
    }
    if !cut || ranges.is_subset(here) {
        return Some(addresses.clone());
    }
    let prefixes = Arc::new(PrefixSet::from_ranges(family, &ranges.intersect(here)));
    Some(Addresses { prefixes, set: None })
}

/// The rules of a part: without those that stronger ones repeat or cover whole, and without the last ones that say
/// what happens anyway.
pub(super) fn tidy(items: impl Iterator<Item = Item>, default: Option<Outcome>) -> Vec<Item> {
    let mut kept: Vec<Item> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut last = default;
    for item in items {
        if item.is_all() {
            last = Some(item.rule.outcome);
            if last != default {
                kept.push(item);
            }
            break;
        }
        if seen.insert(item.rule.matches.clone()) {
            kept.push(item);
        }
    }
    let whole = kept.pop_if(|item| item.is_all());
    while kept.pop_if(|item| Some(item.rule.outcome) == last).is_some() {}
    kept.extend(whole);
    kept
}
