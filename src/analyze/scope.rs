//! The packets that a description in the words of `expect` stands for, split by who sends and who receives.

use std::collections::BTreeMap;
use std::net::IpAddr;

use palisade_ir::{
    Addresses, Family, InstanceId, Match, MatchParts, NicRef, Plan, PrefixSet, Protocol, ProtocolSet, Ranges,
    Region,
};

use crate::policy::{End, Expect, Policy, Traffic, Who};

/// Who can be at an end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EndScope {
    /// The managed NIC, or nobody.
    nic: Option<NicRef>,
    /// The addresses meant.
    addresses: PrefixSet,
}

/// The packets of a description, within one family: any of the traffic, from any of the senders to any receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    senders: Vec<EndScope>,
    receivers: Vec<EndScope>,
    /// One region per traffic, ends not yet narrowed.
    traffic: Vec<Region>,
}

impl Scope {
    /// The scopes of a description: one per family it covers. Resolving refuses literal addresses that several networks
    /// use; where a prefix or `any` holds one, each of its owners counts.
    pub(super) fn of(policy: &Policy, plan: &Plan, expect: &Expect) -> Vec<Self> {
        let owners = plan.owners();
        let mut scopes = Vec::new();
        for family in Family::ALL {
            let traffic: Vec<Region> =
                expect.traffic.iter().filter_map(|traffic| traffic_region(traffic, family)).collect();
            let senders = end_scopes(policy, plan, &owners, &expect.source, family);
            let receivers = end_scopes(policy, plan, &owners, &expect.destination, family);
            if !(traffic.is_empty() || senders.is_empty() || receivers.is_empty()) {
                scopes.push(Self { senders, receivers, traffic });
            }
        }
        scopes
    }

    /// Every pair of ends with the packets between them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Option<NicRef>, Option<NicRef>, Region)> + '_ {
        let Self { senders, receivers, traffic } = self;
        traffic.iter().flat_map(move |region| {
            senders.iter().flat_map(move |sender| {
                receivers.iter().filter_map(move |receiver| {
                    let region = region.with_source(sender.addresses.ranges())?;
                    let region = region.with_destination(receiver.addresses.ranges())?;
                    Some((sender.nic, receiver.nic, region))
                })
            })
        })
    }
}

fn traffic_region(traffic: &Traffic, family: Family) -> Option<Region> {
    let Traffic { protocol, source_ports, destination_ports } = traffic;
    let exists = match protocol {
        Some(Protocol::ICMP) => family == Family::V4,
        Some(Protocol::ICMPV6) => family == Family::V6,
        None | Some(_) => true,
    };
    let parts = MatchParts {
        source: Addresses::any(family),
        destination: Addresses::any(family),
        protocols: protocol.map_or_else(ProtocolSet::all, ProtocolSet::only),
        source_ports: source_ports.clone(),
        destination_ports: destination_ports.clone(),
    };
    Match::new(parts).ok().filter(|_| exists).map(|matches| Region::of(&matches))
}

type Owners = BTreeMap<IpAddr, Vec<NicRef>>;

/// An end's addresses of one family, by owner: each managed NIC with its own, and the rest.
fn end_scopes(policy: &Policy, plan: &Plan, owners: &Owners, end: &End, family: Family) -> Vec<EndScope> {
    let mut scopes = Vec::new();
    let mut addresses = PrefixSet::empty(family);
    match end {
        End::Any => addresses = PrefixSet::any(family),
        End::Peers(peers) => {
            for peer in peers {
                match peer.who {
                    Who::Instance(id) => scopes.extend(instance_scopes(plan, id, family)),
                    Who::Prefix(prefix) => {
                        addresses = addresses.union(&PrefixSet::from_prefixes(family, [&prefix]));
                    }
                    Who::Set(id) => {
                        if let Some(set) = policy.set(id) {
                            let part = if family == Family::V4 { &set.v4 } else { &set.v6 };
                            addresses = addresses.union(part);
                        }
                    }
                    Who::Group(id) => {
                        let members =
                            policy.group(id).map(|group| group.members.as_slice()).unwrap_or_default();
                        scopes.extend(members.iter().filter_map(|at| nic_scope(plan, *at, family)));
                    }
                }
            }
        }
    }
    scopes.extend(by_owner(owners, &addresses));
    scopes
}

fn instance_scopes(plan: &Plan, id: InstanceId, family: Family) -> Vec<EndScope> {
    let nics = plan.instances.get(id.0 as usize).map(|instance| instance.nics.len()).unwrap_or_default();
    (0..nics).filter_map(|nic| nic_scope(plan, NicRef { instance: id, nic: nic as u32 }, family)).collect()
}

fn nic_scope(plan: &Plan, at: NicRef, family: Family) -> Option<EndScope> {
    let numbers: Ranges = plan
        .nic(at)?
        .addresses
        .iter()
        .filter(|address| Family::of(address) == family)
        .map(|address| (Family::number(*address), Family::number(*address)))
        .collect();
    let addresses = PrefixSet::from_ranges(family, &numbers);
    (!addresses.is_empty()).then_some(EndScope { nic: Some(at), addresses })
}

/// Literal addresses by owner; an address of several networks counts for each of its owners.
fn by_owner(owners: &Owners, addresses: &PrefixSet) -> Vec<EndScope> {
    let family = addresses.family();
    let mut managed: BTreeMap<NicRef, Vec<(u128, u128)>> = BTreeMap::new();
    for (address, nics) in owners.iter().filter(|(address, _)| addresses.contains(**address)) {
        for nic in nics {
            managed.entry(*nic).or_default().push((Family::number(*address), Family::number(*address)));
        }
    }
    let taken = managed.values().flatten().copied().collect();
    let rest = PrefixSet::from_ranges(family, &addresses.ranges().subtract(&taken));
    let mut scopes: Vec<EndScope> = managed
        .into_iter()
        .map(|(nic, parts)| EndScope {
            nic: Some(nic),
            addresses: PrefixSet::from_ranges(family, &Ranges::from_unsorted(parts)),
        })
        .collect();
    if !rest.is_empty() {
        scopes.push(EndScope { nic: None, addresses: rest });
    }
    scopes
}
