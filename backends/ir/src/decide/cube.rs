//! Products of class sets: the boxes of the exact algorithms.

use alloc::vec::Vec;

use crate::Ranges;

/// Fields in the order in which boxes are split. Protocol first: it says whether a packet has ports, and the values
/// of the port fields stay together for packets that have none. Services vary less than addresses, so they come next.
pub(super) const SPLIT_ORDER: [usize; 5] = [2, 4, 3, 1, 0];

/// A set of classes per field, none empty unless the cube is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cube(pub(super) [Ranges; 5]);

/// In which fields a cube reaches out of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outside {
    /// They share nothing.
    Apart,
    /// In none: it lies inside.
    Nothing,
    /// In one.
    One(usize),
    /// In several.
    More,
}

impl Cube {
    /// Where the cube reaches out of another.
    pub(super) fn fields_outside(&self, other: &Self) -> Outside {
        let mut found = Outside::Nothing;
        for (at, (mine, theirs)) in self.0.iter().zip(&other.0).enumerate().rev() {
            if !mine.overlaps(theirs) {
                return Outside::Apart;
            }
            if found != Outside::More && !mine.is_subset(theirs) {
                found = if found == Outside::Nothing { Outside::One(at) } else { Outside::More };
            }
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().any(Ranges::is_empty)
    }

    /// The fields of both, ports first: they differ most often and are the smallest sets.
    fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a Ranges, &'a Ranges)> {
        self.0.iter().zip(&other.0).rev()
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.pairs(other).all(|(mine, theirs)| mine.overlaps(theirs))
    }

    pub(super) fn is_subset(&self, other: &Self) -> bool {
        self.pairs(other).all(|(mine, theirs)| mine.is_subset(theirs))
    }

    pub(super) fn contains(&self, point: &[u32; 5]) -> bool {
        self.0.iter().zip(point).all(|(field, class)| field.contains(u128::from(*class)))
    }

    pub(super) fn intersect(&self, other: &Self) -> Option<Self> {
        let mut common = self.clone();
        for (field, theirs) in common.0.iter_mut().zip(&other.0) {
            *field = field.intersect(theirs);
            if field.is_empty() {
                return None;
            }
        }
        Some(common)
    }

    /// How many points are in both, or very many.
    pub(super) fn common(&self, other: &Self) -> u128 {
        let count = |(mine, theirs): (&Ranges, &Ranges)| -> u128 {
            let sizes = mine.common(theirs).map(|(first, last)| (last - first).saturating_add(1));
            sizes.fold(0, u128::saturating_add)
        };
        self.0.iter().zip(&other.0).map(count).fold(1, u128::saturating_mul)
    }

    /// What lies outside `other`, as at most five disjoint cubes.
    pub(super) fn subtract(&self, other: &Self) -> Vec<Self> {
        let Some(common) = self.intersect(other) else { return vec![self.clone()] };
        let mut rest = Vec::new();
        let mut open = self.clone();
        for at in SPLIT_ORDER {
            let (Some(field), Some(inside)) = (open.0.get_mut(at), common.0.get(at)) else { continue };
            let outside = field.subtract(inside);
            if !outside.is_empty() {
                *field = outside;
                rest.push(open.clone());
            }
            if let Some(field) = open.0.get_mut(at) {
                field.clone_from(inside);
            }
        }
        rest
    }

    /// A point of the cube: the first class of each field and the ones after it, all round to the first again, as `at`
    /// grows.
    pub(super) fn sample(&self, at: u128) -> [u32; 5] {
        self.0.each_ref().map(|field| {
            let count: u128 = field.iter().map(|(first, last)| last - first + 1).sum();
            let mut left = at.checked_rem(count).unwrap_or_default();
            for (first, last) in field.iter() {
                if left <= last - first {
                    return (first + left) as u32;
                }
                left -= last - first + 1;
            }
            0
        })
    }
}
