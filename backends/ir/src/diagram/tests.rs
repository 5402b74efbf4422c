//! Comparisons against packets interpreted one by one, and against the other exact comparison.

use super::*;
use crate::decide::equivalent;
use crate::symbolic::tests::{Random, guard, interpret, program};
use crate::symbolic::{Act, Asks, Block, Condition, flatten};
use crate::{ConnState, Family, PacketPorts, Protocol, Ranges, Region, Verdict};

/// One packet of every kind that the guards of random programs tell apart.
fn packets() -> Vec<Packet> {
    let address = |number: usize| Family::V4.address(number as u128);
    let mut packets = Vec::new();
    for bits in 0..5 * 5 * 5 * 6 {
        let (source, destination, protocol, port) = (bits % 5, bits / 5 % 5, bits / 25 % 5, bits / 125);
        let protocol = Protocol(15 + protocol as u8);
        let ports =
            (port < 5 && protocol.has_ports()).then_some(PacketPorts { source: 9, destination: port as u16 });
        packets.push(Packet::new(address(source), address(destination), protocol, ports).unwrap());
    }
    packets
}

/// The verdict and whether the packet is logged.
fn outcome(program: &Program, packet: &Packet, at: &Traversal) -> (Verdict, bool) {
    let mut logged = false;
    let entry = program.entry(at.hook);
    let end = entry.and_then(|entry| interpret(program, entry, &Region::point(packet), at, &mut logged));
    (end.unwrap_or(Verdict::Allow), logged)
}

fn ask(policy: &Program, ruleset: &Program, most: usize) -> Result<Answer, BudgetExceeded> {
    let ways = Ways::of(&[policy, ruleset]).unwrap();
    let question = Question { policy, ruleset, unasked: &[], ways: &ways };
    compare_within(&question, most, &mut Budget::default())
}

/// Compares, and holds the answer against all packets on all ways.
fn check(policy: &Program, ruleset: &Program, packets: &[Packet]) -> bool {
    match ask(policy, ruleset, 200_000).unwrap() {
        Answer::Alike => {
            let ways = Ways::of(&[policy, ruleset]).unwrap();
            let names = ["a", "ab", "abx", "abc", "ac", "b"];
            let more = names.map(|name| Traversal::input(Ifname::new(name).unwrap()));
            for at in ways.all().chain(more) {
                for packet in packets {
                    let found = (outcome(policy, packet, &at), outcome(ruleset, packet, &at));
                    assert_eq!(found.0, found.1, "{packet:?} {at:?}\n{policy:#?}\n{ruleset:#?}");
                }
            }
            true
        }
        Answer::Unlike(packet, at) => {
            let found = (outcome(policy, &packet, &at), outcome(ruleset, &packet, &at));
            assert_ne!(found.0, found.1, "{packet:?} {at:?}\n{policy:#?}\n{ruleset:#?}");
            false
        }
    }
}

/// A program that differs from another in one step, or in nothing that matters.
fn changed(random: &mut Random, program: &Program) -> Program {
    let mut changed = program.clone();
    let at = random.below(changed.blocks.len());
    let others = changed.blocks.clone();
    let steps = &mut changed.blocks[at].steps;
    if steps.is_empty() {
        return changed;
    }
    let step = random.below(steps.len());
    match random.below(7) {
        0 => drop(steps.remove(step)),
        1 => steps[step].guard = guard(random),
        2 => steps[step].act = Act::Decide(Verdict::Deny),
        3 => steps[step].act = Act::Log,
        4 => steps.insert(step, steps[step].clone()),
        5 => steps.swap(step, step / 2),
        // What a call of a block does, the block's own steps do, where nothing returns.
        _ => {
            let returns =
                |block: &Block| block.steps.iter().any(|step| matches!(step.act, Act::Return | Act::Goto(_)));
            if let Act::Call(to) = steps[step].act
                && !returns(&others[to])
            {
                let call = steps.remove(step);
                for inner in others[to].steps.iter().rev() {
                    let Some(guard) = inner.guard.intersect(&call.guard) else { continue };
                    let conditions = [call.conditions.clone(), inner.conditions.clone()].concat();
                    steps.insert(step, Step { guard, conditions, act: inner.act });
                }
            }
        }
    }
    changed
}

#[test]
fn says_what_every_packet_says() {
    let packets = packets();
    let mut random = Random(3);
    let mut alike = 0;
    for round in 0..500 {
        let mut one = program(&mut random, round % 3 == 0);
        if round % 5 == 0 {
            one.entries.push((PacketHook::Forward, 1));
        }
        let mut other = changed(&mut random, &one);
        for _ in 0..random.below(3) {
            other = changed(&mut random, &other);
        }
        alike += usize::from(check(&one, &other, &packets));
    }
    assert!((80..400).contains(&alike), "{alike}");
}

