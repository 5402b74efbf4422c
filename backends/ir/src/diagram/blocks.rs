//! Blocks as functions, each built once: called blocks first, the steps of each folded in pairs.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::compose::{Diagram, Place};
use super::coordinates::{FIELDS, Product, Sets};
use super::guard::Guards;
use super::nodes::{Id, terminal_number};
use super::terminal::{Exit, OUTSIDE, PASS, plain};
use crate::Verdict;
use crate::decide::BudgetExceeded;
use crate::symbolic::{Act, Program, Step};

/// Packets whose way ends well.
pub(super) const ACCEPT: Id = plain(false, Exit::End(Verdict::Allow));

/// A step with its guard in coordinates.
pub(super) struct Move {
    pub(super) products: Vec<Product>,
    pub(super) act: Act,
}

/// A program in coordinates, as far as packets can come.
pub(super) struct Moves {
    /// Per block its steps; none where no packet comes.
    blocks: Vec<Vec<Move>>,
    /// The blocks that packets can come to, each behind all that it leads to.
    order: Vec<usize>,
    /// Per block whether it depends on the packet alone.
    pure: Vec<bool>,
}

impl Move {
    pub(super) fn new(step: &Step, sets: &mut Sets<'_>) -> Self {
        Self { products: sets.products(step), act: step.act }
    }
}

impl Moves {
    /// The program's moves. Fails on blocks that lead back to themselves.
    pub(super) fn new(program: &Program, sets: &mut Sets<'_>) -> Result<Self, BudgetExceeded> {
        let order = order(program)?;
        let mut blocks: Vec<Vec<Move>> = program.blocks.iter().map(|_| Vec::new()).collect();
        for at in &order {
            if let (Some(moves), Some(block)) = (blocks.get_mut(*at), program.blocks.get(*at)) {
                *moves = block.steps.iter().map(|step| Move::new(step, sets)).collect();
            }
        }
        Ok(Self { blocks, order, pure: program.pure() })
    }

    fn block(&self, at: usize) -> &[Move] {
        self.blocks.get(at).map_or(&[], Vec::as_slice)
    }

    fn is_pure(&self, at: usize) -> bool {
        self.pure.get(at).copied().unwrap_or(false)
    }

    /// The pure blocks that impure ones lead to.
    pub(super) fn chains(&self) -> BTreeSet<usize> {
        let impure = self.order.iter().filter(|at| !self.is_pure(**at));
        let leads = impure.flat_map(|at| self.block(*at)).filter_map(|step| target(step.act));
        leads.filter(|at| self.is_pure(*at)).collect()
    }

    /// The steps of the longest block.
    pub(super) fn longest(&self) -> &[Move] {
        self.blocks.iter().max_by_key(|block| block.len()).map_or(&[], Vec::as_slice)
    }
}

/// The block that an act leads to.
const fn target(act: Act) -> Option<usize> {
    match act {
        Act::Call(to) | Act::Goto(to) => Some(to),
        Act::Decide(_) | Act::Log | Act::Return => None,
    }
}

/// The blocks that packets can come to, what a block leads to before it.
fn order(program: &Program) -> Result<Vec<usize>, BudgetExceeded> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Open,
        Done,
    }
    let leads = |at: usize| -> BTreeSet<usize> {
        let steps = program.blocks.get(at).map_or(&[][..], |block| &block.steps);
        steps.iter().filter_map(|step| target(step.act)).collect()
    };
    let mut seen = vec![Seen::Not; program.blocks.len()];
    let mut order = Vec::new();
    let mut open: Vec<(usize, bool)> = program.entries.iter().map(|(_, at)| (*at, false)).collect();
    while let Some((at, left)) = open.pop() {
        let Some(state) = seen.get_mut(at) else { continue };
        if left {
            *state = Seen::Done;
            order.push(at);
            continue;
        }
        match *state {
            Seen::Done => continue,
            Seen::Open => return Err(BudgetExceeded),
            Seen::Not => *state = Seen::Open,
        }
        open.push((at, true));
        let done = |to: &usize| seen.get(*to) != Some(&Seen::Done);
        open.extend(leads(at).into_iter().filter(done).map(|to| (to, false)));
    }
    Ok(order)
}

/// A block's function.
#[derive(Clone, Copy)]
struct Function {
    place: Place,
    /// Whether callers hold it as a call.
    sealed: bool,
}

/// The functions of a program's blocks.
#[derive(Default)]
pub(super) struct Functions(Vec<Option<Function>>);

impl Functions {
    fn new(moves: &Moves) -> Self {
        Self(vec![None; moves.blocks.len()])
    }

    fn get(&self, at: usize) -> Option<Function> {
        self.0.get(at).copied().flatten()
    }

    fn set(&mut self, at: usize, function: Function) {
        if let Some(place) = self.0.get_mut(at) {
            *place = Some(function);
        }
    }

    /// Where the function of a block is kept.
    pub(super) fn place(&self, at: usize) -> Option<Place> {
        self.get(at).map(|function| function.place)
    }
}

/// What builds functions.
pub(super) struct Builder<'d, 'b, 'c> {
    pub(super) diagram: &'d mut Diagram<'b>,
    pub(super) guards: Guards<'c>,
}

type Made<T> = Result<T, BudgetExceeded>;

