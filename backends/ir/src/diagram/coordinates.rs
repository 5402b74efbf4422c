//! The fields of packets and of their ways, each cut where some guard starts or stops to hold.
//!
//! Values between two cuts are alike to every guard and have one number, the coordinate. Coordinates come from all
//! guards of all programs that are to be compared: functions over other coordinates say nothing about these.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::decide::points;
use crate::symbolic::{Asks, Condition, Step, Ways};
use crate::{ConnState, Family, Ifname, PacketHook, Ranges, Traversal};

/// Source, destination, protocol, source port and destination port, and then the fields of a packet's way.
pub(super) const FIELDS: usize = 10;
/// The fields of a way, in the order in which they are asked: state, interfaces, icmp type, hop limit.
pub(super) const WAY: [usize; 5] = [STATE, INPUT, OUTPUT, TYPE, LIMIT];
const PROTOCOL: usize = 2;
const STATE: usize = 5;
const INPUT: usize = 6;
const OUTPUT: usize = 7;
const TYPE: usize = 8;
const LIMIT: usize = 9;

/// The states that connection tracking knows; what is found first is shown.
pub(super) const STATES: [ConnState; 5] =
    [ConnState::New, ConnState::Established, ConnState::Related, ConnState::Invalid, ConnState::Untracked];

/// All values of a field.
pub(super) const ALL: u32 = u32::MAX;
/// No value.
const NONE: u32 = u32::MAX - 1;

/// A product: per field the number of a set of its values.
pub(super) type Product = [u32; FIELDS];

/// A set of coordinates: ascending ranges.
pub(super) type Set = Vec<(u32, u32)>;

/// The sets that guards ask for, by number.
pub(super) struct Sets<'a> {
    family: Family,
    /// The values of each set, with its field.
    values: Vec<(usize, Ranges)>,
    known: [HashMap<Ranges, u32>; FIELDS],
    ways: &'a Ways,
}

/// The coordinates of every field.
pub(super) struct Coordinates {
    /// The first value of each coordinate, ascending from 0; on the way's fields, places in lists.
    starts: [Vec<u128>; FIELDS],
    /// The sets by number.
    pub(super) sets: Vec<Set>,
}

impl<'a> Sets<'a> {
    pub(super) fn new(family: Family, ways: &'a Ways) -> Self {
        Self { family, values: Vec::new(), known: Default::default(), ways }
    }

    /// The packets and ways of a step, as at most two disjoint products; none when nothing passes it.
    pub(super) fn products(&mut self, step: &Step) -> Vec<Product> {
        let mut way = [ALL; FIELDS];
        for condition in &step.conditions {
            let (field, values) = self.asked(condition);
            let both = match way.get(field).copied() {
                Some(before) if before != ALL => self.values_of(before).intersect(&values),
                _ => values,
            };
            let set = self.number(field, both);
            if let Some(place) = way.get_mut(field) {
                *place = set;
            }
        }
        let products = points::of_region(&step.guard);
        let mut all = Vec::with_capacity(products.len());
        for fields in products {
            let mut product = way;
            for (field, values) in fields.into_iter().enumerate() {
                if let Some(place) = product.get_mut(field) {
                    *place = self.number(field, values);
                }
            }
            if !product.contains(&NONE) {
                all.push(product);
            }
        }
        all
    }

    /// The ways at a hook: a packet that comes in has no outgoing interface yet, one that is sent here no incoming one.
    pub(super) fn hook(&mut self, hook: PacketHook) -> Product {
        let nowhere = Ranges::span(0, 0);
        let some = |names: &[Ifname]| Ranges::span(1, names.len() as u128);
        let (inputs, outputs) = (some(&self.ways.inputs), some(&self.ways.outputs));
        let (input, output) = match hook {
            PacketHook::Input => (inputs, nowhere),
            PacketHook::Output => (nowhere, outputs),
            PacketHook::Forward => (inputs, outputs),
        };
        let mut product = [ALL; FIELDS];
        for (field, values) in [(INPUT, input), (OUTPUT, output)] {
            if let Some(place) = product.get_mut(field) {
                *place = self.number(field, values);
            }
        }
        product
    }

    /// Packets of tcp, of udp, and all: where a plain example is looked for.
    pub(super) fn plain(&mut self) -> [Product; 3] {
        let mut only = |number: u128| {
            let mut product = [ALL; FIELDS];
            let set = self.number(PROTOCOL, Ranges::span(number, number));
            if let Some(place) = product.get_mut(PROTOCOL) {
                *place = set;
            }
            product
        };
        [only(points::TCP_PORTS), only(points::UDP_PORTS), [ALL; FIELDS]]
    }

    fn values_of(&self, set: u32) -> Ranges {
        self.values.get(set as usize).map_or_else(Ranges::empty, |(_, values)| values.clone())
    }

