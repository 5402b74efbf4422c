//! The wire form: what a compiled policy holds, as plain data with everything shared written once.
//!
//! These types carry no promise: a file may say anything. `read` checks every promise of the values it
//! builds. Only names, interface names and priorities check themselves while they are decoded.
//!
//! The order of fields and variants, here, in the look-up structures and in the types of `palisade-ir` used here, is the
//! file format: changing
//! it means a new [`crate::FORMAT`], and a test compares the bytes of a small policy.

mod read;
mod write;

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use palisade_ir::{Ifname, Name, Outcome, Rank, RuleId, RuleInfo, Verdict};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use read::Invalid;
pub(crate) use write::Pool;

use crate::matcher::Matcher;

/// A whole matcher.
#[derive(Serialize, Deserialize)]
pub(crate) struct Wire {
    session_timeout: u32,
    /// Ids strictly ascending.
    rules: Vec<(RuleId, RuleInfo)>,
    /// Address sets, named by their place.
    addresses: Vec<WireAddresses>,
    /// Chains, named by their place.
    chains: Vec<WireChain>,
    /// Strictly ascending by instance and interface.
    nics: Vec<WireNic>,
}

/// What a file says of a matcher besides its rules.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    session_timeout: u32,
    /// What the end of each chain says.
    ends: Vec<(Verdict, RuleId)>,
    nics: Vec<WireNic>,
}

/// The rules of a file, which are decoded when somebody asks for them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Policy {
    rules: Vec<(RuleId, RuleInfo)>,
    addresses: Vec<WireAddresses>,
    chains: Vec<WireChain>,
}

impl Wire {
    /// The two parts of a file.
    pub(crate) fn split(self) -> (Head, Policy) {
        let Self { session_timeout, rules, addresses, chains, nics } = self;
        let ends = chains.iter().map(|chain| (chain.default, chain.default_id)).collect();
        (Head { session_timeout, ends, nics }, Policy { rules, addresses, chains })
    }
}

/// Inclusive ranges: ascending, disjoint, not adjacent, at least one.
#[derive(Serialize, Deserialize)]
enum WireAddresses {
    V4(Vec<(Ipv4Addr, Ipv4Addr)>),
    V6(Vec<(Ipv6Addr, Ipv6Addr)>),
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct WireChain {
    rules: Vec<WireRule>,
    default: Verdict,
    default_id: RuleId,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct WireRule {
    /// A place in [`Wire::addresses`].
    source: u32,
    /// A place in [`Wire::addresses`].
    destination: u32,
    /// Inclusive ranges like those of addresses.
    protocols: Vec<(u8, u8)>,
    source_ports: WirePorts,
    destination_ports: WirePorts,
    outcome: Outcome,
    rank: Rank,
    /// Strictly ascending, at least one, each in [`Wire::rules`].
    origin: Vec<RuleId>,
}

/// Inclusive ranges like those of addresses; `None` for no test.
type WirePorts = Option<Vec<(u16, u16)>>;

#[derive(Serialize, Deserialize)]
struct WireNic {
    instance: Name,
    interface: Ifname,
    via: Option<Ifname>,
    addresses: Vec<IpAddr>,
    ingress: WireGuard,
    egress: WireGuard,
}

/// Two places in [`Wire::chains`].
#[derive(Clone, Copy, Serialize, Deserialize)]
struct WireGuard {
    decide: u32,
    plain: u32,
}

impl Serialize for Matcher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::of(self).0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer)?.matcher().map_err(serde::de::Error::custom)
    }
}
