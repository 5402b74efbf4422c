//! Services by value: per protocol the destination ports, nested services put in.

use std::collections::BTreeMap;

use palisade_grammar::ast;
use palisade_ir::{NamedPorts, PortMatch, Protocol};

use super::circles;
use super::codes;
use super::findings::{Findings, at};
use super::names::{Declared, Names};
use super::order::order;
use super::values;
use crate::diagnostic::{Diagnostic, FileId, Location};

/// Per protocol (`None` for all of them) the destination ports, and the line that brought it in first.
pub(super) type Service = BTreeMap<Option<Protocol>, (PortMatch, Location)>;

/// The value of every service, by index; `None` where an error keeps it from having one.
pub(super) fn services(names: &Names<'_>, findings: &mut Findings) -> Vec<Option<Service>> {
    let declared = &names.services.entries;
    for service in declared {
        values::description(service.node.description.as_ref(), service.file, findings);
    }
    let needs: Vec<Vec<usize>> = declared
        .iter()
        .map(|service| {
            references(service.node).filter_map(|name| names.services.index(&name.value)).collect()
        })
        .collect();
    let order = order(&needs);
    let place = |from: usize, to: usize| {
        let service = names.services.get(from)?;
        let name = references(service.node).find(|name| names.services.index(&name.value) == Some(to))?;
        Some(at(service.file, name.span))
    };
    circles::report(&circles::SERVICES, &names.services, &order.circles, place, findings);

    let mut values: Vec<Option<Service>> = vec![None; declared.len()];
    for index in order.sorted {
        let value = declared.get(index).and_then(|service| value(service, names, &values, findings));
        if let Some(place) = values.get_mut(index) {
            *place = value;
        }
    }
    values
}

/// The services that ask for ports, by name and protocol.
pub(super) fn named_ports(names: &Names<'_>, services: &[Option<Service>]) -> Vec<NamedPorts> {
    let declared = names.services.entries.iter().zip(services);
    let named = declared.flat_map(|(declared, service)| {
        service.iter().flatten().filter_map(|(protocol, (ports, _))| match (protocol, ports) {
            (Some(protocol), PortMatch::In(ports)) => {
                Some(NamedPorts { name: declared.name.clone(), protocol: *protocol, ports: ports.clone() })
            }
            (None, _) | (_, PortMatch::Any) => None,
        })
    });
    let mut named: Vec<NamedPorts> = named.collect();
    named.sort_by(|one, other| (&one.name, one.protocol).cmp(&(&other.name, other.protocol)));
    named
}

fn references(service: &ast::Service) -> impl Iterator<Item = &ast::Name> {
    service.traffic.elements.iter().filter_map(|element| nested(&element.value))
}

fn nested(traffic: &ast::Traffic) -> Option<&ast::Name> {
    match traffic {
        ast::Traffic::Service(name) => Some(name),
        ast::Traffic::Protocol { protocol, .. } => match &protocol.value {
            ast::Protocol::Service(name) => Some(name),
            _ => None,
        },
    }
}

fn value(
    service: &Declared<'_, ast::Service>,
    names: &Names<'_>,
    values: &[Option<Service>],
    findings: &mut Findings,
) -> Option<Service> {
    let mut all = Service::new();
    let mut whole = true;
    for element in &service.node.traffic.elements {
        let good = match (nested(&element.value), &element.value) {
            (Some(name), _) | (None, ast::Traffic::Service(name)) => {
                let index = names.services.find(name, service.file, findings);
                let part = index.and_then(|index| values.get(index)?.as_ref());
                part.map(|part| {
                    for (protocol, (ports, place)) in part {
                        add(&mut all, *protocol, ports.clone(), *place);
                    }
                })
            }
            (None, ast::Traffic::Protocol { protocol, ports }) => {
                let one = traffic(protocol, ports.as_ref(), service.file, findings);
                one.map(|(protocol, ports)| {
                    add(&mut all, protocol, ports, at(service.file, element.span));
                })
            }
        };
        whole &= good.is_some();
    }
    whole.then_some(all)
}

fn add(all: &mut Service, protocol: Option<Protocol>, ports: PortMatch, place: Location) {
    let Some((known, _)) = all.get_mut(&protocol) else {
        all.insert(protocol, (ports, place));
        return;
    };
    *known = match (&*known, ports) {
        (PortMatch::In(one), PortMatch::In(other)) => PortMatch::In(one.union(&other)),
        (PortMatch::Any, _) | (_, PortMatch::Any) => PortMatch::Any,
    };
}

fn traffic(
    written: &ast::Spanned<ast::Protocol>,
    ports: Option<&ast::List<ast::Ports>>,
    file: FileId,
    findings: &mut Findings,
) -> Option<(Option<Protocol>, PortMatch)> {
    let protocol = values::protocol(&written.value, file, findings);
    let Some(list) = ports else { return Some((protocol?, PortMatch::Any)) };
    let tested = values::ports(list, file, findings);
    let protocol = protocol?;
    if !protocol.is_some_and(Protocol::has_ports) {
        findings.push(portless(protocol, at(file, written.span), at(file, list.span)));
        return None;
    }
    Some((protocol, PortMatch::In(tested?)))
}

/// Ports beside a protocol that has none.
pub(super) fn portless(protocol: Option<Protocol>, place: Location, ports: Location) -> Diagnostic {
    let name = protocol.map_or("all".to_owned(), |protocol| protocol.to_string());
    let message = format!("`{name}` has no ports to test");
    Diagnostic::error(codes::PORTLESS_PROTOCOL, message, ports, "ports need tcp or udp")
        .label(place, "the protocol")
        .help("drop the ports, or write `tcp` or `udp`")
}
