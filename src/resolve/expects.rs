//! Expectations: who they are about, and that they are about something.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use palisade_grammar::ast;
use palisade_ir::{Family, InstanceId, NetworkId};

use super::codes;
use super::ends::{self, Side, Spoken, World};
use super::findings::{Findings, at};
use super::instances::{self, Found};
use super::rules;
use super::values::{self, Families};
use crate::diagnostic::{Diagnostic, FileId, Location};
use crate::policy::{End, Expect, GroupId, Peer, Who};

/// Who owns which addresses.
pub(super) struct Owners {
    /// The families of the private addresses of each group's members.
    groups: Vec<Families>,
    /// The families of each instance.
    instances: Vec<Families>,
    /// The networks in which an address is owned.
    networks: BTreeMap<IpAddr, Vec<(NetworkId, InstanceId)>>,
    /// Whether every NIC says what it belongs to.
    certain: bool,
}

impl Owners {
    pub(super) fn new(world: &World<'_>, found: &[Found]) -> Self {
        let mut all = Self {
            groups: vec![Families::NONE; world.names.groups.entries.len()],
            instances: Vec::new(),
            networks: BTreeMap::new(),
            certain: true,
        };
        for (index, (instance, found)) in world.names.instances.entries.iter().zip(found).enumerate() {
            let id = InstanceId(index as u32);
            all.instances.push(families(instances::written_addresses(instance.node)));
            for (nic, joined) in instance.node.nics.iter().zip(&found.joined) {
                all.certain &= instances::says_membership(nic);
                let own = families(instances::written_nic_addresses(nic));
                // A group stands for private addresses, and a classic public NIC has none.
                let private = !nic.side.is_some_and(|side| side.value == ast::Side::Public);
                for group in joined.groups.iter().filter(|_| private) {
                    if let Some(known) = all.groups.get_mut(group.0 as usize) {
                        *known = known.union(own);
                    }
                }
                let Some(network) = joined.network else { continue };
                for ip in instances::written_nic_addresses(nic) {
                    all.networks.entry(ip).or_default().push((network, id));
                }
            }
        }
        all
    }

    /// The families of a group's members.
    pub(super) fn group(&self, id: GroupId) -> Families {
        self.groups.get(id.0 as usize).copied().unwrap_or(Families::NONE)
    }
}

fn families(addresses: impl Iterator<Item = IpAddr>) -> Families {
    addresses.fold(Families::NONE, |all, ip| all.union(Families::one(Family::of(&ip))))
}

/// All expectations, in the order of the files; the good ones only.
pub(super) fn expects(world: &World<'_>, owners: &Owners, findings: &mut Findings) -> Vec<Expect> {
    let all = &world.names.expects;
    all.iter().filter_map(|(place, node)| expect(world, owners, *place, node, findings)).collect()
}

fn expect(
    world: &World<'_>,
    owners: &Owners,
    place: Location,
    node: &ast::Expect,
    findings: &mut Findings,
) -> Option<Expect> {
    let file = place.file;
    let spoken = Spoken {
        protocol: &node.protocol,
        source_ports: node.from.ports.as_ref(),
        destination_ports: node.to.ports.as_ref(),
        file,
    };
    let traffic = ends::traffic(world, &spoken, findings);
    let description = values::description(node.description.as_ref(), file, findings);
    let source = target(world, &node.from, "from", file, findings);
    let destination = target(world, &node.to, "to", file, findings);
    let (traffic, source, destination) = (traffic?, source?, destination?);
    let clear =
        unambiguous(world, owners, &source, findings) & unambiguous(world, owners, &destination, findings);
    let (from_at, to_at) = (at(file, node.from.span), at(file, node.to.span));
    let from = reach(world, owners, &source, from_at, findings);
    let to = reach(world, owners, &destination, to_at, findings);
    let sides = [Side { families: from?, at: Some(from_at) }, Side { families: to?, at: Some(to_at) }];
    let shared =
        ends::share_a_family(at(file, node.protocol.span), &traffic, &sides, codes::EMPTY_EXPECT, findings);
    (shared && clear).then(|| Expect {
        verdict: rules::verdict(node.verdict.value),
        traffic: traffic.into_iter().map(|(traffic, _)| traffic).collect(),
        source,
        destination,
        description,
        at: place,
    })
}

fn target(
    world: &World<'_>,
    written: &ast::End,
    keyword: &str,
    file: FileId,
    findings: &mut Findings,
) -> Option<End> {
    if let Some(peers) = &written.peers {
        return ends::end(world, peers, file, findings);
    }
    // The grammar demands peers; a tree that was built by hand may have none.
    let message = format!("the expectation does not say `{keyword}` whom");
    findings.push(
        Diagnostic::error(codes::MISSING_PEER, message, at(file, written.span), "no peer")
            .help(format!("add `{keyword} any`, or `{keyword}` with instances, groups, sets or addresses")),
    );
    None
}

/// The families of an end; one without any address is an error.
fn reach(
    world: &World<'_>,
    owners: &Owners,
    end: &End,
    place: Location,
    findings: &mut Findings,
) -> Option<Families> {
    let peers = match end {
        End::Any => return Some(Families::BOTH),
        End::Peers(peers) => peers,
    };
    let mut all = Families::NONE;
    for peer in peers {
        all = all.union(match peer.who {
            Who::Prefix(net) => Families::one(Family::of(&net.addr())),
            // A set without a value was reported where it is declared.
            Who::Set(id) => ends::set(world, id)?.families(),
            Who::Group(id) => owners.group(id),
            Who::Instance(id) => *owners.instances.get(id.0 as usize)?,
        });
    }
    let members_unsure = !owners.certain && peers.iter().any(|peer| matches!(peer.who, Who::Group(_)));
    let instances_unsure = peers.iter().any(|peer| matches!(peer.who, Who::Instance(_)));
    if !all.is_empty() {
        return Some(all);
    }
    // An instance without an address, and a NIC without a group, were reported themselves.
    if !members_unsure && !instances_unsure {
        let message = "the expectation describes no packet";
        findings.push(
            Diagnostic::error(codes::EMPTY_EXPECT, message, place, "no address is meant here")
                .help("name a group with members, a set with addresses, or drop the expectation"),
        );
    }
    None
}

/// An address that several networks use needs its instance's name.
fn unambiguous(world: &World<'_>, owners: &Owners, end: &End, findings: &mut Findings) -> bool {
    let End::Peers(peers) = end else { return true };
    let mut clear = true;
    for Peer { who, at } in peers {
        let Who::Prefix(net) = who else { continue };
        let single = *net == IpNet::from(net.addr());
        let Some(used) = owners.networks.get(&net.addr()).filter(|_| single) else { continue };
        let Some((first, one)) = used.first() else { continue };
        let Some((_, other)) = used.iter().find(|(network, _)| network != first) else { continue };
        clear = false;
        let name = |id: &InstanceId| world.names.instances.name(id.0 as usize);
        let message = format!("`{}` is owned in several networks", net.addr());
        let mut found = Diagnostic::error(codes::AMBIGUOUS_ADDRESS, message, *at, "whose address is meant?");
        for id in [one, other] {
            if let Some(instance) = world.names.instances.get(id.0 as usize) {
                found = found.label(instance.at, "owns it");
            }
        }
        findings.push(found.help(format!("name the instance: `{}` or `{}`", name(one), name(other))));
    }
    clear
}
