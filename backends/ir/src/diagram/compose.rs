//! Operations on functions. All are exact; all but the simplest cases are remembered.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::nodes::{BOTTOM, Id, MOST_NODES, Nodes, terminal_number};
use super::terminal::{Calls, Exit, Lists, OUTSIDE, PASS, outcome, plain};
use crate::Verdict;
use crate::decide::{Budget, BudgetExceeded};

/// Packets with two outcomes, in what [`Diagram::unlike`] returns.
pub(super) const UNLIKE: Id = plain(false, Exit::End(Verdict::Deny));

/// Behind calls of which none comes back the verdict is no matter: it is part of the last of them.
const ENDED: Exit = Exit::End(Verdict::Allow);

/// The numbers of operations in the store of results; sets of values count on from the last small one, and
/// comparisons inside of a guard from the large one.
const THEN: u32 = 0;
const WITHIN: u32 = 1;
const RETURNED: u32 = 2;
const RETURNING: u32 = 3;
const UNLIKENESS: u32 = 4;
const BOTH: u32 = 5;
const SETS: u32 = 6;
const UNLIKE_IN: u32 = 1 << 31;

/// Functions of packets and their ways, in one order of fields.
pub(super) struct Diagram<'a> {
    nodes: Nodes,
    lists: Lists,
    /// Functions that last, by place: calls name them so, and collecting does not change it.
    kept: Vec<Id>,
    places: BTreeMap<Id, Place>,
    /// The first level of the packet's own fields; above are those of its way.
    packet_level: u32,
    budget: &'a mut Budget,
}

type Made = Result<Id, BudgetExceeded>;

/// Where a function is kept; equal functions have one place.
pub(super) type Place = u32;

impl<'a> Diagram<'a> {
    pub(super) fn new(most: usize, packet_level: u32, budget: &'a mut Budget) -> Self {
        let nodes = Nodes::new(most.min(MOST_NODES));
        let (lists, kept, places) = (Lists::default(), Vec::new(), BTreeMap::new());
        Self { nodes, lists, kept, places, packet_level, budget }
    }

    /// Whether some packets go on from a function.
    pub(super) fn is_open(&self, id: Id) -> bool {
        let here = || match outcome(id) {
            Some((_, exit)) => exit == Exit::Pass,
            None => self.lists.get(id).is_some_and(|calls| calls.exit == Exit::Pass),
        };
        self.nodes.open_below(id).unwrap_or_else(here)
    }

    fn has_calls(&self, id: Id) -> bool {
        self.nodes.calls_below(id).unwrap_or_else(|| self.lists.get(id).is_some())
    }

    /// The choice of two functions by one bit.
    pub(super) fn choice(&mut self, level: u32, [low, high]: [Id; 2]) -> Made {
        let open = self.is_open(low) || self.is_open(high);
        let calls = self.has_calls(low) || self.has_calls(high);
        self.nodes.make(level, [low, high], open, calls)
    }

    /// What a set of values of one field makes of an outcome, by number of the set.
    pub(super) fn known_set(&self, set: u32, inside: Id, outside: Id) -> Option<Id> {
        self.nodes.remembered(SETS.checked_add(set)?, [inside, outside])
    }

    /// Remembers that.
    pub(super) fn know_set(&mut self, set: u32, inside: Id, outside: Id, made: Id) -> Made {
        self.nodes.remember(SETS.saturating_add(set), [inside, outside], made, self.budget)
    }

    /// First `a`, and then `b` for packets that go on.
    pub(super) fn then(&mut self, a: Id, b: Id) -> Made {
        if b == PASS || !self.is_open(a) {
            return Ok(a);
        }
        if a == PASS {
            return Ok(b);
        }
        if terminal_number(a).is_some() && terminal_number(b).is_some() {
            return self.one_then(a, b);
        }
        self.pairwise(THEN, a, b, Self::then)
    }

    /// An operation on both sides of the first choice of two functions.
    fn pairwise(&mut self, operation: u32, a: Id, b: Id, of: fn(&mut Self, Id, Id) -> Made) -> Made {
        if let Some(known) = self.nodes.remembered(operation, [a, b]) {
            return Ok(known);
        }
        let level = self.nodes.level(a).min(self.nodes.level(b));
        let ([a0, a1], [b0, b1]) = (self.nodes.children(a, level), self.nodes.children(b, level));
        let sides = [of(self, a0, b0)?, of(self, a1, b1)?];
        let made = self.choice(level, sides)?;
        self.nodes.remember(operation, [a, b], made, self.budget)
    }

