//! A layout decides every packet as its chain does.

use std::collections::BTreeSet;

use super::{Item, Lookup, plan};
use crate::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, PacketPorts, PortMatch, PortSet,
    PrefixSet, Protocol, ProtocolSet, Ranges, Rank, Rule, RuleId, SetId, Verdict,
};

/// A small generator of numbers (xorshift64*), the same on every machine.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What a random chain is like.
pub(crate) struct Shape {
    rules: u64,
    addresses: u128,
    ports: u64,
    ranges: u64,
    any: u64,
    named: u64,
    local: u64,
    sources: u64,
    log: u64,
}

pub(crate) const SHAPES: [Shape; 6] = [
    Shape {
        rules: 12,
        addresses: 16,
        ports: 4,
        ranges: 30,
        any: 30,
        named: 10,
        local: 10,
        sources: 10,
        log: 5,
    },
    Shape {
        rules: 40,
        addresses: 64,
        ports: 6,
        ranges: 10,
        any: 10,
        named: 10,
        local: 5,
        sources: 5,
        log: 3,
    },
    // Many ranges that overlap: by prefix, and by port where they are from anywhere.
    Shape {
        rules: 90,
        addresses: 256,
        ports: 40,
        ranges: 95,
        any: 15,
        named: 4,
        local: 3,
        sources: 0,
        log: 2,
    },
    Shape {
        rules: 120,
        addresses: 64,
        ports: 200,
        ranges: 60,
        any: 5,
        named: 0,
        local: 0,
        sources: 0,
        log: 0,
    },
    Shape {
        rules: 60,
        addresses: 32,
        ports: 8,
        ranges: 40,
        any: 20,
        named: 5,
        local: 5,
        sources: 40,
        log: 2,
    },
    // Whole protocols, some of them barred first.
    Shape { rules: 40, addresses: 64, ports: 2, ranges: 0, any: 8, named: 5, local: 0, sources: 0, log: 0 },
];

fn base(family: Family) -> u128 {
    match family {
        Family::V4 => 0x0a00_0000,
        Family::V6 => 0xfd00 << 112,
    }
}

fn addresses(dice: &mut Dice, shape: &Shape, family: Family, any: u64) -> Addresses {
    if dice.percent(any) {
        return Addresses::any(family);
    }
    let mut ranges = Vec::new();
    for _ in 0..=dice.below(8) / 7 {
        let width = 1_u128 << dice.below(u64::from(shape.addresses.ilog2()));
        let first = base(family) + u128::from(dice.below((shape.addresses / width) as u64)) * width;
        ranges.push((first, first + width - 1));
    }
    let ranges: Ranges = ranges.into_iter().collect();
    let prefixes = PrefixSet::from_ranges(family, &ranges);
    let set = dice.percent(shape.named).then_some(SetId(0));
    Addresses { set, ..Addresses::unnamed(prefixes) }
}

fn ports(dice: &mut Dice, shape: &Shape, ranges: u64) -> PortMatch {
    let port = |dice: &mut Dice| dice.below(shape.ports) as u16;
    let mut spans = Vec::new();
    for _ in 0..=dice.below(6) / 5 {
        let first = port(dice);
        spans.push((first, if dice.percent(ranges) { first + 1 + port(dice) % 9 } else { first }));
    }
    PortMatch::In(PortSet::from_ranges(spans))
}

fn matches(dice: &mut Dice, shape: &Shape, family: Family) -> Match {
    let source = addresses(dice, shape, family, shape.any);
    let destination = addresses(dice, shape, family, 100 - shape.local);
    let transport = [Protocol::TCP, Protocol::UDP];
    let wide = shape.ranges == 0 || dice.percent(10);
    let (protocols, source_ports, destination_ports) = if wide && dice.percent(60) {
        let one = [Protocol::TCP, Protocol::ICMP, Protocol::GRE][dice.below(3) as usize];
        let protocols = if dice.percent(40) { ProtocolSet::all() } else { ProtocolSet::only(one) };
        (protocols, PortMatch::Any, PortMatch::Any)
    } else {
        let protocols = if dice.percent(10) {
            transport.into_iter().collect()
        } else {
            ProtocolSet::only(transport[dice.below(2) as usize])
        };
        let from = if dice.percent(shape.sources) { ports(dice, shape, 30) } else { PortMatch::Any };
        let alone = !from.is_any() && dice.percent(50);
        let to = if alone { PortMatch::Any } else { ports(dice, shape, shape.ranges) };
        (protocols, from, to)
    };
    Match::new(MatchParts { source, destination, protocols, source_ports, destination_ports }).unwrap()
}

