//! Which table of leading bits a set of cuts gets: the one from where nodes lead to a name in the fewest steps.

use super::node::{FEW, MANY};

/// The fewest and the most slots of the table.
const SLOTS: (usize, usize) = (16, 1 << 16);

/// The fewest levels of nodes that tell so many cuts apart.
fn depth(cuts: usize, fan: usize) -> u32 {
    (0..).find(|depth| cuts < fan.saturating_pow(*depth)).unwrap_or_default()
}

/// The table by leading bits.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The first number of the first slot.
    pub(super) base: u128,
    /// The size of a slot, as a power of two.
    pub(super) shift: u32,
    /// How many slots there are.
    pub(super) span: u128,
}

impl Shape {
    /// The smallest of the tables that lead to a name in the fewest steps, and the size of their nodes.
    pub(super) fn of(cuts: &[(u128, u32)]) -> (Self, usize) {
        let most = (32 * cuts.len()).clamp(SLOTS.0, SLOTS.1);
        let sizes = || (0..).map(|bits| SLOTS.0 << bits).take_while(|size| *size <= most);
        let shapes = [FEW, MANY]
            .into_iter()
            .flat_map(|fan| sizes().map(move |size| (Self::around(cuts, size as u128), fan)));
        // A node costs two loads that wait for each other, and a large one a little more than a small one.
        let cost = |(shape, fan): &(Self, usize)| shape.depth(cuts, *fan) * (fan.ilog2() + 12);
        shapes.min_by_key(cost).unwrap_or((Self { base: 0, shift: 127, span: 2 }, FEW))
    }

    /// Slots that hold all cuts.
    fn around(cuts: &[(u128, u32)], limit: u128) -> Self {
        let (first, last) = match cuts {
            [(first, _), .., (last, _)] => (*first, *last),
            [(only, _)] => (*only, *only),
            [] => (0, 0),
        };
        let around = |shift: u32| {
            // A slot for what lies below all cuts, if anything does, and one for what lies above.
            let base = (first >> shift << shift).saturating_sub(1 << shift);
            Self { base, shift, span: ((last - base) >> shift).saturating_add(2) }
        };
        (0..128).map(around).find(|shape| shape.span <= limit).unwrap_or(Self {
            base: 0,
            shift: 127,
            span: 2,
        })
    }

    pub(super) fn depth(&self, cuts: &[(u128, u32)], fan: usize) -> u32 {
        self.buckets(cuts, 0).map(|(inside, _)| depth(inside.len(), fan)).max().unwrap_or_default()
    }

    /// The cuts inside each slot and the name at its start.
    pub(super) fn buckets(
        self,
        cuts: &[(u128, u32)],
        before: u32,
    ) -> impl Iterator<Item = (&[(u128, u32)], u32)> {
        let (mut rest, mut name) = (cuts, before);
        (0..self.span).map(move |slot| {
            // Above the last cut the end of all numbers may be passed.
            let low = self.base.saturating_add(slot.saturating_mul(1 << self.shift));
            let high = low | ((1 << self.shift) - 1);
            let end = rest.iter().position(|(at, _)| *at > high).unwrap_or(rest.len());
            let (here, later) = rest.split_at(end);
            let (at_start, inside) = here.split_at(here.iter().take_while(|(at, _)| *at <= low).count());
            let first = at_start.last().map_or(name, |cut| cut.1);
            (rest, name) = (later, inside.last().map_or(first, |cut| cut.1));
            (inside, first)
        })
    }
}
