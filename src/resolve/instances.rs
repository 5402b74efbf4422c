//! Instances and their NICs: interfaces, addresses, networks and groups.

use std::collections::BTreeMap;
use std::net::IpAddr;

use palisade_grammar::ast::{self, Membership};
use palisade_ir::{Ifname, NetworkId, Side};

use super::attributes::{Attributes, network_kind};
use super::codes;
use super::findings::{Findings, at};
use super::membership::{Joined, Rooms};
use super::names::{Declared, Names};
use super::rules;
use super::values;
use crate::diagnostic::{Diagnostic, FileId, Location};
use crate::policy::{Instance, NetworkKind, Nic};

/// Names that an instance cannot have: they stand for something else in expectations or among the outputs.
const RESERVED: [(&str, &str); 4] = [
    ("any", "stands for everyone in an expectation"),
    ("set", "begins a reference to a set in an expectation"),
    ("group", "begins a reference to a group in an expectation"),
    ("gateway", "names the files of the gateway among the outputs"),
];

/// What is known about one instance, even if errors keep it from being whole.
pub(super) struct Found {
    /// The instance, if it is good.
    pub(super) whole: Option<Instance>,
    /// Per NIC what it joined.
    pub(super) joined: Vec<Joined>,
}

/// All instances, by index.
pub(super) fn instances(names: &Names<'_>, attributes: &[Attributes], findings: &mut Findings) -> Vec<Found> {
    let rooms = Rooms::new(names, attributes);
    let mut owners = BTreeMap::new();
    let declared = names.instances.entries.iter();
    declared.map(|instance| found(names, &rooms, instance, &mut owners, findings)).collect()
}

/// Who owns an address of a network.
type Owners = BTreeMap<(Option<NetworkId>, IpAddr), Location>;

fn found(
    names: &Names<'_>,
    rooms: &Rooms<'_>,
    instance: &Declared<'_, ast::Instance>,
    owners: &mut Owners,
    findings: &mut Findings,
) -> Found {
    let name = instance.name.as_str();
    if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
        let message = format!("an instance cannot be called `{name}`");
        findings.push(
            Diagnostic::error(codes::RESERVED_NAME, message, instance.at, format!("`{name}` {why}"))
                .help("choose another name"),
        );
    }
    let node = instance.node;
    let description = values::description(node.description.as_ref(), instance.file, findings);
    if node.nics.is_empty() {
        let message = format!("instance `{name}` has no NIC");
        findings.push(
            Diagnostic::error(codes::NO_NIC, message, instance.at, "nothing to guard")
                .help("add a line `nic eth0 address ADDRESS groups GROUP`, or drop the instance"),
        );
    }
    same_nics(node, instance.file, findings);
    let mut joined = Vec::with_capacity(node.nics.len());
    let mut nics = Vec::with_capacity(node.nics.len());
    for line in &node.nics {
        let room = rooms.join(&line.membership, at(instance.file, line.span), instance.file, findings);
        nics.extend(nic(names, line, &room, instance.file, owners, findings));
        joined.push(room);
    }
    let whole = nics.len() == node.nics.len();
    let whole = whole.then(|| Instance { name: instance.name.clone(), description, nics, at: instance.at });
    Found { whole, joined }
}

fn same_nics(node: &ast::Instance, file: FileId, findings: &mut Findings) {
    let mut first: BTreeMap<&str, Location> = BTreeMap::new();
    for nic in &node.nics {
        let place = at(file, nic.name.span);
        let Some(known) = first.get(nic.name.value.as_str()) else {
            first.insert(&nic.name.value, place);
            continue;
        };
        let message = format!("instance `{}` has two NICs `{}`", node.name.value, nic.name.value);
        findings.push(
            Diagnostic::error(codes::DUPLICATE_NIC, message, place, "again").label(*known, "first").help(
                "rename one of them; several addresses of one NIC go into a list: `address [..., ...]`",
            ),
        );
    }
}

fn nic(
    names: &Names<'_>,
    line: &ast::Nic,
    joined: &Joined,
    file: FileId,
    owners: &mut Owners,
    findings: &mut Findings,
) -> Option<Nic> {
    let place = at(file, line.span);
    let interface = interface(&line.name, file, findings);
    let via = line.via.as_ref().map(|via| self::interface(via, file, findings));
    let addresses = addresses(line, joined.network, file, owners, findings);
    let side = side(names, line, joined.network, file, findings);
    if !joined.good {
        return None;
    }
    Some(Nic {
        interface: interface?,
        side: side?,
        via: via.map_or(Some(None), |via| via.map(Some))?,
        network: joined.network?,
        addresses: addresses?,
        groups: joined.groups.clone(),
        at: place,
    })
}

