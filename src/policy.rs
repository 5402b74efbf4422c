//! The resolved policy: every name looked up, every refusal of the language behind it.
//!
//! This is the policy level that the reference evaluator reads. It knows nothing of chains, families of rules or
//! targets; lowering does that.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{
    Direction, Ifname, InstanceId, Name, NetworkId, NicRef, PortMatch, PrefixSet, Priority, Protocol,
};
use palisade_ir::{NamedPorts, Side, Verdict};

use crate::diagnostic::Location;

/// Index into [`Policy::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// Index into [`Policy::sets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrefixSetId(pub u32);

/// A policy whose every reference leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Idle seconds after which a session ends.
    pub session_timeout: u32,
    /// Where inner access stands.
    pub inner_scope: InnerScope,
    /// Networks, sorted by name.
    pub networks: Vec<Network>,
    /// Prefix sets, sorted by name.
    pub sets: Vec<PrefixSetDef>,
    /// Services that ask for ports, sorted by name and protocol; rules hold the values.
    pub services: Vec<NamedPorts>,
    /// Groups, sorted by name.
    pub groups: Vec<Group>,
    /// Instances, sorted by name.
    pub instances: Vec<Instance>,
    /// Expectations, in the order of the files.
    pub expects: Vec<Expect>,
    /// What is declared and named nowhere else, sorted by kind and name.
    pub unused: Vec<Unused>,
}

/// A declaration that no other statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// What it declares.
    pub kind: UnusedKind,
    /// Its name.
    pub name: Name,
    /// Its name in its statement.
    pub at: Location,
}

/// What can be declared in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnusedKind {
    /// A group.
    Group,
    /// A prefix set.
    Set,
    /// A service.
    Service,
}

impl fmt::Display for UnusedKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            UnusedKind::Group => "group",
            UnusedKind::Set => "set",
            UnusedKind::Service => "service",
        })
    }
}

/// Where inner access stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InnerScope {
    /// Before the receiver's rules only.
    Ingress,
    /// Before the sender's rules too.
    Both,
}

/// Kinds of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// One set of rules for private and mapped public traffic.
    Vpc,
    /// A public and an internal NIC per instance, ruled apart.
    Classic,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: NetworkKind,
    /// Its description.
    pub description: Option<String>,
    /// Its statement.
    pub at: Location,
}

/// A prefix set, `except` already taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixSetDef {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<String>,
    /// Its IPv4 addresses.
    pub v4: Arc<PrefixSet>,
    /// Its IPv6 addresses.
    pub v6: Arc<PrefixSet>,
    /// Its statement.
    pub at: Location,
}

/// A group's kind, with what only that kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Members reach each other when the inner policy allows it; out is allowed by default.
    Basic {
        /// The inner policy.
        inner: Verdict,
    },
    /// Isolated inside; both directions denied by default.
    Enterprise,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<String>,
    /// Its kind.
    pub kind: GroupKind,
    /// Its network.
    pub network: NetworkId,
    /// Whether it was declared `default`: NICs that name only the network join it.
    pub is_default: bool,
    /// Its rules: those inherited first, then its own, in source order.
    pub rules: Vec<Rule>,
    /// Its members, sorted.
    pub members: Vec<NicRef>,
    /// Its name in its statement.
    pub at: Location,
}

/// A rule of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its direction.
    pub direction: Direction,
    /// Its section in a classic group.
    pub side: Option<Side>,
    /// Its priority.
    pub priority: Priority,
    /// Its verdict.
    pub verdict: Verdict,
    /// Whether matches are logged.
    pub log: bool,
    /// What traffic it matches: any of these, at least one.
    pub traffic: Vec<Traffic>,
    /// Whom it comes from; for `in` rules the peer, for `out` rules the local filter (`Any` when not written).
    pub source: End,
    /// Whom it goes to; for `out` rules the peer, for `in` rules the local filter (`Any` when not written).
    pub destination: End,
    /// Its label.
    pub label: Option<Name>,
    /// Its description.
    pub description: Option<String>,
    /// Its line. For a default group's implied rules the group's name; for inherited ones the original line.
    pub at: Location,
}

/// One kind of traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Traffic {
    /// The protocol; `None` for `all`.
    pub protocol: Option<Protocol>,
    /// The source port test; `Any` unless the protocol is tcp or udp.
    pub source_ports: PortMatch,
    /// The destination port test; `Any` unless the protocol is tcp or udp.
    pub destination_ports: PortMatch,
}

/// One end of a rule or an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Anyone, of both families.
    Any,
    /// Any of these, at least one.
    Peers(Vec<Peer>),
}

/// Someone at an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub who: Who,
    /// Where it is written.
    pub at: Location,
}

/// Who a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// Literal addresses, without host bits.
    Prefix(IpNet),
    /// A prefix set.
    Set(PrefixSetId),
    /// The private addresses of a group's members.
    Group(GroupId),
    /// An instance's addresses; in expectations only.
    Instance(InstanceId),
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<String>,
    /// Its NICs, at least one, in the author's order.
    pub nics: Vec<Nic>,
    /// Its name in its statement.
    pub at: Location,
}

/// A NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The interface on the instance.
    pub interface: Ifname,
    /// Its side in a classic network.
    pub side: Option<Side>,
    /// The interface on a gateway that leads to it.
    pub via: Option<Ifname>,
    /// Its network.
    pub network: NetworkId,
    /// Its addresses, at least one, in the author's order.
    pub addresses: Vec<IpAddr>,
    /// Its groups, at least one, all of one kind and of its network, sorted.
    pub groups: Vec<GroupId>,
    /// Its line.
    pub at: Location,
}

/// An expectation: it holds when every packet it describes gets the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The verdict.
    pub verdict: Verdict,
    /// What traffic it describes: all of these, at least one.
    pub traffic: Vec<Traffic>,
    /// The senders.
    pub source: End,
    /// The receivers.
    pub destination: End,
    /// Why.
    pub description: Option<String>,
    /// Its statement.
    pub at: Location,
}

impl Policy {
    /// The group behind an id.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id.0 as usize)
    }

    /// The prefix set behind an id.
    pub fn set(&self, id: PrefixSetId) -> Option<&PrefixSetDef> {
        self.sets.get(id.0 as usize)
    }

    /// The instance behind an id.
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(id.0 as usize)
    }

    /// The NIC behind a reference.
    pub fn nic(&self, at: NicRef) -> Option<&Nic> {
        self.instance(at.instance)?.nics.get(at.nic as usize)
    }

    /// Every NIC with its reference, in order.
    pub fn nics(&self) -> impl Iterator<Item = (NicRef, &Nic)> {
        self.instances.iter().enumerate().flat_map(|(instance, owner)| {
            owner
                .nics
                .iter()
                .enumerate()
                .map(move |(nic, it)| (NicRef { instance: InstanceId(instance as u32), nic: nic as u32 }, it))
        })
    }
}
