//! Class tables: each field leads to a class, classes lead to the outcome, all by plain look-ups.
//!
//! Classes are those of outcomes, not of rules: what the same packets happen to, in every other field, is one class. So
//! who wants to know the rule has to ask the chain.

use palisade_ir::Packet;

use super::Point;
use super::pages::Pages;
use super::trie::{Number, Trie};
use crate::stored::stored;

/// Packets whose look-ups are under way at once.
pub(super) const LANES: usize = 32;

/// A chain's rules of one family as tables. `None` for a field that makes no difference.
#[derive(Clone, Debug)]
pub(crate) struct Tables<T> {
    pub(super) source: Option<Trie<T>>,
    pub(super) destination: Option<Trie<T>>,
    pub(super) services: ServiceTables,
    /// Where the row of a pair begins in `outcomes`; `None` when at most one address matters, whose name says it then.
    pub(super) pairs: Option<Vec<u32>>,
    /// Rows of two bits per service: in the low half of a word 32 verdicts, in the high half whether to log.
    pub(super) outcomes: Vec<u64>,
}

stored!(Tables<T> { source, destination, services, pairs, outcomes });

/// From service and source port to the name of both.
#[derive(Clone, Debug)]
pub(super) struct ServiceTables {
    pub(super) service: Option<Pages>,
    pub(super) source_port: Option<Pages>,
    /// By the sum of both names; `None` when the source port makes no difference.
    pub(super) cross: Option<Vec<u16>>,
}

stored!(ServiceTables { service, source_port, cross });

impl ServiceTables {
    #[inline]
    fn find(&self, service: u32, source_port: u32) -> u32 {
        let service = self.service.as_ref().map_or(0, |pages| pages.find(service));
        let (Some(ports), Some(cross)) = (&self.source_port, &self.cross) else { return service.into() };
        let at = usize::from(service).wrapping_add(ports.find(source_port).into());
        cross.get(at).copied().unwrap_or_default().into()
    }
}

impl<T: Number> Tables<T> {
    pub(super) fn find(&self, point: &Point<T>) -> u8 {
        let service = self.services.find(point.service, point.source_port);
        let row = self.row(self.addresses(point.source, point.destination));
        self.outcome(row, service)
    }

    /// As many look-ups as the shorter of both has: class by class, so that waits for memory overlap.
    pub(super) fn find_all(&self, packets: &[Packet], found: &mut [u8]) {
        for (packets, found) in packets.chunks(LANES).zip(found.chunks_mut(LANES)) {
            let (mut rows, mut services) = ([0_u32; LANES], [0_u32; LANES]);
            for (row, packet) in rows.iter_mut().zip(packets) {
                *row = self.addresses(T::of(packet.source()), T::of(packet.destination()));
            }
            for (service, packet) in services.iter_mut().zip(packets) {
                let (number, port) = super::rules::service(packet);
                *service = self.services.find(number, port);
            }
            if self.pairs.is_some() {
                for row in rows.iter_mut().take(packets.len()) {
                    *row = self.row(*row);
                }
            }
            for ((found, row), service) in found.iter_mut().zip(rows).zip(services) {
                *found = self.outcome(row, service);
            }
        }
    }

    #[inline]
    fn addresses(&self, source: T, destination: T) -> u32 {
        let source = self.source.as_ref().map_or(0, |trie| trie.find(source));
        source.wrapping_add(self.destination.as_ref().map_or(0, |trie| trie.find(destination)))
    }

    #[inline]
    fn row(&self, addresses: u32) -> u32 {
        match &self.pairs {
            Some(pairs) => pairs.get(addresses as usize).copied().unwrap_or_default(),
            None => addresses,
        }
    }

    #[inline]
    fn outcome(&self, row: u32, service: u32) -> u8 {
        let word = self.outcomes.get(row.wrapping_add(service >> 5) as usize).copied().unwrap_or_default();
        let bits = word.wrapping_shr(service & 31);
        (bits & 1) as u8 | (bits >> 31) as u8 & 2
    }

    pub(super) fn bytes(&self) -> usize {
        let Self { source, destination, services, pairs, outcomes } = self;
        let tries = [source, destination].into_iter().flatten().map(Trie::bytes);
        let pages = [&services.service, &services.source_port].into_iter().flatten().map(Pages::bytes);
        let cross = services.cross.as_ref().map_or(0, |cross| cross.len() * 2);
        let pairs = pairs.as_ref().map_or(0, |pairs| pairs.len() * 4);
        tries.chain(pages).sum::<usize>() + cross + pairs + outcomes.len() * 8
    }
}
