//! From a matcher to its wire form, and the pool that finds what chains share.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::hash::Hash;
use core::net::{Ipv4Addr, Ipv6Addr};

use palisade_ir::{Chain, Family, PortMatch, PrefixSet, ProtocolSet, Ranges, Rule};

use super::{Wire, WireAddresses, WireChain, WireGuard, WireNic, WirePorts, WireRule};
use crate::hash::HashMap;
use crate::layout::Purpose;
use crate::matcher::Matcher;
use crate::nic::{Guard, Nic};
use crate::prepared::purposes;
use crate::words::Words;

/// Chains and address sets, each distinct one once, numbered in the order of their first use.
#[derive(Default)]
pub(crate) struct Pool<'a> {
    chains: Numbering<WireChain>,
    addresses: Numbering<&'a PrefixSet>,
    /// Chains and sets met before at the same place in memory: many NICs share a chain and many rules a large set,
    /// and comparing contents costs.
    met_chains: HashMap<*const Chain, u32>,
    met_addresses: HashMap<*const PrefixSet, u32>,
}

struct Numbering<T> {
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbering<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default() }
    }
}

impl<T: Eq + Hash> Numbering<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(value).or_insert(next)
    }

    /// The values in the order of their numbers.
    fn into_values(self) -> Vec<T> {
        let mut numbered: Vec<(u32, T)> = self.numbers.into_iter().map(|(value, at)| (at, value)).collect();
        numbered.sort_unstable_by_key(|(at, _)| *at);
        numbered.into_iter().map(|(_, value)| value).collect()
    }
}

impl<'a> Pool<'a> {
    /// The number of a chain: the same for equal chains (the names of their sets aside).
    pub(crate) fn chain(&mut self, chain: &'a Chain) -> u32 {
        if let Some(at) = self.met_chains.get(&core::ptr::from_ref(chain)) {
            return *at;
        }
        let rules = chain.rules().iter().map(|rule| self.rule(rule)).collect();
        let (default, default_id) = (chain.default(), chain.default_id());
        let at = self.chains.number(WireChain { rules, default, default_id });
        self.met_chains.insert(chain, at);
        at
    }

    fn rule(&mut self, rule: &'a Rule) -> WireRule {
        let Rule { matches, outcome, rank, origin } = rule;
        WireRule {
            source: self.addresses(&matches.source().prefixes),
            destination: self.addresses(&matches.destination().prefixes),
            protocols: wire_protocols(matches.protocols()),
            source_ports: wire_ports(matches.source_ports()),
            destination_ports: wire_ports(matches.destination_ports()),
            outcome: *outcome,
            rank: *rank,
            origin: origin.ids().to_vec(),
        }
    }

    fn addresses(&mut self, set: &'a PrefixSet) -> u32 {
        let numbers = &mut self.addresses;
        *self.met_addresses.entry(core::ptr::from_ref(set)).or_insert_with(|| numbers.number(set))
    }
}

impl Wire {
    /// The wire form of a matcher, and the look-up structures in the order in which guards first ask for them.
    pub(crate) fn of(matcher: &Matcher) -> (Self, Vec<u8>) {
        let mut pool = Pool::default();
        let mut structures = Structures::default();
        let nics = matcher.stored_nics().iter();
        let nics = nics.map(|nic| wire_nic(&mut pool, &mut structures, nic)).collect();
        let Pool { chains, addresses, met_chains: _, met_addresses: _ } = pool;
        let wire = Self {
            session_timeout: matcher.session_seconds(),
            rules: matcher.stored_rules().get().into_iter().flat_map(Words::iter).cloned().collect(),
            addresses: addresses.into_values().into_iter().map(wire_addresses).collect(),
            chains: chains.into_values(),
            nics,
        };
        (wire, structures.bytes)
    }
}

/// Structures written so far.
#[derive(Default)]
struct Structures {
    seen: BTreeSet<(u32, Purpose)>,
    bytes: Vec<u8>,
}

fn wire_nic<'a>(pool: &mut Pool<'a>, structures: &mut Structures, nic: &'a Nic) -> WireNic {
    let Nic { instance, interface, via, addresses, ingress, egress } = nic;
    let mut guard = |guard: &'a Guard| {
        let Guard { decide, plain } = guard;
        let places = [pool.chain(decide.chain()), pool.chain(plain.chain())];
        let [first, second] = places;
        for ((chain, place), purpose) in [decide, plain].into_iter().zip(places).zip(purposes(first, second))
        {
            if structures.seen.insert((place, purpose)) {
                chain.write(&mut structures.bytes);
            }
        }
        WireGuard { decide: first, plain: second }
    };
    WireNic {
        ingress: guard(ingress),
        egress: guard(egress),
        instance: instance.clone(),
        interface: interface.clone(),
        via: via.clone(),
        addresses: addresses.clone(),
    }
}

fn wire_addresses(set: &PrefixSet) -> WireAddresses {
    let ranges = set.ranges().iter();
    match set.family() {
        Family::V4 => {
            let address = |number| Ipv4Addr::from_bits(number as u32);
            WireAddresses::V4(ranges.map(|(first, last)| (address(first), address(last))).collect())
        }
        Family::V6 => {
            let address = Ipv6Addr::from_bits;
            WireAddresses::V6(ranges.map(|(first, last)| (address(first), address(last))).collect())
        }
    }
}

fn wire_protocols(set: &ProtocolSet) -> Vec<(u8, u8)> {
    let ranges: Ranges = set.iter().map(|protocol| (protocol.0.into(), protocol.0.into())).collect();
    ranges.iter().map(|(first, last)| (first as u8, last as u8)).collect()
}

fn wire_ports(ports: &PortMatch) -> WirePorts {
    match ports {
        PortMatch::Any => None,
        PortMatch::In(set) => Some(set.ranges().collect()),
    }
}