    /// One outcome after another.
    fn one_then(&mut self, a: Id, b: Id) -> Made {
        match (outcome(a), outcome(b)) {
            (Some((logged, _)), Some((later, exit))) => Ok(plain(logged || later, exit)),
            (Some((_, _)), None) => {
                let Some(Calls { mut blocks, exit }) = self.lists.get(b).cloned() else { return Ok(b) };
                // Only what is logged comes here: nothing to add is no case for this function.
                if let Some(first) = blocks.first_mut() {
                    *first = self.extended(a, *first, PASS)?;
                }
                Ok(self.lists.id(Calls { blocks, exit }))
            }
            (None, Some((logged, exit))) => {
                let Some(Calls { mut blocks, exit: _ }) = self.lists.get(a).cloned() else { return Ok(a) };
                let last = match exit {
                    Exit::Pass | Exit::Return => plain(logged, Exit::Pass),
                    Exit::End(_) => b,
                };
                let exit = if matches!(exit, Exit::End(_)) { ENDED } else { exit };
                if let Some(block) = blocks.last_mut() {
                    *block = self.extended(PASS, *block, last)?;
                }
                Ok(self.lists.id(Calls { blocks, exit }))
            }
            (None, None) => {
                let (Some(first), Some(second)) = (self.lists.get(a), self.lists.get(b)) else {
                    return Ok(a);
                };
                let blocks = first.blocks.iter().chain(&second.blocks).copied().collect();
                let exit = second.exit;
                Ok(self.lists.id(Calls { blocks, exit }))
            }
        }
    }

    /// A kept function with something before and behind it.
    fn extended(&mut self, before: Id, place: Place, behind: Id) -> Result<Place, BudgetExceeded> {
        let function = self.then(before, self.kept(place))?;
        let function = self.then(function, behind)?;
        Ok(self.keep(function))
    }

    /// Keeps a function.
    pub(super) fn keep(&mut self, function: Id) -> Place {
        let next = self.kept.len() as Place;
        let kept = &mut self.kept;
        *self.places.entry(function).or_insert_with(|| {
            kept.push(function);
            next
        })
    }

    /// The function at a place.
    pub(super) fn kept(&self, place: Place) -> Id {
        self.kept.get(place as usize).copied().unwrap_or(PASS)
    }

    /// A call of a function that is not looked into.
    pub(super) fn sealed(&mut self, place: Place) -> Id {
        let function = self.kept(place);
        if terminal_number(function).is_some() {
            return function;
        }
        let exit = if self.is_open(function) { Exit::Pass } else { ENDED };
        self.lists.id(Calls { blocks: vec![place], exit })
    }

    /// `function` inside of a guard, which leads to [`PASS`] inside and [`OUTSIDE`] elsewhere.
    pub(super) fn within(&mut self, guard: Id, function: Id) -> Made {
        match guard {
            _ if function == PASS => Ok(PASS),
            PASS => Ok(function),
            OUTSIDE => Ok(PASS),
            _ => self.pairwise(WITHIN, guard, function, Self::within),
        }
    }

    /// A block's function for its caller: what returns goes on there.
    pub(super) fn returned(&mut self, function: Id) -> Made {
        self.renamed(RETURNED, function, [Exit::Return, Exit::Pass])
    }

    /// What goes on behind a function, returns.
    pub(super) fn returning(&mut self, function: Id) -> Made {
        if !self.is_open(function) {
            return Ok(function);
        }
        self.renamed(RETURNING, function, [Exit::Pass, Exit::Return])
    }

    fn renamed(&mut self, operation: u32, function: Id, [from, to]: [Exit; 2]) -> Made {
        if let Some((logged, exit)) = outcome(function) {
            return Ok(if exit == from { plain(logged, to) } else { function });
        }
        if let Some(Calls { blocks, exit }) = self.lists.get(function) {
            let calls = Calls { blocks: blocks.clone(), exit: if *exit == from { to } else { *exit } };
            return Ok(self.lists.id(calls));
        }
        if let Some(known) = self.nodes.remembered(operation, [function, PASS]) {
            return Ok(known);
        }
        let level = self.nodes.level(function);
        let [low, high] = self.nodes.children(function, level);
        let sides = [self.renamed(operation, low, [from, to])?, self.renamed(operation, high, [from, to])?];
        let made = self.choice(level, sides)?;
        self.nodes.remember(operation, [function, PASS], made, self.budget)
    }