impl Builder<'_, '_, '_> {
    /// The functions of a policy's blocks and how they mean accepted what comes back from its chains. The chains,
    /// pure blocks in others that are not, stay sealed.
    pub(super) fn policy(&mut self, moves: &Moves) -> Made<(Functions, BTreeSet<Place>)> {
        let (mut functions, mut chains) = (Functions::new(moves), BTreeSet::new());
        let doors = moves.chains();
        for at in &moves.order {
            let function = self.block(moves.block(*at), &functions)?;
            let place = self.diagram.keep(function);
            let sealed = doors.contains(at);
            if sealed {
                let closed = self.diagram.then(self.diagram.kept(place), ACCEPT)?;
                // What any block comes to that only accepts says nothing about where it belongs.
                if terminal_number(closed).is_none() {
                    chains.insert(self.diagram.keep(closed));
                }
            }
            functions.set(*at, Function { place, sealed });
        }
        Ok((functions, chains))
    }

    /// The functions of a ruleset's blocks. Those that are like a chain stay sealed as these did: what leads to them is
    /// then compared apart from what is in them.
    pub(super) fn ruleset(&mut self, moves: &Moves, chains: &BTreeSet<Place>) -> Made<Functions> {
        let mut functions = Functions::new(moves);
        let mut leads_to_chain = vec![false; moves.blocks.len()];
        for at in &moves.order {
            let leads = |step: &Move| {
                let to = target(step.act);
                to.is_some_and(|to| {
                    leads_to_chain.get(to) == Some(&true) || functions.get(to).is_some_and(|it| it.sealed)
                })
            };
            let beside = !moves.is_pure(*at) || moves.block(*at).iter().any(leads);
            let function = self.block(moves.block(*at), &functions)?;
            let place = self.diagram.keep(function);
            let sealed = !beside && terminal_number(function).is_none() && {
                let closed = self.diagram.then(function, ACCEPT)?;
                chains.contains(&self.diagram.keep(closed))
            };
            if let Some(leads) = leads_to_chain.get_mut(*at) {
                *leads = beside;
            }
            functions.set(*at, Function { place, sealed });
        }
        Ok(functions)
    }

    /// The function of steps for who called them: what returns goes on there.
    fn block(&mut self, moves: &[Move], functions: &Functions) -> Made<Id> {
        let steps: Vec<&Move> = moves.iter().collect();
        let whole = self.fold(&steps, functions)?;
        let returns = |step: &Move| matches!(step.act, Act::Return | Act::Goto(_));
        if moves.iter().any(returns) { self.diagram.returned(whole) } else { Ok(whole) }
    }

    /// One step after the other: neighbours first, then pairs of pairs, as in a binary counter.
    pub(super) fn fold(&mut self, moves: &[&Move], functions: &Functions) -> Made<Id> {
        let mut open: Vec<Id> = Vec::new();
        for (at, step) in moves.iter().enumerate() {
            open.push(self.step(step, functions)?);
            for _ in 0..(at + 1).trailing_zeros() {
                self.join(&mut open)?;
            }
            self.diagram.collect(&mut open)?;
        }
        while open.len() > 1 {
            self.join(&mut open)?;
            self.diagram.collect(&mut open)?;
        }
        Ok(open.pop().unwrap_or(PASS))
    }

    /// Puts the last two functions together.
    fn join(&mut self, open: &mut Vec<Id>) -> Made<()> {
        if let (Some(b), Some(a)) = (open.pop(), open.pop()) {
            open.push(self.diagram.then(a, b)?);
        }
        Ok(())
    }

    fn step(&mut self, step: &Move, functions: &Functions) -> Made<Id> {
        let act = match step.act {
            Act::Decide(verdict) => plain(false, Exit::End(verdict)),
            Act::Log => plain(true, Exit::Pass),
            Act::Return => plain(false, Exit::Return),
            Act::Call(to) => self.called(to, functions),
            Act::Goto(to) => {
                let called = self.called(to, functions);
                self.diagram.returning(called)?
            }
        };
        let mut function = PASS;
        for product in &step.products {
            let here = match terminal_number(act) {
                Some(_) => self.guards.product(self.diagram, product, act, PASS)?,
                None => {
                    let guard = self.guards.product(self.diagram, product, PASS, OUTSIDE)?;
                    self.diagram.within(guard, act)?
                }
            };
            // The products of a step share no packets.
            function = self.diagram.then(function, here)?;
        }
        Ok(function)
    }

    fn called(&mut self, to: usize, functions: &Functions) -> Id {
        match functions.get(to) {
            Some(Function { place, sealed: true }) => self.diagram.sealed(place),
            Some(Function { place, sealed: false }) => self.diagram.kept(place),
            None => PASS,
        }
    }

    /// The smallest values of a point where a function is something else than [`PASS`], which it is; in the first of the
    /// products where it is so.
    pub(super) fn simplest(&mut self, function: Id, products: &[Product]) -> Made<[u128; FIELDS]> {
        for product in products {
            let guard = self.guards.product(self.diagram, product, PASS, OUTSIDE)?;
            let inside = self.diagram.within(guard, function)?;
            if let Some(path) = self.diagram.path(inside) {
                return Ok(self.guards.point(&path));
            }
        }
        Err(BudgetExceeded)
    }
}
