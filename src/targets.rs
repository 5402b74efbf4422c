//! The targets there are: the one place that lists every backend.

use std::str::FromStr;

use palisade_ir::Backend;

use crate::optimize::Joining;

/// What can be compiled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// nftables
    Nftables,
    /// iptables and ip6tables, with ipset on demand
    Iptables,
    /// The in-process matcher's compiled file
    Matcher,
    /// A Rust module with static tables
    Rust,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 4] = [Self::Nftables, Self::Iptables, Self::Matcher, Self::Rust];

    /// Its backend.
    pub fn backend(self) -> &'static dyn Backend {
        match self {
            Target::Nftables => &palisade_nftables::Nftables,
            Target::Iptables => &palisade_iptables::Iptables,
            Target::Matcher => &palisade_matcher::MatcherBackend,
            Target::Rust => &palisade_rust::Rust,
        }
    }

    /// Whether its output names the deciding rule of a packet, so that it wants the rules as their authors wrote them.
    pub const fn explains(self) -> bool {
        match self {
            Target::Matcher => true,
            Target::Nftables | Target::Iptables | Target::Rust => false,
        }
    }

    /// When it wants rules joined. Look-ups by service take them apart again.
    pub const fn joining(self) -> Joining {
        match self {
            Target::Nftables | Target::Rust => Joining::WhenAsked,
            Target::Iptables | Target::Matcher => Joining::AtOnce,
        }
    }

    /// The suffixes of the files it may write.
    pub const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Target::Nftables => &["nft", "sysctl"],
            Target::Iptables => &["ipset", "rules.v4", "rules.v6", "sysctl"],
            Target::Matcher => &["palisade"],
            Target::Rust => &["rs"],
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(|target| target.backend().name()).join(", ");
        Self::ALL
            .into_iter()
            .find(|target| target.backend().name() == text)
            .ok_or_else(|| format!("unknown target `{text}`; known are {known}"))
    }
}
