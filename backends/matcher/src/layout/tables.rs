//! Class tables: each field leads to a class, classes lead to a cell, all by plain look-ups.
//!
//! Classes are those of cells: what leads to the same cells, with every other field, is one class. So tables of outcomes
//! have far fewer classes than tables of rules, and both are kept where both are asked for.

use alloc::vec::Vec;

use palisade_ir::Packet;

use super::Point;
use super::cells::{Cells, Deciders, Outcomes};
use super::gather::{LANES, Lanes, Loads, Plain, Task, fastest};
use super::number::Number;
use super::packed::Packed;
use super::pages::Pages;
use super::rules::{service, source_port};
use super::trie::Trie;
use crate::stored::{Stored, stored};

/// A chain's rules of one family as tables.
#[derive(Clone, Debug)]
pub(crate) struct Tables<T, C> {
    pub(super) classes: Classes<T>,
    pub(super) cells: C,
}

/// From a packet to a row and a service. `None` for a field that makes no difference.
#[derive(Clone, Debug)]
pub(crate) struct Classes<T> {
    pub(super) source: Option<Trie<T>>,
    pub(super) destination: Option<Trie<T>>,
    pub(super) services: ServiceTables,
    /// Where the row of a pair begins; `None` when at most one address matters, whose name says it then.
    pub(super) pairs: Option<Packed>,
}

stored!(Classes<T> { source, destination, services, pairs });

/// From service and source port to the name of both.
#[derive(Clone, Debug)]
pub(super) struct ServiceTables {
    pub(super) service: Option<Pages>,
    pub(super) source_port: Option<Pages>,
    /// By the sum of both names; `None` when the source port makes no difference.
    pub(super) cross: Option<Packed>,
}

stored!(ServiceTables { service, source_port, cross });

impl<T: Number, C: Cells> Stored for Tables<T, C> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        self.classes.write(out);
        self.cells.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self { classes: Stored::read(input)?, cells: Stored::read(input)? })
    }
}

impl ServiceTables {
    #[inline(always)]
    fn find(&self, service: u32, source_port: u32) -> u32 {
        let service = self.service.as_ref().map_or(0, |pages| pages.find(service));
        let (Some(ports), Some(cross)) = (&self.source_port, &self.cross) else { return service.into() };
        cross.get(u32::from(service) + u32::from(ports.find(source_port)))
    }

    /// As many look-ups, field by field.
    #[inline(always)]
    fn find_all<L: Loads>(&self, loads: L, packets: &[Packet; LANES]) -> Lanes {
        // Fields that no rule asks about are not even taken out of packets.
        let mut numbers = [0; LANES];
        let mut names = [0; LANES];
        if let Some(pages) = &self.service {
            numbers.iter_mut().zip(packets).for_each(|(number, packet)| *number = service(packet));
            names = pages.find_all(loads, &numbers);
        }
        if let (Some(pages), Some(cross)) = (&self.source_port, &self.cross) {
            numbers.iter_mut().zip(packets).for_each(|(number, packet)| *number = source_port(packet));
            let ports = pages.find_all(loads, &numbers);
            names.iter_mut().zip(ports).for_each(|(name, port)| *name = name.wrapping_add(port));
            names = cross.get_all(loads, &names);
        }
        names
    }
}

impl<T: Number> Classes<T> {
    #[inline(always)]
    fn row<L: Loads>(&self, loads: L, source: T, destination: T) -> u32 {
        let name =
            |trie: &Option<Trie<T>>, number| trie.as_ref().map_or(0, |trie| trie.find_by(loads, number));
        let name = name(&self.source, source).wrapping_add(name(&self.destination, destination));
        match &self.pairs {
            Some(pairs) => pairs.get(name),
            None => name,
        }
    }

    /// As many rows, field by field.
    #[inline(always)]
    fn rows<L: Loads>(&self, loads: L, packets: &[Packet; LANES]) -> Lanes {
        let mut rows = [0; LANES];
        let mut numbers = [T::ZERO; LANES];
        if let Some(trie) = &self.source {
            numbers.iter_mut().zip(packets).for_each(|(number, packet)| *number = T::of(packet.source()));
            trie.add_all(loads, &numbers, &mut rows);
        }
        if let Some(trie) = &self.destination {
            numbers
                .iter_mut()
                .zip(packets)
                .for_each(|(number, packet)| *number = T::of(packet.destination()));
            trie.add_all(loads, &numbers, &mut rows);
        }
        match &self.pairs {
            Some(pairs) => pairs.get_all(loads, &rows),
            None => rows,
        }
    }

    fn bytes(&self) -> usize {
        let Self { source, destination, services, pairs } = self;
        let tries = [source, destination].into_iter().flatten().map(Trie::bytes);
        let pages = [&services.service, &services.source_port].into_iter().flatten().map(Pages::bytes);
        let cross = services.cross.as_ref().map_or(0, Packed::bytes);
        let pairs = pairs.as_ref().map_or(0, Packed::bytes);
        tries.chain(pages).sum::<usize>() + cross + pairs
    }
}

impl<T: Number, C: Cells> Tables<T, C> {
    /// The cell of a packet.
    #[inline(always)]
    pub(super) fn get<L: Loads>(&self, loads: L, point: &Point<T>) -> C::Found {
        let service = self.classes.services.find(point.service, point.source_port);
        self.cells.get(self.classes.row(loads, point.source, point.destination), service)
    }

    pub(super) fn bytes(&self) -> usize {
        self.classes.bytes() + self.cells.bytes()
    }
}

impl<T: Number> Tables<T, Deciders> {
    /// As many numbers of rules, each and one more; 0 for none.
    #[inline(always)]
    pub(super) fn get_all<L: Loads>(&self, loads: L, packets: &[Packet; LANES]) -> Lanes {
        let rows = self.classes.rows(loads, packets);
        let services = self.classes.services.find_all(loads, packets);
        self.cells.get_all(loads, &rows, &services)
    }

    /// The same with other numbers for the rules.
    pub(super) fn renumbered(self, names: &[u32]) -> Self {
        Self { classes: self.classes, cells: self.cells.renumbered(names) }
    }
}

impl<T: Number> Tables<T, Outcomes> {
    /// As many look-ups as the shorter of both has: class by class, so that waits for memory overlap.
    pub(super) fn find_all(&self, packets: &[Packet], found: &mut [u8]) {
        let count = packets.len().min(found.len());
        let (full, rest) = packets.get(..count).unwrap_or_default().as_chunks();
        let (places, last) = found.get_mut(..count).unwrap_or_default().as_chunks_mut();
        if !full.is_empty() {
            fastest(Batch { tables: self, packets: full, found: places });
        }
        for (packet, place) in rest.iter().zip(last) {
            *place = self.get(Plain, &Point::of(packet));
        }
    }
}

/// Look-ups of many packets.
struct Batch<'a, T> {
    tables: &'a Tables<T, Outcomes>,
    packets: &'a [[Packet; LANES]],
    found: &'a mut [[u8; LANES]],
}

impl<T: Number> Task for Batch<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run<L: Loads>(self, loads: L) {
        let Tables { classes, cells } = self.tables;
        for (packets, found) in self.packets.iter().zip(self.found) {
            let rows = classes.rows(loads, packets);
            let services = classes.services.find_all(loads, packets);
            cells.find_all(loads, &rows, &services, found);
        }
    }
}