pub(crate) fn chain(dice: &mut Dice, shape: &Shape) -> Chain {
    let mut rules = Vec::new();
    for id in 0..shape.rules {
        let families = if dice.percent(70) { &Family::ALL[..1] } else { &Family::ALL[..] };
        let verdict = if dice.percent(60) { Verdict::Allow } else { Verdict::Deny };
        let outcome = Outcome { verdict, log: dice.percent(shape.log) };
        for family in families {
            rules.push(Rule {
                matches: matches(dice, shape, *family),
                outcome,
                rank: Rank::INNER_ACCESS,
                origin: Origin::one(RuleId(id as u32)),
            });
        }
    }
    Chain::from_ordered(rules, Verdict::Deny, RuleId(0))
}

/// Every packet with fields at or next to an end of a range of some rule, thinned by chance.
pub(crate) fn packets(dice: &mut Dice, shape: &Shape, count: usize) -> Vec<Packet> {
    let mut packets = Vec::new();
    while packets.len() < count {
        let family = if dice.percent(75) { Family::V4 } else { Family::V6 };
        let address = |dice: &mut Dice| {
            let near = u128::from(dice.below(shape.addresses as u64 + 2));
            family.address(base(family) + near - u128::from(near > 0))
        };
        let protocol = [6, 17, 6, 17, 1, 47, 200][dice.below(7) as usize];
        let port = |dice: &mut Dice| dice.below(shape.ports + 12) as u16;
        let ports = (protocol == 6 || protocol == 17)
            .then(|| PacketPorts { source: port(dice), destination: port(dice) })
            .filter(|_| !dice.percent(3));
        let (source, destination) = (address(dice), address(dice));
        packets.extend(Packet::new(source, destination, Protocol(protocol), ports));
    }
    packets
}

#[test]
fn decides_as_the_chain_does() {
    let mut seen = BTreeSet::new();
    for seed in 1..60_u64 {
        for (number, shape) in SHAPES.iter().enumerate() {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + number as u64);
            let chain = chain(&mut dice, shape);
            let (layout, end) = plan(&chain);
            for block in &layout.blocks {
                seen.insert(match block.lookup {
                    Lookup::Nothing => "nothing",
                    Lookup::Port(_) => "port",
                    Lookup::PortRange(..) => "range",
                    Lookup::Prefix(..) => "prefix",
                    Lookup::Address(_) => "address",
                    Lookup::Service => "service",
                });
                for item in block.leaves.iter().flat_map(|leaf| &leaf.items) {
                    if let Item::Map(map) = item {
                        assert!(map.is_disjoint(), "seed {seed} shape {number}: {map:?}");
                    }
                }
            }
            for packet in packets(&mut dice, shape, 400) {
                let expected = chain.decide(&packet).outcome;
                let found = layout.decide(&packet, end).unwrap_or(Outcome::silent(chain.default()));
                assert_eq!(found, expected, "seed {seed} shape {number} {packet:?}");
            }
        }
    }
    let all = ["address", "nothing", "port", "prefix", "range", "service"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn look_ups_lead_to_one_leaf_each() {
    for seed in 1..60_u64 {
        for shape in &SHAPES {
            let (layout, _) = plan(&chain(&mut Dice(seed), shape));
            for block in layout.blocks.iter().filter(|block| matches!(block.lookup, Lookup::Address(_))) {
                let mut ranges: Vec<(u128, u128)> =
                    block.leaves.iter().flat_map(|leaf| leaf.ranges.clone()).collect();
                ranges.sort_unstable();
                assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ranges:?}");
            }
        }
    }
}
