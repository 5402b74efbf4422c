//! Plans by hand, in few words.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{
    Addresses, Chain, Direction, Family, Ifname, InstancePlan, Match, MatchParts, Name, NamedSet, NetworkId,
    NicPlan, Origin, Outcome, Plan, PortMatch, PortSet, PrefixSet, Priority, Protocol, ProtocolSet, Rank,
    Rule, RuleId, RuleInfo, RuleSource, SetId, SetKind, Tier, Verdict,
};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn ifname(text: &str) -> Ifname {
    Ifname::new(text).unwrap()
}

/// Prefixes and addresses, separated by spaces; those of the other family are left out.
pub(crate) fn prefixes(family: Family, text: &str) -> PrefixSet {
    let nets: Vec<IpNet> = text
        .split_whitespace()
        .map(|net| net.parse().unwrap_or_else(|_| IpNet::from(net.parse::<IpAddr>().unwrap())))
        .collect();
    PrefixSet::from_prefixes(family, &nets)
}

pub(crate) fn protocols(numbers: &[u8]) -> ProtocolSet {
    numbers.iter().map(|number| Protocol(*number)).collect()
}

pub(crate) fn ports(ranges: &[(u16, u16)]) -> PortMatch {
    PortMatch::In(PortSet::from_ranges(ranges.iter().copied()))
}

/// A match on everything of a family, to be narrowed.
#[derive(Clone)]
pub(crate) struct Tests(pub(crate) MatchParts);

pub(crate) fn any(family: Family) -> Tests {
    Tests(MatchParts {
        source: Addresses::any(family),
        destination: Addresses::any(family),
        protocols: ProtocolSet::all(),
        source_ports: PortMatch::Any,
        destination_ports: PortMatch::Any,
    })
}

impl Tests {
    pub(crate) fn family(&self) -> Family {
        self.0.source.prefixes.family()
    }

    pub(crate) fn from(mut self, text: &str) -> Self {
        self.0.source = Addresses::unnamed(prefixes(self.family(), text));
        self
    }

    pub(crate) fn to(mut self, text: &str) -> Self {
        self.0.destination = Addresses::unnamed(prefixes(self.family(), text));
        self
    }

    pub(crate) fn members(mut self, plan: &Plan, id: SetId) -> Self {
        let prefixes = plan.sets[id.0 as usize].family(self.family());
        self.0.source = Addresses { prefixes: Arc::clone(prefixes), set: Some(id) };
        self
    }

    pub(crate) fn proto(mut self, numbers: &[u8]) -> Self {
        self.0.protocols = protocols(numbers);
        self
    }

    pub(crate) fn dport(mut self, ranges: &[(u16, u16)]) -> Self {
        self.0.destination_ports = ports(ranges);
        self
    }

    pub(crate) fn sport(mut self, ranges: &[(u16, u16)]) -> Self {
        self.0.source_ports = ports(ranges);
        self
    }
}

pub(crate) fn plan() -> Plan {
    let default = |direction| RuleInfo { source: RuleSource::Default { direction }, description: None };
    Plan {
        session_timeout: 910,
        networks: vec![name("prod")],
        sets: Vec::new(),
        services: Vec::new(),
        rules: vec![default(Direction::In), default(Direction::Out)],
        instances: Vec::new(),
    }
}

pub(crate) fn add_set(plan: &mut Plan, kind: SetKind, text: &str, members: &str) -> SetId {
    plan.sets.push(NamedSet {
        kind,
        name: name(text),
        description: None,
        v4: Arc::new(prefixes(Family::V4, members)),
        v6: Arc::new(prefixes(Family::V6, members)),
    });
    SetId(plan.sets.len() as u32 - 1)
}

pub(crate) fn add_info(plan: &mut Plan, source: RuleSource, description: Option<&str>) -> RuleId {
    plan.rules.push(RuleInfo { source, description: description.map(str::to_owned) });
    RuleId(plan.rules.len() as u32 - 1)
}

/// The id of a rule of a group; `words` is `GROUP in|out PRIORITY [LABEL]`.
pub(crate) fn source(plan: &mut Plan, words: &str, description: Option<&str>) -> RuleId {
    let parts: Vec<&str> = words.split(' ').collect();
    let direction = if parts[1] == "in" { Direction::In } else { Direction::Out };
    let source = RuleSource::Group {
        group: name(parts[0]),
        direction,
        side: None,
        priority: Priority::user(parts[2].parse().unwrap()).unwrap(),
        label: parts.get(3).map(|label| name(label)),
    };
    add_info(plan, source, description)
}

pub(crate) fn rule(id: RuleId, number: u16, outcome: Outcome, tests: Tests) -> Rule {
    let rank = Rank { tier: Tier::User, number, verdict: outcome.verdict };
    Rule { matches: Match::new(tests.0).unwrap(), outcome, rank, origin: Origin::one(id) }
}

/// Both families of a rule without addresses.
pub(crate) fn both(id: RuleId, number: u16, outcome: Outcome, tests: impl Fn(Tests) -> Tests) -> Vec<Rule> {
    Family::ALL.into_iter().map(|family| rule(id, number, outcome, tests(any(family)))).collect()
}

pub(crate) const ALLOW: Outcome = Outcome::silent(Verdict::Allow);
pub(crate) const DENY: Outcome = Outcome::silent(Verdict::Deny);

pub(crate) fn logged(outcome: Outcome) -> Outcome {
    Outcome { log: true, ..outcome }
}

pub(crate) fn nic(interface: &str, addresses: &str, ingress: Vec<Rule>, egress: Vec<Rule>) -> NicPlan {
    NicPlan {
        interface: ifname(interface),
        via: None,
        network: NetworkId(0),
        side: None,
        addresses: addresses.split_whitespace().map(|address| address.parse().unwrap()).collect(),
        ingress: Chain::new(ingress, Verdict::Deny, RuleId(0)).into(),
        egress: Chain::new(egress, Verdict::Allow, RuleId(1)).into(),
    }
}

pub(crate) fn behind(via: &str, nic: NicPlan) -> NicPlan {
    NicPlan { via: Some(ifname(via)), ..nic }
}

pub(crate) fn add_instance(plan: &mut Plan, text: &str, nics: Vec<NicPlan>) {
    plan.instances.push(InstancePlan { name: name(text), description: None, nics });
}
