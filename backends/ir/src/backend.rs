//! What a backend is: a pure function from plan to files, and a reader of its own files.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::symbolic::Program;
use crate::{Family, Ifname, InstanceId, Packet, Plan, Verdict};

/// Where the rules will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On the instance itself, at its input and output hooks.
    Host(InstanceId),
    /// On a gateway that forwards for all instances.
    Gateway,
}

/// What the cloud does outside the rules, as named blocks at the top of a host ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prelude {
    /// Everything on the loopback interface passes.
    Loopback,
    /// Packets that connection tracking finds invalid are dropped.
    Invalid,
    /// IPv6 neighbour discovery (hop limit 255) and multicast listener messages pass.
    Ndp,
    /// DHCP and DHCPv6 of the host as a client pass.
    Dhcp,
    /// IGMP passes.
    Igmp,
}

impl Prelude {
    /// Every block, in the order of the output.
    pub const ALL: [Self; 5] = [Self::Loopback, Self::Invalid, Self::Ndp, Self::Dhcp, Self::Igmp];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Prelude::Loopback => "loopback",
            Prelude::Invalid => "invalid",
            Prelude::Ndp => "ndp",
            Prelude::Dhcp => "dhcp",
            Prelude::Igmp => "igmp",
        }
    }
}

impl FromStr for Prelude {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|block| block.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Prelude::name).join(", ");
            format!("unknown prelude block `{text}`; known are {known}")
        })
    }
}

/// How long chains are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Style {
    /// Rule by rule where chains are short, as look-ups or as a tree where that costs a packet less.
    #[default]
    Auto,
    /// Rule by rule.
    Rules,
    /// As look-ups ([`crate::layout`]).
    Maps,
    /// As a tree ([`crate::tree`]), as deep as it gets.
    Tree,
}

impl Style {
    /// Every style, in the order of the help.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Rules, Self::Maps, Self::Tree];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Style::Auto => "auto",
            Style::Rules => "rules",
            Style::Maps => "maps",
            Style::Tree => "tree",
        }
    }
}

impl FromStr for Style {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|style| style.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Style::name).join(", ");
            format!("unknown layout `{text}`; known are {known}")
        })
    }
}

/// How to emit. A backend refuses what it cannot do; it never ignores an option silently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Host or gateway.
    pub placement: Placement,
    /// The prelude blocks wanted (host only).
    pub prelude: BTreeSet<Prelude>,
    /// What happens to traffic of interfaces and addresses that the policy does not name (host only).
    pub unmanaged: Verdict,
    /// Whether each rule counts packets and bytes.
    pub counters: bool,
    /// nftables: the table's name; `None` for `palisade` on a host and `palisade_gateway` on a gateway.
    pub table: Option<String>,
    /// iptables: only own chains, for `--noflush` beside other tools.
    pub chains_only: bool,
    /// iptables: address sets in an ipset file.
    pub ipset: bool,
    /// nftables and iptables: how long chains are written.
    pub layout: Style,
}

impl Options {
    /// The defaults at a placement: every prelude block, unmanaged traffic allowed.
    pub fn at(placement: Placement) -> Self {
        Self {
            placement,
            prelude: Prelude::ALL.into_iter().collect(),
            unmanaged: Verdict::Allow,
            counters: false,
            table: None,
            chains_only: false,
            ipset: false,
            layout: Style::Auto,
        }
    }
}

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFile {
    /// What follows the instance's name and a dot: `nft`, `rules.v4`, `sysctl`, ...
    pub suffix: &'static str,
    /// The bytes.
    pub contents: Vec<u8>,
}

impl ArtifactFile {
    /// A text file.
    pub fn text(suffix: &'static str, contents: String) -> Self {
        Self { suffix, contents: contents.into_bytes() }
    }
}

/// What a backend emits for one placement, in the order in which the files are to be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Artifact {
    /// The files.
    pub files: Vec<ArtifactFile>,
}

impl Artifact {
    /// The file with that suffix.
    pub fn file(&self, suffix: &str) -> Option<&ArtifactFile> {
        self.files.iter().find(|file| file.suffix == suffix)
    }
}

