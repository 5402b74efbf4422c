//! Plans by hand and plans by chance.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{
    Addresses, Chain, Direction, Family, Ifname, InstancePlan, Match, MatchParts, Name, NamedSet, NetworkId,
    NicPlan, Origin, Outcome, Plan, PortMatch, PortSet, PrefixSet, Priority, Protocol, ProtocolSet, Rank,
    Rule, RuleId, RuleInfo, RuleSource, SetId, SetKind, Verdict,
};

use super::random::Random;

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn prefixes(family: Family, text: &str) -> PrefixSet {
    let nets: Vec<IpNet> = text
        .split_whitespace()
        .map(|word| word.parse().unwrap_or_else(|_| IpNet::from(word.parse::<IpAddr>().unwrap())))
        .collect();
    PrefixSet::from_prefixes(family, &nets)
}

pub fn ports(text: &str) -> PortMatch {
    if text.is_empty() {
        return PortMatch::Any;
    }
    let range = |word: &str| match word.split_once('-') {
        Some((first, last)) => (first.parse().unwrap(), last.parse().unwrap()),
        None => (word.parse().unwrap(), word.parse().unwrap()),
    };
    PortMatch::In(PortSet::from_ranges(text.split_whitespace().map(range)))
}

pub fn protocols(numbers: &[u8]) -> ProtocolSet {
    if numbers.is_empty() { ProtocolSet::all() } else { numbers.iter().map(|n| Protocol(*n)).collect() }
}

/// A plan without rules in which ids 0 and 1 are the defaults in and out.
pub fn empty() -> Plan {
    let default = |direction| RuleInfo { source: RuleSource::Default { direction }, description: None };
    Plan {
        session_timeout: 910,
        networks: vec![name("shop")],
        sets: Vec::new(),
        rules: vec![default(Direction::In), default(Direction::Out)],
        instances: Vec::new(),
    }
}

/// A rule in words, for plans by hand.
pub struct Words<'a> {
    pub group: &'a str,
    pub priority: u32,
    pub verdict: Verdict,
    pub log: bool,
    pub protocols: &'a [u8],
    pub source: &'a str,
    pub destination: &'a str,
    pub source_ports: &'a str,
    pub ports: &'a str,
    pub label: Option<&'a str>,
    pub description: Option<&'a str>,
    /// The named set that the source is.
    pub source_set: Option<u32>,
}

impl Default for Words<'_> {
    fn default() -> Self {
        Self {
            group: "web",
            priority: 20,
            verdict: Verdict::Allow,
            log: false,
            protocols: &[],
            source: "",
            destination: "",
            source_ports: "",
            ports: "",
            label: None,
            description: None,
            source_set: None,
        }
    }
}

/// The rules of one line of policy: one per family that both ends have.
pub fn rules(plan: &mut Plan, direction: Direction, words: &Words<'_>) -> Vec<Rule> {
    let id = RuleId(plan.rules.len() as u32);
    let priority = Priority::user(words.priority).unwrap();
    plan.rules.push(RuleInfo {
        source: RuleSource::Group {
            group: name(words.group),
            direction,
            side: None,
            priority,
            label: words.label.map(name),
        },
        description: words.description.map(str::to_owned),
    });
    let end = |text: &str, family| {
        if text.is_empty() { PrefixSet::any(family) } else { prefixes(family, text) }
    };
    let per_family = Family::ALL.into_iter().filter_map(|family| {
        let (source, set) = match words.source_set {
            Some(set) => (PrefixSet::clone(plan.sets[set as usize].family(family)), Some(SetId(set))),
            None => (end(words.source, family), None),
        };
        let parts = MatchParts {
            source: Addresses { prefixes: Arc::new(source), set },
            destination: Addresses::unnamed(end(words.destination, family)),
            protocols: protocols(words.protocols),
            source_ports: ports(words.source_ports),
            destination_ports: ports(words.ports),
        };
        Some(Rule {
            matches: Match::new(parts).ok()?,
            outcome: Outcome { verdict: words.verdict, log: words.log },
            rank: Rank::user(priority, words.verdict),
            origin: Origin::one(id),
        })
    });
    per_family.collect()
}

pub fn named_set(kind: SetKind, text: &str, members: &str) -> NamedSet {
    NamedSet {
        kind,
        name: name(text),
        description: None,
        v4: Arc::new(prefixes(Family::V4, members)),
        v6: Arc::new(prefixes(Family::V6, members)),
    }
}

pub fn nic(
    interface: &str,
    via: Option<&str>,
    addresses: &str,
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
) -> NicPlan {
    NicPlan {
        interface: Ifname::new(interface).unwrap(),
        via: via.map(|via| Ifname::new(via).unwrap()),
        network: NetworkId(0),
        side: None,
        addresses: addresses.split_whitespace().map(|word| word.parse().unwrap()).collect(),
        ingress: Chain::new(ingress, Verdict::Deny, RuleId(0)),
        egress: Chain::new(egress, Verdict::Allow, RuleId(1)),
    }
}

