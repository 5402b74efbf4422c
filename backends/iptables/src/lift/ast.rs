//! A ruleset as read: chains of rules, each a conjunction of tests and a target.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{ConnState, Family, PacketHook, PortSet, PrefixSet, Protocol, Verdict};

use super::services::Services;

/// Everything the files of an artifact say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// What IPv4 packets meet.
    pub v4: Filter,
    /// What IPv6 packets meet.
    pub v6: Filter,
    /// Sets by name, as they are once the set file is loaded.
    pub sets: BTreeMap<String, AddressSet>,
    /// Kernel settings by key.
    pub settings: BTreeMap<String, u32>,
}

impl Ruleset {
    /// What packets of a family meet.
    pub const fn filter(&self, family: Family) -> &Filter {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

/// A set of ipset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressSet {
    /// `hash:net`
    Addresses(Arc<PrefixSet>),
    /// `hash:net,port`
    Services(Arc<Services>),
}

/// The filter table of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// All chains, built-in ones too, in order of declaration. No chain reaches itself.
    pub chains: Vec<Chain>,
    /// Where packets enter, in the order in which they do.
    pub hooks: Vec<Hook>,
}

impl Filter {
    /// The chain behind an index.
    pub fn chain(&self, at: ChainAt) -> Option<&Chain> {
        self.chains.get(at.0)
    }
}

/// Index of a chain in its [`Filter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainAt(pub usize);

/// A chain that packets at a hook pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The hook.
    pub hook: PacketHook,
    /// The chain: a built-in one, or one a command of the header leads to.
    pub chain: ChainAt,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// The line that declares it.
    pub line: usize,
    /// What happens at its end; `None` for a chain that is no built-in one and returns.
    pub policy: Option<Verdict>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A rule: when all tests hold, the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its line.
    pub line: usize,
    /// All must hold.
    pub tests: Vec<Test>,
    /// Where the packet goes then.
    pub target: Target,
    /// Its comment.
    pub comment: Option<String>,
}

/// A question, and whether the answer must be no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Whether `!` stands before it. A test of something the packet lacks fails either way, except interface,
    /// address and protocol tests.
    pub negated: bool,
    /// The question.
    pub asks: Asks,
}

/// An end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The source.
    Source,
    /// The destination.
    Destination,
}

/// What a test asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// `-p`
    Protocol(Protocol),
    /// `-s`, `-d`
    Address(End, IpNet),
    /// `-m set --match-set`: name, and the addresses it has.
    InSet(End, String, Arc<PrefixSet>),
    /// The same of a set with ports: whose address, whose port.
    InServices(End, End, String, Arc<Services>),
    /// `-i`: a name, or what it begins with when `+` follows.
    InInterface(String),
    /// `-o`, the same.
    OutInterface(String),
    /// `--sport`, `--sports`, `--dport`, `--dports`
    Port(End, PortSet),
    /// `-m tcp` or `-m udp` without an option: the packet has a transport header.
    HasPorts,
    /// `--ctstate`
    State(Vec<ConnState>),
    /// `--icmp-type`, `--icmpv6-type`
    IcmpType(u8),
    /// `--hl-eq`
    HopLimit(u8),
    /// `-m limit`, on rules that log only. Holds for the first packets, so it counts as holding.
    RateLimit,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Passes the table.
    Accept,
    /// Is dropped.
    Drop,
    /// Back to the rule after the last jump, or to the policy.
    Return,
    /// Is logged and goes on.
    Log,
    /// To a chain, and on here when that ends without a verdict.
    Jump(ChainAt),
    /// To a chain, and on after the last jump when that ends without a verdict.
    Goto(ChainAt),
    /// No target: is counted and goes on.
    Continue,
}
