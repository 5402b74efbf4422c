//! Candidate lists, for chains that fit nothing else: time and memory to build grow with the rules, not their product.
//!
//! Each rule stands in the lists of one address, the one where the lists that it meets are shortest; most lists have one
//! row then. Rules that meet too many lists of both, or long ones, make tables of their own, which are small because they
//! are few and wide. Where even those tables do not fit, they go to bitsets, to the lists of a service or a source port, or
//! are tried on every packet.

use alloc::boxed::Box;
use alloc::vec::Vec;

use palisade_ir::Packet;

use super::cuts::{Cuts, Limits, spread};
use super::gather::{LANES, Lanes, Loads, Plain, Task, fastest};
use super::near::Near;
use super::number::Number;
use super::rest::Rest;
use super::rows::{Key, Row, Rows, Seen, Tag};
use super::rules::{FIELDS, Rules, service, source_port};
use super::trie::Trie;
use super::{LAST, Point};
use crate::stored::stored;

/// Entries of all lists together, unless there are more than this many rules per [`FEWEST`].
const ENTRIES: usize = 1 << 20;
/// A rule may always stand in this many lists.
const FEWEST: usize = 8;
/// A rule may never stand in more lists than this.
const MOST: usize = 1024;
/// The rules of a list, tried in this order until those left over make small tables.
const LONGEST: [usize; 6] = [2, 4, 6, 8, 16, usize::MAX];

/// A chain's rules of one family as lists.
///
/// The least tag decides, of all entries that hold a packet in the lists that lead from it, and of the rest; where it says
/// that its box holds too much and the rule itself does not match, the next. Tags ascend along a list, those of a rule of
/// several boxes are the same.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    /// To the first row of a list.
    pub(super) source: Option<Trie<T>>,
    pub(super) destination: Option<Trie<T>>,
    pub(super) rest: Rest<T>,
    /// The rules that are nowhere else.
    pub(super) near: Option<Box<Near>>,
    /// Row 0 is empty.
    pub(super) rows: Vec<Row<T>>,
}

stored!(List<T> { source, destination, rest, near, rows });

impl<T: Number> List<T> {
    pub(super) fn new(rules: &Rules<'_>, last: u128) -> Self {
        let lasts = [last, last, LAST.0, LAST.1];
        let mut fields: [Cuts; FIELDS] = lasts.map(|_| Cuts::default());
        for ((cuts, values), last) in fields.iter_mut().zip(&rules.fields).zip(lasts) {
            *cuts = Cuts::new(values, last);
        }
        let [mut source, mut destination, mut service, mut source_port] = fields;
        let values = |field: usize| move |rule: u32| rules.fields.get(field)?.get(rule as usize)?.as_deref();
        let lists = (ENTRIES / rules.len().max(1)).clamp(FEWEST, MOST);
        let all = 0..rules.len().min(Tag::LIMIT) as u32;
        let (mut wide, mut rest) = (Vec::new(), None);
        for longest in LONGEST {
            source.clear();
            destination.clear();
            let limits = Limits { lists, rules: longest };
            wide = spread(all.clone(), [(&mut source, &values(0)), (&mut destination, &values(1))], limits);
            rest = Rest::tables(rules, &wide, last);
            if rest.is_some() {
                break;
            }
        }
        let rest = rest.or_else(|| Rest::bitsets(rules, &wide, last));
        let wide = if rest.is_some() { Vec::new() } else { wide };
        let limits = Limits { lists, rules: usize::MAX };
        let ports = [(&mut service, &values(2)), (&mut source_port, &values(3))];
        let wide = spread(wide.into_iter(), ports, limits);
        let mut rows = Rows::new(rules, lasts);
        let source = source.rows(Key::Source, &mut rows);
        let destination = destination.rows(Key::Destination, &mut rows);
        let near = Near::new(wide, service, source_port, &mut rows);
        rows.all.shrink_to_fit();
        Self {
            source: Trie::new(&source),
            destination: Trie::new(&destination),
            rest: rest.unwrap_or(Rest::None),
            near: near.map(Box::new),
            rows: rows.all,
        }
    }

    /// The tag of the first rule that matches; `exact` is asked about a rule whose box says too little.
    #[inline(always)]
    pub(super) fn find<L: Loads>(&self, loads: L, point: &Point<T>, exact: impl Fn(u32) -> bool) -> u32 {
        let Point { source, destination, .. } = *point;
        let by_source = self.source.as_ref().map_or(0, |trie| trie.find_by(loads, source));
        let by_destination = self.destination.as_ref().map_or(0, |trie| trie.find_by(loads, destination));
        let mut best = self.rest.find(loads, point);
        let (destination, source) = (point.seen(destination), point.seen(source));
        // One branch for both: most lists have one row.
        let (by_one, more) = self.row(by_source, &destination, best);
        let (by_both, more_again) = self.row(by_destination, &source, by_one);
        best = by_both;
        if more | more_again {
            best = self.best(by_source, &destination, best);
            best = self.best(by_destination, &source, best);
        }
        if let Some(near) = &self.near {
            for row in near.find(point.service, point.source_port) {
                best = self.best(row, &destination, best);
            }
        }
        if Tag::inexact(best) && !Tag::number(best).is_some_and(&exact) {
            return self.exactly([by_source, by_destination], point, &exact);
        }
        best
    }

