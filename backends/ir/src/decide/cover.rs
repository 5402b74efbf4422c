//! Whether a cube is covered by the union of others: cut it along the others until pieces are inside one or bare.

use alloc::vec::Vec;

use super::budget::{Budget, BudgetExceeded};
use super::cube::Cube;
use super::space::Space;
use crate::Ranges;

/// With more cubes near a piece than this, the piece is halved; with fewer, one of them is cut out of it. Cutting out
/// one at a time goes as deep as the list is long (measured: 640,000 steps for a query that halving ends in 4,400).
const MANY: usize = 40;

/// How many points to try before a cube is cut up.
const SAMPLES: u128 = 4;

/// A point of the cube outside all accepted rules; `None` when they cover it. Most questions are settled without
/// geometry: one rule holds the cube whole, or no rule matches one of the first points tried.
pub(super) fn hole(
    space: &Space,
    cube: &Cube,
    accept: impl Fn(usize) -> bool,
    budget: &mut Budget,
) -> Result<Option<[u32; 5]>, BudgetExceeded> {
    budget.spend(1 + space.rules() / 128)?;
    if space.first_around(cube, &accept).is_some() {
        return Ok(None);
    }
    for point in (0..SAMPLES).map(|at| cube.sample(at)) {
        if space.first_at(&point, &accept).is_none() {
            return Ok(Some(point));
        }
    }
    let near = space.overlapping(cube);
    let near = near.iter_ones().filter(|rule| accept(*rule)).filter_map(|rule| space.cube(rule));
    Ok(bare(cube.clone(), near.collect(), budget)?.map(|piece| piece.sample(0)))
}

/// A part of the cube outside all others; `None` when they cover it.
pub(super) fn bare(
    cube: Cube,
    others: Vec<&Cube>,
    budget: &mut Budget,
) -> Result<Option<Cube>, BudgetExceeded> {
    let mut open: Vec<(Cube, Vec<&Cube>)> = vec![(cube, others)];
    while let Some((piece, mut others)) = open.pop() {
        budget.spend(1 + others.len())?;
        others.retain(|other| other.overlaps(&piece));
        if others.is_empty() {
            return Ok(Some(piece));
        }
        if others.iter().any(|other| piece.is_subset(other)) {
            continue;
        }
        if others.len() > MANY
            && let Some(halves) = halve(&piece, &others)
        {
            open.extend(halves.map(|half| (half, others.clone())));
            continue;
        }
        let Some(largest) = others.iter().copied().max_by_key(|other| other.common(&piece)) else { continue };
        others.retain(|other| !core::ptr::eq(*other, largest));
        open.extend(piece.subtract(largest).into_iter().map(|rest| (rest, others.clone())));
    }
    Ok(None)
}

/// Cuts a piece in two at the median of the boundaries that `others` have inside it, in the field with most of them.
fn halve(piece: &Cube, others: &[&Cube]) -> Option<[Cube; 2]> {
    let fields = piece.0.iter().enumerate().filter_map(|(at, field)| {
        let inside = field.first()?.checked_add(1)?..=field.last()?;
        let ends = others.iter().filter_map(|other| other.0.get(at)).flat_map(Ranges::iter);
        let cuts = ends.flat_map(|(first, last)| [Some(first), last.checked_add(1)]).flatten();
        Some((cuts.filter(|cut| inside.contains(cut)).collect::<Vec<u128>>(), at))
    });
    let (mut cuts, at) = fields.max_by_key(|(cuts, _)| cuts.len()).filter(|(cuts, _)| !cuts.is_empty())?;
    let middle = cuts.len() / 2;
    let median = *cuts.select_nth_unstable(middle).1;
    let half = |first, last| {
        let mut half = piece.clone();
        let field = half.0.get_mut(at)?;
        *field = field.intersect(&Ranges::span(first, last));
        Some(half)
    };
    Some([half(median, u128::MAX)?, half(0, median - 1)?])
}