    /// The number of a set of values.
    fn number(&mut self, field: usize, values: Ranges) -> u32 {
        if values.is_empty() {
            return NONE;
        }
        if values == Ranges::span(0, self.last(field)) {
            return ALL;
        }
        let Some(known) = self.known.get_mut(field) else { return ALL };
        if let Some(set) = known.get(&values) {
            return *set;
        }
        let set = self.values.len() as u32;
        self.values.push((field, values.clone()));
        known.insert(values, set);
        set
    }

    /// The last value of a field.
    fn last(&self, field: usize) -> u128 {
        let ends = points::last(self.family);
        let way = || match field {
            STATE => STATES.len() - 1,
            INPUT => self.ways.inputs.len(),
            OUTPUT => self.ways.outputs.len(),
            TYPE => self.ways.types.len() - 1,
            _ => self.ways.limits.len() - 1,
        };
        ends.get(field).copied().unwrap_or_else(|| way() as u128)
    }

    /// The field that a condition is about, and the places of the values for which it holds. No interface is place 0.
    fn asked(&self, condition: &Condition) -> (usize, Ranges) {
        let Condition { asks, negated } = condition;
        let at = Traversal {
            hook: PacketHook::Forward,
            iif: None,
            oif: None,
            state: ConnState::New,
            icmp_type: None,
            hop_limit: None,
        };
        let holding = |ways: Vec<Traversal>| {
            let holds = ways.iter().enumerate().filter(|(_, at)| condition.holds(at));
            holds.map(|(place, _)| (place as u128, place as u128)).collect::<Ranges>()
        };
        let named = |known: &[Ifname], names: &BTreeSet<String>| {
            let place = |name: &String| known.binary_search_by(|known| known.as_str().cmp(name)).ok();
            let places = names.iter().filter_map(place).map(|place| (place as u128 + 1, place as u128 + 1));
            let places: Ranges = places.collect();
            if *negated { Ranges::span(0, known.len() as u128).subtract(&places) } else { places }
        };
        let like = |known: &[Ifname], start: &str| {
            let places = (1_u128..).zip(known).filter(|(_, name)| name.as_str().starts_with(start));
            let places: Ranges = places.map(|(place, _)| (place, place)).collect();
            if *negated { Ranges::span(0, known.len() as u128).subtract(&places) } else { places }
        };
        match asks {
            Asks::Input(names) => (INPUT, named(&self.ways.inputs, names)),
            Asks::Output(names) => (OUTPUT, named(&self.ways.outputs, names)),
            Asks::InputLike(start) => (INPUT, like(&self.ways.inputs, start)),
            Asks::OutputLike(start) => (OUTPUT, like(&self.ways.outputs, start)),
            Asks::State(_) => {
                let ways = STATES.iter().map(|state| Traversal { state: *state, ..at.clone() });
                (STATE, holding(ways.collect()))
            }
            Asks::IcmpType(_) => {
                let ways = self.ways.types.iter().map(|kind| Traversal { icmp_type: *kind, ..at.clone() });
                (TYPE, holding(ways.collect()))
            }
            Asks::HopLimit(_) => {
                let ways = self.ways.limits.iter().map(|limit| Traversal { hop_limit: *limit, ..at.clone() });
                (LIMIT, holding(ways.collect()))
            }
        }
    }

    /// Cuts every field.
    pub(super) fn cut(self) -> Coordinates {
        let mut starts: [Vec<u128>; FIELDS] = core::array::from_fn(|_| vec![0]);
        for (field, values) in &self.values {
            let last = self.last(*field);
            let Some(starts) = starts.get_mut(*field) else { continue };
            for (first, end) in values.iter() {
                starts.extend(
                    [Some(first), end.checked_add(1).filter(|after| *after <= last)].into_iter().flatten(),
                );
            }
        }
        for starts in &mut starts {
            starts.sort_unstable();
            starts.dedup();
        }
        let mut coordinates = Coordinates { starts, sets: Vec::new() };
        coordinates.sets =
            self.values.iter().map(|(field, values)| coordinates.set(*field, values)).collect();
        coordinates
    }
}

impl Coordinates {
    fn starts(&self, field: usize) -> &[u128] {
        self.starts.get(field).map_or(&[], Vec::as_slice)
    }

    /// How many bits the coordinates of a field take.
    pub(super) fn bits(&self, field: usize) -> u32 {
        usize::BITS - self.starts(field).len().saturating_sub(1).leading_zeros()
    }

    /// The first value of a coordinate.
    pub(super) fn value(&self, field: usize, coordinate: usize) -> u128 {
        let starts = self.starts(field);
        // Numbers above the last coordinate stand for it.
        starts.get(coordinate).or(starts.last()).copied().unwrap_or_default()
    }

    /// The coordinates of a set. All numbers above the last coordinate stand for it.
    fn set(&self, field: usize, values: &Ranges) -> Set {
        let starts = self.starts(field);
        let place = |value: u128| starts.partition_point(|start| *start <= value).saturating_sub(1);
        let padded = |place: usize| match place + 1 == starts.len() {
            true => (1 << self.bits(field)) - 1,
            false => place as u32,
        };
        values.iter().map(|(first, last)| (place(first) as u32, padded(place(last)))).collect()
    }
}
