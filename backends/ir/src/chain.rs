//! An ordered, total list of rules: the first match decides, else the default.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Outcome, Packet, Rule, RuleId, Verdict};

/// The rules of one NIC and direction, strongest first, and what happens to all other packets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chain {
    rules: Vec<Rule>,
    default: Verdict,
    default_id: RuleId,
    #[serde(skip)]
    joining: Joining,
}

/// How the rules of a chain stand to fewer ones that say the same.
#[derive(Clone, Debug, Default)]
enum Joining {
    /// Nobody looked.
    #[default]
    Unknown,
    /// They were joined from those of this chain.
    From(Arc<Chain>),
    /// Joining them takes long and leaves many, so it waits until somebody asks.
    Later(fn(&Chain) -> Chain),
}

/// By rules and default; how the chain came about is no part of what it says.
impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        let Self { rules, default, default_id, joining: _ } = self;
        (rules, default, default_id) == (&other.rules, &other.default, &other.default_id)
    }
}

impl Eq for Chain {}

/// How a chain decides a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainDecision<'a> {
    /// The verdict and whether it is logged.
    pub outcome: Outcome,
    /// The deciding rule; `None` when the default decided.
    pub rule: Option<&'a Rule>,
    /// The first source rule behind the decision.
    pub id: RuleId,
}

impl Chain {
    /// A chain of rules sorted by rank (and within a rank by origin), with its default. The default is never logged.
    pub fn new(mut rules: Vec<Rule>, default: Verdict, default_id: RuleId) -> Self {
        // Rules are large, so they are moved once, by what settles nearly all; what is left is sorted but for ties.
        rules.sort_by_cached_key(|rule| (rule.rank, rule.origin.ids().first().copied()));
        rules.sort_by(|a, b| (a.rank, &a.origin).cmp(&(b.rank, &b.origin)));
        Self { rules, default, default_id, joining: Joining::Unknown }
    }

    /// A chain whose rules stand in their final order already, as an optimiser pass leaves them.
    pub const fn from_ordered(rules: Vec<Rule>, default: Verdict, default_id: RuleId) -> Self {
        Self { rules, default, default_id, joining: Joining::Unknown }
    }

    /// The same chain, remembering what it was before its rules were joined.
    #[must_use]
    pub fn joined_from(self, apart: Self) -> Self {
        Self { joining: Joining::From(Arc::new(apart)), ..self }
    }

    /// The same chain, whose rules stay many when they are joined by a function, and are not joined before somebody asks.
    #[must_use]
    pub fn joined_later(self, join: fn(&Self) -> Self) -> Self {
        Self { joining: Joining::Later(join), ..self }
    }

    /// The chain with its rules joined.
    pub fn joined(&self) -> Cow<'_, Self> {
        match self.joining {
            Joining::Unknown | Joining::From(_) => Cow::Borrowed(self),
            Joining::Later(join) => Cow::Owned(join(self)),
        }
    }

    /// Whether [`Self::joined`] has work to do, which leaves many rules.
    pub const fn joins_later(&self) -> bool {
        matches!(self.joining, Joining::Later(_))
    }

    /// The chain before rules were joined: who takes rules apart by service anyway knows better there which source rule
    /// says what, and a change of one source rule changes less.
    pub fn apart(&self) -> &Self {
        match &self.joining {
            Joining::Unknown | Joining::Later(_) => self,
            Joining::From(apart) => apart,
        }
    }

    /// The rules, the strongest first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules, taken out.
    pub fn into_rules(self) -> Vec<Rule> {
        self.rules
    }

    /// The verdict of packets that no rule matches.
    pub const fn default(&self) -> Verdict {
        self.default
    }

    /// The id that stands for the default.
    pub const fn default_id(&self) -> RuleId {
        self.default_id
    }

    /// Decides a packet by reading the rules in order.
    pub fn decide(&self, packet: &Packet) -> ChainDecision<'_> {
        self.decided_by(self.rules.iter().position(|rule| rule.matches.matches(packet)))
    }

    /// What the rule at a place decides, or the default when there is none.
    pub fn decided_by(&self, place: Option<usize>) -> ChainDecision<'_> {
        match place.and_then(|place| self.rules.get(place)) {
            Some(rule) => {
                let id = rule.origin.ids().first().copied().unwrap_or(self.default_id);
                ChainDecision { outcome: rule.outcome, rule: Some(rule), id }
            }
            None => ChainDecision { outcome: Outcome::silent(self.default), rule: None, id: self.default_id },
        }
    }
}
