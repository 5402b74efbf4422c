//! A compiled policy as a program over sets of packets, for proofs: who has a say, as `super` walks it packet by packet,
//! and what the look-up structures of each say.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use palisade_ir::symbolic::{Act, Asks, Block, Condition, Program, Step};
use palisade_ir::{ConnState, Direction, Family, Ifname, PacketHook, Protocol, Ranges, Region, Verdict};

use super::{Asked, LiftedMatcher};
use crate::indexed::IndexedChain;
use crate::layout::Unread;
use crate::nic::Nic;

pub(super) fn program(lifted: &LiftedMatcher, family: Family) -> Result<Program, Unread> {
    let nics = lifted.matcher.stored_nics();
    let owners = lifted.matcher.stored_owners().all(family).ok_or(Unread::Broken)?;
    let mut writer = Writer {
        asked: lifted.asked,
        nics,
        owners,
        chains: BTreeMap::new(),
        program: Program { family, blocks: Vec::new(), entries: Vec::new() },
    };
    for (hook, direction) in [(PacketHook::Input, Direction::In), (PacketHook::Output, Direction::Out)] {
        let steps = writer.local(direction)?;
        writer.enter(hook, steps);
    }
    let mut steps = writer.spoofed();
    steps.extend(sessions(family));
    steps.extend(writer.senders()?);
    steps.extend(writer.receivers()?);
    writer.enter(PacketHook::Forward, steps);
    Ok(writer.program)
}

/// A program while it is written.
struct Writer<'a> {
    asked: Asked,
    nics: &'a [Nic],
    /// Addresses by the places of their owners.
    owners: Vec<(Ranges, &'a [u32])>,
    /// The blocks of chains that NICs share, by where these are kept.
    chains: BTreeMap<*const IndexedChain, usize>,
    program: Program,
}

