//! Which rules decide the packets of a description at each end, and which weaker rules they beat.

use palisade_ir::decide::{Budget, BudgetExceeded};
use palisade_ir::{Direction, NicRef, Plan, Region, RuleId, Verdict};

use super::ends::{Ends, Piece};
use super::scope::Scope;
use crate::policy::{Expect, Policy};

/// Work allowed per explanation, in steps of the decision structure.
const STEPS: u64 = 50_000_000;

/// A rule that also matches but is too weak to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beaten {
    /// The rule.
    pub id: RuleId,
    /// What it would have said.
    pub verdict: Verdict,
}

/// The decision of one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndCase {
    /// Its verdict.
    pub verdict: Verdict,
    /// The deciding rule.
    pub id: RuleId,
    /// Weaker rules that match some of the packets, strongest first; without the default.
    pub beaten: Vec<Beaten>,
}

/// Packets that the same rules decide at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Who sends.
    pub sender: Option<NicRef>,
    /// Who receives.
    pub receiver: Option<NicRef>,
    /// The packets.
    pub region: Region,
    /// The verdict of both ends together.
    pub verdict: Verdict,
    /// The sender's decision, where it has a say.
    pub egress: Option<EndCase>,
    /// The receiver's decision, where it has a say and is asked.
    pub ingress: Option<EndCase>,
}

/// All cases of a description; together they are exactly its packets.
pub type Explained = Vec<Case>;

/// Splits the packets of a description (its verdict is ignored) by the rules that decide them.
pub fn explain(policy: &Policy, plan: &Plan, traffic: &Expect) -> Result<Explained, BudgetExceeded> {
    let mut ends = Ends::new(plan);
    let mut budget = Budget::new(STEPS);
    let mut cases = Vec::new();
    for scope in Scope::of(policy, plan, traffic) {
        for (sender, receiver, region) in scope.pairs() {
            budget.spend(1)?;
            cases.extend(between(&mut ends, sender, receiver, &region, &mut budget)?);
        }
    }
    Ok(cases)
}

fn between(
    ends: &mut Ends<'_>,
    sender: Option<NicRef>,
    receiver: Option<NicRef>,
    region: &Region,
    budget: &mut Budget,
) -> Result<Vec<Case>, BudgetExceeded> {
    let mut cases = Vec::new();
    for (region, egress) in at_end(ends, sender, Direction::Out, region, budget)? {
        for (region, ingress) in at_end(ends, receiver, Direction::In, &region, budget)? {
            let denied = [&egress, &ingress].into_iter().flatten().any(|end| end.verdict == Verdict::Deny);
            let verdict = if denied { Verdict::Deny } else { Verdict::Allow };
            cases.push(Case { sender, receiver, region, verdict, egress: egress.clone(), ingress });
        }
    }
    Ok(cases)
}

fn at_end(
    ends: &mut Ends<'_>,
    at: Option<NicRef>,
    direction: Direction,
    region: &Region,
    budget: &mut Budget,
) -> Result<Vec<(Region, Option<EndCase>)>, BudgetExceeded> {
    let Some(nic) = at else { return Ok(vec![(region.clone(), None)]) };
    let pieces = ends.split(nic, direction, region, budget)?;
    Ok(pieces
        .into_iter()
        .map(|Piece { region, verdict, id, at }| {
            let beaten = beaten(ends, nic, direction, &region, at, id);
            (region, Some(EndCase { verdict, id, beaten }))
        })
        .collect())
}

/// The rules behind the deciding one that match some packet of the region.
fn beaten(
    ends: &Ends<'_>,
    nic: NicRef,
    direction: Direction,
    region: &Region,
    decider: Option<usize>,
    id: RuleId,
) -> Vec<Beaten> {
    let (Some(chain), Some(decider)) = (ends.chain(nic, direction), decider) else { return Vec::new() };
    let mut beaten: Vec<Beaten> = Vec::new();
    for rule in chain.rules().iter().skip(decider + 1) {
        let Some(weaker) = rule.origin.ids().first() else { continue };
        let known = *weaker == id || beaten.iter().any(|before| before.id == *weaker);
        if !known && Region::of(&rule.matches).intersect(region).is_some() {
            beaten.push(Beaten { id: *weaker, verdict: rule.outcome.verdict });
        }
    }
    beaten
}