pub fn instance(text: &str, nics: Vec<NicPlan>) -> InstancePlan {
    InstancePlan { name: name(text), description: None, nics }
}

/// A web server and its database, as a small policy would have them.
pub fn shop() -> Plan {
    let mut plan = empty();
    plan.sets = vec![named_set(SetKind::Set, "office", "192.0.2.0/24 198.51.100.7 2001:db8:ff::/48")];
    let any = Words::default();
    let mut ingress = rules(
        &mut plan,
        Direction::In,
        &Words {
            priority: 10,
            verdict: Verdict::Deny,
            log: true,
            protocols: &[6],
            source: "203.0.113.0/25",
            label: Some("scanners"),
            ..any
        },
    );
    ingress.extend(rules(
        &mut plan,
        Direction::In,
        &Words {
            protocols: &[6],
            source_set: Some(0),
            ports: "22",
            label: Some("ssh"),
            description: Some("the \"office\" only\n\\ -j ACCEPT"),
            ..any
        },
    ));
    ingress.extend(rules(
        &mut plan,
        Direction::In,
        &Words { priority: 30, protocols: &[6, 17], ports: "80 443 8000-8080", ..any },
    ));
    ingress.extend(rules(
        &mut plan,
        Direction::In,
        &Words { priority: 30, protocols: &[1], source: "0.0.0.0/0", label: Some("ping"), ..any },
    ));
    let egress = rules(
        &mut plan,
        Direction::Out,
        &Words {
            priority: 100,
            verdict: Verdict::Deny,
            protocols: &[6],
            ports: "25",
            label: Some("mail"),
            ..any
        },
    );
    let mut db = rules(
        &mut plan,
        Direction::In,
        &Words {
            group: "db",
            protocols: &[6],
            source: "10.0.1.1 10.0.1.2 10.0.1.9 10.0.1.77 10.0.1.200 10.0.2.1 10.0.2.3",
            destination: "10.0.2.1 10.0.2.9 10.0.2.200",
            ports: "3306",
            ..any
        },
    );
    db.retain(|rule| rule.matches.family() == Family::V4);
    plan.instances = vec![
        instance(
            "web1",
            vec![
                nic("eth0", Some("tap0"), "10.0.1.1 2001:db8:1::1", ingress, egress),
                nic("eth1", Some("tap1"), "10.0.9.1", Vec::new(), Vec::new()),
            ],
        ),
        instance("db1", vec![nic("eth0", None, "10.0.2.1", db, Vec::new())]),
    ];
    plan.instances.sort_by(|a, b| a.name.cmp(&b.name));
    plan
}

/// Names at the edges of what is a name.
pub fn odd_names() -> Plan {
    let mut plan = empty();
    let long = "a-name-that-is-much-longer-than-any-chain-name.may-be";
    let set = "a-set-whose-name-is-longer-than-any-set-of-ipset-may-have";
    plan.sets = vec![named_set(SetKind::Set, set, "10.0.0.0/8 2001:db8::/32")];
    let words = Words { source_set: Some(0), log: true, group: long, label: Some(long), ..Words::default() };
    let ingress = rules(&mut plan, Direction::In, &words);
    let names = ["-x", "a:b@c.d_e-", "A23456789012345", "@", "::", "--noflush"];
    let nics = names.into_iter().enumerate().map(|(number, interface)| {
        let via = format!("{interface}v");
        let via = (via.len() < 16).then_some(via.as_str());
        nic(interface, via, &format!("10.0.1.{number} 2001:db8:1::{number}"), ingress.clone(), Vec::new())
    });
    let nics: Vec<NicPlan> = nics.collect();
    plan.instances = vec![instance(&format!("{long}-one"), nics)];
    let mut other = nic("-x", None, "10.0.2.1", ingress, Vec::new());
    other.egress = Chain::new(Vec::new(), Verdict::Deny, RuleId(1));
    plan.instances.push(instance(&format!("{long}-two"), vec![other]));
    plan
}

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
            plan_nic.ingress = some_chain(&mut random, &mut plan, Direction::In);
            plan_nic.egress = some_chain(&mut random, &mut plan, Direction::Out);
            plan_nic.network = NetworkId(u32::from(reused));
            nics.push(plan_nic);
        }
        plan.instances.push(instance(text, nics));
    }
    plan
}

/// The chain with every source that is a named set replaced by this one's addresses.
pub fn with_set_content(chain: &Chain, set: &NamedSet) -> Chain {
    let rules = chain.rules().iter().map(|rule| {
        let mut parts = rule.matches.parts();
        if parts.source.set.is_some() {
            parts.source.prefixes = Arc::clone(set.family(rule.matches.family()));
        }
        Rule { matches: Match::new(parts).unwrap(), ..rule.clone() }
    });
    Chain::from_ordered(rules.collect(), chain.default(), chain.default_id())
}