/// Why a plan cannot be emitted. Nothing is emitted then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EmitError {
    /// `palisade::emit::...`
    pub code: &'static str,
    /// What is wrong: lower case, no final period, names in backticks.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// A line of an artifact that the reader does not understand. It never skips one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct LiftError {
    /// The suffix of the file.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// What a target can say: data, checked before emitting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it can guard a single host.
    pub host: bool,
    /// Whether it can stand on a gateway.
    pub gateway: bool,
    /// Whether it tracks sessions itself.
    pub sessions: bool,
    /// Whether it can write the prelude around the rules.
    pub prelude: bool,
    /// Whether it can log.
    pub log: bool,
    /// The longest comment on a rule, in bytes; 0 where rules have none.
    pub comment_bytes: usize,
    /// The longest name of a chain, in bytes; 0 where there are none.
    pub chain_name_bytes: usize,
}

/// A firewall target.
pub trait Backend {
    /// The name on the command line.
    fn name(&self) -> &'static str;
    /// What the target can say.
    fn capabilities(&self) -> Capabilities;
    /// The files for a plan. Pure: the same plan and options give the same bytes. Refuses, never widens.
    fn emit(&self, plan: &Plan, options: &Options) -> Result<Artifact, EmitError>;
    /// Reads files of the target's language back into a verdict function.
    fn lift(&self, artifact: &Artifact) -> Result<Box<dyn Lifted>, LiftError>;
}

/// The hook of the kernel's packet path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketHook {
    /// To a local process.
    Input,
    /// From a local process.
    Output,
    /// Routed through.
    Forward,
}

/// What connection tracking says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnState {
    /// The first packet of a session.
    New,
    /// A packet of a session seen before.
    Established,
    /// A packet that a live session announced (icmp errors, helpers).
    Related,
    /// A packet that fits no session.
    Invalid,
    /// A packet that is not tracked.
    Untracked,
}

/// Where and how a packet passes a ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traversal {
    /// The hook.
    pub hook: PacketHook,
    /// The interface it came in by (input and forward).
    pub iif: Option<Ifname>,
    /// The interface it leaves by (output and forward).
    pub oif: Option<Ifname>,
    /// What connection tracking says.
    pub state: ConnState,
    /// The icmp or icmpv6 type, where known; a test of it fails without.
    pub icmp_type: Option<u8>,
    /// The hop limit, where known; a test of it fails without.
    pub hop_limit: Option<u8>,
}

impl Traversal {
    /// A new session's first packet arriving by an interface.
    pub fn input(iif: Ifname) -> Self {
        let (hook, iif) = (PacketHook::Input, Some(iif));
        Self { hook, iif, oif: None, state: ConnState::New, icmp_type: None, hop_limit: None }
    }

    /// A new session's first packet leaving by an interface.
    pub fn output(oif: Ifname) -> Self {
        let (hook, oif) = (PacketHook::Output, Some(oif));
        Self { hook, iif: None, oif, state: ConnState::New, icmp_type: None, hop_limit: None }
    }

    /// A new session's first packet routed from one interface to another.
    pub fn forward(iif: Ifname, oif: Ifname) -> Self {
        let (hook, iif, oif) = (PacketHook::Forward, Some(iif), Some(oif));
        Self { hook, iif, oif, state: ConnState::New, icmp_type: None, hop_limit: None }
    }
}

/// What a ruleset, read back, does to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiftedDecision {
    /// Allow when it passes the hook.
    pub verdict: Verdict,
    /// Whether a matching log statement was met.
    pub logged: bool,
    /// The deciding line of the file for the packet's family, counted from 1; `None` for a hook nothing is attached to.
    pub line: Option<usize>,
    /// The comment on the deciding rule, as it stands in the file, unescaped.
    pub comment: Option<String>,
}

/// A ruleset read back: a verdict function.
pub trait Lifted {
    /// What happens to the packet at the hook.
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision;

    /// What packets of a family meet, for a proof about all of them at once. Refuses what it cannot say exactly.
    fn program(&self, family: Family) -> Result<Program, LiftError> {
        let message = format!("rulesets of this target cannot be proved for all {family} packets");
        Err(LiftError { file: "", line: 0, message })
    }

    /// The same files read once more, where they hold a second answer to the same questions. Proofs are about both.
    fn again(&self) -> Option<&dyn Lifted> {
        None
    }
}

impl fmt::Debug for dyn Lifted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Lifted")
    }
}