    /// [`UNLIKE`] where two functions have different outcomes, else [`PASS`]. Calls are looked into where they differ.
    pub(super) fn unlike(&mut self, a: Id, b: Id) -> Made {
        self.unlike_in(PASS, a, b)
    }

    /// The same inside of a guard. Functions that were called know nothing of the packets that came there, while others
    /// are what is left of them for these packets: they are compared for these only.
    fn unlike_in(&mut self, guard: Id, a: Id, b: Id) -> Made {
        if a == b {
            return Ok(PASS);
        }
        if let [Some(a), Some(b)] = [self.opened(a)?, self.opened(b)?] {
            let (a, b) = (self.within(guard, a)?, self.within(guard, b)?);
            return self.unlikeness(a, b);
        }
        let operation = UNLIKE_IN | self.keep(guard);
        if let Some(known) = self.nodes.remembered(operation, [a, b]) {
            return Ok(known);
        }
        let level = self.nodes.level(a).min(self.nodes.level(b));
        let ([a0, a1], [b0, b1]) = (self.nodes.children(a, level), self.nodes.children(b, level));
        let sides = [self.choice(level, [PASS, OUTSIDE])?, self.choice(level, [OUTSIDE, PASS])?];
        // What is called does not ask for the way, so the guard need not know it.
        let in_packet = level >= self.packet_level;
        let mut made = PASS;
        for (side, (a, b)) in sides.into_iter().zip([(a0, b0), (a1, b1)]) {
            let inner = if in_packet { self.both(guard, side)? } else { guard };
            let unlike = self.unlike_in(inner, a, b)?;
            let unlike = self.within(side, unlike)?;
            made = self.then(made, unlike)?;
        }
        self.nodes.remember(operation, [a, b], made, self.budget)
    }

    /// Where two functions without calls have different outcomes.
    fn unlikeness(&mut self, a: Id, b: Id) -> Made {
        if a == b {
            return Ok(PASS);
        }
        if outcome(a).is_some() && outcome(b).is_some() {
            return Ok(UNLIKE);
        }
        self.pairwise(UNLIKENESS, a.min(b), a.max(b), Self::unlikeness)
    }

    /// Inside of two guards.
    fn both(&mut self, a: Id, b: Id) -> Made {
        match (a, b) {
            (PASS, other) | (other, PASS) => Ok(other),
            (OUTSIDE, _) | (_, OUTSIDE) => Ok(OUTSIDE),
            _ => self.pairwise(BOTH, a, b, Self::both),
        }
    }

    /// A function without calls: itself, or what the calls of a terminal do. `None` for a node with calls below.
    fn opened(&mut self, id: Id) -> Result<Option<Id>, BudgetExceeded> {
        let Some(Calls { blocks, exit }) = self.lists.get(id).cloned() else {
            return Ok(Some(id).filter(|id| !self.has_calls(*id)));
        };
        let mut whole = plain(false, exit);
        for block in blocks.iter().rev() {
            whole = self.then(self.kept(*block), whole)?;
        }
        Ok(Some(whole))
    }

    /// The choices that lead to an outcome other than [`PASS`], by level; low ones where both do.
    pub(super) fn path(&self, mut id: Id) -> Option<Vec<(u32, bool)>> {
        let mut path = Vec::new();
        loop {
            let level = self.nodes.level(id);
            if level == BOTTOM {
                return (id != PASS).then_some(path);
            }
            let [low, high] = self.nodes.children(id, level);
            path.push((level, low == PASS));
            id = if low == PASS { high } else { low };
        }
    }

    /// Forgets what neither is kept nor one of the roots leads to, when there is much of it.
    pub(super) fn collect(&mut self, roots: &mut [Id]) -> Result<(), BudgetExceeded> {
        if !self.nodes.is_crowded() {
            return Ok(());
        }
        self.budget.spend(self.nodes.collecting())?;
        self.nodes.collect(&mut [roots, &mut self.kept]);
        self.places = self.kept.iter().enumerate().map(|(at, function)| (*function, at as Place)).collect();
        Ok(())
    }
}
