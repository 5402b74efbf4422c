//! One question, many judges: every engine decides the first packet of a session and names the rules behind it.
//!
//! The reference evaluator reads the policy, the plan engine reads chains, the matcher looks up, and the emitted files
//! are interpreted as the target would. The suites hold all of them equal.

mod lifted;
mod matcher;
mod packets;

use std::str::FromStr;

use palisade_ir::{NicRef, OwnerError, Packet, Plan, Style, Verdict};
use serde::Serialize;

use crate::lower::lower;
use crate::optimize::optimize_plan;
use crate::policy::Policy;
use crate::reference;
use crate::targets::Target;

pub use packets::{PacketError, PacketLine};

/// The engines that can be asked by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EngineKind {
    /// The reference evaluator.
    Reference,
    /// The chains as lowered.
    Plan,
    /// The chains after all optimiser passes.
    Optimized,
    /// The in-process matcher.
    Matcher,
    /// The emitted nftables host files, interpreted.
    Nftables,
    /// The emitted iptables host files, interpreted.
    Iptables,
    /// The emitted iptables host files with ipset, interpreted.
    Ipset,
    /// The same three with every chain as look-ups, however short.
    NftablesMaps,
    /// See [`Self::NftablesMaps`].
    IptablesMaps,
    /// See [`Self::NftablesMaps`].
    IpsetMaps,
    /// The emitted Rust modules, interpreted.
    Rust,
    /// The emitted nftables host files with every chain as a tree, however short.
    NftablesTree,
}

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 12] = [
        Self::Reference,
        Self::Plan,
        Self::Optimized,
        Self::Matcher,
        Self::Nftables,
        Self::Iptables,
        Self::Ipset,
        Self::NftablesMaps,
        Self::IptablesMaps,
        Self::IpsetMaps,
        Self::Rust,
        Self::NftablesTree,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Plan => "plan",
            Self::Optimized => "optimized",
            Self::Matcher => "matcher",
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
            Self::Ipset => "ipset",
            Self::NftablesMaps => "nftables-maps",
            Self::IptablesMaps => "iptables-maps",
            Self::IpsetMaps => "ipset-maps",
            Self::Rust => "rust",
            Self::NftablesTree => "nftables-tree",
        }
    }
}

impl FromStr for EngineKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("unknown engine `{text}`; known are {known}"))
    }
}

/// Why an engine has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An address does not lead to one NIC.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// The target cannot say the policy.
    #[error(transparent)]
    Emit(#[from] palisade_ir::EmitError),
    /// The emitted file cannot be read back: a bug in palisade.
    #[error("cannot read back the emitted file: {0}")]
    Lift(#[from] palisade_ir::LiftError),
}

/// How one end decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndAnswer {
    /// The end's verdict.
    pub verdict: Verdict,
    /// The words of the deciding rule.
    pub rule: String,
    /// Whether the packet is logged there.
    pub logged: bool,
}

/// How a packet is decided; an end without a managed NIC has no say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Allow when no end denies.
    pub verdict: Verdict,
    /// The sender's decision.
    pub egress: Option<EndAnswer>,
    /// The receiver's decision.
    pub ingress: Option<EndAnswer>,
}

impl Answer {
    fn of(egress: Option<EndAnswer>, ingress: Option<EndAnswer>) -> Self {
        let denied = [&egress, &ingress].into_iter().flatten().any(|end| end.verdict == Verdict::Deny);
        Self { verdict: if denied { Verdict::Deny } else { Verdict::Allow }, egress, ingress }
    }
}

/// The managed NICs at both ends of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The NIC that owns the source address.
    pub sender: Option<NicRef>,
    /// The NIC that owns the destination address.
    pub receiver: Option<NicRef>,
}

impl Ends {
    /// The ends of a packet; instance names settle addresses that several networks use.
    pub fn of(
        plan: &Plan,
        packet: &Packet,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Self, OwnerError> {
        Ok(Self {
            sender: plan.owner(packet.source(), from)?,
            receiver: plan.owner(packet.destination(), to)?,
        })
    }
}

/// An engine ready to judge packets of one policy.
pub struct Engine<'a> {
    policy: &'a Policy,
    plan: Plan,
    judge: Judge,
}

