//! What a change of policy does to traffic: exactly the packets that are newly allowed, newly denied or logged otherwise.
//!
//! Plans are compared as they come from lowering, NIC by NIC (matched by the names of instance and interface) and
//! direction by direction: a packet between two managed NICs has to pass both of its ends, each reported on its own.
//! Chains judge whatever reaches them, so local addresses that a NIC does not own count too. Knows nothing of policy
//! text; [`show`] adds places.

mod chains;
pub mod show;
mod whole;
mod within;

use std::collections::BTreeMap;
use std::net::IpAddr;

use palisade_ir::decide::{Budget, BudgetExceeded, Decider, equivalent};
use palisade_ir::{Chain, Direction, Ifname, Name, NicPlan, Packet, Plan, Region};

pub use within::{Both, Outside, Why, outside, outside_unlisted};

/// A NIC, by its names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// The instance.
    pub instance: Name,
    /// The interface on the instance.
    pub interface: Ifname,
}

/// All that differs between two plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The idle seconds of sessions, before and now.
    pub session_timeout: Option<(u32, u32)>,
    /// NICs that are not what they were, by name.
    pub nics: Vec<NicChange>,
    /// Chains that decide some packet otherwise, by the name of their first NIC; equal changes once.
    pub chains: Vec<ChainChange>,
    /// How many chains of the new plan were compared.
    pub compared: usize,
}

/// A NIC that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicChange {
    /// The NIC.
    pub end: End,
    /// What became of it.
    pub event: NicEvent,
}

/// What became of a NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NicEvent {
    /// It is new; what it allows is among the chains.
    Added,
    /// It is gone: the policy has no say at that end any more.
    Removed,
    /// It is reached otherwise than before.
    Moved {
        /// Before.
        old: Reach,
        /// Now.
        new: Reach,
    },
}

/// How a NIC is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// The interface on a gateway that leads to it.
    pub via: Option<Ifname>,
}

/// Chains that changed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainChange {
    /// Whose chains, by name; at least one.
    pub ends: Vec<End>,
    /// Which of their chains.
    pub direction: Direction,
    /// What changed, newly allowed first; never empty.
    pub changes: Vec<Change>,
}

/// What happens to the packets of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// They were denied (or their NIC was not there) and are allowed.
    Allowed,
    /// They were allowed and are denied.
    Denied,
    /// Their verdict stays, and whether they are logged changes.
    Logging,
}

/// Packets with the same rules behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happens to them.
    pub kind: Kind,
    /// Who decided; nobody where the NIC is new.
    pub old: Option<Decider>,
    /// Who decides now.
    pub new: Decider,
    /// The packets, as disjoint regions; at least one.
    pub regions: Vec<Region>,
}

/// The step budget did not suffice to tell how two plans differ, and nobody may take that for "not at all".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown: the policies differ in too many ways to tell exactly how")]
pub struct Unknown {
    /// Whose chains it is about; at least one.
    pub ends: Vec<End>,
    /// Which of its chains.
    pub direction: Direction,
    /// A packet that the chains treat differently, where one is known.
    pub packet: Option<Packet>,
}

/// Compares two plans, for all packets.
pub fn diff(old: &Plan, new: &Plan, budget: &mut Budget) -> Result<Difference, Unknown> {
    let (before, after) = (nics(old), nics(new));
    let timeouts = (old.session_timeout, new.session_timeout);
    Ok(Difference {
        session_timeout: Some(timeouts).filter(|(old, new)| old != new),
        nics: changed(&before, &after),
        chains: chains::compare(&before, &after, budget)?,
        compared: 2 * after.len(),
    })
}

/// The NICs that are not what they were, by name.
fn changed(before: &Nics<'_>, after: &Nics<'_>) -> Vec<NicChange> {
    let mut changed = Vec::new();
    for (end, nic) in before {
        let event = match after.get(end) {
            None => NicEvent::Removed,
            Some(now) if reach(nic) != reach(now) => NicEvent::Moved { old: reach(nic), new: reach(now) },
            Some(_) => continue,
        };
        changed.push(NicChange { end: end.clone(), event });
    }
    let added = after.keys().filter(|end| !before.contains_key(end));
    changed.extend(added.map(|end| NicChange { end: end.clone(), event: NicEvent::Added }));
    changed.sort_by(|a, b| a.end.cmp(&b.end));
    changed
}

impl Difference {
    /// Whether nothing changed in meaning: proved for all packets.
    pub fn is_empty(&self) -> bool {
        self.session_timeout.is_none() && self.nics.is_empty() && self.chains.is_empty()
    }

    /// Whether something may pass that did not. To be on the safe side a NIC that comes, goes or gets other addresses
    /// counts too.
    pub fn widens(&self) -> bool {
        let longer = self.session_timeout.is_some_and(|(old, new)| new > old);
        longer || !self.nics.is_empty() || self.has(Kind::Allowed)
    }

    /// Whether something may no longer pass; the same NICs count here.
    pub fn narrows(&self) -> bool {
        let shorter = self.session_timeout.is_some_and(|(old, new)| new < old);
        shorter || !self.nics.is_empty() || self.has(Kind::Denied)
    }

    fn has(&self, kind: Kind) -> bool {
        self.chains.iter().flat_map(|chain| &chain.changes).any(|change| change.kind == kind)
    }
}

/// Whether two chains give every packet the same outcome.
pub fn alike(old: &Chain, new: &Chain, budget: &mut Budget) -> Result<bool, BudgetExceeded> {
    Ok(chains::same(old, new) || equivalent(old, new, budget)?.is_none())
}

type Nics<'a> = BTreeMap<End, &'a NicPlan>;

fn nics(plan: &Plan) -> Nics<'_> {
    let end =
        |instance: &Name, nic: &NicPlan| End { instance: instance.clone(), interface: nic.interface.clone() };
    plan.nics().map(|(_, instance, nic)| (end(&instance.name, nic), nic)).collect()
}

fn reach(nic: &NicPlan) -> Reach {
    let mut addresses = nic.addresses.clone();
    addresses.sort_unstable();
    Reach { addresses, via: nic.via.clone() }
}
