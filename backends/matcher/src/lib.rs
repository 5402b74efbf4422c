//! The in-process packet matcher of [palisade](https://github.com/palisade-fw/palisade): the verdict of a
//! security-group policy without a kernel firewall.
//!
//! A [`Matcher`] is made from a [`Plan`](palisade_ir::Plan), or loaded from the file that
//! `palisade compile --target matcher` writes, and judges the first packet of each session. It needs neither the
//! policy language nor the compiler, opens no file and reads no clock. A [`SessionTable`] lets replies pass.
//! [`Live`] replaces a matcher while threads ask it, [`Gate`] a matcher together with its sessions.
//!
//! Without the default feature `std` the crate needs alloc and nothing else; `Live` and `Gate` are not there then.
//!
//! ```
//! use palisade_ir::{
//!     Addresses, Chain, Direction, Family, Ifname, InstancePlan, Match, MatchParts, Name, NetworkId, NicPlan, Origin,
//!     Outcome, Packet, PacketPorts, Plan, PortMatch, PortSet, Priority, Protocol, ProtocolSet, Rank, Rule, RuleId,
//!     RuleInfo, RuleSource, Verdict,
//! };
//! use palisade_matcher::Matcher;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `1 allow tcp from any to port 443 as https` in group `web`; instance `web-1` is its member.
//! let priority = Priority::user(1).ok_or("no priority")?;
//! let https = Rule {
//!     matches: Match::new(MatchParts {
//!         source: Addresses::any(Family::V4),
//!         destination: Addresses::any(Family::V4),
//!         protocols: ProtocolSet::only(Protocol::TCP),
//!         source_ports: PortMatch::Any,
//!         destination_ports: PortMatch::In(PortSet::from_ranges([(443, 443)])),
//!     })?,
//!     outcome: Outcome::silent(Verdict::Allow),
//!     rank: Rank::user(priority, Verdict::Allow),
//!     origin: Origin::one(RuleId(0)),
//! };
//! let group = RuleSource::Group {
//!     group: Name::new("web")?,
//!     direction: Direction::In,
//!     side: None,
//!     priority,
//!     label: Some(Name::new("https")?),
//! };
//! let sources = [
//!     group,
//!     RuleSource::Default { direction: Direction::In },
//!     RuleSource::Default { direction: Direction::Out },
//! ];
//! let nic = NicPlan {
//!     interface: Ifname::new("eth0")?,
//!     via: None,
//!     network: NetworkId(0),
//!     side: None,
//!     addresses: vec!["10.0.0.1".parse()?],
//!     ingress: Chain::new(vec![https], Verdict::Deny, RuleId(1)).into(),
//!     egress: Chain::new(vec![], Verdict::Allow, RuleId(2)).into(),
//! };
//! let plan = Plan {
//!     session_timeout: 910,
//!     networks: vec![Name::new("prod")?],
//!     sets: vec![],
//!     services: vec![],
//!     rules: sources.map(|source| RuleInfo { source, description: None }).into(),
//!     instances: vec![InstancePlan { name: Name::new("web-1")?, description: None, nics: vec![nic] }],
//! };
//!
//! let matcher = Matcher::new(&plan);
//! let (client, server) = ("203.0.113.9".parse()?, "10.0.0.1".parse()?);
//! let to = |port| {
//!     let ports = PacketPorts { source: 50_000, destination: port };
//!     Packet::new(client, server, Protocol::TCP, Some(ports))
//! };
//!
//! assert_eq!(matcher.decide(&to(443)?), Verdict::Allow);
//! assert_eq!(matcher.decide(&to(22)?), Verdict::Deny);
//!
//! let decision = matcher.explain(&to(443)?);
//! let end = decision.ingress.ok_or("web-1 is managed")?;
//! assert_eq!(end.rule.to_string(), "web in 1 https");
//! assert!(decision.egress.is_none(), "nobody manages the sender");
//!
//! // The compiled form: what a `.palisade` file holds.
//! let loaded = Matcher::from_bytes(&matcher.to_bytes())?;
//! assert_eq!(loaded.decide(&to(22)?), Verdict::Deny);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(feature = "live"),
    allow(rustdoc::broken_intra_doc_links, reason = "`Live` and `Gate` are not there")
)]

#[macro_use]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod backend;
mod compile;
mod file;
#[cfg(feature = "live")]
mod gate;
mod hash;
mod indexed;
mod later;
mod layout;
mod lift;
#[cfg(feature = "live")]
mod live;
mod matcher;
mod nic;
mod owners;
mod prepared;
mod session;
mod stored;
mod wire;
mod words;

pub use backend::MatcherBackend;
pub use compile::PlansDiffer;
pub use file::{FORMAT, LoadError};
#[cfg(feature = "live")]
pub use gate::Gate;
pub use layout::Layout;
#[cfg(feature = "live")]
pub use live::Live;
pub use matcher::{Decision, Layouts, Matcher};
pub use nic::{End, NicMatcher};
pub use session::SessionTable;
pub use wire::Invalid;

// Its examples need `Gate`.
#[cfg(all(doctest, feature = "live"))]
#[doc = include_str!("../README.md")]
struct Readme;
