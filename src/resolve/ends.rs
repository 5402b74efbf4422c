//! What rules and expectations share: the traffic they are about and the two ends it runs between.

use palisade_grammar::ast;
use palisade_ir::{InstanceId, PortMatch, Protocol};

use super::codes;
use super::findings::{Findings, at};
use super::names::Names;
use super::services::{self, Service};
use super::sets::{Addresses, Gather};
use super::values::{self, Families};
use crate::diagnostic::{Diagnostic, FileId, Location};
use crate::policy::{End, GroupId, Peer, PrefixSetId, Traffic, Who};

/// What is known before groups are: all names, and the values of sets and services.
pub(super) struct World<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) sets: &'a [Option<Addresses>],
    pub(super) services: &'a [Option<Service>],
}

/// One kind of traffic, and where the service that it comes from names it.
pub(super) type Located = (Traffic, Option<Location>);

/// What a rule or expectation says about protocol and ports.
pub(super) struct Spoken<'a> {
    pub(super) protocol: &'a ast::Spanned<ast::Protocol>,
    pub(super) source_ports: Option<&'a ast::List<ast::Ports>>,
    pub(super) destination_ports: Option<&'a ast::List<ast::Ports>>,
    pub(super) file: FileId,
}

/// The traffic, sorted and each protocol once, if all of it is good.
pub(super) fn traffic(
    world: &World<'_>,
    spoken: &Spoken<'_>,
    findings: &mut Findings,
) -> Option<Vec<Located>> {
    let Spoken { protocol, source_ports, destination_ports, file } = spoken;
    let place = at(*file, protocol.span);
    let source = source_ports.map(|list| values::ports(list, *file, findings));
    let destination = destination_ports.map(|list| values::ports(list, *file, findings));
    let first_ports = source_ports.or(*destination_ports).map(|list| at(*file, list.span));
    if let ast::Protocol::Service(name) = &protocol.value {
        let service = world.names.services.find(name, *file, findings);
        if let Some(ports) = first_ports {
            let message = format!("`port` beside service `{}`", name.value);
            findings.push(
                Diagnostic::error(
                    codes::PORT_BESIDE_SERVICE,
                    message,
                    ports,
                    "a service brings its own ports",
                )
                .label(place, "the service")
                .help("drop the ports, or write the protocol instead of the service"),
            );
            return None;
        }
        let service = world.services.get(service?)?.as_ref()?;
        let one = |(protocol, (ports, place)): (&Option<Protocol>, &(PortMatch, Location))| {
            let (source_ports, destination_ports) = (PortMatch::Any, ports.clone());
            (Traffic { protocol: *protocol, source_ports, destination_ports }, Some(*place))
        };
        return Some(service.iter().map(one).collect());
    }
    let protocol = values::protocol(&protocol.value, *file, findings)?;
    if let Some(ports) = first_ports
        && !protocol.is_some_and(Protocol::has_ports)
    {
        findings.push(services::portless(protocol, place, ports));
        return None;
    }
    let tested = |ports: Option<Option<palisade_ir::PortSet>>| match ports {
        None => Some(PortMatch::Any),
        Some(set) => set.map(PortMatch::In),
    };
    let (source_ports, destination_ports) = (tested(source)?, tested(destination)?);
    Some(vec![(Traffic { protocol, source_ports, destination_ports }, None)])
}

/// Who stands at an end, if all of them are known.
pub(super) fn end(
    world: &World<'_>,
    peers: &ast::Peers,
    file: FileId,
    findings: &mut Findings,
) -> Option<End> {
    let list = match peers {
        ast::Peers::Any(_) => return Some(End::Any),
        ast::Peers::List(list) => &list.elements,
    };
    let names = world.names;
    let mut all = Vec::with_capacity(list.len());
    for element in list {
        let place = at(file, element.span);
        let who = match &element.value {
            ast::Peer::Address(address) => Some(Who::Prefix(values::prefix(*address, place, findings))),
            ast::Peer::Set(name) => {
                names.sets.find(name, file, findings).map(|index| Who::Set(PrefixSetId(index as u32)))
            }
            ast::Peer::Group(name) => {
                names.groups.find(name, file, findings).map(|index| Who::Group(GroupId(index as u32)))
            }
            ast::Peer::Instance(name) => names
                .instances
                .find(name, file, findings)
                .map(|index| Who::Instance(InstanceId(index as u32))),
        };
        all.extend(who.map(|who| Peer { who, at: place }));
    }
    (all.len() == list.len()).then_some(End::Peers(all))
}

