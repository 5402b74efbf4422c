//! A chain with the structures that answer look-ups: the one place where the matcher searches for what happens to a
//! packet.

use alloc::vec::Vec;

use palisade_ir::{Chain, Family, Outcome, Packet, RuleId};

use crate::later::Chained;
use crate::layout::{Budget, Engine, Layout, Purpose, Reading, outcome};
use crate::stored::Stored;

/// Packets of one batch whose outcomes wait in coded form.
pub(crate) const BATCH: usize = 256;

/// A chain that decides packets fast.
#[derive(Clone, Debug)]
pub(crate) struct IndexedChain {
    chain: Chained,
    v4: Engine<u32>,
    v6: Engine<u128>,
}

impl IndexedChain {
    /// Prepares a chain for look-ups, as well as the budget allows.
    pub(crate) fn new(chain: Chained, purpose: Purpose, budget: &mut Budget) -> Self {
        let v4 = Engine::new(chain.get(), Family::V4, purpose, budget);
        let v6 = Engine::new(chain.get(), Family::V6, purpose, budget);
        Self { chain, v4, v6 }
    }

    /// The structures that were written for a chain.
    pub(crate) fn read(chain: Chained, input: &mut &[u8]) -> Option<Self> {
        Some(Self { chain, v4: Stored::read(input)?, v6: Stored::read(input)? })
    }

    /// Writes the structures, without the chain.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.v4.write(out);
        self.v6.write(out);
    }

    /// The chain as it was given.
    pub(crate) fn chain(&self) -> &Chain {
        self.chain.get()
    }

    /// Whether look-ups ask for the rules of the chain.
    pub(crate) fn asks_for_rules(&self) -> bool {
        self.v4.asks_for_rules() || self.v6.asks_for_rules()
    }

    /// What happens to a packet: the outcome of the first rule that matches, else the default, unlogged.
    #[inline]
    pub(crate) fn outcome(&self, packet: &Packet) -> Outcome {
        outcome(match packet.family() {
            Family::V4 => self.v4.find(packet, &self.chain),
            Family::V6 => self.v6.find(packet, &self.chain),
        })
    }

    /// What happens to a packet, and the source rule behind it.
    #[inline]
    pub(crate) fn decide(&self, packet: &Packet) -> (Outcome, RuleId) {
        match packet.family() {
            Family::V4 => self.v4.decide(packet, &self.chain),
            Family::V6 => self.v6.decide(packet, &self.chain),
        }
    }

    /// What happens to each packet, as far as there is room for it; `note` combines it with what stands in its place.
    #[inline(always)]
    pub(crate) fn outcomes<P>(&self, packets: &[Packet], places: &mut [P], note: impl Fn(&mut P, Outcome)) {
        for (mut packets, mut places) in packets.chunks(BATCH).zip(places.chunks_mut(BATCH)) {
            while let Some(family) = packets.first().map(Packet::family) {
                let run = packets.iter().position(|packet| packet.family() != family);
                let run = run.unwrap_or(packets.len()).min(places.len());
                let ((now, later), (here, left)) = (packets.split_at(run), places.split_at_mut(run));
                let mut found = [0; BATCH];
                match family {
                    Family::V4 => self.v4.find_all(now, &self.chain, &mut found),
                    Family::V6 => self.v6.find_all(now, &self.chain, &mut found),
                }
                here.iter_mut().zip(found).for_each(|(place, code)| note(place, outcome(code)));
                if left.is_empty() {
                    break;
                }
                (packets, places) = (later, left);
            }
        }
    }

    /// What look-ups of outcomes say to all packets of a family.
    pub(crate) fn read_outcomes(&self, family: Family) -> Reading {
        match family {
            Family::V4 => self.v4.outcomes(family, &self.chain),
            Family::V6 => self.v6.outcomes(family, &self.chain),
        }
    }

    /// The outcomes that look-ups of deciding rules say to them.
    pub(crate) fn read_deciders(&self, family: Family) -> Reading {
        match family {
            Family::V4 => self.v4.deciders(family, &self.chain),
            Family::V6 => self.v6.deciders(family, &self.chain),
        }
    }

    /// Whether both go the same way, for packets of every family.
    pub(crate) const fn answers_once(&self) -> bool {
        self.v4.answers_once() && self.v6.answers_once()
    }

    /// The structure that answers look-ups of a family.
    pub(crate) fn layout(&self, family: Family) -> Layout {
        match family {
            Family::V4 => self.v4.layout(),
            Family::V6 => self.v6.layout(),
        }
    }

    /// The memory of both structures.
    pub(crate) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}