impl Writer<'_> {
    fn full(&self) -> Region {
        Region::full(self.program.family)
    }

    fn enter(&mut self, hook: PacketHook, steps: Vec<Step>) {
        self.program.entries.push((hook, self.program.blocks.len()));
        self.program.blocks.push(Block { steps });
    }

    /// The block of a NIC's look-ups: what they deny ends, what they allow goes back.
    fn block(&mut self, nic: &Nic, direction: Direction) -> Result<usize, Unread> {
        let guard = nic.guard(direction);
        let chain = match self.asked {
            Asked::Outcomes => &guard.decide,
            Asked::Deciders => &guard.plain,
        };
        let key = core::ptr::from_ref(chain.as_ref());
        if let Some(block) = self.chains.get(&key) {
            return Ok(*block);
        }
        let family = self.program.family;
        let pieces = match self.asked {
            Asked::Outcomes => chain.read_outcomes(family)?,
            Asked::Deciders => chain.read_deciders(family)?,
        };
        let mut steps = Vec::new();
        for piece in pieces {
            let outcome = piece.outcome();
            let act = match outcome.verdict {
                Verdict::Allow => Act::Return,
                Verdict::Deny => Act::Decide(Verdict::Deny),
            };
            for region in piece.regions(family) {
                steps.extend(outcome.log.then(|| Step::new(region.clone(), Act::Log)));
                steps.push(Step::new(region, act));
            }
        }
        self.program.blocks.push(Block { steps });
        let block = self.program.blocks.len() - 1;
        self.chains.insert(key, block);
        Ok(block)
    }

    /// The addresses that have certain owners.
    fn addresses(&self, wanted: impl Fn(&[u32]) -> bool) -> Ranges {
        let wanted = self.owners.iter().filter(|(_, owners)| wanted(owners));
        wanted.flat_map(|(addresses, _)| addresses.iter()).collect()
    }

    /// The addresses of the NIC at a place, and those that no other owns.
    fn own(&self, place: usize) -> Ranges {
        self.addresses(|owners| owners.iter().any(|owner| *owner as usize == place))
    }

    fn alone(&self, place: usize) -> Ranges {
        self.addresses(|owners| matches!(owners, [owner] if *owner as usize == place))
    }

    /// On the instance: the only NIC that owns the local address, else the one whose interface the packet uses.
    fn local(&mut self, direction: Direction) -> Result<Vec<Step>, Unread> {
        let nics = self.nics;
        let mut steps = sessions(self.program.family);
        for (place, nic) in nics.iter().enumerate() {
            let guard = match direction {
                Direction::In => self.full().with_destination(&self.alone(place)),
                Direction::Out => self.full().with_source(&self.alone(place)),
            };
            let block = self.block(nic, direction)?;
            steps.extend(guard.map(|guard| Step::new(guard, Act::Goto(block))));
        }
        for nic in nics {
            let block = self.block(nic, direction)?;
            steps.push(by(direction, [&nic.interface], false, self.full(), Act::Goto(block)));
        }
        Ok(steps)
    }

    /// The interfaces that lead to NICs.
    fn vias(&self) -> BTreeSet<&Ifname> {
        self.nics.iter().filter_map(|nic| nic.via.as_ref()).collect()
    }

    /// An interface that leads to NICs carries their addresses only, and addresses of such NICs alone come by no other.
    fn spoofed(&self) -> Vec<Step> {
        let via = |owner: &u32| self.nics.get(*owner as usize).and_then(|nic| nic.via.as_ref());
        let deny = Act::Decide(Verdict::Deny);
        let mut steps = Vec::new();
        for name in self.vias() {
            let foreign = self.addresses(|owners| !owners.iter().any(|owner| via(owner) == Some(name)));
            let foreign = self.full().with_source(&foreign);
            steps.extend(foreign.map(|guard| by(Direction::In, [name], false, guard, deny)));
        }
        let far =
            self.addresses(|owners| !owners.is_empty() && owners.iter().all(|owner| via(owner).is_some()));
        let far = self.full().with_source(&far);
        steps.extend(far.map(|guard| by(Direction::In, self.vias(), true, guard, deny)));
        steps
    }

    fn senders(&mut self) -> Result<Vec<Step>, Unread> {
        let nics = self.nics;
        let mut steps = Vec::new();
        for (place, nic) in nics.iter().enumerate() {
            let call = Act::Call(self.block(nic, Direction::Out)?);
            let Some(guard) = self.full().with_source(&self.own(place)) else { continue };
            steps.push(match &nic.via {
                Some(via) => by(Direction::In, [via], false, guard, call),
                None => by(Direction::In, self.vias(), true, guard, call),
            });
        }
        Ok(steps)
    }

    fn receivers(&mut self) -> Result<Vec<Step>, Unread> {
        let nics = self.nics;
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for (place, nic) in nics.iter().enumerate() {
            let to = Act::Goto(self.block(nic, Direction::In)?);
            if let Some(via) = &nic.via {
                let shares = nics.iter().filter(|nic| nic.via.as_ref() == Some(via)).count() > 1;
                let own =
                    if shares { self.full().with_destination(&self.own(place)) } else { Some(self.full()) };
                near.extend(own.map(|guard| by(Direction::Out, [via], false, guard, to)));
            }
            let alone = self.full().with_destination(&self.alone(place));
            far.extend(alone.map(|guard| by(Direction::Out, self.vias(), true, guard, to)));
        }
        // Behind an interface of several NICs, what none of them owns.
        near.push(by(Direction::Out, self.vias(), false, self.full(), Act::Decide(Verdict::Deny)));
        near.extend(far);
        Ok(near)
    }
}

/// A step for packets that come in by (`In`) or leave by (`Out`) some interfaces, or by others.
fn by<'n>(
    direction: Direction,
    names: impl IntoIterator<Item = &'n Ifname>,
    negated: bool,
    guard: Region,
    act: Act,
) -> Step {
    let names = names.into_iter().map(ToString::to_string).collect();
    let asks = match direction {
        Direction::In => Asks::Input(names),
        Direction::Out => Asks::Output(names),
    };
    Step { guard, conditions: vec![Condition { asks, negated }], act }
}

/// Packets of live sessions, and errors about one, pass.
fn sessions(family: Family) -> Vec<Step> {
    let pass = |guard, state| Step {
        guard,
        conditions: vec![Condition::new(Asks::State(vec![state]))],
        act: Act::Decide(Verdict::Allow),
    };
    let icmp = [Protocol::ICMP, Protocol::ICMPV6].map(|protocol| (protocol.0.into(), protocol.0.into()));
    let errors = Region::full(family).with_protocols(&icmp.into_iter().collect());
    let errors = errors.map(|guard| pass(guard, ConnState::Related));
    [pass(Region::full(family), ConnState::Established)].into_iter().chain(errors).collect()
}
