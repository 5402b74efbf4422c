//! Plans by hand.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{
    Addresses, Chain, Direction, Family, Ifname, InstancePlan, Match, MatchParts, Name, NamedSet, NetworkId,
    NicPlan, Origin, Outcome, Plan, PortMatch, PortSet, PrefixSet, Priority, Protocol, ProtocolSet, Rank,
    Rule, RuleId, RuleInfo, RuleSource, SetId, SetKind, Verdict,
};

pub use super::chance::some_plan;

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
        services: Vec::new(),
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
        ingress: Chain::new(ingress, Verdict::Deny, RuleId(0)).into(),
        egress: Chain::new(egress, Verdict::Allow, RuleId(1)).into(),
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

/// Hundreds of hosts: behind interfaces of their own, whose names begin alike, many behind one, and without any.
pub fn crowd() -> Plan {
    let mut plan = empty();
    let some = |number: usize, via: Option<&str>| {
        let (high, low) = (number / 250, number % 250 + 1);
        let mut nic = nic(
            "eth0",
            via,
            &format!("10.0.{high}.{low} 2001:db8:{high:x}::{low:x}"),
            Vec::new(),
            Vec::new(),
        );
        if number.is_multiple_of(3) {
            nic.ingress = Chain::new(Vec::new(), Verdict::Allow, RuleId(0)).into();
        }
        instance(&format!("host-{number}"), vec![nic])
    };
    plan.instances = (0..700)
        .map(|number| match number {
            0..300 => some(number, Some(&format!("tap{number}"))),
            300..312 => some(number, Some(&format!("vm-{}", "a".repeat(number - 299)))),
            312..500 => some(number, Some("vlan")),
            _ => some(number, None),
        })
        .collect();
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
    other.egress = Chain::new(Vec::new(), Verdict::Deny, RuleId(1)).into();
    plan.instances.push(instance(&format!("{long}-two"), vec![other]));
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
