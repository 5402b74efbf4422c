//! Whether two trees say the same. Places, comments and blank lines do not count.
//!
//! It is written apart from the formatter's text, so that it can judge that text.

use std::net::IpAddr;

use crate::ast::{
    Address, Direction, Duration, Element, End, Expect, File, Group, GroupBase, GroupItem, GroupItemKind,
    GroupKind, InnerScope, Instance, Item, ItemKind, List, Member, Membership, Network, NetworkKind, Nic,
    Peer, Peers, Ports, Protocol, Rule, RuleSection, Service, Set, Side, Spanned, Traffic, Verdict,
};

pub(super) trait Same {
    fn same(&self, other: &Self) -> bool;
}

macro_rules! same_if_equal {
    ($($plain:ty),*) => {
        $(impl Same for $plain {
            fn same(&self, other: &Self) -> bool {
                self == other
            }
        })*
    };
}

same_if_equal!(
    String,
    u32,
    IpAddr,
    Duration,
    Ports,
    Verdict,
    Direction,
    Side,
    InnerScope,
    NetworkKind,
    GroupKind
);

impl<T: Same> Same for Option<T> {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (None, None) => true,
            (Some(one), Some(other)) => one.same(other),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

impl<T: Same> Same for Vec<T> {
    fn same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, other)| one.same(other))
    }
}

impl<T: Same> Same for Spanned<T> {
    fn same(&self, other: &Self) -> bool {
        let Spanned { value, span: _ } = self;
        value.same(&other.value)
    }
}

impl<T: Same> Same for Element<T> {
    fn same(&self, other: &Self) -> bool {
        let Element { value, span: _, trivia: _ } = self;
        value.same(&other.value)
    }
}

impl<T: Same> Same for List<T> {
    fn same(&self, other: &Self) -> bool {
        let List { elements, span: _, dangling: _ } = self;
        elements.same(&other.elements)
    }
}

impl Same for Address {
    fn same(&self, other: &Self) -> bool {
        // A prefix of the full width is its address.
        let length = |address: &Address| {
            let Address { ip, length } = address;
            length.unwrap_or(if ip.is_ipv4() { 32 } else { 128 })
        };
        self.ip == other.ip && length(self) == length(other)
    }
}

impl Same for File {
    fn same(&self, other: &Self) -> bool {
        let File { items, dangling: _ } = self;
        items.same(&other.items)
    }
}

impl Same for Item {
    fn same(&self, other: &Self) -> bool {
        let Item { kind, span: _, trivia: _ } = self;
        kind.same(&other.kind)
    }
}

impl Same for ItemKind {
    fn same(&self, other: &Self) -> bool {
        match self {
            ItemKind::Include(one) => matches!(other, ItemKind::Include(other) if one.same(other)),
            ItemKind::SessionTimeout(one) => {
                matches!(other, ItemKind::SessionTimeout(other) if one.same(other))
            }
            ItemKind::InnerScope(one) => matches!(other, ItemKind::InnerScope(other) if one.same(other)),
            ItemKind::Network(one) => matches!(other, ItemKind::Network(other) if one.same(other)),
            ItemKind::Set(one) => matches!(other, ItemKind::Set(other) if one.same(other)),
            ItemKind::Service(one) => matches!(other, ItemKind::Service(other) if one.same(other)),
            ItemKind::Group(one) => matches!(other, ItemKind::Group(other) if one.same(other)),
            ItemKind::Instance(one) => matches!(other, ItemKind::Instance(other) if one.same(other)),
            ItemKind::Expect(one) => matches!(other, ItemKind::Expect(other) if one.same(other)),
        }
    }
}

impl Same for Network {
    fn same(&self, other: &Self) -> bool {
        let Network { name, description, kind } = self;
        name.same(&other.name) && description.same(&other.description) && kind.same(&other.kind)
    }
}

impl Same for Set {
    fn same(&self, other: &Self) -> bool {
        let Set { name, description, members, except } = self;
        name.same(&other.name)
            && description.same(&other.description)
            && members.same(&other.members)
            && except.same(&other.except)
    }
}

impl Same for Member {
    fn same(&self, other: &Self) -> bool {
        match self {
            Member::Address(one) => matches!(other, Member::Address(other) if one.same(other)),
            Member::Set(one) => matches!(other, Member::Set(other) if one.same(other)),
        }
    }
}

impl Same for Service {
    fn same(&self, other: &Self) -> bool {
        let Service { name, description, traffic } = self;
        name.same(&other.name) && description.same(&other.description) && traffic.same(&other.traffic)
    }
}

impl Same for Traffic {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Traffic::Protocol { protocol, ports },
                Traffic::Protocol { protocol: other_protocol, ports: other_ports },
            ) => protocol.same(other_protocol) && ports.same(other_ports),
            (Traffic::Service(one), Traffic::Service(other)) => one.same(other),
            (Traffic::Protocol { .. }, Traffic::Service(_))
            | (Traffic::Service(_), Traffic::Protocol { .. }) => false,
        }
    }
}

