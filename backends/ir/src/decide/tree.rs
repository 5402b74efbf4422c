//! Boxes in a tree: which of them overlap a box, or hold it, without looking at all.
//!
//! A node is cut at a number of one field into the boxes that cross the cut, those below and those above; so wide and
//! narrow boxes come apart, and every box stands in one leaf only. The tree takes memory in proportion to the boxes
//! and n log n time to build. How much of it a question reads depends on how much the boxes overlap: for prefixes and
//! services some hundred boxes of a million, for a question about everything all of them.

use alloc::vec::Vec;
use core::ops::Range;

use super::budget::{Budget, BudgetExceeded};
use super::hull::{Hull, Number};

/// Boxes that a leaf holds before it is cut.
const LEAF: usize = 16;

/// How many boxes are looked at to choose a cut.
const SAMPLE: usize = 24;

/// A rule's box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<T> {
    pub(super) hull: Hull<T>,
    /// The rule's place in the chain.
    pub(super) place: u32,
    /// The one bit of the rule's outcome.
    pub(super) outcome: u8,
    /// Where the rule's exact sets stand, if it is not the whole box.
    pub(super) sets: Option<u32>,
}

/// A part of the tree. Nodes stand in the order in which they are read: a node's parts follow it.
#[derive(Clone, Debug)]
struct Node<T> {
    hull: Hull<T>,
    /// The places of its rules lie in there.
    places: Range<u32>,
    /// The outcomes of its rules.
    outcomes: u8,
    /// The node to go on with when there is nothing here.
    next: u32,
    /// Where its boxes stand; empty when it has parts.
    boxes: Range<u32>,
}

/// What a question asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Rules at these places.
    pub(super) places: Range<u32>,
    /// Rules of these outcomes.
    pub(super) outcomes: u8,
}

#[derive(Clone, Debug)]
pub(super) struct Tree<T> {
    nodes: Vec<Node<T>>,
    entries: Vec<Entry<T>>,
}

impl<T: Number> Tree<T> {
    pub(super) fn new(mut entries: Vec<Entry<T>>) -> Self {
        let mut nodes = Vec::with_capacity(entries.len() / 4);
        build(&mut nodes, &mut entries, 0);
        Self { nodes, entries }
    }

    /// Reads all boxes that may answer a question, until `found` says that it is answered (`true`). `fits` tells of a
    /// box whether it, or a box in it, may. What is wanted may become less on the way.
    pub(super) fn read(
        &self,
        mut wanted: Wanted,
        fits: impl Fn(&Hull<T>) -> bool,
        budget: &mut Budget,
        mut found: impl FnMut(&Entry<T>, &mut Wanted) -> bool,
    ) -> Result<bool, BudgetExceeded> {
        let mut at = 0;
        let mut steps = 0;
        while let Some(node) = self.nodes.get(at) {
            steps += 1;
            let asked = node.outcomes & wanted.outcomes != 0
                && node.places.start < wanted.places.end
                && wanted.places.start < node.places.end;
            if !asked || !fits(&node.hull) {
                at = node.next as usize;
                continue;
            }
            at += 1;
            let boxes = self.entries.get(node.boxes.start as usize..node.boxes.end as usize);
            for entry in boxes.unwrap_or_default() {
                steps += 1;
                let asked = entry.outcome & wanted.outcomes != 0 && wanted.places.contains(&entry.place);
                if asked && fits(&entry.hull) && found(entry, &mut wanted) {
                    budget.spend(steps)?;
                    return Ok(true);
                }
            }
            if steps > 1_000 {
                budget.spend(core::mem::take(&mut steps))?;
            }
        }
        budget.spend(steps)?;
        Ok(false)
    }
}

