//! Random plans and the packets at the edges of their rules, from a seed.

use std::net::IpAddr;
use std::sync::Arc;

use palisade_ir::{
    Addresses, Chain, Direction, Family, Ifname, InstancePlan, Match, MatchParts, Name, NetworkId, NicPlan,
    Origin, Outcome, Packet, PacketPorts, Plan, PortMatch, PortSet, PrefixSet, Priority, Protocol,
    ProtocolSet, Ranges, Rank, Rule, RuleId, RuleInfo, RuleSource, Verdict,
};

/// Marsaglia's xorshift64.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const PROTOCOLS: [Protocol; 6] =
    [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6, Protocol::GRE, Protocol(200)];
const PORTS: [u16; 8] = [0, 1, 22, 80, 443, 444, 1024, 65_535];

/// A plan of a few instances; addresses overlap between its two networks now and then.
pub(crate) fn random(seed: u64) -> Plan {
    let mut rng = Rng::new(seed);
    let sets = Family::ALL.map(|family| address_sets(&mut rng, family));
    let mut rules = Vec::new();
    let instances = (0..1 + rng.below(4))
        .map(|at| InstancePlan {
            name: Name::new(format!("web-{at}")).unwrap(),
            description: None,
            nics: (0..1 + rng.below(2)).map(|nic| random_nic(&mut rng, &sets, &mut rules, at, nic)).collect(),
        })
        .collect();
    let networks = vec![Name::new("prod").unwrap(), Name::new("test").unwrap()];
    Plan { session_timeout: 910, networks, sets: vec![], services: vec![], rules, instances }
}

fn random_nic(
    rng: &mut Rng,
    sets: &[Vec<Arc<PrefixSet>>; 2],
    rules: &mut Vec<RuleInfo>,
    at: usize,
    nic: usize,
) -> NicPlan {
    // Neighbours live in different networks, which may use the same host numbers.
    let (network, number) = (at % 2, at / 2 * 2 + nic);
    let host = if rng.one_in(2) { number } else { 16 * (1 + network) + number };
    let mut chain = |direction| random_chain(rng, sets, rules, direction);
    let (ingress, egress) = (chain(Direction::In), chain(Direction::Out));
    NicPlan {
        interface: Ifname::new(format!("eth{nic}")).unwrap(),
        via: None,
        network: NetworkId(network as u32),
        side: None,
        addresses: [format!("10.0.0.{host}"), format!("fd00::{host}")].map(|a| a.parse().unwrap()).into(),
        ingress: ingress.into(),
        egress: egress.into(),
    }
}

fn random_chain(
    rng: &mut Rng,
    sets: &[Vec<Arc<PrefixSet>>; 2],
    rules: &mut Vec<RuleInfo>,
    direction: Direction,
) -> Chain {
    let count = rng.below(14);
    let chain: Vec<Rule> = (0..count).map(|_| random_rule(rng, sets, rules, direction)).collect();
    let default = *rng.pick(&[Verdict::Deny, Verdict::Deny, Verdict::Allow]);
    rules.push(RuleInfo { source: RuleSource::Default { direction }, description: None });
    Chain::new(chain, default, RuleId(rules.len() as u32 - 1))
}

