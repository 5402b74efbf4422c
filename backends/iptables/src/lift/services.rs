//! What a set of type `hash:net,port` holds: for each protocol and port the addresses it matches.
//!
//! From ipset(8) and `mtype_test_cidrs` (net/netfilter/ipset/ip_set_hash_gen.h): of the prefixes stored for a protocol
//! and port, the longest that holds the address answers, and one stored with `nomatch` answers no.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use palisade_ir::{Family, PortSet, PrefixSet, Protocol, Ranges};

/// A member: prefix, protocol, range of ports, and whether it is an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub(super) prefix: IpNet,
    pub(super) protocol: Protocol,
    pub(super) ports: (u16, u16),
    pub(super) except: bool,
}

/// Addresses by protocol and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    family: Family,
    /// Ranges of ports by protocol and first port, disjoint; with the addresses that match there.
    parts: BTreeMap<(Protocol, u16), (u16, PrefixSet)>,
}

impl Services {
    /// What some members hold. No two of them store the same prefix for a port.
    pub(super) fn new(family: Family, members: &[Member]) -> Self {
        let mut parts = BTreeMap::new();
        let protocols: BTreeSet<Protocol> = members.iter().map(|member| member.protocol).collect();
        for protocol in protocols {
            let mut edges: BTreeMap<u32, (Vec<&Member>, Vec<&Member>)> = BTreeMap::new();
            for member in members.iter().filter(|member| member.protocol == protocol) {
                let (first, last) = member.ports;
                edges.entry(first.into()).or_default().0.push(member);
                edges.entry(u32::from(last) + 1).or_default().1.push(member);
            }
            let mut open: BTreeSet<&Member> = BTreeSet::new();
            let mut edges = edges.into_iter().peekable();
            while let Some((first, (begin, end))) = edges.next() {
                end.iter().for_each(|member| {
                    open.remove(member);
                });
                open.extend(begin);
                let last = edges.peek().map_or(u32::from(u16::MAX), |(next, _)| next - 1);
                let addresses = addresses(family, &open);
                if !addresses.is_empty() {
                    parts.insert((protocol, first as u16), (last as u16, addresses));
                }
            }
        }
        Self { family, parts }
    }

    /// The family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Whether it matches.
    pub fn contains(&self, address: IpAddr, protocol: Protocol, port: u16) -> bool {
        let before = self.parts.range((protocol, 0)..=(protocol, port)).next_back();
        before.is_some_and(|(_, (last, addresses))| port <= *last && addresses.contains(address))
    }

    /// The same, as disjoint products of protocol, ports and addresses.
    pub fn products(&self) -> Vec<(Protocol, PortSet, &PrefixSet)> {
        let mut found: BTreeMap<(Protocol, &PrefixSet), Vec<(u16, u16)>> = BTreeMap::new();
        for ((protocol, first), (last, addresses)) in &self.parts {
            found.entry((*protocol, addresses)).or_default().push((*first, *last));
        }
        let product = |((protocol, addresses), ports)| (protocol, PortSet::from_ranges(ports), addresses);
        found.into_iter().map(product).collect()
    }
}

/// The addresses that the longest prefix speaks for.
fn addresses(family: Family, members: &BTreeSet<&Member>) -> PrefixSet {
    let span = |member: &&&Member| {
        (Family::number(member.prefix.network()), Family::number(member.prefix.broadcast()))
    };
    let lengths: BTreeSet<u8> = members.iter().map(|member| member.prefix.prefix_len()).collect();
    let mut all = Ranges::empty();
    for length in lengths {
        let here = |except: bool| -> Ranges {
            let these = members.iter().filter(|it| it.prefix.prefix_len() == length && it.except == except);
            these.map(|member| span(&member)).collect()
        };
        all = all.union(&here(false)).subtract(&here(true));
    }
    PrefixSet::from_ranges(family, &all)
}