#[test]
fn agrees_with_the_pairwise_comparison() {
    let mut random = Random(4);
    let mut alike = 0;
    for _ in 0..2000 {
        let one = program(&mut random, true);
        let other = changed(&mut random, &one);
        let chain = |program: &Program| {
            flatten(program, 0, Verdict::Allow, &mut Budget::default()).unwrap().unwrap().chain
        };
        let known = equivalent(&chain(&one), &chain(&other), &mut Budget::default()).unwrap();
        let found = ask(&one, &other, MOST_NODES).unwrap();
        assert_eq!(known.is_none(), matches!(found, Answer::Alike), "{one:#?}\n{other:#?}");
        alike += usize::from(known.is_none());
    }
    assert!((400..1900).contains(&alike), "{alike}");
}

/// A step for sources, ports of a protocol, or any.
fn step(source: Option<(u128, u128)>, service: Option<(u8, u128)>, act: Act) -> Step {
    let mut guard = Region::full(Family::V4);
    if let Some((first, last)) = source {
        guard = guard.with_source(&Ranges::span(first, last)).unwrap();
    }
    if let Some((protocol, port)) = service {
        let protocol = guard.with_protocols(&Ranges::span(protocol.into(), protocol.into())).unwrap();
        guard = protocol.with_destination_ports(&Ranges::span(port, port)).unwrap();
    }
    Step::new(guard, act)
}

const ALLOW: Act = Act::Decide(Verdict::Allow);
const DENY: Act = Act::Decide(Verdict::Deny);

/// A chain of rules, first match first, and the same rules sorted under their ports: a map that leads to one block per
/// port, each of which returns; then what asks for no port.
fn chain_and_map(random: &mut Random, ports: u128, rules: usize) -> [Program; 2] {
    let (mut chain, mut blocks) = (Vec::new(), vec![Vec::new(); ports as usize]);
    let mut wide = Vec::new();
    for _ in 0..rules {
        let first = random.below(5000) as u128 * 16;
        let source = Some((first, first + (random.below(64) * 16) as u128 + 15));
        let port = random.below(ports as usize);
        let act = if random.below(4) == 0 { DENY } else { ALLOW };
        if random.below(20) == 0 {
            chain.push(step(source, Some((6, port as u128)), Act::Log));
            blocks[port].push(step(source, None, Act::Log));
        }
        chain.push(step(source, Some((6, port as u128)), act));
        blocks[port].push(step(source, None, act));
    }
    for number in 0..20 {
        wide.push(step(Some((number * 1000, number * 1000 + 500)), None, ALLOW));
    }
    wide.push(step(None, None, DENY));
    chain.extend(wide.iter().cloned());
    let mut map: Vec<Step> =
        (0..ports).map(|port| step(None, Some((6, port)), Act::Call(2 + port as usize))).collect();
    map.push(step(None, None, Act::Goto(1)));
    let blocks = [map, wide].into_iter().chain(blocks.into_iter().map(|mut steps| {
        // Half of them say that they return, half just end.
        if steps.len() % 2 == 0 {
            steps.push(step(None, None, Act::Return));
        }
        steps
    }));
    let program = |blocks: Vec<Vec<Step>>| Program {
        family: Family::V4,
        blocks: blocks.into_iter().map(|steps| Block { steps }).collect(),
        entries: vec![(PacketHook::Input, 0)],
    };
    [program(vec![chain]), program(blocks.collect())]
}

#[test]
fn a_map_of_services_is_the_chain_it_was_made_from() {
    let mut random = Random(5);
    let [chain, map] = chain_and_map(&mut random, 500, 5000);
    assert_eq!(ask(&chain, &map, MOST_NODES), Ok(Answer::Alike));
    // Collected again and again, the answer is the same.
    assert_eq!(ask(&chain, &map, 400_000), Ok(Answer::Alike));
    for _ in 0..20 {
        let mut wrong = map.clone();
        let block = 2 + random.below(500);
        let steps = &mut wrong.blocks[block].steps;
        if steps.len() < 2 {
            continue;
        }
        steps.remove(0);
        if let Answer::Unlike(packet, at) = ask(&chain, &wrong, MOST_NODES).unwrap() {
            assert_ne!(outcome(&chain, &packet, &at), outcome(&wrong, &packet, &at));
            assert_eq!(packet.ports().unwrap().destination as usize, block - 2);
        }
    }
}

#[test]
fn a_dropped_rule_is_found_with_a_plain_packet() {
    let [chain, mut map] = chain_and_map(&mut Random(6), 50, 200);
    map.blocks[1].steps.remove(0);
    let Ok(Answer::Unlike(packet, at)) = ask(&chain, &map, MOST_NODES) else { panic!("a difference") };
    assert_eq!((packet.protocol(), packet.source_port()), (Protocol::TCP, Some(0)));
    assert_eq!((at.state, at.icmp_type), (ConnState::New, None));
}