fn interface(written: &ast::Text, file: FileId, findings: &mut Findings) -> Option<Ifname> {
    let name = Ifname::new(&*written.value).ok();
    if name.is_none() {
        let message = format!("`{}` cannot name an interface", written.value.escape_debug());
        let place = at(file, written.span);
        findings.push(
            Diagnostic::error(codes::INTERFACE_NAME, message, place, "no interface has such a name")
                .help("1 to 15 characters of `A-Z a-z 0-9 _ . : @ -`, and neither `.` nor `..`"),
        );
    }
    name
}

fn addresses(
    line: &ast::Nic,
    network: Option<NetworkId>,
    file: FileId,
    owners: &mut Owners,
    findings: &mut Findings,
) -> Option<Vec<IpAddr>> {
    let mut good = Vec::with_capacity(line.addresses.elements.len());
    let mut here: BTreeMap<IpAddr, Location> = BTreeMap::new();
    for element in &line.addresses.elements {
        let (ip, place) = (element.value, at(file, element.span));
        if let Some(why) = unfit(ip) {
            let message = format!("no NIC can own `{ip}`");
            findings.push(
                Diagnostic::error(codes::NIC_ADDRESS, message, place, why)
                    .help("write the private address that the interface itself has"),
            );
            continue;
        }
        // Where the network is unknown, only this NIC can be checked.
        let known = match network {
            Some(id) => owners.get(&(Some(id), ip)).copied(),
            None => here.get(&ip).copied(),
        };
        if let Some(first) = known {
            let message = format!("`{ip}` is owned twice in one network");
            findings.push(
                Diagnostic::error(codes::DUPLICATE_ADDRESS, message, place, "again")
                    .label(first, "first")
                    .help("give each NIC of a network its own addresses, each written once"),
            );
            continue;
        }
        here.insert(ip, place);
        owners.insert((network, ip), place);
        good.push(ip);
    }
    (good.len() == line.addresses.elements.len()).then_some(good)
}

/// Why an address cannot be an interface's own.
fn unfit(ip: IpAddr) -> Option<&'static str> {
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    match ip {
        ip if ip.is_unspecified() => Some("stands for no address"),
        ip if ip.is_multicast() => Some("a multicast address"),
        ip if ip.is_loopback() => Some("a loopback address, which never leaves the host"),
        _ => broadcast.then_some("the broadcast address"),
    }
}

/// The side; the outer `None` if it is wrong.
fn side(
    names: &Names<'_>,
    line: &ast::Nic,
    network: Option<NetworkId>,
    file: FileId,
    findings: &mut Findings,
) -> Option<Option<Side>> {
    let written = line.side.map(|side| rules::side(side.value));
    let Some(id) = network else { return Some(written) };
    let name = names.networks.name(id.0 as usize);
    let declared = names.networks.get(id.0 as usize).map(|network| network.at);
    let found = match (network_kind(names, id), &line.side) {
        (Some(NetworkKind::Classic), None) => {
            let message = "the NIC does not say its side of the classic network";
            Diagnostic::error(codes::MISSING_SIDE, message, at(file, line.name.span), "public or internal?")
                .help(format!("write `nic {} public` or `nic {} internal`", line.name.value, line.name.value))
        }
        (Some(NetworkKind::Vpc), Some(side)) => {
            let message = "a NIC with a side in a vpc network";
            Diagnostic::error(
                codes::SIDE_IN_VPC,
                message,
                at(file, side.span),
                "only classic networks have sides",
            )
            .help("drop the word; a vpc NIC has one set of rules for all traffic")
        }
        (Some(NetworkKind::Classic), Some(_)) | (Some(NetworkKind::Vpc), None) | (None, _) => {
            return Some(written);
        }
    };
    let found = match declared {
        Some(place) => found.label(place, format!("network `{name}`")),
        None => found,
    };
    findings.push(found);
    None
}

/// What the NIC lines say about an instance's addresses, good or not.
pub(super) fn written_addresses(instance: &ast::Instance) -> impl Iterator<Item = IpAddr> {
    instance.nics.iter().flat_map(written_nic_addresses)
}

/// The same of one NIC.
pub(super) fn written_nic_addresses(nic: &ast::Nic) -> impl Iterator<Item = IpAddr> {
    nic.addresses.elements.iter().map(|element| element.value)
}

/// Whether a NIC says what it belongs to.
pub(super) const fn says_membership(nic: &ast::Nic) -> bool {
    !matches!(nic.membership, Membership::Missing)
}
