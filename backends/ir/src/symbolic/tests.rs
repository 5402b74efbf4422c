//! Random programs: running them all at once says what running them packet by packet says.

use super::*;
use crate::decide::{Budget, equivalent};
use crate::{Ifname, Packet, PacketPorts, Protocol};

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    pub(crate) fn span(&mut self, end: u128) -> Ranges {
        let (one, two) = (self.below(end as usize) as u128, self.below(end as usize) as u128);
        Ranges::span(one.min(two), one.max(two))
    }
}

pub(crate) fn guard(random: &mut Random) -> Region {
    let mut region = Region::full(Family::V4);
    for field in 0..4 {
        if random.below(2) == 0 {
            continue;
        }
        let narrowed = match field {
            0 => region.with_source(&random.span(4)),
            1 => region.with_protocols(&Ranges::span(16, 16 + random.below(3) as u128)),
            2 => region.with_destination_ports(&random.span(4)),
            _ => region.with_destination(&random.span(4)),
        };
        region = narrowed.unwrap_or(region);
    }
    region
}

pub(crate) fn program(random: &mut Random, pure: bool) -> Program {
    let blocks = (0..4).map(|at| {
        let steps = (0..random.below(5)).map(|_| {
            let act = match random.below(9) {
                0 | 1 => Act::Decide(Verdict::Allow),
                2 | 3 => Act::Decide(Verdict::Deny),
                4 => Act::Log,
                5 => Act::Return,
                6 if at < 3 => Act::Goto(at + 1),
                _ if at < 3 => Act::Call(at + 1),
                _ => Act::Log,
            };
            let mut step = Step::new(guard(random), act);
            if !pure && random.below(4) == 0 {
                let negated = random.below(2) == 0;
                let asks = match random.below(5) {
                    0 | 1 => Asks::Input(["a".to_owned()].into()),
                    2 => Asks::InputLike("a".to_owned()),
                    3 => Asks::InputLike("ab".to_owned()),
                    _ => Asks::Input(["ab".to_owned(), "abx".to_owned()].into()),
                };
                step.conditions.push(Condition { asks, negated });
            }
            step
        });
        Block { steps: steps.collect() }
    });
    Program { family: Family::V4, blocks: blocks.collect(), entries: vec![(PacketHook::Input, 0)] }
}

/// The verdict, if any, and whether the packet is logged: one step after the other.
pub(crate) fn interpret(
    program: &Program,
    block: usize,
    packet: &Region,
    at: &Traversal,
    logged: &mut bool,
) -> Option<Verdict> {
    for step in &program.blocks[block].steps {
        if !step.applies(at) || packet.intersect(&step.guard).is_none() {
            continue;
        }
        match step.act {
            Act::Decide(verdict) => return Some(verdict),
            Act::Log => *logged = true,
            Act::Return => return None,
            Act::Goto(to) => return interpret(program, to, packet, at, logged),
            Act::Call(to) => {
                if let Some(verdict) = interpret(program, to, packet, at, logged) {
                    return Some(verdict);
                }
            }
        }
    }
    None
}

fn packets() -> Vec<Packet> {
    let mut packets = Vec::new();
    for bits in 0..4 * 4 * 3 * 5 {
        let (source, destination, protocol, port) = (bits % 4, bits / 4 % 4, bits / 16 % 3, bits / 48);
        let address = |number| Family::V4.address(number as u128);
        let protocol = Protocol(16 + protocol as u8);
        let ports =
            (port < 4 && protocol.has_ports()).then_some(PacketPorts { source: 9, destination: port as u16 });
        packets.push(Packet::new(address(source), address(destination), protocol, ports).unwrap());
    }
    packets
}

#[test]
fn runs_as_packets_would() {
    let packets = packets();
    let mut random = Random(1);
    for _ in 0..300 {
        let program = program(&mut random, false);
        for name in ["a", "b"] {
            let at = Traversal::input(Ifname::new(name).unwrap());
            let full = Region::full(Family::V4);
            let leaves = run(&program, &at, &full, &[], &mut Budget::default()).unwrap();
            for packet in &packets {
                let point = Region::point(packet);
                let here: Vec<&Leaf> = leaves.iter().filter(|leaf| point.is_subset(&leaf.region)).collect();
                let [leaf] = here.as_slice() else { panic!("{} leaves", here.len()) };
                let mut logged = false;
                let end = interpret(&program, 0, &point, &at, &mut logged).unwrap_or(Verdict::Allow);
                assert_eq!((leaf.end, leaf.logged), (end, logged), "{packet:?}\n{program:#?}");
            }
        }
    }
}

#[test]
fn flattens_what_depends_on_the_packet_alone() {
    let packets = packets();
    let mut random = Random(2);
    for _ in 0..2000 {
        let program = program(&mut random, true);
        assert!(program.pure().iter().all(|pure| *pure));
        for returned in [Verdict::Allow, Verdict::Deny] {
            let flat = flatten(&program, 0, returned, &mut Budget::default()).unwrap();
            let Flat { chain, accepts: _ } = flat.expect("no step tells tcp without ports from the rest");
            for packet in &packets {
                let at = Traversal::input(Ifname::new("a").unwrap());
                let mut logged = false;
                let end =
                    interpret(&program, 0, &Region::point(packet), &at, &mut logged).unwrap_or(returned);
                let outcome = chain.decide(packet).outcome;
                assert_eq!((outcome.verdict, outcome.log), (end, logged), "{packet:?}\n{program:#?}");
            }
            assert_eq!(equivalent(&chain, &chain, &mut Budget::default()), Ok(None));
        }
    }
}

#[test]
fn a_condition_makes_impure_what_leads_to_it() {
    let full = Region::full(Family::V6);
    let asks = Asks::State(vec![ConnState::New]);
    let step = Step { conditions: vec![Condition::new(asks)], ..Step::new(full.clone(), Act::Return) };
    let call = |to| Block { steps: vec![Step::new(full.clone(), Act::Call(to))] };
    let blocks = vec![call(1), Block { steps: vec![step] }, call(3), Block::default()];
    let program = Program { family: Family::V6, blocks, entries: Vec::new() };
    assert_eq!(program.pure(), [false, false, true, true]);
}

#[test]
fn ways_have_a_name_of_each_kind() {
    let like = |start: &str| Condition::new(Asks::OutputLike(start.to_owned()));
    let named = Condition::new(Asks::Output(["tap1".to_owned(), "tapother0".to_owned()].into()));
    let conditions = [named, like("tap"), like("tap1"), like("other0")];
    let step =
        |condition| Step { guard: Region::full(Family::V4), conditions: vec![condition], act: Act::Log };
    let program = |conditions: &[Condition]| Program {
        family: Family::V4,
        blocks: vec![Block { steps: conditions.iter().cloned().map(step).collect() }],
        entries: Vec::new(),
    };
    let names = |conditions: &[Condition]| {
        let ways = Ways::of(&[&program(conditions)]).unwrap();
        ways.outputs.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&conditions), ["aa", "other0other0", "tap1", "tap1other0", "tapaa", "tapother0"]);
    // Every name begins so, and none but this one is long enough.
    assert_eq!(names(&[like("")]), ["other0"]);
    assert_eq!(names(&[like("fifteen-letters")]), ["fifteen-letters", "other0"]);
    let full = [like("fifteen-letters"), Condition::new(Asks::Output(["fifteen-letters".to_owned()].into()))];
    assert!(Ways::of(&[&program(&full)]).is_err(), "refused, though there is no other name");
}
