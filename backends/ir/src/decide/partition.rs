//! Dividing a region among the rules that decide its packets.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::Piece;
use super::budget::{Budget, BudgetExceeded};
use super::cube::{Cube, SPLIT_ORDER};
use super::points;
use super::space::{Query, Space, pair};
use crate::Ranges;

/// Disjoint pieces that make up a query, each with the first rule that matches it.
pub(super) fn partition(
    space: &Space,
    query: &Query,
    budget: &mut Budget,
) -> Result<Vec<Piece>, BudgetExceeded> {
    let mut joined = Joined::default();
    let rules = space.overlapping(&query.cube).iter_ones().collect();
    each_decided(space, &query.cube, rules, budget, |rule, cube| joined.push(rule, cube))?;
    joined.join();
    Ok(joined.pieces(space, query))
}

/// Divides a cube among rules that all meet it, the strongest first, and hands out the parts.
pub(super) fn each_decided(
    space: &Space,
    cube: &Cube,
    rules: Vec<usize>,
    budget: &mut Budget,
    mut take: impl FnMut(Option<usize>, &Cube),
) -> Result<(), BudgetExceeded> {
    let mut open = vec![(cube.clone(), rules)];
    while let Some((piece, rules)) = open.pop() {
        let weight: usize = piece.0.iter().map(Ranges::len).sum();
        budget.spend(weight + 5 * rules.len())?;
        match rules.split_first() {
            None => take(None, &piece),
            Some((rule, weaker)) => {
                if let Some(decided) = split(space, piece, *rule, weaker, &mut open) {
                    take(Some(*rule), &decided);
                }
            }
        }
    }
    Ok(())
}

/// Cuts a rule out of a piece that it meets. What is outside stays open, with the weaker rules that meet it.
fn split(
    space: &Space,
    mut piece: Cube,
    rule: usize,
    weaker: &[usize],
    open: &mut Vec<(Cube, Vec<usize>)>,
) -> Option<Cube> {
    let decider = space.cube(rule)?;
    let mut weaker = weaker.to_vec();
    for at in SPLIT_ORDER {
        let (field, asked) = (piece.0.get_mut(at)?, decider.0.get(at)?);
        if field.is_subset(asked) {
            continue;
        }
        let meets = |rule: &usize, part: &Ranges| {
            space.cube(*rule).and_then(|cube| cube.0.get(at)).is_some_and(|field| field.overlaps(part))
        };
        let (inside, outside) = (field.intersect(asked), field.subtract(asked));
        let meeting = weaker.iter().copied().filter(|rule| meets(rule, &outside)).collect();
        weaker.retain(|rule| meets(rule, &inside));
        *field = outside;
        open.push((piece.clone(), meeting));
        *piece.0.get_mut(at)? = inside;
    }
    Some(piece)
}

/// Decided cubes, with each distinct set of a field stored once.
#[derive(Default)]
struct Joined {
    cubes: Vec<(Option<usize>, [usize; 5])>,
    fields: [Interned; 5],
}

#[derive(Default)]
struct Interned {
    sets: Vec<Ranges>,
    known: HashMap<Ranges, usize>,
}

impl Interned {
    fn id(&mut self, set: &Ranges) -> usize {
        if let Some(id) = self.known.get(set) {
            return *id;
        }
        self.sets.push(set.clone());
        self.known.insert(set.clone(), self.sets.len() - 1);
        self.sets.len() - 1
    }
}

impl Joined {
    fn push(&mut self, rule: Option<usize>, cube: &Cube) {
        let mut ids = [0; 5];
        for ((id, interned), set) in ids.iter_mut().zip(&mut self.fields).zip(&cube.0) {
            *id = interned.id(set);
        }
        self.cubes.push((rule, ids));
    }

    /// Joins cubes of one rule that differ in one field only, until there are none.
    fn join(&mut self) {
        loop {
            let before = self.cubes.len();
            for (at, interned) in self.fields.iter_mut().enumerate() {
                let mut alike: BTreeMap<(Option<usize>, [usize; 5]), Vec<usize>> = BTreeMap::new();
                for (rule, mut ids) in self.cubes.drain(..) {
                    let id = ids.get_mut(at).map(core::mem::take).unwrap_or_default();
                    alike.entry((rule, ids)).or_default().push(id);
                }
                for ((rule, mut ids), parts) in alike {
                    let joined = match parts.as_slice() {
                        [one] => *one,
                        parts => {
                            let sets = parts.iter().filter_map(|part| interned.sets.get(*part));
                            interned.id(&sets.flat_map(Ranges::iter).collect())
                        }
                    };
                    if let Some(id) = ids.get_mut(at) {
                        *id = joined;
                    }
                    self.cubes.push((rule, ids));
                }
            }
            if self.cubes.len() == before {
                return;
            }
        }
    }

    /// The packets of the query in the cubes.
    fn pieces(&self, space: &Space, query: &Query) -> Vec<Piece> {
        let asked = pair(space.axes(), &query.points, |axis, points| (axis, points));
        let values = pair(&self.fields, &asked, |interned, (axis, points)| {
            interned.sets.iter().map(|classes| axis.values_of(classes).intersect(points)).collect::<Vec<_>>()
        });
        let regions = |ids| pair(&values, ids, |sets, id| sets.get(*id).cloned().unwrap_or_default());
        let mut pieces = Vec::new();
        for (rule, ids) in &self.cubes {
            let regions = points::to_regions(space.family(), regions(ids));
            pieces.extend(regions.into_iter().map(|region| Piece { region, rule: *rule }));
        }
        pieces
    }
}
