//! Chains and traces: like those of security groups, from a seed, and ClassBench sets from the corpus.

use std::fmt;
use std::io::Read;
use std::path::Path;

use palisade_ir::{
    Addresses, Chain, Family, Ifname, InstancePlan, Match, MatchParts, Name, NetworkId, NicPlan, Origin,
    Outcome, Packet, PacketPorts, Plan, PortMatch, PortSet, PrefixSet, Protocol, ProtocolSet, Ranges, Rank,
    Rule, RuleId, Verdict,
};

/// Packets of a trace.
pub(crate) const TRACE: usize = 1 << 15;

/// A set of rules.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    /// One remote prefix and a catalogue of services; one rule in seven from anywhere.
    Group(Family, usize),
    /// A file of the corpus.
    ClassBench(&'static str, &'static str),
}

impl Case {
    pub(crate) fn all() -> Vec<Case> {
        let groups = [500, 1000, 10_000, 100_000];
        let groups =
            Family::ALL.into_iter().flat_map(|family| groups.map(|rules| Case::Group(family, rules)));
        let files = ["1k", "10k", "100k"]
            .into_iter()
            .flat_map(|size| ["acl1", "fw1", "ipc1"].map(|set| Case::ClassBench(set, size)));
        groups.chain(files).collect()
    }

    /// A plan of one NIC with the rules as ingress; `None` without the corpus.
    pub(crate) fn plan(self) -> Option<Plan> {
        match self {
            Case::Group(family, rules) => Some(plan(group(family, rules), family)),
            Case::ClassBench(set, size) => Some(plan(class_bench(set, size)?, Family::V4)),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Group(Family::V4, rules) => write!(out, "sg_{rules}"),
            Case::Group(Family::V6, rules) => write!(out, "sg6_{rules}"),
            Case::ClassBench(set, size) => write!(out, "{set}_{size}"),
        }
    }
}

/// Which packets are asked for.
#[derive(Clone, Copy)]
pub(crate) enum Trace {
    /// A random point in a random rule.
    Uniform,
    /// A random header.
    Random,
    /// Flows like those of [`Trace::Uniform`], of which the n-th most frequent has a share of 1/n.
    Zipf,
}

/// The flows of [`Trace::Zipf`].
const FLOWS: usize = 1 << 12;

impl Trace {
    pub(crate) const ALL: [Trace; 3] = [Trace::Uniform, Trace::Random, Trace::Zipf];

    pub(crate) fn packets(self, plan: &Plan) -> Vec<Packet> {
        if matches!(self, Trace::Zipf) {
            let (flows, mut rng) = (Trace::Uniform.packets(plan), Rng(11));
            let skewed = |_| {
                let part = rng.below(1 << 30) as f64 / f64::from(1 << 30);
                flows[((FLOWS as f64).powf(part) as usize).min(FLOWS) - 1]
            };
            return (0..TRACE).map(skewed).collect();
        }
        let nic = &plan.instances[0].nics[0];
        let (mut rng, rules) = (Rng(7), nic.ingress.rules());
        let family = Family::of(&nic.addresses[0]);
        let own = Family::number(nic.addresses[0]);
        let packet = |_| {
            let rule = &rules[rng.below(rules.len() as u128) as usize].matches;
            let uniform = matches!(self, Trace::Uniform);
            let all = Ranges::span(0, family.last());
            let remote = if uniform { rule.source().prefixes.ranges() } else { &all };
            let source = rng.within(remote);
            let local = rule.destination().prefixes.ranges();
            let local = if rule.destination().prefixes.is_any() { own } else { rng.within(local) };
            let any_port = PortSet::from_ranges([(0, u16::MAX)]);
            let mut port = |ports: &PortMatch| match ports {
                PortMatch::In(set) if uniform => rng.within(set.numbers()) as u16,
                _ => rng.within(any_port.numbers()) as u16,
            };
            let ports = PacketPorts {
                source: port(rule.source_ports()),
                destination: port(rule.destination_ports()),
            };
            let protocols: Vec<Protocol> = rule.protocols().iter().collect();
            let protocol = protocols[rng.below(protocols.len() as u128) as usize];
            let ports = Some(ports).filter(|_| protocol.has_ports());
            Packet::new(family.address(source), family.address(local), protocol, ports).unwrap()
        };
        (0..TRACE).map(packet).collect()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Trace::Uniform => "uni",
            Trace::Random => "rnd",
            Trace::Zipf => "zipf",
        })
    }
}

/// Marsaglia's xorshift64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u128) -> u128 {
        (u128::from(self.next()) << 64 | u128::from(self.next())) % end
    }

    fn within(&mut self, ranges: &Ranges) -> u128 {
        let all: Vec<(u128, u128)> = ranges.iter().collect();
        let (first, last) = all[self.below(all.len() as u128) as usize];
        match (last - first).checked_add(1) {
            Some(size) => first + self.below(size),
            None => self.below(u128::MAX),
        }
    }
}