fn random_rule(
    rng: &mut Rng,
    sets: &[Vec<Arc<PrefixSet>>; 2],
    rules: &mut Vec<RuleInfo>,
    direction: Direction,
) -> Rule {
    let sets = rng.pick(sets);
    let mut addresses = || Addresses { prefixes: Arc::clone(rng.pick(sets)), set: None };
    let (source, destination) = (addresses(), addresses());
    let protocols = match rng.below(4) {
        0 => ProtocolSet::all(),
        1 => [Protocol::TCP, Protocol::UDP].into_iter().collect(),
        _ => ProtocolSet::only(*rng.pick(&PROTOCOLS)),
    };
    let transport: ProtocolSet = [Protocol::TCP, Protocol::UDP].into_iter().collect();
    let mut ports = || {
        if rng.one_in(3) || !protocols.is_subset(&transport) {
            return PortMatch::Any;
        }
        let range = |rng: &mut Rng| (*rng.pick(&PORTS), *rng.pick(&PORTS));
        let set = PortSet::from_ranges([range(rng), range(rng), (443, 443)]);
        PortMatch::In(set)
    };
    let (source_ports, destination_ports) =
        (if ports().is_any() { PortMatch::Any } else { ports() }, ports());
    let parts = MatchParts { source, destination, protocols, source_ports, destination_ports };
    let verdict = *rng.pick(&[Verdict::Deny, Verdict::Allow]);
    let priority = Priority::user(1 + rng.below(5) as u32).unwrap();
    let id = RuleId(rules.len() as u32);
    rules.push(RuleInfo {
        source: RuleSource::Group {
            group: Name::new("web").unwrap(),
            direction,
            side: None,
            priority,
            label: Some(Name::new(format!("rule-{}", id.0)).unwrap()),
        },
        description: Some("tïcket \"4711\"".to_owned()).filter(|_| rng.one_in(2)),
    });
    Rule {
        matches: Match::new(parts).unwrap(),
        outcome: Outcome { verdict, log: rng.one_in(3) },
        rank: Rank::user(priority, verdict),
        origin: Origin::one(id),
    }
}

fn address_sets(rng: &mut Rng, family: Family) -> Vec<Arc<PrefixSet>> {
    let base = match family {
        Family::V4 => 10 << 24,
        Family::V6 => 0xfd << 120,
    };
    let mut sets = vec![Arc::new(PrefixSet::any(family))];
    for _ in 0..6 {
        let ranges: Ranges = (0..1 + rng.below(3))
            .map(|_| {
                let bits = rng.below(8);
                let first = base + (rng.below(64) >> bits << bits) as u128;
                (first, first + (1 << bits) - 1)
            })
            .collect();
        sets.push(Arc::new(PrefixSet::from_ranges(family, &ranges)));
    }
    sets
}

/// Every chain of a plan.
pub(crate) fn chains(plan: &Plan) -> impl Iterator<Item = &Chain> {
    plan.nics().flat_map(|(_, _, nic)| [nic.ingress.as_ref(), nic.egress.as_ref()])
}

/// Packets at the edges of the rules: in, beside and across, between the ends of rules and the addresses of NICs.
pub(crate) fn boundary_packets(plan: &Plan, seed: u64) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let mut packets = Vec::new();
    let owned: Vec<IpAddr> = plan.nics().flat_map(|(_, _, nic)| nic.addresses.clone()).collect();
    let rules = chains(plan).flat_map(Chain::rules).flat_map(|rule| [rule; 3]);
    for rule in rules {
        let family = rule.matches.family();
        let owned: Vec<IpAddr> = owned.iter().copied().filter(|ip| Family::of(ip) == family).collect();
        let mut address = |set: &PrefixSet| match rng.below(3) {
            0 => *rng.pick(&owned),
            _ => family.address(edge(&mut rng, set.ranges(), family.last())),
        };
        let source = address(&rule.matches.source().prefixes);
        let destination = address(&rule.matches.destination().prefixes);
        let members: Vec<Protocol> = rule.matches.protocols().iter().collect();
        let protocol = if rng.one_in(3) { *rng.pick(&PROTOCOLS) } else { *rng.pick(&members) };
        let mut port = |ports: &PortMatch| match ports {
            PortMatch::Any => *rng.pick(&PORTS),
            PortMatch::In(set) => edge(&mut rng, set.numbers(), u128::from(u16::MAX)) as u16,
        };
        let (source_port, destination_port) =
            (port(rule.matches.source_ports()), port(rule.matches.destination_ports()));
        let ports = PacketPorts { source: source_port, destination: destination_port };
        let ports = Some(ports).filter(|_| protocol.has_ports() && !rng.one_in(8));
        packets.push(Packet::new(source, destination, protocol, ports).unwrap());
    }
    packets
}

/// First - 1, first, last or last + 1 of some range.
fn edge(rng: &mut Rng, ranges: &Ranges, last: u128) -> u128 {
    let all: Vec<(u128, u128)> = ranges.iter().collect();
    let (low, high) = *rng.pick(&all);
    let value = *rng.pick(&[low.saturating_sub(1), low, high, high.saturating_add(1)]);
    value.min(last)
}
