//! Instances and their NICs.

use std::net::IpAddr;

use super::{List, Name, Side, Span, Spanned, Text, Trivia};

/// `instance web-1 "..." { nic ... }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Option<Text>,
    /// Its NICs.
    pub nics: Vec<Nic>,
    /// Comments before the closing brace.
    pub dangling: Vec<String>,
}

/// `nic eth0 via tap3 address [...] groups web`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The interface on the instance, not yet checked.
    pub name: Text,
    /// The side, if written.
    pub side: Option<Spanned<Side>>,
    /// The interface on the gateway, not yet checked.
    pub via: Option<Text>,
    /// Its private addresses.
    pub addresses: List<IpAddr>,
    /// What it belongs to.
    pub membership: Membership,
    /// The whole line.
    pub span: Span,
    /// Comments around it.
    pub trivia: Trivia,
}

/// What a NIC belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// `groups [...]`
    Groups(List<Name>),
    /// `network NAME`: that network's default group.
    Network(Name),
    /// Nothing written: for resolving to refuse.
    Missing,
}
