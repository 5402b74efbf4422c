//! Programs as diagrams of choices, for exact comparison whatever their layout.
//!
//! All guards of both programs are cut into coordinates together. A block is then a function from the bits of a
//! packet's and its way's coordinates to what becomes of it, kept as a hash-consed binary diagram: equal functions are
//! the same node. One operation does the work: `then(a, b)`, which is `b` for the packets that go on from `a`. It is
//! associative, so a chain of thousands of rules is folded in pairs; a called block is built once, its returns going on
//! with the caller. Interfaces and states are fields like the others. What a policy's chains do and what leads to them
//! are compared apart, or hundreds of senders and receivers would multiply.
//!
//! The work is bounded by a budget of steps and by a number of nodes; who runs out of either has proved nothing. Knows
//! no target and no plan.

mod blocks;
mod compose;
mod coordinates;
mod guard;
mod nodes;
mod terminal;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use crate::decide::points;
use crate::decide::{Budget, BudgetExceeded};
use crate::symbolic::{Program, Step, Ways};
use crate::{Ifname, Packet, PacketHook, Traversal};
use blocks::{ACCEPT, Builder, Functions, Move, Moves};
use compose::{Diagram, Place};
use coordinates::{Coordinates, FIELDS, Product, STATES, Sets};
use guard::Guards;
use nodes::{Id, MOST_NODES};
use terminal::{OUTSIDE, PASS};

/// Two programs of one family, and which packets it is about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What should happen. Its pure blocks are best those that the other program has too.
    pub policy: &'a Program,
    /// What happens.
    pub ruleset: &'a Program,
    /// By hook, steps for the packets that it is not about; what they do is no matter.
    pub unasked: &'a [(PacketHook, Vec<Step>)],
    /// The ways that either program or these steps tell apart.
    pub ways: &'a Ways,
}

/// What is known of two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They treat all packets alike.
    Alike,
    /// They treat a packet differently on a way.
    Unlike(Packet, Traversal),
}

/// Orders of the packet's fields that are tried, source being 0: services first, which suits security groups, then
/// addresses first.
const ORDERS: [[usize; 5]; 5] =
    [[2, 3, 4, 0, 1], [2, 3, 4, 1, 0], [0, 1, 2, 3, 4], [0, 2, 3, 4, 1], [1, 2, 3, 4, 0]];
/// From so many steps in a block on, the order is chosen by trying.
const MANY_STEPS: usize = 2000;
/// How many steps of it are tried.
const SAMPLE: usize = 600;

/// Compares two programs for all packets on all ways.
pub fn compare(question: &Question<'_>, budget: &mut Budget) -> Result<Answer, BudgetExceeded> {
    compare_within(question, MOST_NODES, budget)
}

fn compare_within(
    question: &Question<'_>,
    most: usize,
    budget: &mut Budget,
) -> Result<Answer, BudgetExceeded> {
    let Question { policy, ruleset, unasked, ways } = question;
    let mut sets = Sets::new(policy.family, ways);
    let mut hook = |hook| {
        let steps = unasked.iter().filter(|(known, _)| *known == hook).flat_map(|(_, steps)| steps);
        let unasked = steps.map(|step| Move::new(step, &mut sets)).collect();
        Hook { hook, asked: sets.hook(hook), unasked }
    };
    let hooks = [PacketHook::Input, PacketHook::Output, PacketHook::Forward].map(&mut hook);
    let programs = [Moves::new(policy, &mut sets)?, Moves::new(ruleset, &mut sets)?];
    let plain = sets.plain();
    let coordinates = sets.cut();
    let [ours, theirs] = &programs;
    let order = best_order(ours.longest(), &coordinates, budget)?;
    let guards = Guards::new(order, &coordinates);
    let mut diagram = Diagram::new(most, guards.packet_level(), budget);
    let mut builder = Builder { diagram: &mut diagram, guards };
    let (ours, known) = builder.policy(ours)?;
    let theirs = builder.ruleset(theirs, &known)?;
    for hook in &hooks {
        let entry = |program: &Program, functions: &Functions| functions.place(program.entry(hook.hook)?);
        let unlike = hook.unlike(&mut builder, [entry(policy, &ours), entry(ruleset, &theirs)])?;
        if unlike != PASS {
            let point = builder.simplest(unlike, &plain)?;
            return found(question, hook.hook, point).ok_or(BudgetExceeded);
        }
    }
    Ok(Answer::Alike)
}

/// The order in which a sample of steps costs least.
fn best_order(
    moves: &[Move],
    coordinates: &Coordinates,
    budget: &mut Budget,
) -> Result<[usize; 5], BudgetExceeded> {
    let [mut best, ..] = ORDERS;
    if moves.len() < MANY_STEPS {
        return Ok(best);
    }
    let sample: Vec<&Move> = moves.iter().step_by(moves.len() / SAMPLE).collect();
    let mut least = budget.left();
    for order in ORDERS {
        let mut share = Budget::new(least);
        let guards = Guards::new(order, coordinates);
        let mut diagram = Diagram::new(MOST_NODES, guards.packet_level(), &mut share);
        let made = Builder { diagram: &mut diagram, guards }.fold(&sample, &Functions::default());
        let spent = least - share.left();
        budget.spend(spent as usize)?;
        if made.is_ok() {
            (best, least) = (order, spent);
        }
    }
    Ok(best)
}

/// Where packets enter, and which of them it is about.
struct Hook {
    hook: PacketHook,
    asked: Product,
    unasked: Vec<Move>,
}

impl Hook {
    /// The packets that two functions treat differently here.
    fn unlike(
        &self,
        builder: &mut Builder<'_, '_, '_>,
        entries: [Option<Place>; 2],
    ) -> Result<Id, BudgetExceeded> {
        let unasked: Vec<&Move> = self.unasked.iter().collect();
        let unasked = builder.fold(&unasked, &Functions::default())?;
        let asked = builder.guards.product(builder.diagram, &self.asked, PASS, OUTSIDE)?;
        let mut whole = |place: Option<Place>| {
            let function = place.map_or(PASS, |place| builder.diagram.kept(place));
            let function = builder.diagram.then(function, ACCEPT)?;
            let function = builder.diagram.then(unasked, function)?;
            builder.diagram.within(asked, function)
        };
        let [policy, ruleset] = entries.map(&mut whole);
        builder.diagram.unlike(policy?, ruleset?)
    }
}

/// The answer for a point of the coordinates' first values.
fn found(question: &Question<'_>, hook: PacketHook, point: [u128; FIELDS]) -> Option<Answer> {
    let Question { policy, ruleset: _, unasked: _, ways } = question;
    let [source, destination, protocol, source_port, destination_port, state, input, output, kind, limit] =
        point;
    let packet =
        points::packet(policy.family, [source, destination, protocol, source_port, destination_port])?;
    let interface = |names: &[Ifname], place: u128| {
        place.checked_sub(1).and_then(|place| names.get(place as usize).cloned())
    };
    let at = Traversal {
        hook,
        iif: interface(&ways.inputs, input),
        oif: interface(&ways.outputs, output),
        state: *STATES.get(state as usize)?,
        icmp_type: *ways.types.get(kind as usize)?,
        hop_limit: *ways.limits.get(limit as usize)?,
    };
    Some(Answer::Unlike(packet, at))
}