/// Appends the nodes of some boxes, the first of which stands at `start`.
fn build<T: Number>(nodes: &mut Vec<Node<T>>, entries: &mut [Entry<T>], start: u32) {
    let Some(mut hull) = entries.first().map(|entry| entry.hull) else { return };
    let (mut first, mut last, mut outcomes) = (u32::MAX, 0, 0);
    for entry in entries.iter() {
        hull.join(&entry.hull);
        (first, last) = (first.min(entry.place), last.max(entry.place));
        outcomes |= entry.outcome;
    }
    let at = nodes.len();
    let boxes = start..start + entries.len() as u32;
    nodes.push(Node { hull, places: first..last + 1, outcomes, next: 0, boxes });
    if let Some([crossing, below, above]) = cut(entries) {
        if let Some(node) = nodes.get_mut(at) {
            node.boxes = start..start;
        }
        let (below_at, above_at) =
            (start + crossing.len() as u32, start + (crossing.len() + below.len()) as u32);
        build(nodes, crossing, start);
        build(nodes, below, below_at);
        build(nodes, above, above_at);
    }
    let next = nodes.len() as u32;
    if let Some(node) = nodes.get_mut(at) {
        node.next = next;
    }
}

/// Parts boxes into those that cross a cut, those below and those above; `None` when few boxes come apart. As no part
/// keeps nearly all, the tree is never deep.
fn cut<T: Number>(entries: &mut [Entry<T>]) -> Option<[&mut [Entry<T>]; 3]> {
    let count = entries.len();
    if count <= LEAF {
        return None;
    }
    let cuts = (0..5).filter_map(|field| {
        let mut runs = [(T::of(0), T::of(0)); SAMPLE];
        let sample = entries.iter().step_by(count.div_ceil(SAMPLE));
        let many = sample.len();
        for (run, entry) in runs.iter_mut().zip(sample) {
            *run = (*entry.hull.low.get(field)?, *entry.hull.high.get(field)?);
        }
        let runs = runs.get(..many)?;
        let cut = median(runs)?;
        let mut sizes = [0; 3];
        for (low, high) in runs {
            if let Some(size) = sizes.get_mut(side_of(*low, *high, cut) as usize) {
                *size += 1;
            }
        }
        Some((sizes.into_iter().max(), field, cut))
    });
    let (_, field, cut) = cuts.min_by_key(|(largest, field, _)| (*largest, *field))?;
    let above = partition(entries, |entry| side(&entry.hull, field, cut) != Side::Above);
    let (rest, above) = entries.split_at_mut(above);
    let below = partition(rest, |entry| side(&entry.hull, field, cut) == Side::Crossing);
    let (crossing, below) = rest.split_at_mut(below);
    let largest = crossing.len().max(below.len()).max(above.len());
    (largest < count - count / 16).then_some([crossing, below, above])
}

/// The middle one of the different lower ends of at most [`SAMPLE`] runs, without the lowest.
fn median<T: Number>(runs: &[(T, T)]) -> Option<T> {
    let lowest = runs.iter().map(|run| run.0).min()?;
    let mut higher = [lowest; SAMPLE];
    let mut many = 0;
    for (place, low) in higher.iter_mut().zip(runs.iter().map(|run| run.0).filter(|low| *low > lowest)) {
        *place = low;
        many += 1;
    }
    let higher = higher.get_mut(..many).filter(|higher| !higher.is_empty())?;
    let middle = (runs.len() / 2).saturating_sub(runs.len() - many);
    Some(*higher.select_nth_unstable(middle).1)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Crossing,
    Below,
    Above,
}

fn side<T: Number>(hull: &Hull<T>, field: usize, cut: T) -> Side {
    match (hull.low.get(field), hull.high.get(field)) {
        (Some(low), Some(high)) => side_of(*low, *high, cut),
        _ => Side::Crossing,
    }
}

fn side_of<T: Number>(low: T, high: T, cut: T) -> Side {
    if high < cut {
        Side::Below
    } else if low >= cut {
        Side::Above
    } else {
        Side::Crossing
    }
}

/// Brings the boxes that are wanted to the front and counts them.
fn partition<T>(entries: &mut [Entry<T>], is_first: impl Fn(&Entry<T>) -> bool) -> usize {
    let mut front = 0;
    for at in 0..entries.len() {
        if entries.get(at).is_some_and(&is_first) {
            entries.swap(front, at);
            front += 1;
        }
    }
    front
}
