//! How one end splits a set of packets: by deciding rule, exactly.

use std::collections::BTreeMap;

use palisade_ir::decide::{Budget, BudgetExceeded, Index};
use palisade_ir::{Chain, Direction, NicRef, Plan, Region, RuleId, Verdict};

/// Packets that one rule (or the default) of an end decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) region: Region,
    pub(super) verdict: Verdict,
    /// The source rule behind the decision.
    pub(super) id: RuleId,
    /// Its place in the chain; `None` for the default.
    pub(super) at: Option<usize>,
}

/// Decision structures of the NICs asked about so far.
pub(super) struct Ends<'a> {
    plan: &'a Plan,
    indexes: BTreeMap<(NicRef, Direction), Index>,
}

impl<'a> Ends<'a> {
    pub(super) const fn new(plan: &'a Plan) -> Self {
        Self { plan, indexes: BTreeMap::new() }
    }

    /// The chain of a NIC.
    pub(super) fn chain(&self, at: NicRef, direction: Direction) -> Option<&'a Chain> {
        let nic = self.plan.nic(at)?;
        Some(match direction {
            Direction::In => &nic.ingress,
            Direction::Out => &nic.egress,
        })
    }

    /// The packets of a region by deciding rule, in the order of the chain.
    pub(super) fn split(
        &mut self,
        at: NicRef,
        direction: Direction,
        region: &Region,
        budget: &mut Budget,
    ) -> Result<Vec<Piece>, BudgetExceeded> {
        let Some(chain) = self.chain(at, direction) else { return Ok(Vec::new()) };
        let index = self.indexes.entry((at, direction)).or_insert_with(|| Index::new(chain));
        let pieces = index.partition(region, budget)?;
        Ok(pieces
            .into_iter()
            .map(|piece| {
                let rule = piece.rule.and_then(|at| chain.rules().get(at));
                Piece {
                    region: piece.region,
                    verdict: rule.map_or(chain.default(), |rule| rule.outcome.verdict),
                    id: rule
                        .and_then(|rule| rule.origin.ids().first().copied())
                        .unwrap_or(chain.default_id()),
                    at: piece.rule,
                }
            })
            .collect())
    }
}
