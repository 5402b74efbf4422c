//! Rules and expectations: who may say what to whom.

use super::{Address, List, Name, Ports, Protocol, Span, Spanned, Text, Trivia, Verdict};

/// One rule line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The leading number, unchecked.
    pub priority: Spanned<u32>,
    /// The verdict.
    pub verdict: Spanned<Verdict>,
    /// The protocol or service.
    pub protocol: Spanned<Protocol>,
    /// The source end.
    pub from: Option<End>,
    /// The destination end.
    pub to: Option<End>,
    /// `as LABEL`
    pub label: Option<Name>,
    /// Place of `log`, if written.
    pub log: Option<Span>,
    /// The trailing string.
    pub description: Option<Text>,
    /// The whole rule.
    pub span: Span,
    /// Comments around it.
    pub trivia: Trivia,
}

/// One end of a rule: peers, ports or both; never neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Who.
    pub peers: Option<Peers>,
    /// Which ports of theirs.
    pub ports: Option<List<Ports>>,
    /// From `from` or `to` to the last port.
    pub span: Span,
}

/// `any` or a list of peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// `any`
    Any(Span),
    /// Named or literal peers.
    List(List<Peer>),
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address or prefix.
    Address(Address),
    /// `set NAME`
    Set(Name),
    /// `group NAME`
    Group(Name),
    /// A bare name; parsed in `expect` only.
    Instance(Name),
}

/// `expect allow tcp from 1.2.3.4 to web-1 port 443 "why"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The verdict every described packet must get.
    pub verdict: Spanned<Verdict>,
    /// The protocol or service.
    pub protocol: Spanned<Protocol>,
    /// The source end; its peers are always given.
    pub from: End,
    /// The destination end; its peers are always given.
    pub to: End,
    /// Why.
    pub description: Option<Text>,
}
