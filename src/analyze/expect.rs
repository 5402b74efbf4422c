//! Whether an expectation holds for every packet it describes.

use palisade_ir::decide::{Budget, BudgetExceeded};
use palisade_ir::{Direction, NicRef, Packet, Plan, Region, RuleId, Verdict};

use super::ends::{Ends, Piece};
use super::scope::Scope;
use crate::policy::{Expect, Policy};

/// Work allowed per expectation, in steps of the decision structure.
const STEPS: u64 = 50_000_000;

/// A packet that gets the other verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectFailure {
    /// The packet.
    pub packet: Packet,
    /// Who sends it.
    pub sender: Option<NicRef>,
    /// Who receives it.
    pub receiver: Option<NicRef>,
    /// The deciding rule at the sender, where it has a say.
    pub egress: Option<(Verdict, RuleId)>,
    /// The deciding rule at the receiver, where it has a say.
    pub ingress: Option<(Verdict, RuleId)>,
}

/// Why an expectation is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// Some packet gets the other verdict.
    Fails(Box<ExpectFailure>),
    /// Too much work to decide.
    Undecided,
}

impl From<BudgetExceeded> for Unmet {
    fn from(_: BudgetExceeded) -> Self {
        Unmet::Undecided
    }
}

/// Decides an expectation exactly: for all packets it describes, or with a packet that proves it wrong.
pub fn check_expect(policy: &Policy, plan: &Plan, expect: &Expect) -> Result<(), Unmet> {
    let mut ends = Ends::new(plan);
    let mut budget = Budget::new(STEPS);
    for scope in Scope::of(policy, plan, expect) {
        for (sender, receiver, region) in scope.pairs() {
            budget.spend(1)?;
            if let Some(failure) = find(&mut ends, (sender, receiver), &region, expect.verdict, &mut budget)?
            {
                return Err(Unmet::Fails(Box::new(failure)));
            }
        }
    }
    Ok(())
}

/// A packet of the region that does not get the verdict between two ends.
fn find(
    ends: &mut Ends<'_>,
    (sender, receiver): (Option<NicRef>, Option<NicRef>),
    region: &Region,
    expected: Verdict,
    budget: &mut Budget,
) -> Result<Option<ExpectFailure>, BudgetExceeded> {
    let whole = || vec![(region.clone(), None)];
    let egress = match sender {
        None => whole(),
        Some(at) => judged(ends.split(at, Direction::Out, region, budget)?),
    };
    for (region, egress) in egress {
        // Asking the receiver cannot change a denial.
        let denied = egress.is_some_and(|(verdict, _)| verdict == Verdict::Deny);
        let ingress = match receiver {
            Some(at) if !denied => judged(ends.split(at, Direction::In, &region, budget)?),
            Some(_) | None => vec![(region, None)],
        };
        for (region, ingress) in ingress {
            let denies =
                |end: Option<(Verdict, RuleId)>| end.is_some_and(|(verdict, _)| verdict == Verdict::Deny);
            let verdict = if denies(egress) || denies(ingress) { Verdict::Deny } else { Verdict::Allow };
            if verdict != expected
                && let Some(packet) = region.witness()
            {
                return Ok(Some(ExpectFailure { packet, sender, receiver, egress, ingress }));
            }
        }
    }
    Ok(None)
}

fn judged(pieces: Vec<Piece>) -> Vec<(Region, Option<(Verdict, RuleId)>)> {
    pieces.into_iter().map(|piece| (piece.region, Some((piece.verdict, piece.id)))).collect()
}
