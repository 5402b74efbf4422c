//! Whether a cube is covered by the union of others: cut it along the others until pieces are inside one or bare.

use alloc::vec::Vec;

use super::budget::{Budget, BudgetExceeded};
use super::cube::{Cube, Outside};
use super::space::Space;
use crate::Ranges;

/// With more cubes near a piece than this, the piece is halved; with fewer, one of them is cut out of it. Cutting out
/// one at a time goes as deep as the list is long (measured: 640,000 steps for a query that halving ends in 4,400).
pub(super) const MANY: usize = 40;

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
        let Some(piece) = trimmed(piece, &mut others, budget)? else { continue };
        if others.is_empty() {
            return Ok(Some(piece));
        }
        if others.len() > MANY
            && let Some(halves) = halve(&piece, &others, |fields| fields.max_by_key(|(cuts, _)| cuts.len()))
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

/// What is left of a piece without the others that hold it in every field but one at most: still one cube, be they
/// thousands. The rest of the others is what meets it and would leave more than one. `None` when nothing is left.
pub(super) fn trimmed(
    mut piece: Cube,
    others: &mut Vec<&Cube>,
    budget: &mut Budget,
) -> Result<Option<Cube>, BudgetExceeded> {
    loop {
        budget.spend(1 + others.len())?;
        let mut holes: [Vec<(u128, u128)>; 5] = Default::default();
        let mut whole = false;
        others.retain(|other| match piece.fields_outside(other) {
            Outside::Apart => false,
            Outside::Nothing => {
                whole = true;
                false
            }
            Outside::One(at) => {
                if let (Some(holes), Some(field)) = (holes.get_mut(at), other.0.get(at)) {
                    holes.extend(field.iter());
                }
                false
            }
            Outside::More => true,
        });
        if whole {
            return Ok(None);
        }
        let mut cut = false;
        for (field, holes) in piece.0.iter_mut().zip(holes).filter(|(_, holes)| !holes.is_empty()) {
            cut = true;
            budget.spend(field.len())?;
            *field = field.subtract(&Ranges::from_unsorted(holes));
            if field.is_empty() {
                return Ok(None);
            }
        }
        // What crossed the piece may hold or miss what is left of it.
        if !cut || others.is_empty() {
            return Ok(Some(piece));
        }
    }
}

/// Cuts a piece in two at the median of the boundaries that `others` have inside it, in the field that is picked by them.
pub(super) fn halve(
    piece: &Cube,
    others: &[&Cube],
    pick: impl FnOnce(&mut dyn Iterator<Item = (Vec<u128>, usize)>) -> Option<(Vec<u128>, usize)>,
) -> Option<[Cube; 2]> {
    let mut fields = piece.0.iter().enumerate().filter_map(|(at, field)| {
        let inside = field.first()?.checked_add(1)?..=field.last()?;
        let ends = others.iter().filter_map(|other| other.0.get(at)).flat_map(Ranges::iter);
        let cuts = ends.flat_map(|(first, last)| [Some(first), last.checked_add(1)]).flatten();
        let cuts: Vec<u128> = cuts.filter(|cut| inside.contains(cut)).collect();
        Some((cuts, at)).filter(|(cuts, _)| !cuts.is_empty())
    });
    let (mut cuts, at) = pick(&mut fields)?;
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
