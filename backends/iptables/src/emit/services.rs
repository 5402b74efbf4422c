//! Rules for ports as members of `hash:net,port` sets: one look-up for all of them.
//!
//! Of the prefixes in a set that hold an address, the longest decides, and one marked `nomatch` says no (ipset(8)). So
//! the strongest rule at each address and port can be said by prefixes alone: a prefix is a member for those ports
//! where its verdict is not that of the prefix around it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ipnet::IpNet;
use palisade_ir::tree::End;
use palisade_ir::{Family, Match, MatchParts, PortMatch, Protocol, ProtocolSet, Ranges, Rule, Verdict};

use super::apart::named_ports;

/// Elements that the kernel is given at most: it makes one of each port of a range. Some 20 MB.
const ELEMENTS: usize = 1 << 18;
/// Ports of a rule that may stand in a set, the most that keeps within [`ELEMENTS`].
const PORTS: [usize; 4] = [1024, 256, 64, 16];
/// Protocols whose ports rules may test; their place is what stands above a port in a number.
const PROTOCOLS: [Protocol; 2] = [Protocol::TCP, Protocol::UDP];

/// A line of a set: prefix, protocol, ports, and whether they are excepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Member {
    pub(super) prefix: IpNet,
    pub(super) protocol: Protocol,
    pub(super) ports: (u16, u16),
    pub(super) except: bool,
}

/// Which rules stand in sets.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    /// The end whose address they ask for.
    pub(super) end: End,
    ports: usize,
}

impl Choice {
    /// The end that most rules ask for, and as many ports as memory allows.
    pub(super) fn of(rules: &[&Rule]) -> Option<Self> {
        let asking =
            |end: End| rules.iter().filter(|rule| !end.addresses(&rule.matches).prefixes.is_any()).count();
        let end = if asking(End::Destination) > asking(End::Source) { End::Destination } else { End::Source };
        let fits = |ports: &usize| {
            let choice = Self { end, ports: *ports };
            let all = rules.iter().filter(|rule| choice.takes(rule)).map(|rule| choice.elements(rule));
            all.fold(0_usize, usize::saturating_add) <= ELEMENTS
        };
        PORTS.into_iter().find(fits).map(|ports| Self { end, ports })
    }

    /// Whether a rule asks for nothing but addresses of this end and some destination ports.
    pub(super) fn takes(self, rule: &Rule) -> bool {
        let MatchParts { source, destination, protocols, source_ports, destination_ports: _ } =
            rule.matches.parts();
        let other = match self.end {
            End::Source => destination,
            End::Destination => source,
        };
        !rule.outcome.log
            && other.prefixes.is_any()
            && source_ports.is_any()
            && protocols.is_subset(&PROTOCOLS.into_iter().collect::<ProtocolSet>())
            && named_ports(&rule.matches).is_some_and(|ports| ports <= self.ports)
    }

    fn elements(self, rule: &Rule) -> usize {
        let prefixes = self.end.addresses(&rule.matches).prefixes.ranges().len();
        let ports = named_ports(&rule.matches).unwrap_or_default();
        prefixes.saturating_mul(ports).saturating_mul(rule.matches.protocols().len())
    }

    /// Members for all that the strongest rule decides so. The rules stand in their order.
    pub(super) fn strongest(self, rules: &[&Rule], family: Family, verdict: Verdict) -> Vec<Member> {
        let mut nets: BTreeMap<(u128, Reverse<u128>), Vec<usize>> = BTreeMap::new();
        for (at, rule) in rules.iter().enumerate() {
            for span in self.prefixes(&rule.matches, family) {
                nets.entry((span.0, Reverse(span.1))).or_default().push(at);
            }
        }
        let asked: Vec<Ranges> = rules.iter().map(|rule| numbers(&rule.matches)).collect();
        let part = |at: &usize| {
            let decides = rules.get(*at).is_some_and(|rule| rule.outcome.verdict == verdict);
            (asked.get(*at), decides)
        };
        let mut members = Vec::new();
        // The prefixes around the next one, the widest first, with the rules that name them.
        let mut around: Vec<(u128, &Vec<usize>)> = Vec::new();
        for ((first, Reverse(last)), own) in &nets {
            while around.last().is_some_and(|(end, _)| end < first) {
                around.pop();
            }
            let here = own.iter().filter_map(|at| part(at).0);
            let here = here.fold(Ranges::empty(), |all, ports| all.union(ports));
            let mut outer: Vec<usize> = around.iter().flat_map(|(_, rules)| *rules).copied().collect();
            outer.retain(|at| part(at).0.is_some_and(|ports| ports.overlaps(&here)));
            outer.sort_unstable();
            let mut all = [outer.as_slice(), own.as_slice()].concat();
            all.sort_unstable();
            let before = decided(outer.iter().map(part), &here);
            let now = decided(all.iter().map(part), &here);
            for (ports, except) in [(now.subtract(&before), false), (before.subtract(&now), true)] {
                members.extend(lines(family, (*first, *last), &ports, except));
            }
            around.push((*last, own));
        }
        members
    }

    /// Members for all that some rule of this verdict asks for.
    pub(super) fn all(self, rules: &[&Rule], family: Family, verdict: Verdict) -> Vec<Member> {
        let own: Vec<&Rule> = rules.iter().filter(|rule| rule.outcome.verdict == verdict).copied().collect();
        self.strongest(&own, family, verdict)
    }

    /// The prefixes of a match as numbers. `hash:net,port` refuses length 0: every address is two halves.
    fn prefixes(self, matches: &Match, family: Family) -> Vec<(u128, u128)> {
        let addresses = &self.end.addresses(matches).prefixes;
        if addresses.is_any() {
            let half = family.last() / 2;
            return vec![(0, half), (half + 1, family.last())];
        }
        let span = |net: &IpNet| (Family::number(net.network()), Family::number(net.broadcast()));
        addresses.prefixes().iter().map(span).collect()
    }
}

/// Where the strongest of some rules has the verdict asked for.
fn decided<'r>(rules: impl Iterator<Item = (Option<&'r Ranges>, bool)>, here: &Ranges) -> Ranges {
    let mut open = here.clone();
    let mut found = Ranges::empty();
    for (ports, decides) in rules {
        let Some(ports) = ports else { continue };
        if decides {
            found = found.union(&open.intersect(ports));
        }
        open = open.subtract(ports);
    }
    found
}

/// Protocols and ports as numbers.
fn numbers(matches: &Match) -> Ranges {
    let PortMatch::In(set) = matches.destination_ports() else { return Ranges::empty() };
    let asked = (0_u128..).zip(PROTOCOLS).filter(|(_, protocol)| matches.protocols().contains(*protocol));
    let shifted = asked.flat_map(|(place, _)| {
        set.numbers().iter().map(move |(first, last)| (place << 16 | first, place << 16 | last))
    });
    shifted.collect()
}

fn lines(family: Family, (first, last): (u128, u128), ports: &Ranges, except: bool) -> Vec<Member> {
    let set = palisade_ir::PrefixSet::from_ranges(family, &Ranges::span(first, last));
    let Some(prefix) = set.prefixes().first().copied() else { return Vec::new() };
    let mut members = Vec::new();
    for (place, protocol) in (0_u128..).zip(PROTOCOLS) {
        let here = ports.intersect(&Ranges::span(place << 16, place << 16 | 0xffff));
        let line = |(first, last): (u128, u128)| Member {
            prefix,
            protocol,
            ports: ((first & 0xffff) as u16, (last & 0xffff) as u16),
            except,
        };
        members.extend(here.iter().map(line));
    }
    members
}
