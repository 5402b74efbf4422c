//! The rules of one family as boxes of classes.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::axis::{Axis, RuleBits};
use super::cube::Cube;
use super::points;
use crate::{Family, Match, Packet, Ranges, Region};

/// The axes of one family and every rule as a cube on them; rules of the other family are empty cubes.
#[derive(Clone, Debug)]
pub(super) struct Space {
    family: Family,
    axes: [Axis; 5],
    cubes: Vec<Cube>,
    /// The rules of this family.
    members: RuleBits,
}

/// A region as a cube, with the exact points that it asks for.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) cube: Cube,
    pub(super) points: [Ranges; 5],
}

impl Space {
    pub(super) fn new<'a>(family: Family, limit: usize, rules: impl Iterator<Item = &'a Match>) -> Self {
        let points: Vec<Option<[Cow<'a, Ranges>; 5]>> =
            rules.map(|rule| (rule.family() == family).then(|| points::of_match(rule))).collect();
        let mut cubes = vec![Cube::default(); points.len()];
        let fields: [usize; 5] = core::array::from_fn(|field| field);
        let axes = pair(&fields, &points::last(family), |field, last| {
            let mut groups: BTreeMap<&Ranges, Vec<usize>> = BTreeMap::new();
            for (rule, values) in points.iter().enumerate() {
                if let Some(values) = values.as_ref().and_then(|fields| fields.get(*field)) {
                    groups.entry(values).or_default().push(rule);
                }
            }
            let (axis, classes) = Axis::new(*last, points.len(), limit, &groups);
            for (members, classes) in groups.values().zip(classes) {
                for &rule in members {
                    if let Some(mine) = cubes.get_mut(rule).and_then(|cube| cube.0.get_mut(*field)) {
                        mine.clone_from(&classes);
                    }
                }
            }
            axis
        });
        let members = points.iter().map(Option::is_some).collect();
        Self { family, axes, cubes, members }
    }

    /// The cube of all packets.
    pub(super) fn full(&self) -> Cube {
        Cube(self.axes.each_ref().map(Axis::all))
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    /// How many rules there are, of both families.
    pub(super) const fn rules(&self) -> usize {
        self.cubes.len()
    }

    /// How many of them are of this family.
    pub(super) fn family_rules(&self) -> usize {
        self.members.count_ones()
    }

    pub(super) const fn axes(&self) -> &[Axis; 5] {
        &self.axes
    }

    /// The cube of a rule; empty when the rule is of the other family.
    pub(super) fn cube(&self, rule: usize) -> Option<&Cube> {
        self.cubes.get(rule)
    }

    /// The first rule that matches a packet of this family.
    pub(super) fn first_match(&self, packet: &Packet) -> Option<usize> {
        let classes = pair(&self.axes, &points::of_packet(packet), |axis, value| axis.class(*value));
        self.first_at(&classes, |_| true)
    }

    /// The first accepted rule that holds a cube whole.
    pub(super) fn first_around(&self, cube: &Cube, accept: impl Fn(usize) -> bool) -> Option<usize> {
        let holds = |rule: usize| self.cubes.get(rule).is_some_and(|around| cube.is_subset(around));
        self.first_at(&cube.sample(0), |rule| accept(rule) && holds(rule))
    }

    /// The first accepted rule at a point.
    pub(super) fn first_at(&self, point: &[u32; 5], accept: impl Fn(usize) -> bool) -> Option<usize> {
        let axes = || self.axes.iter().zip(point).filter(|(axis, _)| axis.class_count() > 1);
        let mut rows: Vec<&[u64]> = axes().filter_map(|(axis, class)| axis.row(*class)).collect();
        // Without the rows of some axis there are more candidates than rules at the point.
        let exact = rows.len() == axes().count();
        if rows.is_empty() {
            rows.push(self.members.as_raw_slice());
        }
        let is_there = |rule: usize| exact || self.cubes.get(rule).is_some_and(|cube| cube.contains(point));
        first_common(&rows, |rule| accept(rule) && is_there(rule))
    }

    /// The rules that share packets with a cube.
    pub(super) fn overlapping(&self, cube: &Cube) -> RuleBits {
        let mut found = self.members.clone();
        for ((at, axis), classes) in self.axes.iter().enumerate().zip(&cube.0) {
            if *classes == axis.all() {
                continue;
            }
            let touching = axis.touching(classes).unwrap_or_else(|| {
                let field = |cube: &Cube| cube.0.get(at).is_some_and(|field| field.overlaps(classes));
                self.cubes.iter().map(field).collect()
            });
            for (word, theirs) in found.as_raw_mut_slice().iter_mut().zip(touching.as_raw_slice()) {
                *word &= theirs;
            }
        }
        found
    }

    /// A region of this family on these axes, as disjoint queries.
    pub(super) fn queries(&self, region: &Region) -> Vec<Query> {
        if region.family() != self.family {
            return Vec::new();
        }
        let query =
            |points: [Ranges; 5]| Query { cube: Cube(pair(&self.axes, &points, Axis::touched)), points };
        points::of_region(region).into_iter().map(query).collect()
    }

    /// A packet of a query at a point of classes.
    pub(super) fn packet(&self, query: &Query, point: &[u32; 5]) -> Option<Packet> {
        let values = pair(&self.axes, point, |axis, class| axis.values(*class));
        let point = pair(&values, &query.points, |values, points| (*values)?.intersect(points).first());
        let [Some(source), Some(destination), Some(protocol), Some(source_port), Some(destination_port)] =
            point
        else {
            return None;
        };
        points::packet(self.family, [source, destination, protocol, source_port, destination_port])
    }
}

/// The five results of a function of two fields.
pub(super) fn pair<'a, A, B, C>(
    left: &'a [A; 5],
    right: &'a [B; 5],
    mut of: impl FnMut(&'a A, &'a B) -> C,
) -> [C; 5] {
    let ([a, b, c, d, e], [v, w, x, y, z]) = (left, right);
    [of(a, v), of(b, w), of(c, x), of(d, y), of(e, z)]
}

/// Words of a row that are read at once: half a cache line pair, and few words wasted when the first rules match.
const CHUNK: usize = 8;

/// The first rule that is in all rows and is accepted.
fn first_common(rows: &[&[u64]], accept: impl Fn(usize) -> bool) -> Option<usize> {
    let words = rows.iter().map(|row| row.len()).min()?;
    for start in (0..words).step_by(CHUNK) {
        let mut common = [u64::MAX; CHUNK];
        let end = words.min(start + CHUNK);
        for row in rows {
            for (word, theirs) in common.iter_mut().zip(row.get(start..end)?) {
                *word &= theirs;
            }
        }
        for (at, mut word) in (start..end).zip(common) {
            while word != 0 {
                let rule = at * 64 + word.trailing_zeros() as usize;
                if accept(rule) {
                    return Some(rule);
                }
                word &= word - 1;
            }
        }
    }
    None
}
