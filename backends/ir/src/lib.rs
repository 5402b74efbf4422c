//! What every palisade backend consumes: values, header-space algebra, rules, chains and plans.
//!
//! A [`Plan`] says, for every managed NIC and direction, which ordered [`Chain`] of [`Rule`]s decides the first
//! packet of a session. A [`Backend`] turns a plan into an [`Artifact`] (named files) and reads its own files back.
//! This crate knows no policy text, no source places and no files on disk. It needs alloc, not std.

#![cfg_attr(not(test), no_std)]

#[macro_use]
extern crate alloc;

mod address;
mod backend;
mod chain;
pub mod decide;
pub mod diagram;
pub mod layout;
mod matching;
mod name;
mod packet;
mod plan;
mod port;
mod protocol;
mod ranges;
mod region;
mod rule;
pub mod symbolic;
pub mod text;
pub mod tree;

pub use address::{Family, PrefixSet};
pub use backend::{
    Artifact, ArtifactFile, Backend, Capabilities, ConnState, EmitError, LiftError, Lifted, LiftedDecision,
    Options, PacketHook, Placement, Prelude, Style, Traversal,
};
pub use chain::{Chain, ChainDecision};
pub use matching::{Addresses, Match, MatchError, MatchParts};
pub use name::{Ifname, Name, NameError};
pub use packet::{Packet, PacketError, PacketPorts};
pub use plan::{
    Direction, InstanceId, InstancePlan, NamedPorts, NamedSet, NetworkId, NicPlan, NicRef, OwnerError, Plan,
    PlanDecision, SetId, SetKind, Side,
};
pub use port::{PortMatch, PortSet};
pub use protocol::{Protocol, ProtocolSet};
pub use ranges::Ranges;
pub use region::Region;
pub use rule::{Origin, Outcome, Priority, Rank, Rule, RuleId, RuleInfo, RuleSource, Tier, Verdict};
