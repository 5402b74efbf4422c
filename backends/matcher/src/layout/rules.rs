//! The rules of a chain that concern one family, as products of four sets of numbers.
//!
//! Protocol and destination port make one number, the service: the tcp ports, tcp packets without ports, udp packets
//! without ports, the udp ports, then the other protocols. So most chains have two fields that matter, an address and a
//! service, and a rule for all of tcp or udp has one range of services.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use palisade_ir::{Chain, Family, Match, Outcome, Packet, PortMatch, Protocol, Ranges, RuleId};

use super::code;

/// The services of tcp and udp packets without ports: fragments. Those of tcp packets with ports begin at 0.
pub(super) const BARE_TCP: u32 = 1 << 16;
pub(super) const BARE_UDP: u32 = BARE_TCP + 1;
/// The first service of udp packets with ports.
pub(super) const UDP: u32 = BARE_UDP + 1;
/// The first service of other packets.
pub(super) const OTHER: u32 = UDP + (1 << 16);
/// The last service.
pub(super) const LAST_SERVICE: u32 = OTHER + 253;

/// Source, destination, service, source port.
pub(super) const FIELDS: usize = 4;

/// The rules of one family, strongest first, numbered from 0.
pub(super) struct Rules<'a> {
    /// The values of each rule by field; `None` for all there are.
    pub(super) fields: [Vec<Values<'a>>; FIELDS],
    /// Coded outcomes, by rule.
    pub(super) outcomes: Vec<u8>,
    /// The source rules that decide for them.
    pub(super) deciders: Vec<RuleId>,
    /// The places of the rules in the chain.
    pub(super) places: Vec<u32>,
    /// The coded outcome of packets that no rule matches.
    pub(super) default: u8,
}

/// Some values of a field, or all.
pub(super) type Values<'a> = Option<Cow<'a, Ranges>>;

impl<'a> Rules<'a> {
    /// The rules of a family, without those whose services stronger rules for everyone decide before them.
    pub(super) fn new(chain: &'a Chain, family: Family) -> Self {
        let last = family.last();
        let default = code(Outcome::silent(chain.default()));
        let mut all = Self {
            fields: [const { Vec::new() }; FIELDS],
            outcomes: Vec::new(),
            deciders: Vec::new(),
            places: Vec::new(),
            default,
        };
        let mut decided = Ranges::default();
        let every = Ranges::span(0, u128::from(LAST_SERVICE));
        for (place, rule) in (0..).zip(chain.rules()).filter(|(_, rule)| rule.matches.family() == family) {
            let matches = &rule.matches;
            let values = [
                some(matches.source().prefixes.ranges(), last),
                some(matches.destination().prefixes.ranges(), last),
                services(matches),
                ports(matches.source_ports()),
            ];
            let [source, destination, service, source_port] = &values;
            let service = service.as_deref().unwrap_or(&every);
            if service.is_subset(&decided) {
                continue;
            }
            if source.is_none() && destination.is_none() && source_port.is_none() {
                decided = decided.union(service);
            }
            for (field, values) in all.fields.iter_mut().zip(values) {
                field.push(values);
            }
            all.outcomes.push(code(rule.outcome));
            all.deciders.push(rule.origin.ids().first().copied().unwrap_or(chain.default_id()));
            all.places.push(place);
        }
        all
    }

    /// Some of the rules, with numbers of their own.
    pub(super) fn only(&self, numbers: &[u32]) -> Self {
        fn pick<V: Clone>(all: &[V], numbers: &[u32]) -> Vec<V> {
            numbers.iter().filter_map(|number| all.get(*number as usize).cloned()).collect()
        }
        Self {
            fields: self.fields.each_ref().map(|values| pick(values, numbers)),
            outcomes: pick(&self.outcomes, numbers),
            deciders: pick(&self.deciders, numbers),
            places: pick(&self.places, numbers),
            default: self.default,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.outcomes.len()
    }
}

fn some(ranges: &Ranges, last: u128) -> Values<'_> {
    (*ranges != Ranges::span(0, last)).then_some(Cow::Borrowed(ranges))
}

fn ports(ports: &PortMatch) -> Values<'_> {
    match ports {
        PortMatch::Any => None,
        PortMatch::In(set) => some(set.numbers(), u128::from(u16::MAX)),
    }
}

/// The services of a rule. Rules that test a port match no packet without ports.
fn services(matches: &Match) -> Values<'static> {
    let all = Ranges::span(0, u128::from(u16::MAX));
    let (ports, tested) = match (matches.destination_ports(), matches.source_ports()) {
        (PortMatch::Any, PortMatch::Any) => (&all, false),
        (PortMatch::Any, PortMatch::In(_)) => (&all, true),
        (PortMatch::In(set), _) => (set.numbers(), true),
    };
    let mut found = Vec::new();
    for (protocol, first) in [(Protocol::TCP, 0), (Protocol::UDP, UDP)] {
        if matches.protocols().contains(protocol) {
            found.extend(ports.iter().map(|(low, high)| (low + u128::from(first), high + u128::from(first))));
        }
    }
    if !tested {
        let numbers = matches.protocols().iter().map(|protocol| u128::from(bare(protocol)));
        found.extend(numbers.map(|number| (number, number)));
    }
    let found = Ranges::from_unsorted(found);
    (found != Ranges::span(0, u128::from(LAST_SERVICE))).then_some(Cow::Owned(found))
}

/// The service of packets without ports.
#[inline]
const fn bare(protocol: Protocol) -> u32 {
    let Protocol(number) = protocol;
    // No gaps where tcp and udp would be.
    let gaps = (number > Protocol::TCP.0) as u32 + (number > Protocol::UDP.0) as u32;
    match protocol {
        Protocol::TCP => BARE_TCP,
        Protocol::UDP => BARE_UDP,
        _ => OTHER + number as u32 - gaps,
    }
}

/// By protocol, the service of packets without ports and that of port 0.
static NUMBERS: [[u32; 2]; 256] = {
    let mut numbers = [[0; 2]; 256];
    let (mut rest, mut protocol) = (numbers.as_mut_slice(), 0);
    while let [place, others @ ..] = rest {
        let ported = if protocol == Protocol::UDP.0 { UDP } else { 0 };
        *place = [bare(Protocol(protocol)), ported];
        (rest, protocol) = (others, protocol.wrapping_add(1));
    }
    numbers
};

/// The service of a packet.
#[inline(always)]
pub(super) fn service(packet: &Packet) -> u32 {
    // Look-ups instead of branches: neither the protocol of a packet nor whether it has ports is to be guessed.
    let [bare, first] = NUMBERS.get(usize::from(packet.protocol().0)).copied().unwrap_or_default();
    match packet.ports() {
        Some(ports) => first + u32::from(ports.destination),
        None => bare,
    }
}

/// The source port of a packet; without ports, no rule looks at it.
#[inline(always)]
pub(super) fn source_port(packet: &Packet) -> u32 {
    packet.ports().map_or(0, |ports| ports.source.into())
}
