//! Seeded random chains in which duplicates, covered rules and rules to be joined are frequent.

use std::sync::Arc;

use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, PortMatch, PortSet, PrefixSet, Priority,
    Protocol, ProtocolSet, Ranges, Rank, Rule, RuleId, SetId, Verdict,
};

/// A small generator (splitmix64): the same seed, the same tests.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn addresses(random: &mut Random, family: Family) -> Addresses {
    let base = match family {
        Family::V4 => 0x0a00_0000,
        Family::V6 => 0x2001_0db8 << 96,
    };
    let of =
        |first: u128, last: u128| PrefixSet::from_ranges(family, &Ranges::span(base + first, base + last));
    match random.below(8) {
        0..=2 => Addresses::any(family),
        // A named set now and then has the addresses of an unnamed prefix.
        3 => Addresses { prefixes: Arc::new(of(0, 3)), set: Some(SetId(0)) },
        4 => Addresses { prefixes: Arc::new(of(4, 9)), set: Some(SetId(1)) },
        _ => {
            let size = 1 << random.below(3);
            let first = u128::from(random.below(8)) / size * size;
            Addresses::unnamed(of(first, first + size - 1))
        }
    }
}

fn ports(random: &mut Random) -> PortMatch {
    if random.one_in(4) {
        return PortMatch::Any;
    }
    let first = random.below(6) as u16;
    let last = if random.one_in(8) { 65_535 } else { first + random.below(3) as u16 };
    PortMatch::In(PortSet::from_ranges([(first, last)]))
}

fn matches(random: &mut Random, family: Family) -> Match {
    let (tcp, udp) = (ProtocolSet::only(Protocol::TCP), ProtocolSet::only(Protocol::UDP));
    let (protocols, has_ports) = match random.below(8) {
        0 => (ProtocolSet::all(), false),
        1 => (ProtocolSet::only(Protocol::ICMP), false),
        2 => (udp, true),
        3 => (tcp.union(&udp), true),
        _ => (tcp, true),
    };
    let destination_ports = if has_ports { ports(random) } else { PortMatch::Any };
    let source_ports = if has_ports && random.one_in(5) { ports(random) } else { PortMatch::Any };
    let source = addresses(random, family);
    let destination = if random.one_in(4) { addresses(random, family) } else { Addresses::any(family) };
    Match::new(MatchParts { source, destination, protocols, source_ports, destination_ports }).unwrap()
}

/// Up to 16 rules of both families, some of one source rule, sorted as lowering leaves them.
pub(super) fn chain(random: &mut Random) -> Chain {
    let count = random.below(17) as u32;
    let priorities = 1 + random.below(4);
    let mut rules: Vec<Rule> = Vec::new();
    for id in 0..count {
        let family = if random.one_in(4) { Family::V6 } else { Family::V4 };
        let verdict = if random.one_in(2) { Verdict::Allow } else { Verdict::Deny };
        let rank = Rank::user(Priority::user(1 + random.below(priorities) as u32).unwrap(), verdict);
        let outcome = Outcome { verdict, log: random.one_in(5) };
        let matches = matches(random, family);
        // A service has several traffics: rules of one origin.
        let rule = match rules.last().filter(|_| random.one_in(3)) {
            Some(last) => Rule { matches, ..last.clone() },
            None => Rule { matches, outcome, rank, origin: Origin::one(RuleId(id)) },
        };
        rules.push(rule);
    }
    let default = if random.one_in(2) { Verdict::Allow } else { Verdict::Deny };
    Chain::new(rules, default, RuleId(count))
}
