//! Plans by chance.

use std::sync::Arc;

use palisade_ir::{
    Addresses, Chain, Direction, Family, Match, MatchParts, NetworkId, Origin, Outcome, Plan, PortMatch,
    PortSet, PrefixSet, Priority, Protocol, ProtocolSet, Rank, Rule, RuleId, RuleInfo, RuleSource, SetId,
    SetKind, Verdict,
};

use super::plans::*;
use super::random::Random;

const DESCRIPTIONS: [&str; 6] = [
    "plain",
    "\" -j ACCEPT\n-A INPUT -j ACCEPT\n\\",
    "bidi \u{202e}txt\u{202c} \u{0}\u{7}\u{1b}[31m \u{85}\u{2028}x",
    "COMMIT\n*filter\n:INPUT ACCEPT [0:0]",
    "it's $(reboot) `x` #! ü 漢字",
    "'\\'\"\t|| iptables -I INPUT -j PALISADE-IN",
];
const V4: [&str; 14] = [
    "10.0.0.0/8",
    "10.0.1.0/24",
    "10.0.1.1",
    "10.0.1.2",
    "10.0.1.3",
    "10.0.2.0/25",
    "10.0.2.7",
    "192.0.2.128/26",
    "192.0.2.200",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "255.255.255.255",
    "0.0.0.0",
    "203.0.113.9",
];
const V6: [&str; 9] = [
    "2001:db8::/32",
    "2001:db8:1::/64",
    "2001:db8:1::1",
    "2001:db8:1::2",
    "::/1",
    "8000::/1",
    "::1",
    "fe80::/10",
    "::",
];

fn some_addresses(random: &mut Random, family: Family) -> PrefixSet {
    let pool: &[&str] = match family {
        Family::V4 => &V4,
        Family::V6 => &V6,
    };
    let count = *random.pick(&[1, 1, 2, 3, 6]);
    let words: Vec<&str> = (0..count).map(|_| *random.pick(pool)).collect();
    prefixes(family, &words.join(" "))
}

fn some_protocols(random: &mut Random) -> ProtocolSet {
    let without = |numbers: &[u8]| ProtocolSet::all().subtract(&protocols(numbers));
    match random.below(14) {
        0..=2 => protocols(&[6]),
        3 => protocols(&[17]),
        4 | 5 => protocols(&[6, 17]),
        6 => protocols(&[1]),
        7 => protocols(&[58]),
        8 => protocols(&[1, 2, 47, 50, 58, 132]),
        9 => without(&[6]),
        10 => without(&[6, 17]),
        11 => (0..=255).filter(|_| random.one_in(2)).map(Protocol).collect(),
        12 if random.one_in(3) => protocols(&[0]),
        12 => without(&[0]),
        _ => ProtocolSet::all(),
    }
}

fn some_ports(random: &mut Random) -> PortMatch {
    let mut set = Vec::new();
    match random.below(8) {
        0..=2 => return PortMatch::Any,
        3 => set.push((0, 65_535)),
        4 => set.push((1, 65_535)),
        5 => {
            for _ in 0..40 {
                let first = random.below(65_500) as u16;
                set.push((first, first + random.below(3) as u16));
            }
        }
        _ => {
            for _ in 0..=random.below(4) {
                let first = *random.pick(&[0, 1, 22, 79, 80, 443, 1023, 1024, 65_534]);
                set.push((first, first + random.below(2) as u16));
            }
        }
    }
    PortMatch::In(PortSet::from_ranges(set))
}

fn some_rule(random: &mut Random, plan: &mut Plan, direction: Direction) -> Option<Rule> {
    let family = *random.pick(&Family::ALL);
    let end = |random: &mut Random| {
        if random.one_in(3) {
            return Addresses::any(family);
        }
        if random.one_in(3) {
            let set = random.below(plan.sets.len());
            return Addresses {
                prefixes: Arc::clone(plan.sets[set].family(family)),
                set: Some(SetId(set as u32)),
            };
        }
        Addresses::unnamed(some_addresses(random, family))
    };
    let (source, destination) = (end(random), end(random));
    let protocols = some_protocols(random);
    let (source_ports, destination_ports) = if protocols.is_subset(&self::protocols(&[6, 17])) {
        (if random.one_in(3) { some_ports(random) } else { PortMatch::Any }, some_ports(random))
    } else {
        (PortMatch::Any, PortMatch::Any)
    };
    let parts = MatchParts { source, destination, protocols, source_ports, destination_ports };
    let matches = Match::new(parts).ok()?;
    let verdict = *random.pick(&[Verdict::Deny, Verdict::Allow]);
    let priority = Priority::user(1 + random.below(100) as u32)?;
    let id = RuleId(plan.rules.len() as u32);
    let label =
        random.one_in(2).then(|| name(random.pick::<&str>(&["ssh", "a-rather-long-label-for-a-rule"])));
    plan.rules.push(RuleInfo {
        source: RuleSource::Group { group: name("web"), direction, side: None, priority, label },
        description: random.one_in(2).then(|| random.pick(&DESCRIPTIONS).repeat(1 + random.below(30))),
    });
    Some(Rule {
        matches,
        outcome: Outcome { verdict, log: random.one_in(4) },
        rank: Rank::user(priority, verdict),
        origin: Origin::one(id),
    })
}

fn some_chain(random: &mut Random, plan: &mut Plan, direction: Direction) -> Chain {
    let count = random.below(9);
    let rules = (0..count).filter_map(|_| some_rule(random, plan, direction)).collect();
    let default = *random.pick(&[Verdict::Deny, Verdict::Allow]);
    let id = match direction {
        Direction::In => RuleId(0),
        Direction::Out => RuleId(1),
    };
    Chain::from_ordered(rules, default, id)
}

/// A plan by chance: small address pools, so that rules meet; odd protocol sets, many ports, hostile descriptions.
pub fn some_plan(seed: u64) -> Plan {
    let mut random = Random::new(seed);
    let mut plan = empty();
    plan.networks.push(name("other"));
    for (kind, text) in [
        (SetKind::Set, "office"),
        (SetKind::Set, "a-set-with-quite-a-long-name-indeed"),
        (SetKind::Group, "office"),
    ] {
        let mut set = named_set(kind, text, "");
        set.v4 = Arc::new(some_addresses(&mut random, Family::V4));
        set.v6 = Arc::new(some_addresses(&mut random, Family::V6));
        plan.sets.push(set);
    }
    let mut host = 0;
    for text in ["a-machine-with-a-long-name", "db1", "web1"] {
        let mut nics = Vec::new();
        for number in 0..=random.below(2) {
            host += 1;
            // The last address of all may be another network's again, where interfaces tell them apart.
            let reused = random.one_in(8);
            let own = if reused { 1 } else { host };
            let via = match random.below(3) {
                _ if reused => Some(format!("tap{host}")),
                0 => None,
                1 => Some("shared0".to_owned()),
                _ => Some(format!("tap{host}")),
            };
            let mut plan_nic = nic(
                &format!("eth{number}"),
                via.as_deref(),
                &format!("10.0.1.{own} 2001:db8:1::{own}"),
                Vec::new(),
                Vec::new(),
            );
            plan_nic.ingress = some_chain(&mut random, &mut plan, Direction::In).into();
            plan_nic.egress = some_chain(&mut random, &mut plan, Direction::Out).into();
            plan_nic.network = NetworkId(u32::from(reused));
            nics.push(plan_nic);
        }
        plan.instances.push(instance(text, nics));
    }
    plan
}
