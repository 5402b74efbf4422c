//! Sets of packets on their way through a program.

use alloc::vec::Vec;

use super::{Act, Program};
use crate::decide::{Budget, BudgetExceeded};
use crate::{Region, Traversal, Verdict};

/// What one intersection or subtraction of regions costs, in steps of a budget.
const SPLIT: usize = 20;

/// Packets that share a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The packets.
    pub region: Region,
    /// Whether they were logged on the way.
    pub logged: bool,
    /// The blocks that they met and that were not entered, each as if it had returned.
    pub calls: Vec<usize>,
    /// How their way ends.
    pub end: Verdict,
}

/// A leaf in the making, and where its packets are.
#[derive(Clone)]
struct Walk {
    leaf: Leaf,
    /// Block and next step, the innermost last.
    stack: Vec<(usize, usize)>,
}

/// What becomes of the packets of a region on a way, as disjoint leaves. Blocks marked `closed` are not entered.
pub fn run(
    program: &Program,
    at: &Traversal,
    region: &Region,
    closed: &[bool],
    budget: &mut Budget,
) -> Result<Vec<Leaf>, BudgetExceeded> {
    let leaf = Leaf { region: region.clone(), logged: false, calls: Vec::new(), end: Verdict::Allow };
    let Some(entry) = program.entry(at.hook) else { return Ok(vec![leaf]) };
    let mut open = vec![Walk { leaf, stack: vec![(entry, 0)] }];
    let mut leaves = Vec::new();
    while let Some(mut walk) = open.pop() {
        while let Some((block, next)) = walk.stack.last_mut() {
            let step = program.blocks.get(*block).and_then(|block| block.steps.get(*next));
            let Some(step) = step else {
                walk.stack.pop();
                continue;
            };
            *next += 1;
            budget.spend(1)?;
            if !step.applies(at) {
                continue;
            }
            budget.spend(SPLIT)?;
            let Some(inside) = walk.leaf.region.intersect(&step.guard) else { continue };
            if inside != walk.leaf.region {
                for rest in walk.leaf.region.subtract(&step.guard) {
                    budget.spend(SPLIT)?;
                    let mut other = walk.clone();
                    other.leaf.region = rest;
                    open.push(other);
                }
                walk.leaf.region = inside;
            }
            walk.take(step.act, closed);
        }
        leaves.push(walk.leaf);
    }
    Ok(leaves)
}

impl Walk {
    fn take(&mut self, act: Act, closed: &[bool]) {
        match act {
            Act::Decide(verdict) => {
                self.leaf.end = verdict;
                self.stack.clear();
            }
            Act::Log => self.leaf.logged = true,
            Act::Return => drop(self.stack.pop()),
            Act::Goto(to) => {
                self.stack.pop();
                self.enter(to, closed);
            }
            Act::Call(to) => self.enter(to, closed),
        }
    }

    fn enter(&mut self, block: usize, closed: &[bool]) {
        if closed.get(block).copied().unwrap_or(false) {
            self.leaf.calls.push(block);
        } else {
            self.stack.push((block, 0));
        }
    }
}
