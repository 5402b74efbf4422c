//! The syntax tree: what an author wrote, with a place and the comments for every node.
//!
//! It knows spelling and nothing else. Names are not looked up, port and priority numbers are not
//! range-checked, prefixes may have host bits: all of that is resolving.

mod group;
mod instance;
mod rule;

use std::net::IpAddr;

pub use group::{Group, GroupBase, GroupItem, GroupItemKind, GroupKind, RuleSection};
pub use instance::{Instance, Membership, Nic};
pub use rule::{End, Expect, Peer, Peers, Rule};

/// A byte range of one source text.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to and without `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span covers no byte.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Span {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}..{}", self.start, self.end)
    }
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// A name: lower case letters, digits, and single `-` or `.` between them.
pub type Name = Spanned<String>;
/// The content of a string literal, escapes undone.
pub type Text = Spanned<String>;

/// Stands among comment lines for a blank line the author left there. No comment can hold a line end.
pub const BLANK_LINE: &str = "\n";

/// What surrounds a node and means nothing: kept for the formatter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trivia {
    /// Whether the author left a blank line before the node (and its leading comments).
    pub blank_before: bool,
    /// Comment lines above the node, without `#`, a blank behind it and blanks at the end, and [`BLANK_LINE`]s between.
    pub leading: Vec<String>,
    /// The comment on the node's own last line.
    pub trailing: Option<String>,
}

/// One source file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Statements in the order of the file.
    pub items: Vec<Item>,
    /// Comments after the last statement.
    pub dangling: Vec<String>,
}

/// One top-level statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub kind: ItemKind,
    /// The whole statement.
    pub span: Span,
    /// Comments around it.
    pub trivia: Trivia,
}

/// The kinds of top-level statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// `include "path"`
    Include(Text),
    /// `session timeout 910s`
    SessionTimeout(Spanned<Duration>),
    /// `inner scope ingress|both`
    InnerScope(Spanned<InnerScope>),
    /// `network prod = vpc`
    Network(Network),
    /// `set office = [...]`
    Set(Set),
    /// `service web = tcp [80, 443]`
    Service(Service),
    /// `group web { ... }`
    Group(Group),
    /// `instance web-1 { ... }`
    Instance(Instance),
    /// `expect allow tcp from any to web-1 port 443`
    Expect(Expect),
}

/// A duration in the author's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// How many units.
    pub amount: u32,
    /// The unit.
    pub unit: DurationUnit,
}

/// Units of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationUnit {
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
}

/// Where inner access stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InnerScope {
    /// Before the receiver's rules only.
    Ingress,
    /// Before the sender's rules too.
    Both,
}

/// `network prod "the production VPC" = vpc`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<Text>,
    /// Its kind.
    pub kind: Spanned<NetworkKind>,
}

/// Kinds of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// One set of rules for private and mapped public traffic.
    Vpc,
    /// A public and an internal NIC per instance, ruled apart.
    Classic,
}

/// One element of a list, with its comments (kept in sets and services; rule lists have none after formatting).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element<T> {
    /// The element.
    pub value: T,
    /// Its place.
    pub span: Span,
    /// Comments around it.
    pub trivia: Trivia,
}

/// `x` or `[x, y, ...]`; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    /// The elements, at least one.
    pub elements: Vec<Element<T>>,
    /// The list with its brackets.
    pub span: Span,
    /// Comments between the last element and the closing bracket.
    pub dangling: Vec<String>,
}

/// An address, or a prefix as written (host bits are resolving's business).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address part.
    pub ip: IpAddr,
    /// The length after the slash, at most 32 or 128, if there was a slash.
    pub length: Option<u8>,
}

/// `set office "HQ" = [...] except [...]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<Text>,
    /// What is in it.
    pub members: List<Member>,
    /// What is taken out again.
    pub except: Option<List<Member>>,
}

/// A member of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// An address or prefix.
    Address(Address),
    /// `set NAME`
    Set(Name),
}

/// `service web = tcp [80, 443]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<Text>,
    /// What traffic it names.
    pub traffic: List<Traffic>,
}

/// One kind of traffic in a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A protocol, for tcp and udp with destination ports if given. Never `All`, never `Service`.
    Protocol {
        /// The protocol.
        protocol: Spanned<Protocol>,
        /// Destination ports.
        ports: Option<List<Ports>>,
    },
    /// `service NAME`
    Service(Name),
}

/// A protocol as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `icmp`
    Icmp,
    /// `icmpv6`
    Icmpv6,
    /// `gre`
    Gre,
    /// `all`
    All,
    /// `proto 132`; above 255 is for resolving to refuse.
    Number(Spanned<u32>),
    /// `service NAME`
    Service(Name),
}

/// `22` or `1024-65535` as written: 0, large and reversed numbers are for resolving to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The first port.
    pub first: u32,
    /// The last port; equals `first` for a single one.
    pub last: u32,
}

/// `allow` or `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
}

/// `in` or `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `in`
    In,
    /// `out`
    Out,
}

/// `public` or `internal` side of a classic network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `public`
    Public,
    /// `internal`
    Internal,
}
