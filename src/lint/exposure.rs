//! Doors that are wider than they should be: sensitive or all ports open to the world, wide ranges, mail.

use std::collections::BTreeMap;
use std::ops::Range;

use palisade_ir::decide::{Budget, RuleBits};
use palisade_ir::{
    Addresses, Direction, Match, MatchParts, Packet, PortMatch, PortSet, Protocol, ProtocolSet, Region, Rule,
    Verdict,
};

use super::deciders::Spot;
use super::fate::Judgement;
use super::ground::Ground;
use super::{Subject, catalogue, members};
use crate::diagnostic::Diagnostic;
use crate::policy::{self, End, Traffic};
use crate::report::words;

/// Ports of services that should not be open to everyone.
const SENSITIVE: [(u16, &str); 7] = [
    (22, "SSH"),
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (3306, "MySQL"),
    (3389, "RDP"),
    (5432, "PostgreSQL"),
    (6379, "Redis"),
];
/// More ports than these are many.
const MANY_PORTS: u32 = 1024;
/// SMTP.
const MAIL: u16 = 25;
/// The most steps for one example.
const MOST: u64 = 300_000;

/// What a rule opens to everyone, with a packet that it really lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// All ports of tcp or udp.
    pub all: Option<Packet>,
    /// Sensitive tcp ports.
    pub ports: BTreeMap<u16, Packet>,
    /// Whether the budget did not suffice somewhere.
    pub undecided: bool,
}

impl Exposure {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.ports.is_empty()
    }

    pub(super) fn join(&mut self, other: Self) {
        self.undecided |= other.undecided;
        self.all = self.all.or(other.all);
        for (port, packet) in other.ports {
            self.ports.entry(port).or_insert(packet);
        }
    }
}

/// What the lines of a rule open to everyone, where no stronger rule forbids it.
pub(super) fn examine(
    ground: &Ground<'_>,
    places: Range<usize>,
    stronger: &RuleBits,
    spot: &Spot<'_>,
    budget: &mut Budget,
) -> Exposure {
    let mut found = Exposure::default();
    for rule in ground.rules().get(places).into_iter().flatten() {
        if spot.direction != Direction::In
            || rule.outcome.verdict != Verdict::Allow
            || !rule.matches.source().prefixes.is_any()
        {
            continue;
        }
        let mut passes = |region: &Region| {
            let mut ask = |region: &Region| {
                let answer =
                    budget.share(MOST, |share| ground.uncovered(region, &rule.matches, stronger, share));
                found.undecided |= answer.is_err();
                answer.ok().flatten()
            };
            ask(&spot.likely(region)).or_else(|| ask(region))
        };
        if opens_all_ports(rule) {
            let packet = passes(&Region::of(&rule.matches));
            found.all = found.all.or(packet);
            continue;
        }
        for (port, _) in SENSITIVE {
            let region = tcp_port(rule, port);
            if let Some(packet) = region.and_then(|region| passes(&region)) {
                found.ports.entry(port).or_insert(packet);
            }
        }
    }
    found
}

fn opens_all_ports(rule: &Rule) -> bool {
    let transport = [Protocol::TCP, Protocol::UDP].iter().any(|one| rule.matches.protocols().contains(*one));
    transport && count(rule.matches.destination_ports()).is_none_or(|ports| ports >= 65_535)
}

/// How many ports pass; `None` for all and packets without ports.
fn count(ports: &PortMatch) -> Option<u32> {
    match ports {
        PortMatch::Any => None,
        PortMatch::In(set) => {
            Some(set.ranges().map(|(first, last)| u32::from(last) - u32::from(first) + 1).sum())
        }
    }
}

/// The packets of a rule to one tcp port.
fn tcp_port(rule: &Rule, port: u16) -> Option<Region> {
    let family = rule.matches.family();
    let parts = MatchParts {
        source: Addresses::any(family),
        destination: Addresses::any(family),
        protocols: ProtocolSet::only(Protocol::TCP),
        source_ports: PortMatch::Any,
        destination_ports: PortMatch::In(PortSet::from_ranges([(port, port)])),
    };
    let port = Region::of(&Match::new(parts).ok()?);
    Region::of(&rule.matches).intersect(&port)
}