enum Judge {
    Reference,
    Plan,
    Optimized(Plan),
    Matcher(palisade_matcher::Matcher),
    Lifted(lifted::Hosts),
}

impl<'a> Engine<'a> {
    /// Makes an engine ready.
    pub fn new(policy: &'a Policy, kind: EngineKind) -> Self {
        let plan = lower(policy);
        let hosts = |target, ipset, layout| Judge::Lifted(lifted::Hosts::new(&plan, target, ipset, layout));
        let judge = match kind {
            EngineKind::Reference => Judge::Reference,
            EngineKind::Plan => Judge::Plan,
            EngineKind::Optimized => Judge::Optimized(optimize_plan(&plan).0),
            EngineKind::Matcher => Judge::Matcher(matcher::build(&plan)),
            EngineKind::Nftables => hosts(Target::Nftables, false, Style::Auto),
            EngineKind::Iptables => hosts(Target::Iptables, false, Style::Auto),
            EngineKind::Ipset => hosts(Target::Iptables, true, Style::Auto),
            EngineKind::NftablesMaps => hosts(Target::Nftables, false, Style::Maps),
            EngineKind::IptablesMaps => hosts(Target::Iptables, false, Style::Maps),
            EngineKind::IpsetMaps => hosts(Target::Iptables, true, Style::Maps),
            EngineKind::Rust => hosts(Target::Rust, false, Style::Auto),
            EngineKind::NftablesTree => hosts(Target::Nftables, false, Style::Tree),
        };
        Self { policy, plan, judge }
    }

    /// The plan as lowered.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Decides a packet between the ends that own its addresses; names settle ambiguous ones.
    pub fn decide(
        &mut self,
        packet: &Packet,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Answer, EngineError> {
        let ends = Ends::of(&self.plan, packet, from, to)?;
        match &mut self.judge {
            Judge::Reference => Ok(by_reference(self.policy, &self.plan, packet, ends)),
            Judge::Plan => Ok(by_plan(&self.plan, packet, ends)),
            Judge::Optimized(plan) => Ok(by_plan(plan, packet, ends)),
            Judge::Matcher(judge) => Ok(matcher::decide(judge, &self.plan, packet, ends)),
            Judge::Lifted(hosts) => hosts.decide(packet, ends),
        }
    }
}

fn words(plan: &Plan, id: palisade_ir::RuleId) -> String {
    plan.rule(id).map(ToString::to_string).unwrap_or_default()
}

fn by_reference(policy: &Policy, plan: &Plan, packet: &Packet, ends: Ends) -> Answer {
    let reference::Decision { verdict: _, egress, ingress } =
        reference::decide(policy, packet, ends.sender, ends.receiver);
    let answer = |end: reference::EndDecision| EndAnswer {
        verdict: end.outcome.verdict,
        rule: match end.decider {
            reference::Decider::InnerAccess(group) => {
                policy.group(group).map(|group| format!("{} inner access", group.name)).unwrap_or_default()
            }
            reference::Decider::Rule(group, index) => {
                words(plan, crate::lower::rule_id(policy, group, index))
            }
            reference::Decider::Default(direction) => format!("default {direction}"),
        },
        logged: end.outcome.log,
    };
    Answer::of(egress.map(answer), ingress.map(answer))
}

fn by_plan(plan: &Plan, packet: &Packet, ends: Ends) -> Answer {
    let palisade_ir::PlanDecision { verdict: _, egress, ingress } =
        plan.decide(packet, ends.sender, ends.receiver);
    let answer = |end: palisade_ir::ChainDecision<'_>| EndAnswer {
        verdict: end.outcome.verdict,
        rule: words(plan, end.id),
        logged: end.outcome.log,
    };
    Answer::of(egress.map(answer), ingress.map(answer))
}