#[test]
fn without_nodes_or_steps_nothing_is_proved() {
    let [chain, map] = chain_and_map(&mut Random(7), 50, 500);
    assert_eq!(ask(&chain, &map, 1000), Err(BudgetExceeded));
    let ways = Ways::of(&[&chain, &map]).unwrap();
    let question = Question { policy: &chain, ruleset: &map, unasked: &[], ways: &ways };
    let mut budget = Budget::new(1000);
    assert_eq!(compare(&question, &mut budget), Err(BudgetExceeded));
    assert_eq!(budget.left(), 0);
    assert!(compare(&question, &mut Budget::default()).is_ok());
}

#[test]
fn blocks_that_lead_to_themselves_are_not_entered() {
    let blocks = vec![Block { steps: vec![step(None, None, Act::Call(0))] }];
    let program = Program { family: Family::V4, blocks, entries: vec![(PacketHook::Input, 0)] };
    assert_eq!(ask(&program, &program, MOST_NODES), Err(BudgetExceeded));
}

#[test]
fn what_is_not_asked_may_differ() {
    let entries = vec![(PacketHook::Output, 0)];
    let program =
        |steps| Program { family: Family::V4, blocks: vec![Block { steps }], entries: entries.clone() };
    let allow = program(vec![step(Some((0, 9)), None, ALLOW), step(None, None, DENY)]);
    let deny = program(vec![step(None, None, DENY)]);
    let state = |states: &[ConnState]| Condition::new(Asks::State(states.to_vec()));
    let mut unasked = vec![step(Some((0, 4)), None, ALLOW)];
    let mut live = step(None, None, DENY);
    live.conditions.push(Condition { negated: true, ..state(&[ConnState::Related]) });
    unasked.push(live);
    let ways = Ways::of(&[&allow, &deny]).unwrap();
    let ask = |steps: &[Step]| {
        let unasked = [(PacketHook::Output, steps.to_vec())];
        let question = Question { policy: &allow, ruleset: &deny, unasked: &unasked, ways: &ways };
        compare(&question, &mut Budget::default()).unwrap()
    };
    let Answer::Unlike(packet, at) = ask(&unasked) else { panic!("related packets from 5 to 9") };
    assert_eq!((Family::number(packet.source()), at.state), (5, ConnState::Related));
    unasked.push(step(Some((5, 9)), None, ALLOW));
    assert_eq!(ask(&unasked), Answer::Alike);
}

/// A chain that is not the policy's elsewhere, but where packets come to it, and come to it in several ways.
#[test]
fn a_chain_need_only_be_right_where_it_is_entered() {
    let own = Ranges::span(77, 79);
    let [chain, map] = chain_and_map(&mut Random(8), 1000, 3000);
    let program = |chain: &Program, elsewhere: bool| {
        let mut blocks = chain.blocks.clone();
        for step in blocks.iter_mut().flat_map(|block| &mut block.steps) {
            if let Act::Call(to) | Act::Goto(to) = &mut step.act {
                *to += 1;
            }
        }
        if elsewhere {
            let others = Region::full(Family::V4).with_destination(&Ranges::span(80, 90)).unwrap();
            blocks[0].steps.insert(0, Step::new(others, DENY));
        }
        let full = Region::full(Family::V4);
        let mut related = Step::new(full.with_protocols(&Ranges::span(1, 1)).unwrap(), ALLOW);
        related.conditions.push(Condition::new(Asks::State(vec![ConnState::Related])));
        let goto = Step::new(full.with_destination(&own).unwrap(), Act::Goto(1));
        let entry = Block { steps: vec![related, goto, step(None, None, DENY)] };
        // And a chain that allows all, as many blocks of the map do with what comes to them.
        let mut live = step(None, None, Act::Goto(blocks.len() + 2));
        live.conditions.push(Condition::new(Asks::State(vec![ConnState::New])));
        let open = Block { steps: vec![step(None, None, ALLOW)] };
        let out = blocks.len() + 1;
        let blocks =
            std::iter::once(entry).chain(blocks).chain([Block { steps: vec![live] }, open]).collect();
        Program {
            family: Family::V4,
            blocks,
            entries: vec![(PacketHook::Input, 0), (PacketHook::Output, out)],
        }
    };
    let (policy, mut ruleset) = (program(&chain, false), program(&map, true));
    let ways = Ways::of(&[&policy, &ruleset]).unwrap();
    let ask = |ruleset: &Program| {
        let question = Question { policy: &policy, ruleset, unasked: &[], ways: &ways };
        compare(&question, &mut Budget::new(2_000_000))
    };
    assert_eq!(ask(&ruleset), Ok(Answer::Alike));
    ruleset.blocks[5].steps.remove(3);
    let Ok(Answer::Unlike(packet, at)) = ask(&ruleset) else { panic!("a difference") };
    assert_eq!(Family::number(packet.destination()), 77);
    assert_ne!(outcome(&policy, &packet, &at), outcome(&ruleset, &packet, &at));
}