pub(super) fn find(subject: &Subject<'_>, judgement: &Judgement) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (id, group, rule) in subject.rules() {
        let words = subject.words(id);
        let exposed = judgement.exposed.get(&id).filter(|exposed| !exposed.is_empty());
        if let Some(exposed) = exposed {
            found.push(open(&words, rule, exposed));
        } else if rule.direction == Direction::In
            && rule.verdict == Verdict::Allow
            && members::reopened(subject.policy, group, rule).is_none()
        {
            found.extend(wide(&words, rule));
        }
        if rule.direction == Direction::Out && rule.verdict == Verdict::Allow {
            found.extend(mail(&words, rule));
        }
    }
    found
}

fn open(words: &str, rule: &policy::Rule, exposed: &Exposure) -> Diagnostic {
    let example = |packet: &Packet| format!("it lets in {}", words::packet(packet));
    if let Some(packet) = &exposed.all {
        let message = format!("rule `{words}` opens all ports to everyone");
        return catalogue::OPEN_ALL_PORTS.at(message, rule.at, "open to the world").help(format!(
            "name the ports that are served and the peers that need the others; {}",
            example(packet)
        ));
    }
    let named = SENSITIVE.iter().filter(|(port, _)| exposed.ports.contains_key(port));
    let named: Vec<String> = named.map(|(port, service)| format!("{port} ({service})")).collect();
    let message = format!("rule `{words}` opens tcp {} to everyone", named.join(", "));
    let example = exposed.ports.values().next().map(|packet| format!("; {}", example(packet)));
    catalogue::OPEN_SENSITIVE_PORT.at(message, rule.at, "open to the world").help(format!(
        "name the peers that need it: a prefix, a set or a group{}",
        example.unwrap_or_default()
    ))
}

fn wide(words: &str, rule: &policy::Rule) -> Option<Diagnostic> {
    let transport = |traffic: &&Traffic| {
        traffic.protocol.is_none_or(Protocol::has_ports)
            && count(&traffic.destination_ports).is_none_or(|ports| ports > MANY_PORTS)
    };
    let traffic = rule.traffic.iter().find(transport)?;
    let what = match (traffic.protocol, count(&traffic.destination_ports)) {
        (None, _) => "every protocol and port".to_owned(),
        (Some(protocol), None) => format!("every port of {protocol}"),
        (Some(protocol), Some(ports)) => format!("{ports} ports of {protocol}"),
    };
    let message = format!("rule `{words}` opens {what}");
    Some(
        catalogue::WIDE_PORTS
            .at(message, rule.at, "more than a service needs")
            .help("name the ports that are served"),
    )
}

fn mail(words: &str, rule: &policy::Rule) -> Option<Diagnostic> {
    let named = rule.traffic.iter().any(|traffic| {
        let ports = &traffic.destination_ports;
        traffic.protocol == Some(Protocol::TCP)
            && ports.matches(Some(MAIL))
            && count(ports).is_some_and(|ports| ports <= MANY_PORTS)
    });
    // A relay that is named is meant.
    let anyone = match &rule.destination {
        End::Any => true,
        End::Peers(peers) => peers.iter().any(|peer| match peer.who {
            policy::Who::Prefix(prefix) => prefix.prefix_len() == 0,
            policy::Who::Set(_) | policy::Who::Group(_) | policy::Who::Instance(_) => false,
        }),
    };
    (named && anyone).then(|| {
        let message = format!("rule `{words}` lets mail out to everyone");
        catalogue::OUTBOUND_MAIL
            .at(message, rule.at, "tcp 25 to anyone")
            .help("submit mail to a relay on port 465 or 587, or name the relay's address")
    })
}
