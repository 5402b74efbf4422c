//! The filter table of one family as a program over sets of packets, for proofs.
//!
//! Written from the same manuals as `decide`, which walks it packet by packet; the tests hold both together. What is
//! not translated exactly is refused.

use std::collections::BTreeSet;

use palisade_ir::symbolic::{Act, Asks as Question, Block, Condition, Program, Step};
use palisade_ir::{Family, PacketHook, PortSet, PrefixSet, Protocol, Ranges, Region, Verdict};

use super::BadLine;
use super::ast::{Asks, End, Filter, Rule, Target, Test};
use super::services::Services;

/// The program of a table.
pub(super) fn program(filter: &Filter, family: Family) -> Result<Program, BadLine> {
    let mut blocks = Vec::new();
    for chain in &filter.chains {
        let mut block = Block::default();
        for rule in &chain.rules {
            let steps = steps(rule, family).map_err(|what| BadLine::new(rule.line, what))?;
            block.steps.extend(steps);
        }
        blocks.push(block);
    }
    let mut entries = Vec::new();
    for hook in [PacketHook::Input, PacketHook::Output, PacketHook::Forward] {
        let here = || filter.hooks.iter().filter(move |entry| entry.hook == hook);
        let policy = here().find_map(|entry| filter.chain(entry.chain)?.policy);
        let act = here().map(|entry| Act::Call(entry.chain.0));
        let acts = act.chain([Act::Decide(policy.unwrap_or(Verdict::Allow))]);
        entries.push((hook, blocks.len()));
        blocks.push(Block { steps: acts.map(|act| Step::new(Region::full(family), act)).collect() });
    }
    Ok(Program { family, blocks, entries })
}

/// A rule; no step when no packet could pass its tests, or when it does nothing to them, and several disjoint ones for
/// a set with ports.
fn steps(rule: &Rule, family: Family) -> Result<Vec<Step>, String> {
    let Rule { line: _, tests, target, comment: _ } = rule;
    let act = match target {
        Target::Accept => Act::Decide(Verdict::Allow),
        Target::Drop => Act::Decide(Verdict::Deny),
        Target::Return => Act::Return,
        Target::Log => Act::Log,
        Target::Jump(to) => Act::Call(to.0),
        Target::Goto(to) => Act::Goto(to.0),
        Target::Continue => return Ok(Vec::new()),
    };
    let mut steps = vec![Step::new(Region::full(family), act)];
    for test in tests {
        if let Test { negated, asks: Asks::InServices(end, port_end, _, services) } = test {
            if *negated {
                return Err("not provable: `!` before a set with ports".to_owned());
            }
            steps = steps.iter().flat_map(|step| within(step, *end, *port_end, services)).collect();
            continue;
        }
        let mut narrowed = Vec::new();
        for step in steps {
            narrowed.extend(narrow(step, test)?);
        }
        steps = narrowed;
    }
    Ok(steps)
}

/// A step for the packets of a set with ports, part by part.
fn within(step: &Step, end: End, port_end: End, services: &Services) -> Vec<Step> {
    let part = |(protocol, ports, addresses): (Protocol, PortSet, &PrefixSet)| {
        let number = u128::from(protocol.0);
        let guard = step.guard.with_protocols(&Ranges::span(number, number))?;
        let guard = match end {
            End::Source => guard.with_source(addresses.ranges()),
            End::Destination => guard.with_destination(addresses.ranges()),
        }?;
        let guard = match port_end {
            End::Source => guard.with_source_ports(ports.numbers()),
            End::Destination => guard.with_destination_ports(ports.numbers()),
        }?;
        Some(Step { guard, ..step.clone() })
    };
    services.products().into_iter().filter_map(part).collect()
}

fn narrow(mut step: Step, test: &Test) -> Result<Option<Step>, String> {
    let Test { negated, asks } = test;
    let negated = *negated;
    let family = step.guard.family();
    let chosen = |values: Ranges, last: u128| match negated {
        true => Ranges::span(0, last).subtract(&values),
        false => values,
    };
    let number = |value: u8| Ranges::span(value.into(), value.into());
    let condition = |asks: Question| Condition { asks, negated };
    let end = |guard: &Region, end: &End, addresses: &Ranges| match end {
        End::Source => guard.with_source(addresses),
        End::Destination => guard.with_destination(addresses),
    };
    let guard = match asks {
        Asks::Protocol(protocol) => step.guard.with_protocols(&chosen(number(protocol.0), 255)),
        Asks::Address(side, net) => {
            let span = Ranges::span(Family::number(net.network()), Family::number(net.broadcast()));
            end(&step.guard, side, &chosen(span, family.last()))
        }
        Asks::InSet(side, _, addresses) => {
            end(&step.guard, side, &chosen(addresses.ranges().clone(), family.last()))
        }
        // Taken apart by `within` before.
        Asks::InServices(..) => return Err("not provable: a set with ports".to_owned()),
        Asks::Port(side, ports) => {
            let ports = chosen(ports.numbers().clone(), u16::MAX.into());
            match side {
                End::Source => step.guard.with_source_ports(&ports),
                End::Destination => step.guard.with_destination_ports(&ports),
            }
        }
        Asks::HasPorts if negated => return Err("`!` before `-m tcp` or `-m udp`".to_owned()),
        Asks::HasPorts => step.guard.with_source_ports(&Ranges::span(0, u16::MAX.into())),
        Asks::InInterface(name) => {
            step.conditions.push(condition(interface(name, Question::Input, Question::InputLike)));
            return Ok(Some(step));
        }
        Asks::OutInterface(name) => {
            step.conditions.push(condition(interface(name, Question::Output, Question::OutputLike)));
            return Ok(Some(step));
        }
        Asks::State(states) => {
            step.conditions.push(condition(Question::State(states.clone())));
            return Ok(Some(step));
        }
        Asks::IcmpType(wanted) => {
            step.conditions.push(condition(Question::IcmpType(number(*wanted))));
            return Ok(Some(step));
        }
        Asks::HopLimit(wanted) => {
            step.conditions.push(condition(Question::HopLimit(number(*wanted))));
            return Ok(Some(step));
        }
        Asks::RateLimit if negated => None,
        Asks::RateLimit => return Ok(Some(step)),
    };
    Ok(guard.map(|guard| Step { guard, ..step }))
}

/// A pattern that ends in `+` matches every name that begins with the rest (iptables(8)).
fn interface(
    name: &str,
    named: impl FnOnce(BTreeSet<String>) -> Question,
    like: impl FnOnce(String) -> Question,
) -> Question {
    match name.strip_suffix('+') {
        Some(start) => like(start.to_owned()),
        None => named(BTreeSet::from([name.to_owned()])),
    }
}
