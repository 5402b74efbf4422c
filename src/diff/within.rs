//! Whether everything newly allowed is allowed by a further policy, the envelope: such a change needs no review.

use std::collections::BTreeMap;

use palisade_ir::decide::{Budget, BudgetExceeded, Decider, Index};
use palisade_ir::{Chain, Direction, NicPlan, Packet, Plan, Region, Verdict};

use super::chains::{self, decider};
use super::{ChainChange, Difference, End, Kind, NicChange, NicEvent, Reach, changed, nics, reach, whole};

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
    /// The same, where listing the packets is too much.
    DeniesSome {
        /// The direction.
        direction: Direction,
        /// One of them.
        packet: Packet,
    },
}

/// The plans before and now.
#[derive(Clone, Copy, Debug)]
pub struct Both<'a> {
    /// Before.
    pub old: &'a Plan,
    /// Now.
    pub new: &'a Plan,
}

/// All that is newly allowed without the envelope's consent; nothing when the change is within it. A NIC that goes is
/// never within; one that gets other addresses is when the envelope has it with all of these.
pub fn outside(
    difference: &Difference,
    both: Both<'_>,
    envelope: &Plan,
    budget: &mut Budget,
) -> Result<Vec<Outside>, BudgetExceeded> {
    let granted = nics(envelope);
    let (before, after) = (nics(both.old), nics(both.new));
    let mut found = around(both, &difference.nics, envelope);
    for changed in &difference.chains {
        let ChainChange { ends, direction, changes } = changed;
        let regions: Vec<&Region> =
            changes.iter().filter(|it| it.kind == Kind::Allowed).flat_map(|it| &it.regions).collect();
        if regions.is_empty() {
            continue;
        }
        let mut chains: Vec<(&Chain, Vec<End>)> = Vec::new();
        for end in ends {
            let Some(chain) = granted.get(end).map(|nic| of(nic, *direction)) else {
                unknown(&mut found, end);
                continue;
            };
            match chains.iter_mut().find(|(known, _)| *known == chain) {
                Some((_, ends)) => ends.push(end.clone()),
                None => chains.push((chain, vec![end.clone()])),
            }
        }
        for (chain, ends) in chains {
            // Half is left for the question whether there is anything at all.
            let half = budget.left() / 2;
            match budget.share(half, |share| deniers(chain, &regions, share)) {
                Ok(deniers) => found.extend(deniers.into_iter().map(|(by, regions)| Outside {
                    ends: ends.clone(),
                    why: Why::Denied { direction: *direction, by, regions },
                })),
                Err(BudgetExceeded) => {
                    let Some((first, new)) = ends.first().and_then(|end| after.get_key_value(end)) else {
                        continue;
                    };
                    let old = before.get(first).map(|nic| of(nic, *direction));
                    let packet = whole::outside(old, of(new, *direction), chain, budget)?;
                    found.extend(packet.map(|packet| Outside {
                        ends,
                        why: Why::DeniesSome { direction: *direction, packet },
                    }));
                }
            }
        }
    }
    Ok(found)
}

/// The same for plans that differ in too many ways to list: for each NIC and direction one packet, where there is one.
pub fn outside_unlisted(
    both: Both<'_>,
    envelope: &Plan,
    budget: &mut Budget,
) -> Result<Vec<Outside>, BudgetExceeded> {
    let granted = nics(envelope);
    let (before, after) = (nics(both.old), nics(both.new));
    let mut found = around(both, &changed(&before, &after), envelope);
    let mut known: Vec<([Option<&Chain>; 3], Option<Packet>)> = Vec::new();
    for (end, new) in &after {
        for direction in [Direction::In, Direction::Out] {
            let old = before.get(end).map(|nic| of(nic, direction));
            let new = of(new, direction);
            if old.is_some_and(|old| chains::same(old, new)) {
                continue;
            }
            let Some(granted) = granted.get(end).map(|nic| of(nic, direction)) else {
                unknown(&mut found, end);
                continue;
            };
            let asked = [old, Some(new), Some(granted)];
            let packet = match known.iter().find(|(other, _)| *other == asked) {
                Some((_, packet)) => *packet,
                None => {
                    let packet = whole::outside(old, new, granted, budget)?;
                    known.push((asked, packet));
                    packet
                }
            };
            let outside = packet.map(|packet| Why::DeniesSome { direction, packet });
            found.extend(outside.map(|why| Outside { ends: vec![end.clone()], why }));
        }
    }
    Ok(found)
}

fn of(nic: &NicPlan, direction: Direction) -> &Chain {
    match direction {
        Direction::In => nic.ingress.as_ref(),
        Direction::Out => nic.egress.as_ref(),
    }
}

/// Notes that the envelope does not have a NIC, once.
fn unknown(found: &mut Vec<Outside>, end: &End) {
    if !found.iter().any(|it| it.why == Why::Unknown && it.ends.contains(end)) {
        found.push(Outside { ends: vec![end.clone()], why: Why::Unknown });
    }
}

/// What is outside in the settings, and in where NICs are.
fn around(Both { old, new }: Both<'_>, changes: &[NicChange], envelope: &Plan) -> Vec<Outside> {
    let granted = nics(envelope);
    let mut found = Vec::new();
    let (was, is) = (old.session_timeout, new.session_timeout);
    if is > was.max(envelope.session_timeout) {
        let why = Why::SessionTimeout { new: is, envelope: envelope.session_timeout };
        found.push(Outside { ends: Vec::new(), why });
    }
    for change in changes {
        let why = match (&change.event, granted.get(&change.end)) {
            (NicEvent::Removed, _) => Why::Removed,
            (NicEvent::Added | NicEvent::Moved { .. }, None) => Why::Unknown,
            (NicEvent::Moved { old: _, new }, Some(nic)) if !covers(&reach(nic), new) => Why::Moved,
            (NicEvent::Added | NicEvent::Moved { .. }, Some(_)) => continue,
        };
        found.push(Outside { ends: vec![change.end.clone()], why });
    }
    found
}

fn covers(granted: &Reach, new: &Reach) -> bool {
    granted.via == new.via && new.addresses.iter().all(|address| granted.addresses.contains(address))
}

/// What a chain denies of some regions, by who denies it.
fn deniers(
    chain: &Chain,
    regions: &[&Region],
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
