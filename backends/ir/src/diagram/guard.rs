//! Guards as functions: products of sets of coordinates, field by field from the last one upwards.

use super::compose::Diagram;
use super::coordinates::{ALL, Coordinates, FIELDS, Product, WAY};
use super::nodes::Id;
use crate::decide::BudgetExceeded;

/// The fields in the order of their levels, and the level at which each begins.
struct Order {
    fields: [usize; FIELDS],
    first_levels: [u32; FIELDS],
    bits: [u32; FIELDS],
}

/// Sets of more ranges than this are built once for each outcome and then remembered.
const MANY_RANGES: usize = 4;

impl Order {
    /// The fields of the way, then those of the packet as given.
    fn new(packet: [usize; 5], coordinates: &Coordinates) -> Self {
        let ([a, b, c, d, e], [v, w, x, y, z]) = (WAY, packet);
        let fields = [a, b, c, d, e, v, w, x, y, z];
        let bits = core::array::from_fn(|field| coordinates.bits(field));
        let mut order = Self { fields, first_levels: [0; FIELDS], bits };
        let mut next = 0;
        for field in fields {
            if let (Some(level), Some(bits)) = (order.first_levels.get_mut(field), bits.get(field)) {
                *level = next;
                next += bits;
            }
        }
        order
    }

    /// The coordinate that choices make of each field; bits without a choice are 0.
    fn coordinates(&self, choices: &[(u32, bool)]) -> [usize; FIELDS] {
        let of = |(first, bits): (&u32, &u32)| {
            let mine = choices.iter().filter(|(level, high)| *high && (*first..first + bits).contains(level));
            mine.map(|(level, _)| 1 << (first + bits - 1 - level)).sum()
        };
        let mut all = self.first_levels.iter().zip(&self.bits).map(of);
        core::array::from_fn(|_| all.next().unwrap_or_default())
    }
}

/// What builds guards.
pub(super) struct Guards<'c> {
    coordinates: &'c Coordinates,
    order: Order,
}

impl<'c> Guards<'c> {
    /// For the fields of a packet in some order, source being 0.
    pub(super) fn new(packet: [usize; 5], coordinates: &'c Coordinates) -> Self {
        Self { coordinates, order: Order::new(packet, coordinates) }
    }

    /// The first level of a packet's own fields.
    pub(super) fn packet_level(&self) -> u32 {
        WAY.iter().filter_map(|field| self.order.bits.get(*field)).sum()
    }

    /// The smallest values for which choices are made so.
    pub(super) fn point(&self, choices: &[(u32, bool)]) -> [u128; FIELDS] {
        let coordinates = self.order.coordinates(choices);
        let mut fields = coordinates.iter().enumerate();
        let mut value = || fields.next().map(|(field, at)| self.coordinates.value(field, *at));
        core::array::from_fn(|_| value().unwrap_or_default())
    }

    /// `inside` for the points of a product, `outside` for all others. Both are terminals.
    pub(super) fn product(
        &self,
        diagram: &mut Diagram<'_>,
        product: &Product,
        inside: Id,
        outside: Id,
    ) -> Result<Id, BudgetExceeded> {
        let mut function = inside;
        for field in self.order.fields.iter().rev() {
            match product.get(*field) {
                Some(&set) if set != ALL => function = self.field(diagram, *field, set, function, outside)?,
                _ => {}
            }
        }
        Ok(function)
    }

    fn field(
        &self,
        diagram: &mut Diagram<'_>,
        field: usize,
        number: u32,
        inside: Id,
        outside: Id,
    ) -> Result<Id, BudgetExceeded> {
        let Some(set) = self.coordinates.sets.get(number as usize) else { return Ok(outside) };
        let many = set.len() > MANY_RANGES;
        if let Some(known) = many.then(|| diagram.known_set(number, inside, outside)).flatten() {
            return Ok(known);
        }
        let (Some(first), Some(bits)) = (self.order.first_levels.get(field), self.order.bits.get(field))
        else {
            return Ok(outside);
        };
        let split = Split { first_level: *first, bits: *bits, inside, outside };
        let made = split.build(diagram, 0, 0, set)?;
        if many { diagram.know_set(number, inside, outside, made) } else { Ok(made) }
    }
}

/// A set of coordinates on its way to nodes.
struct Split {
    first_level: u32,
    bits: u32,
    inside: Id,
    outside: Id,
}

impl Split {
    /// The function of the coordinates from `start` that share the first `depth` bits with it.
    fn build(
        &self,
        diagram: &mut Diagram<'_>,
        depth: u32,
        start: u32,
        set: &[(u32, u32)],
    ) -> Result<Id, BudgetExceeded> {
        let Some((first, last)) = set.first() else { return Ok(self.outside) };
        let half = 1_u32.checked_shl((self.bits - depth).wrapping_sub(1)).unwrap_or(0);
        let end = if half == 0 { start } else { start + (half - 1) + half };
        if *first <= start && *last >= end {
            return Ok(self.inside);
        }
        let middle = start + half;
        let below = set.get(..set.partition_point(|range| range.0 < middle)).unwrap_or_default();
        let above = set.get(set.partition_point(|range| range.1 < middle)..).unwrap_or_default();
        let low = self.build(diagram, depth + 1, start, below)?;
        let high = self.build(diagram, depth + 1, middle, above)?;
        diagram.choice(self.first_level + depth, [low, high])
    }
}
