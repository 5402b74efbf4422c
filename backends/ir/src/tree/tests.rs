//! A tree decides every packet as its chain does.

use super::{By, Node, Piece, Tree, Wanted, by_ports, rest};
use crate::layout::tests::{Dice, SHAPES, chain, packets};
use crate::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, PortMatch, PrefixSet, Protocol,
    ProtocolSet, Ranges, Rank, Rule, RuleId, Verdict,
};

/// What is asked for, but for the family and the default.
struct Kind {
    by: By,
    leaf: usize,
    /// Lines at most, for each of the list.
    times: usize,
}

const KINDS: [Kind; 5] = [
    Kind { by: By::Tests, leaf: 3, times: 2 },
    Kind { by: By::Tests, leaf: 12, times: 1000 },
    Kind { by: By::Maps { way: 0 }, leaf: 1, times: 1000 },
    Kind { by: By::Maps { way: 0 }, leaf: 1, times: 3 },
    Kind { by: By::Maps { way: 6 }, leaf: 6, times: 8 },
];

fn lines(matches: &Match) -> usize {
    1 + matches.source().prefixes.ranges().len() + matches.destination().prefixes.ranges().len()
}

fn grow(chain: &Chain, family: Family, kind: &Kind) -> (Tree, usize) {
    let own = chain.rules().iter().filter(|rule| rule.matches.family() == family);
    let rules: Vec<Rule> = own.flat_map(by_ports).collect();
    let rules: Vec<&Rule> = rules.iter().collect();
    let all: usize = rules.iter().map(|rule| 2 * lines(&rule.matches)).sum();
    let (default, most) = (Some(chain.default()), kind.times * all);
    let Kind { by, leaf, times: _ } = *kind;
    (Tree::of(&rules, Wanted { family, default, most, leaf, most_leaf: 1000, by, lines }), most)
}

#[test]
fn decides_as_the_chain_does() {
    let mut divided = [0; KINDS.len()];
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..12_u64 {
        for (number, shape) in SHAPES.iter().enumerate() {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + number as u64);
            let chain = chain(&mut dice, shape);
            let packets = packets(&mut dice, shape, 300);
            for (at, kind) in KINDS.iter().enumerate() {
                for family in Family::ALL {
                    let (tree, most) = grow(&chain, family, kind);
                    let what = format!("seed {seed} shape {number} kind {at}");
                    if tree.nodes().len() > 1 {
                        divided[at] += 1;
                        assert!(tree.size() <= most, "{what}");
                    }
                    check_parts(&tree, kind.by, &what, &mut seen);
                    for packet in packets.iter().filter(|packet| packet.family() == family) {
                        let expected = chain.decide(packet).outcome;
                        let found = tree.decide(packet).unwrap_or(Outcome::silent(chain.default()));
                        assert_eq!(found, expected, "{what} {packet:?}");
                        assert_eq!(by_map(&tree, packet), tree.decide(packet), "{what} {packet:?}");
                    }
                }
            }
        }
    }
    assert!(divided.iter().all(|count| *count > 30), "{divided:?}");
    let all = ["addresses", "no ports", "other addresses", "other protocols", "ports", "protocol"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

/// Parts of one node are disjoint and hold all that the node may hold; maps ask each field once on a way.
fn check_parts(tree: &Tree, by: By, what: &str, seen: &mut std::collections::BTreeSet<&'static str>) {
    for (at, node) in tree.nodes().iter().enumerate() {
        let Node::Inner(parts) = node else { continue };
        assert!(parts.iter().all(|(_, child)| *child < at), "{what}: children stand first");
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for (piece, _) in parts {
            seen.insert(match piece {
                Piece::Protocol(_) => "protocol",
                Piece::OtherProtocols(_) => "other protocols",
                Piece::Ports(..) => "ports",
                Piece::NoPorts => "no ports",
                Piece::Addresses(..) => "addresses",
                Piece::OtherAddresses(..) => "other addresses",
            });
            match piece {
                Piece::Ports(_, first, last) => ranges.push((u128::from(*first), u128::from(*last))),
                Piece::Addresses(_, here) => {
                    assert_eq!(here.ranges().len(), 1, "{what}");
                    ranges.extend(here.ranges().iter());
                }
                _ => {}
            }
        }
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{what}: {ranges:?}");
        if by.is_maps() && ranges.len() > 1 {
            assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{what}: a hole in {ranges:?}");
        }
    }
    assert!(!by.is_maps() || tree.depth() <= 16, "{what}: {}", tree.depth());
}

/// As a map is written: what no key holds goes on with the rest.
fn by_map(tree: &Tree, packet: &Packet) -> Option<Outcome> {
    let mut at = tree.root();
    while let Some(Node::Inner(parts)) = tree.node(at) {
        let rest = rest(parts).expect("parts");
        let own = parts.iter().filter(|(_, child)| *child != rest);
        let found = own.clone().find(|(piece, _)| piece.holds(packet));
        at = found.map_or(rest, |(_, child)| *child);
    }
    let Some(Node::Leaf(items)) = tree.node(at) else { panic!("no leaf") };
    items.iter().find(|item| item.rule.matches.matches(packet)).map(|item| item.rule.outcome)
}

#[test]
fn what_does_not_fit_stays_a_list() {
    for shape in &SHAPES {
        let chain = chain(&mut Dice(7), shape);
        let (tree, _) = grow(&chain, Family::V4, &Kind { by: By::Maps { way: 0 }, leaf: 1, times: 0 });
        assert!(matches!(tree.nodes(), [Node::Leaf(_)]));
        for packet in packets(&mut Dice(9), shape, 200) {
            if packet.family() == Family::V4 {
                let found = tree.decide(&packet).unwrap_or(Outcome::silent(chain.default()));
                assert_eq!(found, chain.decide(&packet).outcome, "{packet:?}");
            }
        }
    }
}

#[test]
fn the_last_address_of_all_has_a_part_of_its_own() {
    for family in Family::ALL {
        let last = PrefixSet::from_ranges(family, &Ranges::span(family.last(), family.last()));
        let rule = |source: PrefixSet, verdict, id| Rule {
            matches: Match::new(MatchParts {
                source: Addresses::unnamed(source),
                destination: Addresses::any(family),
                protocols: ProtocolSet::all(),
                source_ports: PortMatch::Any,
                destination_ports: PortMatch::Any,
            })
            .unwrap(),
            outcome: Outcome::silent(verdict),
            rank: Rank::INNER_ACCESS,
            origin: Origin::one(RuleId(id)),
        };
        let near = PrefixSet::from_ranges(family, &Ranges::span(family.last() - 3, family.last() - 2));
        let rules = vec![rule(last, Verdict::Allow, 0), rule(near, Verdict::Allow, 1)];
        let chain = Chain::from_ordered(rules, Verdict::Deny, RuleId(2));
        let (tree, _) = grow(&chain, family, &KINDS[2]);
        assert!(tree.nodes().len() > 1);
        for back in 0..5 {
            let source = family.address(family.last() - back);
            let packet = Packet::new(source, family.address(1), Protocol(47), None).unwrap();
            let found = tree.decide(&packet).unwrap_or(Outcome::silent(Verdict::Deny));
            assert_eq!(found, chain.decide(&packet).outcome, "{packet:?}");
        }
    }
}