/// 84 services, prefixes of the lengths that people write, priorities 1 to 100 and deny before allow.
fn group(family: Family, count: usize) -> Vec<Rule> {
    let mut rng = Rng(1 + count as u64);
    let bits = if family == Family::V4 { 32 } else { 128 };
    let networks: Vec<u128> = (0..64).map(|_| rng.below(family.last())).collect();
    let services: Vec<(u16, u16)> = (0..84)
        .map(|at| {
            let first = rng.below(10_000) as u16;
            (first, if at % 6 == 0 { first + 10 } else { first })
        })
        .collect();
    let mut rules: Vec<(u16, Verdict, Rule)> = Vec::new();
    for at in 0..count {
        let anywhere = rng.below(100) < 15;
        // A quarter within 64 networks, so that prefixes nest.
        let near = rng.below(4) == 0;
        let length = [16, 20, 22, 24, 24, 24, 28, 32, 32, 32][rng.below(10) as usize] * bits / 32;
        let host = bits - length;
        let place = rng.below(family.last());
        let place =
            if near { networks[rng.below(64) as usize] ^ place >> (bits / 2) } else { place } >> host << host;
        let source = if anywhere { (0, family.last()) } else { (place, place | ((1 << host) - 1)) };
        let (first, last) = services[rng.below(84) as usize];
        let protocol = if rng.below(5) == 0 { Protocol::UDP } else { Protocol::TCP };
        let verdict = if rng.below(10) < 3 { Verdict::Deny } else { Verdict::Allow };
        let rule = rule(
            [source, (0, family.last())].map(|range| (family, range)),
            ProtocolSet::only(protocol),
            [PortMatch::Any, PortMatch::In(PortSet::from_ranges([(first, last)]))],
            Outcome::silent(verdict),
            at,
        );
        // What concerns everyone comes last, so that most rules are live.
        let priority = if anywhere { 97 + rng.below(4) } else { rng.below(97) };
        rules.push((priority as u16, verdict, rule));
    }
    rules.sort_by_key(|(priority, verdict, _)| (*priority, *verdict));
    rules.into_iter().map(|(_, _, rule)| rule).collect()
}

fn rule(
    ends: [(Family, (u128, u128)); 2],
    protocols: ProtocolSet,
    [source_ports, destination_ports]: [PortMatch; 2],
    outcome: Outcome,
    at: usize,
) -> Rule {
    let [source, destination] = ends.map(|(family, (first, last))| {
        Addresses::unnamed(PrefixSet::from_ranges(family, &Ranges::span(first, last)))
    });
    let matches = Match::new(MatchParts { source, destination, protocols, source_ports, destination_ports });
    let origin = Origin::one(RuleId(at as u32));
    Rule { matches: matches.unwrap(), outcome, rank: Rank::INNER_ACCESS, origin }
}

fn plan(rules: Vec<Rule>, family: Family) -> Plan {
    let default = RuleId(rules.len() as u32);
    let own = if family == Family::V4 { 0x0a00_0001 } else { 0xfd << 120 | 1 };
    let nic = NicPlan {
        interface: Ifname::new("eth0").unwrap(),
        via: None,
        network: NetworkId(0),
        side: None,
        addresses: vec![family.address(own)],
        ingress: Chain::from_ordered(rules, Verdict::Deny, default).into(),
        egress: Chain::from_ordered(vec![], Verdict::Allow, RuleId(0)).into(),
    };
    Plan {
        session_timeout: 910,
        networks: vec![Name::new("prod").unwrap()],
        sets: vec![],
        services: vec![],
        rules: vec![],
        instances: vec![InstancePlan {
            name: Name::new("web-1").unwrap(),
            description: None,
            nics: vec![nic],
        }],
    }
}

/// `@src/len dst/len sport : sport dport : dport proto/mask flags`, the strongest first; verdicts are random.
fn class_bench(set: &str, size: &str) -> Option<Vec<Rule>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/classbench");
    let file = std::fs::File::open(corpus.join(format!("{set}_{size}.gz"))).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
    let mut rng = Rng(42);
    let lines = text.lines().enumerate();
    Some(lines.filter_map(|(at, line)| class_bench_rule(line, at, rng.below(2) == 0)).collect())
}

fn class_bench_rule(line: &str, at: usize, allow: bool) -> Option<Rule> {
    let words: Vec<&str> = line.strip_prefix('@')?.split_whitespace().filter(|word| *word != ":").collect();
    let [source, destination, from, until, first, last, protocol, ..] = words.as_slice() else { return None };
    let prefix = |text: &str| {
        let (address, length) = text.split_once('/')?;
        let host = 32 - length.parse::<u32>().ok()?;
        let first = Family::number(address.parse().ok()?) >> host << host;
        Some((Family::V4, (first, first | ((1 << host) - 1))))
    };
    let ports = |first: &str, last: &str| {
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        Some(if (first, last) == (0, u16::MAX) {
            PortMatch::Any
        } else {
            PortMatch::In(PortSet::from_ranges([(first, last)]))
        })
    };
    let ports = [ports(from, until)?, ports(first, last)?];
    let transport: ProtocolSet = [Protocol::TCP, Protocol::UDP].into_iter().collect();
    let named = match protocol.split_once('/')? {
        (_, "0x00") => ProtocolSet::all(),
        (number, _) => ProtocolSet::only(Protocol(u8::from_str_radix(number.strip_prefix("0x")?, 16).ok()?)),
    };
    let tested = ports.iter().any(|ports| !ports.is_any());
    // Ports of other protocols are no tests here.
    let (protocols, ports) = match (tested, named.intersect(&transport)) {
        (true, both) if !both.is_empty() => (both, ports),
        _ => (named, [PortMatch::Any, PortMatch::Any]),
    };
    let outcome = Outcome::silent(if allow { Verdict::Allow } else { Verdict::Deny });
    Some(rule([prefix(source)?, prefix(destination)?], protocols, ports, outcome, at))
}