/// The literal addresses and sets of an end, by value; `None` where a set has no value for an earlier error.
///
/// Groups and instances are not in it.
pub(super) fn literal(world: &World<'_>, end: &End) -> Option<Addresses> {
    let peers = match end {
        End::Any => return Some(Addresses::any()),
        End::Peers(peers) => peers,
    };
    if let [Peer { who: Who::Set(id), .. }] = peers.as_slice() {
        return set(world, *id).cloned();
    }
    let mut all = Gather::default();
    for peer in peers {
        match peer.who {
            Who::Prefix(net) => all.prefix(net),
            Who::Set(id) => all.addresses(set(world, id)?),
            Who::Group(_) | Who::Instance(_) => {}
        }
    }
    Some(all.finish())
}

/// The families of [`literal`], without putting the addresses together.
pub(super) fn literal_families(world: &World<'_>, end: &End) -> Option<Families> {
    let peers = match end {
        End::Any => return Some(Families::BOTH),
        End::Peers(peers) => peers,
    };
    let mut families = Families::NONE;
    for peer in peers {
        families = families.union(match peer.who {
            Who::Prefix(net) => {
                let v4 = net.addr().is_ipv4();
                Families { v4, v6: !v4 }
            }
            Who::Set(id) => set(world, id)?.families(),
            Who::Group(_) | Who::Instance(_) => Families::NONE,
        });
    }
    Some(families)
}

/// The addresses of a set, if it has a value.
pub(super) fn set<'a>(world: &World<'a>, id: PrefixSetId) -> Option<&'a Addresses> {
    world.sets.get(id.0 as usize)?.as_ref()
}

/// One part of a conjunction and the families it allows.
pub(super) struct Side {
    pub(super) families: Families,
    pub(super) at: Option<Location>,
}

/// Reports each kind of traffic that has no family left between the two ends; whether there was none.
pub(super) fn share_a_family(
    spoken: Location,
    traffic: &[Located],
    ends: &[Side; 2],
    code: &'static str,
    findings: &mut Findings,
) -> bool {
    let both = ends.iter().fold(Families::BOTH, |shared, end| shared.shared(end.families));
    let none = |one: &Traffic| Families::of(one.protocol).shared(both).is_empty();
    if !both.is_empty() && !traffic.iter().any(|(one, _)| none(one)) {
        return true;
    }
    let narrow: Vec<(Location, Families)> = ends
        .iter()
        .filter(|end| end.families != Families::BOTH)
        .filter_map(|end| end.at.map(|at| (at, end.families)))
        .collect();
    // Ends that exclude each other are one error, however many kinds of traffic run between them.
    if both.is_empty() {
        let message = "the two ends share no address family";
        let (first, families) = narrow.first().copied().unwrap_or((spoken, Families::NONE));
        let found = Diagnostic::error(code, message, first, families.to_string())
            .help("no packet can match; give both ends addresses of one family");
        let rest = narrow.iter().skip(1);
        findings.push(rest.fold(found, |found, (at, families)| found.label(*at, families.to_string())));
        return false;
    }
    let mut good = true;
    for (one, brought_by) in traffic {
        let families = Families::of(one.protocol);
        let (true, Some(protocol)) = (families.shared(both).is_empty(), one.protocol) else { continue };
        good = false;
        let message = format!("`{protocol}` shares no address family with its ends");
        let found = match brought_by {
            None => Diagnostic::error(code, message, spoken, families.to_string()),
            Some(place) => Diagnostic::error(code, message, spoken, format!("brings in `{protocol}`"))
                .label(*place, families.to_string()),
        };
        let found = narrow.iter().fold(found, |found, (at, families)| found.label(*at, families.to_string()));
        findings.push(found.help(match (protocol, brought_by) {
            (_, Some(_)) => "give the other family a rule of its own, with a service of its own",
            (Protocol::ICMP, None) => "`icmp` is IPv4; write `icmpv6` for IPv6",
            (_, None) => "`icmpv6` is IPv6; write `icmp` for IPv4",
        }));
    }
    good
}
