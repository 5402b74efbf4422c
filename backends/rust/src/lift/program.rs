//! The tables as a program over sets of packets, for proofs. Written beside `decide`, which walks them packet by packet.

use std::collections::BTreeSet;

use palisade_ir::symbolic::{Act as Does, Asks, Block, Condition, Program, Step};
use palisade_ir::{ConnState, Family, LiftError, Outcome, PacketHook, Protocol, Ranges, Region};

use super::ast::{Act, Among, Chain, End, List, LookUp, Module, Nic, Rules};
use super::tokens::error;

pub(super) fn program(module: &Module, family: Family) -> Result<Program, LiftError> {
    let mut program = Program { family, blocks: Vec::new(), entries: Vec::new() };
    for (hook, end) in [(PacketHook::Input, End::Destination), (PacketHook::Output, End::Source)] {
        let mut chains = Vec::new();
        for nic in &module.nics {
            let Rules { addresses: _, ingress, egress } = nic.rules(family);
            chains
                .push((nic, chain(&mut program, if hook == PacketHook::Input { ingress } else { egress })?));
        }
        let mut steps = sessions(family);
        for (nic, block) in &chains {
            steps.extend(owned(module, nic, family, end).map(|guard| Step::new(guard, Does::Goto(*block))));
        }
        for (nic, block) in chains {
            let names = BTreeSet::from([nic.interface.clone()]);
            let asks = if hook == PacketHook::Input { Asks::Input(names) } else { Asks::Output(names) };
            let conditions = vec![Condition::new(asks)];
            steps.push(Step { guard: Region::full(family), conditions, act: Does::Goto(block) });
        }
        steps.push(Step::new(Region::full(family), Does::Decide(module.unmanaged)));
        program.entries.push((hook, program.blocks.len()));
        program.blocks.push(Block { steps });
    }
    Ok(program)
}

/// Packets of live sessions and errors about one, which pass without being asked about.
fn sessions(family: Family) -> Vec<Step> {
    let icmp = match family {
        Family::V4 => Protocol::ICMP,
        Family::V6 => Protocol::ICMPV6,
    };
    let errors = Region::full(family).with_protocols(&one(icmp.0.into()));
    let pass = |guard, state| Step {
        guard,
        conditions: vec![Condition::new(Asks::State(vec![state]))],
        act: Does::Decide(palisade_ir::Verdict::Allow),
    };
    let mut steps = vec![pass(Region::full(family), ConnState::Established)];
    steps.extend(errors.map(|guard| pass(guard, ConnState::Related)));
    steps
}

fn one(number: u128) -> Ranges {
    Ranges::span(number, number)
}

/// The packets whose address at an end this NIC alone owns.
fn owned(module: &Module, nic: &Nic, family: Family, end: End) -> Option<Region> {
    let owners =
        |number: u128| module.nics.iter().filter(|nic| nic.rules(family).addresses.contains(&number)).count();
    let alone = nic.rules(family).addresses.iter().filter(|number| owners(**number) == 1);
    by_address(&Region::full(family), end, &alone.map(|number| (*number, *number)).collect())
}

/// Adds the blocks of a chain and gives the place of the one to enter.
fn chain(program: &mut Program, chain: &Chain) -> Result<usize, LiftError> {
    let full = Region::full(program.family);
    let mut steps = Vec::new();
    for step in &chain.steps {
        for (guard, tests) in ways(&full, step)? {
            let leaf = leaf(program, tests)?;
            steps.push(Step::new(guard, Does::Call(leaf)));
        }
    }
    push(&mut steps, full, &chain.default);
    program.blocks.push(Block { steps });
    Ok(program.blocks.len() - 1)
}

/// Tests in order; the first that holds decides or goes back.
fn leaf(program: &mut Program, tests: &[LookUp<Act>]) -> Result<usize, LiftError> {
    let full = Region::full(program.family);
    let mut steps = Vec::new();
    for test in tests {
        for (guard, act) in ways(&full, test)? {
            push(&mut steps, guard, act);
        }
    }
    program.blocks.push(Block { steps });
    Ok(program.blocks.len() - 1)
}

fn push(steps: &mut Vec<Step>, guard: Region, act: &Act) {
    match act.outcome {
        None => steps.push(Step::new(guard, Does::Return)),
        Some(Outcome { verdict, log }) => {
            steps.extend(log.then(|| Step::new(guard.clone(), Does::Log)));
            steps.push(Step::new(guard, Does::Decide(verdict)));
        }
    }
}

/// The packets of each way, disjoint, and where it leads.
fn ways<'a, T>(full: &Region, look_up: &'a LookUp<T>) -> Result<Vec<(Region, &'a T)>, LiftError> {
    Ok(match look_up {
        LookUp::Always(then) => vec![(full.clone(), then)],
        LookUp::Address(end, ways) => {
            let way = |(key, then): &'a ((u128, u128), T)| {
                Some((by_address(full, *end, &Ranges::span(key.0, key.1))?, then))
            };
            ways.iter().filter_map(way).collect()
        }
        LookUp::Port(end, ways) => {
            let way = |((protocol, first, last), then): &'a ((u8, u16, u16), T)| {
                let packets = full.with_protocols(&one((*protocol).into()))?;
                Some((by_port(&packets, *end, &Ranges::span((*first).into(), (*last).into()))?, then))
            };
            ways.iter().filter_map(way).collect()
        }
        LookUp::Only(asked, then) => among(full, asked)?.map(|guard| (guard, then)).into_iter().collect(),
    })
}

fn among(full: &Region, among: &Among) -> Result<Option<Region>, LiftError> {
    let Among { source, destination, protocol, source_port, destination_port } = among;
    let mut left = Some(full.clone());
    for (end, list) in [(End::Source, source), (End::Destination, destination)] {
        left = match list {
            None => left,
            Some(List::Here(ranges)) => left.and_then(|left| by_address(&left, end, ranges)),
            Some(List::Set(name, line)) => return Err(error(*line, format!("there is no set `{name}`"))),
        };
    }
    if let Some(numbers) = protocol {
        left = left.and_then(|left| left.with_protocols(numbers));
    }
    for (end, ports) in [(End::Source, source_port), (End::Destination, destination_port)] {
        if let Some(ports) = ports {
            left = left.and_then(|left| by_port(&left, end, ports));
        }
    }
    Ok(left)
}

fn by_address(packets: &Region, end: End, addresses: &Ranges) -> Option<Region> {
    match end {
        End::Source => packets.with_source(addresses),
        End::Destination => packets.with_destination(addresses),
    }
}

fn by_port(packets: &Region, end: End, ports: &Ranges) -> Option<Region> {
    match end {
        End::Source => packets.with_source_ports(ports),
        End::Destination => packets.with_destination_ports(ports),
    }
}
