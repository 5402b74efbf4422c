//! Whether everything newly allowed is allowed by a further policy, the envelope: such a change needs no review.

use std::collections::BTreeMap;

use palisade_ir::decide::{Budget, BudgetExceeded, Decider, Index};
use palisade_ir::{Chain, Direction, Plan, Region, Verdict};

use super::chains::decider;
use super::{ChainChange, Difference, End, Kind, NicEvent, Nics, Reach, nics, reach};

/// Something that the envelope does not grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Where, by name; nowhere in particular for settings.
    pub ends: Vec<End>,
    /// What is wrong.
    pub why: Why,
}

/// Why the envelope does not grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Sessions live longer, and longer than the envelope's.
    SessionTimeout {
        /// Now.
        new: u32,
        /// The envelope's.
        envelope: u32,
    },
    /// The envelope does not have this NIC.
    Unknown,
    /// The NIC is gone, so that nobody denies anything at that end.
    Removed,
    /// The NIC is reached otherwise than in the envelope.
    Moved,
    /// The envelope denies packets that are newly allowed.
    Denied {
        /// The direction.
        direction: Direction,
        /// Who denies them in the envelope.
        by: Decider,
        /// The packets, as disjoint regions.
        regions: Vec<Region>,
    },
}

/// All that is newly allowed without the envelope's consent; nothing when the change is within it. A NIC that goes is
/// never within; one that gets other addresses is when the envelope has it with all of these.
pub fn outside(
    difference: &Difference,
    envelope: &Plan,
    budget: &mut Budget,
) -> Result<Vec<Outside>, BudgetExceeded> {
    let granted = nics(envelope);
    let mut found = Vec::new();
    if let Some((old, new)) = difference.session_timeout
        && new > old.max(envelope.session_timeout)
    {
        let why = Why::SessionTimeout { new, envelope: envelope.session_timeout };
        found.push(Outside { ends: Vec::new(), why });
    }
    for change in &difference.nics {
        let why = match (&change.event, granted.get(&change.end)) {
            (NicEvent::Removed, _) => Why::Removed,
            (NicEvent::Added | NicEvent::Moved { .. }, None) => Why::Unknown,
            (NicEvent::Moved { old: _, new }, Some(nic)) if !covers(&reach(nic), new) => Why::Moved,
            (NicEvent::Added | NicEvent::Moved { .. }, Some(_)) => continue,
        };
        found.push(Outside { ends: vec![change.end.clone()], why });
    }
    for chain in &difference.chains {
        denied(chain, &granted, budget, &mut found)?;
    }
    Ok(found)
}

fn covers(granted: &Reach, new: &Reach) -> bool {
    granted.via == new.via && new.addresses.iter().all(|address| granted.addresses.contains(address))
}

/// What the envelope denies of a change, per distinct chain of the envelope.
fn denied(
    changed: &ChainChange,
    granted: &Nics<'_>,
    budget: &mut Budget,
    found: &mut Vec<Outside>,
) -> Result<(), BudgetExceeded> {
    let ChainChange { ends, direction, changes } = changed;
    let regions = || changes.iter().filter(|it| it.kind == Kind::Allowed).flat_map(|it| &it.regions);
    let mut chains: Vec<(Option<&Chain>, Vec<End>)> = Vec::new();
    for end in ends.iter().filter(|_| regions().next().is_some()) {
        let chain = granted.get(end).map(|nic| match direction {
            Direction::In => nic.ingress.as_ref(),
            Direction::Out => nic.egress.as_ref(),
        });
        match chains.iter_mut().find(|(known, _)| *known == chain) {
            Some((_, ends)) => ends.push(end.clone()),
            None => chains.push((chain, vec![end.clone()])),
        }
    }
    for (chain, ends) in chains {
        let Some(chain) = chain else {
            let is_told = |end: &End| found.iter().any(|it| it.why == Why::Unknown && it.ends.contains(end));
            let ends: Vec<End> = ends.into_iter().filter(|end| !is_told(end)).collect();
            if !ends.is_empty() {
                found.push(Outside { ends, why: Why::Unknown });
            }
            continue;
        };
        let deniers = deniers(chain, regions(), budget)?;
        found.extend(deniers.into_iter().map(|(by, regions)| Outside {
            ends: ends.clone(),
            why: Why::Denied { direction: *direction, by, regions },
        }));
    }
    Ok(())
}

/// What a chain denies of some regions, by who denies it.
fn deniers<'a>(
    chain: &Chain,
    regions: impl Iterator<Item = &'a Region>,
    budget: &mut Budget,
) -> Result<BTreeMap<Decider, Vec<Region>>, BudgetExceeded> {
    let index = Index::new(chain);
    let mut deniers: BTreeMap<Decider, Vec<Region>> = BTreeMap::new();
    for region in regions {
        for piece in index.partition(region, budget)? {
            let by = decider(chain, piece.rule);
            if by.outcome.verdict == Verdict::Deny {
                deniers.entry(by).or_default().push(piece.region);
            }
        }
    }
    Ok(deniers)
}
