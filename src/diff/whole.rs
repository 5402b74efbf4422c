//! Two chains compared as a whole, by diagrams: for chains that differ in too many ways to list them. The answer is
//! that they mean the same, or one packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use palisade_ir::decide::{Budget, BudgetExceeded};
use palisade_ir::diagram::{self, Answer, Question};
use palisade_ir::symbolic::{Act, Block, Program, Step, Ways};
use palisade_ir::{Chain, Direction, Family, Packet, PacketHook, PacketPorts, Region, Verdict};

/// A packet that the chains decide or log differently, if there is one.
pub(super) fn packet(
    old: &Chain,
    new: &Chain,
    budget: &mut Budget,
) -> Result<Option<Packet>, BudgetExceeded> {
    for family in Family::ALL {
        let (policy, ruleset) = (program(old, family), program(new, family));
        // Without conditions there is nothing whose name could be wrong.
        let ways = Ways::of(&[&policy, &ruleset]).map_err(|_| BudgetExceeded)?;
        let question = Question { policy: &policy, ruleset: &ruleset, unasked: &[], ways: &ways };
        if let Answer::Unlike(packet, _) = diagram::compare(&question, budget)? {
            return Ok(Some(packet));
        }
    }
    Ok(None)
}

/// A packet that is newly allowed, and denied by the envelope, if there is one. Without an old chain all that is allowed
/// is new.
pub(super) fn outside(
    old: Option<&Chain>,
    new: &Chain,
    envelope: &Chain,
    budget: &mut Budget,
) -> Result<Option<Packet>, BudgetExceeded> {
    for family in Family::ALL {
        // What was allowed, and what the envelope allows, is out of the question: it counts as denied.
        let mut calls = Vec::new();
        let mut blocks = vec![Block::default()];
        for chain in old.into_iter().chain([envelope]) {
            calls.push(Step::new(Region::full(family), Act::Call(blocks.len())));
            let steps = steps(chain, family, |verdict| match verdict {
                Verdict::Allow => Act::Decide(Verdict::Deny),
                Verdict::Deny => Act::Return,
            });
            blocks.push(Block { steps });
        }
        calls.extend(steps(new, family, Act::Decide));
        if let Some(entry) = blocks.first_mut() {
            entry.steps = calls;
        }
        let policy = Program { family, blocks, entries: vec![(PacketHook::Input, 0)] };
        let nothing = Block { steps: vec![Step::new(Region::full(family), Act::Decide(Verdict::Deny))] };
        let nothing = Program { family, blocks: vec![nothing], entries: vec![(PacketHook::Input, 0)] };
        let ways = Ways::of(&[&policy, &nothing]).map_err(|_| BudgetExceeded)?;
        let question = Question { policy: &policy, ruleset: &nothing, unasked: &[], ways: &ways };
        if let Answer::Unlike(packet, _) = diagram::compare(&question, budget)? {
            return Ok(Some(packet));
        }
    }
    Ok(None)
}

/// The rules of a chain for packets of a family, by their verdicts alone.
fn steps(chain: &Chain, family: Family, act: impl Fn(Verdict) -> Act) -> Vec<Step> {
    let rules = chain.rules().iter().filter(|rule| rule.matches.family() == family);
    let last = Step::new(Region::full(family), act(chain.default()));
    rules.map(|rule| Step::new(Region::of(&rule.matches), act(rule.outcome.verdict))).chain([last]).collect()
}

/// A packet on which the chains still differ and that looks more like one from real life: to or from the NIC's own
/// address, a stranger's (RFC 5737, RFC 3849), ordinary ports.
pub(super) fn likelier(
    packet: Packet,
    old: &Chain,
    new: &Chain,
    direction: Direction,
    own: &[IpAddr],
) -> Packet {
    let own = own.iter().copied().find(|address| Family::of(address) == packet.family());
    let stranger: IpAddr = match packet.family() {
        Family::V4 => Ipv4Addr::new(203, 0, 113, 9).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).into(),
    };
    let (source, destination) = match direction {
        Direction::In => (Some(stranger), own),
        Direction::Out => (own, Some(stranger)),
    };
    let ports = |packet: &Packet, source: Option<u16>, destination: Option<u16>| {
        packet.ports().map(|ports| PacketPorts {
            source: source.unwrap_or(ports.source),
            destination: destination.unwrap_or(ports.destination),
        })
    };
    let tries = [
        (source, None, None, None),
        (None, destination, None, None),
        (None, None, Some(40_000), None),
        (None, None, None, Some(443)),
    ];
    let mut best = packet;
    for (source, destination, from, to) in tries {
        let (source, destination) =
            (source.unwrap_or(best.source()), destination.unwrap_or(best.destination()));
        let other = Packet::new(source, destination, best.protocol(), ports(&best, from, to));
        let differs = |packet: &Packet| old.decide(packet).outcome != new.decide(packet).outcome;
        best = other.ok().filter(differs).unwrap_or(best);
    }
    best
}

/// A chain as the only block of a program, at one hook.
fn program(chain: &Chain, family: Family) -> Program {
    let mut steps = Vec::new();
    for rule in chain.rules().iter().filter(|rule| rule.matches.family() == family) {
        let region = Region::of(&rule.matches);
        if rule.outcome.log {
            steps.push(Step::new(region.clone(), Act::Log));
        }
        steps.push(Step::new(region, Act::Decide(rule.outcome.verdict)));
    }
    steps.push(Step::new(Region::full(family), Act::Decide(chain.default())));
    Program { family, blocks: vec![Block { steps }], entries: vec![(PacketHook::Input, 0)] }
}