    /// The tags for as many packets as the shorter of both has, as [`List::find`] where no box says too little, list by
    /// list, so that waits for memory overlap.
    pub(super) fn find_all(&self, packets: &[Packet], found: &mut [u32]) {
        let (full, rest) = packets.as_chunks();
        let (places, last) = found.as_chunks_mut();
        if !full.is_empty() {
            fastest(Batch { list: self, packets: full, found: places });
        }
        for (packet, place) in rest.iter().zip(last) {
            *place = self.find(Plain, &Point::of(packet), |_| true);
        }
    }

    /// The least of `best` and the tags of a row whose boxes hold a packet, and whether the next row may have a lesser one.
    #[inline(always)]
    fn row(&self, at: u32, seen: &Seen<T>, best: u32) -> (u32, bool) {
        let Some(row) = self.rows.get(at as usize) else { return (best, false) };
        let best = row.best(seen, best);
        (best, row.goes_on(best))
    }

    /// The least of `best` and the tags in a list whose boxes hold a packet.
    #[inline]
    fn best(&self, first: u32, seen: &Seen<T>, mut best: u32) -> u32 {
        for row in self.rows.get(first as usize..).unwrap_or_default() {
            best = row.best(seen, best);
            if !row.goes_on(best) {
                break;
            }
        }
        best
    }

    /// The same of many lists.
    #[inline(always)]
    fn best_all(&self, mut rows: Lanes, seen: &[Seen<T>; LANES], best: &mut Lanes) {
        // The lanes whose lists go on; all that follow are the same loop over fewer of them.
        let mut open: [u8; LANES] = core::array::from_fn(|lane| lane as u8);
        let mut count = LANES;
        while count > 0 {
            let mut left = 0;
            for at in 0..count {
                let lane = open.get(at).copied().unwrap_or_default();
                let at = usize::from(lane);
                let (Some(place), Some(seen), Some(best)) =
                    (rows.get_mut(at), seen.get(at), best.get_mut(at))
                else {
                    continue;
                };
                let (found, more) = self.row(*place, seen, *best);
                *place = place.wrapping_add(1);
                *best = found;
                if let Some(open) = open.get_mut(left) {
                    *open = lane;
                }
                left += usize::from(more);
            }
            count = left;
        }
    }

    /// As [`List::find`] where some box was not enough.
    #[cold]
    fn exactly(&self, lists: [u32; 2], point: &Point<T>, exact: &impl Fn(u32) -> bool) -> u32 {
        let near = self.near.as_ref().map_or([0; 3], |near| near.find(point.service, point.source_port));
        let mut best = self.rest.find(Plain, point);
        let [source, destination] = lists;
        let [a, b, c] = near;
        for (at, row) in [a, b, c, source, destination].into_iter().enumerate() {
            let seen = point.seen(if at == 4 { point.source } else { point.destination });
            for row in self.rows.get(row as usize..).unwrap_or_default() {
                for entry in &row.entries {
                    let found = entry.found(&seen);
                    if found < best && (!Tag::inexact(found) || Tag::number(found).is_some_and(&exact)) {
                        best = found;
                    }
                }
                if !row.goes_on(best) {
                    break;
                }
            }
        }
        best
    }

    /// Whether some box says too little.
    pub(super) fn asks_for_rules(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.entries).any(|entry| Tag::inexact(entry.tag))
    }

    pub(super) fn bytes(&self) -> usize {
        let tries = [&self.source, &self.destination].into_iter().flatten().map(Trie::bytes);
        let near = self.near.as_ref().map_or(0, |near| near.bytes());
        tries.sum::<usize>() + self.rest.bytes() + near + self.rows.len() * size_of::<Row<T>>()
    }
}

/// Look-ups of many packets.
struct Batch<'a, T> {
    list: &'a List<T>,
    packets: &'a [[Packet; LANES]],
    found: &'a mut [Lanes],
}

impl<T: Number> Task for Batch<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run<L: Loads>(self, loads: L) {
        let list = self.list;
        for (packets, found) in self.packets.iter().zip(self.found) {
            let (mut sources, mut destinations) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            let mut seen = [const { Seen { address: T::ZERO, service: 0, source_port: 0 } }; LANES];
            let places = sources.iter_mut().zip(&mut destinations).zip(&mut seen);
            for (((source, destination), seen), packet) in places.zip(packets) {
                (*source, *destination) = (T::of(packet.source()), T::of(packet.destination()));
                (seen.service, seen.source_port) = (service(packet), source_port(packet));
            }
            let (mut by_source, mut by_destination) = ([0; LANES], [0; LANES]);
            if let Some(trie) = &list.source {
                trie.add_all(loads, &sources, &mut by_source);
            }
            if let Some(trie) = &list.destination {
                trie.add_all(loads, &destinations, &mut by_destination);
            }
            let mut best = list.rest.find_all(loads, packets);
            seen.iter_mut().zip(destinations).for_each(|(seen, address)| seen.address = address);
            list.best_all(by_source, &seen, &mut best);
            if let Some(near) = &list.near {
                for (best, seen) in best.iter_mut().zip(&seen) {
                    for row in near.find(seen.service, seen.source_port) {
                        *best = list.best(row, seen, *best);
                    }
                }
            }
            seen.iter_mut().zip(sources).for_each(|(seen, address)| seen.address = address);
            list.best_all(by_destination, &seen, &mut best);
            *found = best;
        }
    }
}
