//! A ruleset as it stands in the kernel after a file was loaded: what the text means, with nothing implied left unsaid.
//!
//! Every value is a number: addresses, ports and protocols are theirs, an interface name is its sixteen bytes read as
//! one big-endian number (as the kernel compares it), a connection state is the bit nft(8) gives it. Tests that nft
//! adds by itself (`ip saddr` tests the family, `tcp dport` the protocol) stand as tests of their own, in nft's order.

use std::collections::BTreeMap;

use palisade_ir::{Family, PacketHook, Protocol, Ranges, Verdict};

/// All tables, of the family `inet`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The tables by name.
    pub tables: BTreeMap<String, Table>,
    /// The base chains as (table, chain), in the order in which they came up.
    pub base_chains: Vec<(String, String)>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its `ct timeout` objects.
    pub timeouts: BTreeMap<String, Timeout>,
    /// Its named sets.
    pub sets: BTreeMap<String, Set>,
    /// Its named verdict maps.
    pub maps: BTreeMap<String, Map>,
    /// Its chains.
    pub chains: BTreeMap<String, Chain>,
}

/// A named verdict map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// The type of each field of a key.
    pub kinds: Vec<Kind>,
    /// Whether keys may be ranges.
    pub interval: bool,
    /// The entries, sorted and disjoint.
    pub entries: Vec<Entry>,
}

/// A `ct timeout` object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// The protocol it works for.
    pub protocol: Protocol,
    /// Seconds by state.
    pub policy: BTreeMap<String, u32>,
}

/// A named set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The type of each field of an element.
    pub kinds: Vec<Kind>,
    /// Whether elements may be ranges.
    pub interval: bool,
    /// The elements.
    pub elements: Elements,
}

/// What values a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ipv4_addr`
    Ipv4,
    /// `ipv6_addr`
    Ipv6,
    /// `inet_service`
    Port,
    /// `inet_proto`
    Protocol,
    /// `ifname`
    Interface,
    /// `nf_proto`
    Family,
    /// `ct_state`
    State,
    /// `icmp_type`
    IcmpType,
    /// `icmpv6_type`
    Icmpv6Type,
    /// A plain number of one byte.
    Byte,
}

/// What a set holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// Values of one field.
    Ranges(Ranges),
    /// First and last value of each of several fields together, sorted and disjoint.
    Boxes(Vec<Vec<(u128, u128)>>),
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Where packets come in; `None` for a chain that others jump to.
    pub base: Option<Base>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// What makes a chain a base chain, of the type `filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The hook.
    pub hook: PacketHook,
    /// Smaller comes first.
    pub priority: i32,
    /// What happens at the end of the chain.
    pub policy: Verdict,
    /// The line that says so.
    pub line: usize,
}

/// A rule: statements from left to right, until one does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its first line.
    pub line: usize,
    /// The statements.
    pub statements: Vec<Statement>,
    /// The comment.
    pub comment: Option<String>,
}

/// A statement of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Goes on when the fields are (or with `negated` are not) among the values. Never when the packet lacks a field.
    Test {
        /// One field, or several taken together.
        fields: Vec<Field>,
        /// `!=`
        negated: bool,
        /// The values.
        values: Values,
    },
    /// Acts on the first entry that the fields fall into; goes on when there is none.
    Dispatch {
        /// One field, or several taken together.
        fields: Vec<Field>,
        /// The entries, sorted and disjoint; those of the map where one is named.
        entries: Vec<Entry>,
        /// The named map they stand in.
        map: Option<String>,
    },
    /// Counts.
    Counter,
    /// Goes on as long as the rate is kept; only in rules without a verdict.
    Limit,
    /// Writes a log line.
    Log {
        /// What the line begins with.
        prefix: String,
    },
    /// Gives a new session the timeouts of this object.
    SetTimeout(String),
    /// Ends the rule.
    Act(Action),
}

/// Values in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Written in the rule.
    Inline(Elements),
    /// A named set of the table.
    Named(String),
}

/// An entry of a verdict map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// First and last value of each field.
    pub key: Vec<(u128, u128)>,
    /// What to do.
    pub action: Action,
}

/// What happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The packet passes this base chain.
    Accept,
    /// The packet is gone.
    Drop,
    /// Back to the rule after the jump.
    Return,
    /// Into a chain, and back.
    Jump(String),
    /// Into a chain, and from there back to where this chain was jumped to from.
    Goto(String),
}

/// A field of a packet or of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `meta nfproto`: 2 for IPv4, 10 for IPv6
    Family,
    /// `meta l4proto`
    Protocol,
    /// `ip saddr`, `ip6 saddr`
    Source(Family),
    /// `ip daddr`, `ip6 daddr`
    Destination(Family),
    /// `ip saddr & MASK`: as many leading bits of the address, zeros behind them.
    SourcePrefix(Family, u8),
    /// `ip daddr & MASK`
    DestinationPrefix(Family, u8),
    /// The source port of tcp or udp.
    SourcePort,
    /// The destination port of tcp or udp.
    DestinationPort,
    /// `iifname`
    InputInterface,
    /// `oifname`
    OutputInterface,
    /// `ct state`
    State,
    /// `icmp type`
    IcmpType,
    /// `icmpv6 type`
    Icmpv6Type,
    /// `ip6 hoplimit`
    HopLimit,
}

impl Field {
    /// What values the field has.
    pub const fn kind(self) -> Kind {
        match self {
            Field::Family => Kind::Family,
            Field::Protocol => Kind::Protocol,
            Field::Source(family)
            | Field::Destination(family)
            | Field::SourcePrefix(family, _)
            | Field::DestinationPrefix(family, _) => match family {
                Family::V4 => Kind::Ipv4,
                Family::V6 => Kind::Ipv6,
            },
            Field::SourcePort | Field::DestinationPort => Kind::Port,
            Field::InputInterface | Field::OutputInterface => Kind::Interface,
            Field::State => Kind::State,
            Field::IcmpType => Kind::IcmpType,
            Field::Icmpv6Type => Kind::Icmpv6Type,
            Field::HopLimit => Kind::Byte,
        }
    }
}

/// `meta nfproto` of a family (NFPROTO_IPV4, NFPROTO_IPV6 of linux/netfilter.h).
pub const fn family_number(family: Family) -> u128 {
    match family {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}

/// An interface name as a number; it must be at most 16 bytes long.
pub fn interface_number(name: &str) -> u128 {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    u128::from_be_bytes(bytes)
}

/// As many leading bits of an address, zeros behind them.
pub fn masked(family: Family, length: u8, address: u128) -> u128 {
    address & !hosts(family, length)
}

/// The bits of an address behind its first ones.
pub fn hosts(family: Family, length: u8) -> u128 {
    let bits: u8 = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    match u32::from(bits.saturating_sub(length)) {
        128 => u128::MAX,
        free => (1 << free) - 1,
    }
}
