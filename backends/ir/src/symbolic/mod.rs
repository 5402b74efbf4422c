//! A ruleset as a small program over sets of packets: what is left of any target's language when it is to be proved.
//!
//! Each lift translates what it read into a [`Program`] of one family, or refuses; a policy is written as one too.
//! [`run`] sends a set of packets through it, all at once, and says what becomes of each part. Blocks that depend on
//! the packet alone ([`Program::pure`]) need not be entered: [`flatten`] makes an ordered [`Chain`](crate::Chain) of
//! one, which [`crate::decide::equivalent`] compares with the chain it should be. This module knows no target.

mod flat;
mod region;
mod run;
#[cfg(test)]
pub(crate) mod tests;
mod ways;

pub use flat::{Flat, flatten, flatten_way};
pub use run::{Leaf, run};
pub use ways::Ways;

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{ConnState, Family, PacketHook, Ranges, Region, Traversal, Verdict};

/// What packets of one family meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The family.
    pub family: Family,
    /// The blocks that steps name by their place.
    pub blocks: Vec<Block>,
    /// Where packets enter, by hook; at other hooks, and at the end of these blocks, they pass.
    pub entries: Vec<(PacketHook, usize)>,
}

/// Steps in order; at the end a packet goes back to where the block was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The steps.
    pub steps: Vec<Step>,
}

/// What happens to some of the packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The packets it is for.
    pub guard: Region,
    /// What must hold beside.
    pub conditions: Vec<Condition>,
    /// What happens to them.
    pub act: Act,
}

/// What happens to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its way ends.
    Decide(Verdict),
    /// It is logged and goes on.
    Log,
    /// Into a block, and on behind this step when that returns.
    Call(usize),
    /// Into a block, and from there back to where this block was called.
    Goto(usize),
    /// Back to where this block was called.
    Return,
}

/// A test of what is not in the five fields of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The question.
    pub asks: Asks,
    /// Whether the answer must be no. A question about something unknown fails either way.
    pub negated: bool,
}

/// A question about a packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Whether it came in by one of these interfaces.
    Input(BTreeSet<String>),
    /// Whether it leaves by one of these interfaces.
    Output(BTreeSet<String>),
    /// Whether the name of the interface that it came in by begins so.
    InputLike(String),
    /// Whether the name of the interface that it leaves by begins so.
    OutputLike(String),
    /// Whether connection tracking says one of these.
    State(Vec<ConnState>),
    /// Whether its icmp or icmpv6 type is one of these.
    IcmpType(Ranges),
    /// Whether its hop limit is one of these.
    HopLimit(Ranges),
}

impl Condition {
    /// A condition that is not negated.
    pub const fn new(asks: Asks) -> Self {
        Self { asks, negated: false }
    }

    /// Whether it holds on a packet's way.
    pub fn holds(&self, at: &Traversal) -> bool {
        let number = |known: Option<u8>, wanted: &Ranges| known.map(|known| wanted.contains(known.into()));
        let answer = match &self.asks {
            Asks::Input(names) => Some(at.iif.as_ref().is_some_and(|name| names.contains(name.as_str()))),
            Asks::Output(names) => Some(at.oif.as_ref().is_some_and(|name| names.contains(name.as_str()))),
            Asks::InputLike(start) => {
                Some(at.iif.as_ref().is_some_and(|name| name.as_str().starts_with(start)))
            }
            Asks::OutputLike(start) => {
                Some(at.oif.as_ref().is_some_and(|name| name.as_str().starts_with(start)))
            }
            Asks::State(states) => Some(states.contains(&at.state)),
            Asks::IcmpType(types) => number(at.icmp_type, types),
            Asks::HopLimit(limits) => number(at.hop_limit, limits),
        };
        answer.is_some_and(|answer| answer != self.negated)
    }
}

impl Step {
    /// A step for a set of packets, whatever their way.
    pub const fn new(guard: Region, act: Act) -> Self {
        Self { guard, conditions: Vec::new(), act }
    }

    /// Whether its conditions hold on a packet's way.
    pub fn applies(&self, at: &Traversal) -> bool {
        self.conditions.iter().all(|condition| condition.holds(at))
    }
}

impl Program {
    /// The block where packets at a hook enter.
    pub fn entry(&self, hook: PacketHook) -> Option<usize> {
        self.entries.iter().find(|(known, _)| *known == hook).map(|(_, block)| *block)
    }

    /// Every condition of every step.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.blocks.iter().flat_map(|block| &block.steps).flat_map(|step| &step.conditions)
    }

    /// Per block whether what it does depends on the packet alone, be it in the blocks that it leads to.
    pub fn pure(&self) -> Vec<bool> {
        let mut pure: Vec<bool> = self
            .blocks
            .iter()
            .map(|block| block.steps.iter().all(|step| step.conditions.is_empty()))
            .collect();
        loop {
            let leads = |act: Act| match act {
                Act::Call(to) | Act::Goto(to) => pure.get(to).copied().unwrap_or(false),
                Act::Decide(_) | Act::Log | Act::Return => true,
            };
            let next: Vec<bool> = pure
                .iter()
                .zip(&self.blocks)
                .map(|(pure, block)| *pure && block.steps.iter().all(|step| leads(step.act)))
                .collect();
            if next == pure {
                return pure;
            }
            pure = next;
        }
    }
}
