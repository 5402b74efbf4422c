//! Whether a cube is covered by the union of others: cut it along the others until pieces are inside one or bare.

use super::budget::{Budget, BudgetExceeded};
use super::cube::Cube;

/// With more cubes near a piece than this, the piece is halved; with fewer, one of them is cut out of it. Cutting out
/// one at a time goes as deep as the list is long (measured: 640,000 steps for a query that halving ends in 4,400).
const MANY: usize = 40;

/// A point of `cube` that lies in none of `others`; `None` when they cover it.
pub(super) fn hole(
    cube: &Cube,
    others: Vec<&Cube>,
    budget: &mut Budget,
) -> Result<Option<[u128; 5]>, BudgetExceeded> {
    let mut open = vec![(cube.clone(), others)];
    while let Some((piece, mut others)) = open.pop() {
        budget.spend(1 + others.len())?;
        others.retain(|other| other.overlaps(&piece));
        if others.is_empty() {
            return Ok(piece.corner());
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
        others.retain(|other| !std::ptr::eq(*other, largest));
        open.extend(piece.subtract(largest).into_iter().map(|rest| (rest, others.clone())));
    }
    Ok(None)
}

/// Cuts a piece in two at the median of the boundaries of `others` in the field that has most of them.
fn halve(piece: &Cube, others: &[&Cube]) -> Option<[Cube; 2]> {
    let boundaries = (0..5).filter_map(|at| {
        let field = piece.0.get(at)?;
        let (first, last) = (field.first()?, field.last()?);
        let ends = others.iter().filter_map(|other| other.0.get(at)).flat_map(|other| other.iter());
        let mut cuts: Vec<u128> = ends.flat_map(|(first, last)| [first, last + 1]).collect();
        cuts.retain(|cut| first < *cut && *cut <= last);
        cuts.sort_unstable();
        let distinct = cuts.chunk_by(|a, b| a == b).count();
        cuts.get(cuts.len() / 2).map(|median| (distinct, at, *median))
    });
    let (_, at, median) = boundaries.max()?;
    let half = |first, last| {
        let mut half = piece.clone();
        let field = half.0.get_mut(at)?;
        *field = field.intersect(&crate::Ranges::span(first, last));
        Some(half)
    };
    Some([half(median, u128::MAX)?, half(0, median - 1)?])
}
