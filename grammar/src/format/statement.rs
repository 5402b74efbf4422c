//! Statements at the top of a file.

use super::list::{Rows, list};
use super::value::{
    description, duration, end, inner_scope, member, network_kind, port, protocol, quoted, verdict,
};
use super::{group, instance};
use crate::ast::{Expect, ItemKind, Network, Service, Set, Traffic};

/// A statement's text, and the comments from inside that move above it.
pub(super) fn item_kind(kind: &ItemKind) -> (String, Vec<String>) {
    let text = match kind {
        ItemKind::Include(path) => format!("include {}", quoted(&path.value)),
        ItemKind::SessionTimeout(timeout) => format!("session timeout {}", duration(&timeout.value)),
        ItemKind::InnerScope(scope) => format!("inner scope {}", inner_scope(scope)),
        ItemKind::Network(statement) => network(statement),
        ItemKind::Set(statement) => set(statement),
        ItemKind::Service(statement) => service(statement),
        ItemKind::Group(statement) => group::group(statement),
        ItemKind::Instance(statement) => instance::instance(statement),
        ItemKind::Expect(statement) => return expect(statement),
    };
    (text, Vec::new())
}

fn network(statement: &Network) -> String {
    let Network { name, description: text, kind } = statement;
    format!("network {}{} = {}", name.value, description(text.as_ref()), network_kind(kind))
}

fn set(statement: &Set) -> String {
    let Set { name, description: text, members, except } = statement;
    let members = list(members, Rows::Always, 0, |value, _| member(value));
    let mut out = format!("set {}{} = {members}", name.value, description(text.as_ref()));
    if let Some(except) = except {
        out.push_str(" except ");
        out.push_str(&list(except, Rows::Always, 0, |value, _| member(value)));
    }
    out
}

fn service(statement: &Service) -> String {
    let Service { name, description: text, traffic: elements } = statement;
    let elements = list(elements, Rows::ForComments, 0, traffic);
    format!("service {}{} = {elements}", name.value, description(text.as_ref()))
}

fn traffic(value: &Traffic, indent: usize) -> String {
    match value {
        Traffic::Service(name) => format!("service {}", name.value),
        Traffic::Protocol { protocol: name, ports } => {
            let mut out = protocol(&name.value);
            if let Some(ports) = ports {
                out.push(' ');
                out.push_str(&list(ports, Rows::ForComments, indent, |value, _| port(value)));
            }
            out
        }
    }
}

fn expect(statement: &Expect) -> (String, Vec<String>) {
    let Expect { verdict: outcome, protocol: name, from, to, description: text } = statement;
    let mut hoisted = Vec::new();
    let from = end("from", from, &mut hoisted);
    let to = end("to", to, &mut hoisted);
    let text = description(text.as_ref());
    (format!("expect {} {} {from} {to}{text}", verdict(outcome), protocol(&name.value)), hoisted)
}
