//! Instances and their NICs.

use super::layout::{Laid, block};
use super::value::{description, one_line, quoted, side};
use crate::ast::{Instance, Membership, Nic, Text};

pub(super) fn instance(statement: &Instance) -> String {
    let Instance { name, description: text, nics, dangling } = statement;
    let head = format!("instance {}{}", name.value, description(text.as_ref()));
    block(&head, 0, nics.iter().map(nic).collect(), dangling)
}

/// A NIC takes one line, always.
fn nic(statement: &Nic) -> Laid<'_> {
    let Nic { name, side: which, via, addresses, membership, span: _, trivia } = statement;
    let mut hoisted = Vec::new();
    let mut out = format!("nic {}{}", interface(name), side(which.as_ref()));
    if let Some(via) = via {
        out.push_str(" via ");
        out.push_str(&interface(via));
    }
    out.push_str(" address ");
    out.push_str(&one_line(addresses, &mut hoisted, ToString::to_string));
    match membership {
        Membership::Groups(groups) => {
            out.push_str(" groups ");
            out.push_str(&one_line(groups, &mut hoisted, |name| name.value.clone()));
        }
        Membership::Network(name) => {
            out.push_str(" network ");
            out.push_str(&name.value);
        }
        Membership::Missing => {}
    }
    Laid { trivia, hoisted, text: out }
}

/// An interface name, in quotes only where it needs them.
fn interface(name: &Text) -> String {
    if crate::lex::is_name(&name.value) { name.value.clone() } else { quoted(&name.value) }
}
