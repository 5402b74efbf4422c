//! Rules: a match, what happens to packets that match, how strong the rule is and where it comes from.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{Direction, Match, Name, Side};

/// What happens to a packet. Deny sorts first: it wins a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Dropped, silently.
    Deny,
    /// Passed on.
    Allow,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Verdict::Deny => "deny",
            Verdict::Allow => "allow",
        })
    }
}

/// A verdict and whether the packet is logged: both are part of a rule's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outcome {
    /// Allow or deny.
    pub verdict: Verdict,
    /// Whether a log line is written (rate limited by the target).
    pub log: bool,
}

impl Outcome {
    /// An outcome that is not logged.
    pub const fn silent(verdict: Verdict) -> Self {
        Self { verdict, log: false }
    }
}

/// A rule's number: smaller is stronger. Users write 1 to 100; 110 comes from default groups and imports only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Priority(u16);

impl Priority {
    /// The weakest number a user may write.
    pub const LAST: Self = Self(100);
    /// The number of a default group's own rules.
    pub const DEFAULT_GROUP: Self = Self(110);

    /// A priority a user may write: 1 to 100.
    pub fn user(number: u32) -> Option<Self> {
        u16::try_from(number).ok().filter(|number| (1..=100).contains(number)).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Priority {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        let default_group = Some(Self::DEFAULT_GROUP).filter(|priority| priority.0 == number);
        Self::user(number.into()).or(default_group).ok_or_else(|| format!("`{number}` is not a priority"))
    }
}

impl From<Priority> for u16 {
    fn from(priority: Priority) -> u16 {
        priority.0
    }
}

/// The layer a rule belongs to; earlier tiers decide before later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// Members of a basic group with `inner allow` reach each other.
    InnerAccess,
    /// Rules of groups.
    User,
}

/// A rule's place in the order of a chain: tier, then priority, then deny before allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// The layer.
    pub tier: Tier,
    /// The number; inner access has 0.
    pub number: u16,
    /// Deny sorts first.
    pub verdict: Verdict,
}

impl Rank {
    /// The rank of inner access.
    pub const INNER_ACCESS: Self = Self { tier: Tier::InnerAccess, number: 0, verdict: Verdict::Allow };

    /// The rank of a group's rule.
    pub const fn user(priority: Priority, verdict: Verdict) -> Self {
        Self { tier: Tier::User, number: priority.get(), verdict }
    }
}

/// Index into [`crate::Plan::rules`]. Ids ascend by group name, then source position: the order of deciders in a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleId(pub u32);

/// The source rules a rule stands for; survives every pass. Never empty, sorted, the decider first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin(SmallVec<[RuleId; 4]>);

impl Origin {
    /// One source rule.
    pub fn one(id: RuleId) -> Self {
        Self(SmallVec::from_slice(&[id]))
    }

    /// Several source rules; `None` when there are none.
    pub fn new(mut ids: Vec<RuleId>) -> Option<Self> {
        ids.sort_unstable();
        ids.dedup();
        (!ids.is_empty()).then(|| Self(ids.into()))
    }

    /// The source rules, at least one.
    pub fn ids(&self) -> &[RuleId] {
        &self.0
    }

    /// Both origins together.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let mut ids = self.0.clone();
        ids.extend_from_slice(&other.0);
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }
}

/// What a [`RuleId`] stands for, in words: for comments, explanations and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Where it comes from.
    pub source: RuleSource,
    /// The author's description. Hostile text: escape or strip it for the target.
    pub description: Option<String>,
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleSource {
    /// A rule line of a group (or one of the lines a default group implies).
    Group {
        /// The group that has the rule (for an inherited rule the clone).
        group: Name,
        /// Its direction.
        direction: Direction,
        /// Its section in a classic group.
        side: Option<Side>,
        /// Its priority.
        priority: Priority,
        /// Its label.
        label: Option<Name>,
    },
    /// The inner policy of a basic group.
    InnerAccess {
        /// The group.
        group: Name,
    },
    /// The end of a chain in this direction.
    Default {
        /// The direction.
        direction: Direction,
    },
}

/// Stable words without positions: an edit elsewhere in the policy never changes them.
impl fmt::Display for RuleInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            RuleSource::Group { group, direction, side, priority, label } => {
                // Each rule of a ruleset is called so: one part after the other takes half as long as `write!`.
                group.fmt(out)?;
                out.write_str(" ")?;
                direction.fmt(out)?;
                if let Some(side) = side {
                    out.write_str(" ")?;
                    side.fmt(out)?;
                }
                out.write_str(" ")?;
                priority.get().fmt(out)?;
                if let Some(label) = label {
                    out.write_str(" ")?;
                    label.fmt(out)?;
                }
                Ok(())
            }
            RuleSource::InnerAccess { group } => write!(out, "{group} inner access"),
            RuleSource::Default { direction } => write!(out, "default {direction}"),
        }
    }
}

/// A rule of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// What it asks of a packet.
    pub matches: Match,
    /// What happens to packets that match.
    pub outcome: Outcome,
    /// How strong it is.
    pub rank: Rank,
    /// Where it comes from.
    pub origin: Origin,
}
