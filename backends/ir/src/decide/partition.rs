//! Dividing a region among the rules that decide its packets.

use std::cmp::Ordering;

use super::budget::{Budget, BudgetExceeded};
use super::cube::Cube;
use super::space::Space;

/// The rule that decides a cube; `None` for the default.
type Decided = (Option<usize>, Cube);

/// Disjoint cubes that make up `cube`, each with the first rule that matches it, in chain order.
pub(super) fn partition(
    space: &Space,
    cube: &Cube,
    budget: &mut Budget,
) -> Result<Vec<Decided>, BudgetExceeded> {
    let mut pieces = Vec::new();
    let rules: Vec<usize> = space.overlapping(cube).iter_ones().collect();
    let mut open = vec![(cube.clone(), rules)];
    while let Some((piece, rules)) = open.pop() {
        budget.spend(1 + rules.len())?;
        let meets = |rule: &usize| space.cube(*rule).is_some_and(|cube| cube.overlaps(&piece));
        let mut near = rules.into_iter().filter(meets);
        let decider = near.next().and_then(|rule| Some((rule, space.cube(rule)?)));
        let Some((rule, decider)) = decider else {
            pieces.push((None, piece));
            continue;
        };
        let weaker: Vec<usize> = near.collect();
        pieces.extend(piece.intersect(decider).map(|common| (Some(rule), common)));
        open.extend(piece.subtract(decider).into_iter().map(|rest| (rest, weaker.clone())));
    }
    join(&mut pieces);
    pieces.sort_by(|a, b| in_chain_order(a.0, b.0).then_with(|| a.1.cmp(&b.1)));
    Ok(pieces)
}

fn in_chain_order(a: Option<usize>, b: Option<usize>) -> Ordering {
    a.unwrap_or(usize::MAX).cmp(&b.unwrap_or(usize::MAX))
}

/// Joins pieces of one rule that differ in one field only, until there are none.
fn join(pieces: &mut Vec<Decided>) {
    loop {
        let before = pieces.len();
        for field in 0..5 {
            let others = |a: &Decided, b: &Decided| {
                let fields = a.1.0.iter().zip(&b.1.0).enumerate().filter(|(at, _)| *at != field);
                let fields = fields.map(|(_, (a, b))| a.cmp(b)).find(|order| order.is_ne());
                a.0.cmp(&b.0).then(fields.unwrap_or(Ordering::Equal))
            };
            pieces.sort_by(others);
            pieces.dedup_by(|next, kept| {
                let alike = others(next, kept).is_eq();
                if let (true, Some(mine), Some(theirs)) =
                    (alike, kept.1.0.get_mut(field), next.1.0.get(field))
                {
                    *mine = mine.union(theirs);
                }
                alike
            });
        }
        if pieces.len() == before {
            return;
        }
    }
}