impl Same for Protocol {
    fn same(&self, other: &Self) -> bool {
        match self {
            Protocol::Number(one) => matches!(other, Protocol::Number(other) if one.same(other)),
            Protocol::Service(one) => matches!(other, Protocol::Service(other) if one.same(other)),
            Protocol::Tcp
            | Protocol::Udp
            | Protocol::Icmp
            | Protocol::Icmpv6
            | Protocol::Gre
            | Protocol::All => self == other,
        }
    }
}

impl Same for Group {
    fn same(&self, other: &Self) -> bool {
        let Group { name, base, description, items, dangling: _ } = self;
        name.same(&other.name)
            && base.same(&other.base)
            && description.same(&other.description)
            && items.same(&other.items)
    }
}

impl Same for GroupBase {
    fn same(&self, other: &Self) -> bool {
        match self {
            GroupBase::Custom => matches!(other, GroupBase::Custom),
            GroupBase::Clone(one) => matches!(other, GroupBase::Clone(other) if one.same(other)),
            GroupBase::Default { web: one, span: _ } => {
                matches!(other, GroupBase::Default { web, span: _ } if one == web)
            }
        }
    }
}

impl Same for GroupItem {
    fn same(&self, other: &Self) -> bool {
        let GroupItem { kind, span: _, trivia: _ } = self;
        kind.same(&other.kind)
    }
}

impl Same for GroupItemKind {
    fn same(&self, other: &Self) -> bool {
        match self {
            GroupItemKind::Kind(one) => matches!(other, GroupItemKind::Kind(other) if one.same(other)),
            GroupItemKind::Network(one) => matches!(other, GroupItemKind::Network(other) if one.same(other)),
            GroupItemKind::Inner(one) => matches!(other, GroupItemKind::Inner(other) if one.same(other)),
            GroupItemKind::Remove { direction: way, label: which } => {
                matches!(other, GroupItemKind::Remove { direction, label } if way.same(direction) && which.same(label))
            }
            GroupItemKind::Section(one) => matches!(other, GroupItemKind::Section(other) if one.same(other)),
        }
    }
}

impl Same for RuleSection {
    fn same(&self, other: &Self) -> bool {
        let RuleSection { direction, side, rules, dangling: _ } = self;
        direction.same(&other.direction) && side.same(&other.side) && rules.same(&other.rules)
    }
}

impl Same for Rule {
    fn same(&self, other: &Self) -> bool {
        let Rule { priority, verdict, protocol, from, to, label, log, description, span: _, trivia: _ } =
            self;
        priority.same(&other.priority)
            && verdict.same(&other.verdict)
            && protocol.same(&other.protocol)
            && from.same(&other.from)
            && to.same(&other.to)
            && label.same(&other.label)
            && log.is_some() == other.log.is_some()
            && description.same(&other.description)
    }
}

impl Same for End {
    fn same(&self, other: &Self) -> bool {
        let End { peers, ports, span: _ } = self;
        peers.same(&other.peers) && ports.same(&other.ports)
    }
}

impl Same for Peers {
    fn same(&self, other: &Self) -> bool {
        match self {
            Peers::Any(_) => matches!(other, Peers::Any(_)),
            Peers::List(one) => matches!(other, Peers::List(other) if one.same(other)),
        }
    }
}

impl Same for Peer {
    fn same(&self, other: &Self) -> bool {
        match self {
            Peer::Address(one) => matches!(other, Peer::Address(other) if one.same(other)),
            Peer::Set(one) => matches!(other, Peer::Set(other) if one.same(other)),
            Peer::Group(one) => matches!(other, Peer::Group(other) if one.same(other)),
            Peer::Instance(one) => matches!(other, Peer::Instance(other) if one.same(other)),
        }
    }
}

impl Same for Instance {
    fn same(&self, other: &Self) -> bool {
        let Instance { name, description, nics, dangling: _ } = self;
        name.same(&other.name) && description.same(&other.description) && nics.same(&other.nics)
    }
}

impl Same for Nic {
    fn same(&self, other: &Self) -> bool {
        let Nic { name, side, via, addresses, membership, span: _, trivia: _ } = self;
        name.same(&other.name)
            && side.same(&other.side)
            && via.same(&other.via)
            && addresses.same(&other.addresses)
            && membership.same(&other.membership)
    }
}

impl Same for Membership {
    fn same(&self, other: &Self) -> bool {
        match self {
            Membership::Groups(one) => matches!(other, Membership::Groups(other) if one.same(other)),
            Membership::Network(one) => matches!(other, Membership::Network(other) if one.same(other)),
            Membership::Missing => matches!(other, Membership::Missing),
        }
    }
}

impl Same for Expect {
    fn same(&self, other: &Self) -> bool {
        let Expect { verdict, protocol, from, to, description } = self;
        verdict.same(&other.verdict)
            && protocol.same(&other.protocol)
            && from.same(&other.from)
            && to.same(&other.to)
            && description.same(&other.description)
    }
}
