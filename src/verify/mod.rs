//! Proof that a ruleset means the policy: for every packet of both families, on every way through the machine.
//!
//! The files are read back by the target's lift, which shares nothing with what wrote them, and become a program over
//! sets of packets; what must stand around the rules (`policy`) is one too. Both become diagrams, whose equality is that
//! of numbers, however the ruleset is laid out. What is too large for that is compared way by way and rule by rule
//! (`pairwise`). A difference comes as a packet on which both, evaluated packet by packet, really differ; who runs out
//! of budget in both manners has proved nothing and says so.
//!
//! Not compared: how long sessions live, names, comments, counters, and the words and the rate of log lines. The
//! proof is about what the lift understands: that the kernel reads the text the same way, the kernel suites show.

mod likely;
mod pairwise;
mod policy;
pub mod show;
#[cfg(test)]
mod tests;

use palisade_ir::decide::{Budget, BudgetExceeded};
use palisade_ir::diagram::{Answer, Question, compare};
use palisade_ir::symbolic::{Program, Step, Ways};
use palisade_ir::{
    Artifact, Family, LiftError, Lifted, LiftedDecision, Options, Outcome, Packet, Plan, Region, RuleId,
    Traversal,
};

use crate::targets::Target;
use policy::Policy;

/// What was proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Chains of NICs that were compared, those of each family apart.
    pub chains: usize,
}

/// A packet that the ruleset treats otherwise than the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The packet.
    pub packet: Packet,
    /// Its way.
    pub at: Traversal,
    /// What the policy says.
    pub expected: Outcome,
    /// The rules by which it says so, the sender's first; none where the packet is no business of a NIC's rules.
    pub rules: Vec<RuleId>,
    /// What the ruleset does, and by which line.
    pub found: LiftedDecision,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The files are not understood.
    #[error("cannot read it back: {0}")]
    Unreadable(#[from] LiftError),
    /// The ruleset does not mean the policy.
    #[error("the ruleset does not mean the policy")]
    Different(Box<Difference>),
    /// The budget did not suffice, or the question is outside what can be proved.
    #[error("not proved: {0}")]
    Unproved(String),
}

impl From<BudgetExceeded> for Failure {
    fn from(_: BudgetExceeded) -> Self {
        Self::Unproved("the step budget of the exact analysis is spent".to_owned())
    }
}

/// Proves that the files mean the plan at the placement and with the options they were made for.
pub fn verify(
    plan: &Plan,
    target: Target,
    options: &Options,
    artifact: &Artifact,
    budget: &mut Budget,
) -> Result<Proof, Failure> {
    let backend = target.backend();
    let lifted = backend.lift(artifact)?;
    let mut options = options.clone();
    if !backend.capabilities().prelude {
        // What stands around the rules is the business of whoever uses such files.
        options.prelude.clear();
    }
    let mut proof = Proof::default();
    for family in Family::ALL {
        let policy = Policy::new(plan, &options, family);
        let mut known = None;
        for lifted in [Some(&*lifted), lifted.again()].into_iter().flatten() {
            let mut found = lifted.program(family)?;
            if !backend.capabilities().prelude {
                // Such files stand at no hook: whoever uses them asks where the placement is.
                found.entries.retain(|(hook, _)| policy.program.entry(*hook).is_some());
            }
            if known.as_ref() == Some(&found) {
                continue;
            }
            if let Some((packet, at)) = difference(&policy, &found, budget)? {
                let differs = |packet: &Packet| is_other(&policy, lifted, &found, packet, &at);
                let packet = likely::likelier(packet, at.hook, plan, options.placement, differs);
                return Err(explained(&policy, lifted, &found, packet, at));
            }
            known = Some(found);
        }
        proof.chains += policy.chains();
    }
    Ok(proof)
}

/// A packet and a way on which a ruleset does something else than the policy.
fn difference(
    policy: &Policy<'_>,
    found: &Program,
    budget: &mut Budget,
) -> Result<Option<(Packet, Traversal)>, Failure> {
    let ways = Ways::of(&[&policy.program, found]).map_err(|error| Failure::Unproved(error.to_string()))?;
    let unasked = policy.unasked();
    let question = Question { policy: &policy.program, ruleset: found, unasked: &unasked, ways: &ways };
    let half = budget.left() / 2;
    match budget.share(half, |share| compare(&question, share)) {
        Ok(Answer::Alike) => Ok(None),
        Ok(Answer::Unlike(packet, at)) => Ok(Some((packet, at))),
        Err(BudgetExceeded) => Ok(pairwise::difference(policy, found, &ways, budget)?),
    }
}

/// Whether both differ on a packet too that the policy does not leave open.
fn is_other(
    policy: &Policy<'_>,
    lifted: &dyn Lifted,
    program: &Program,
    packet: &Packet,
    at: &Traversal,
) -> bool {
    let point = Region::point(packet);
    let open = |step: &Step| step.applies(at) && step.guard.intersect(&point).is_some();
    let unasked = policy.unasked();
    if unasked.iter().filter(|(hook, _)| *hook == at.hook).flat_map(|(_, steps)| steps).any(open) {
        return false;
    }
    let judged = pairwise::expected_else(policy, program, at, packet, &mut Budget::default());
    let Ok(Some(expected)) = judged else { return false };
    let found = lifted.decide(packet, at);
    (found.verdict, found.logged) != (expected.verdict, expected.log)
}

/// A packet on which both differ, judged again by the interpreter of the target's language.
fn explained(
    policy: &Policy<'_>,
    lifted: &dyn Lifted,
    program: &Program,
    packet: Packet,
    at: Traversal,
) -> Failure {
    let judged = pairwise::expected_else(policy, program, &at, &packet, &mut Budget::default());
    let (expected, rules) = match judged {
        Ok(Some(expected)) => (expected, policy.deciders(&at, &packet)),
        Ok(None) => return contradiction(&packet),
        Err(spent) => return spent.into(),
    };
    let found = lifted.decide(&packet, &at);
    if (found.verdict, found.logged) == (expected.verdict, expected.log) {
        return contradiction(&packet);
    }
    Failure::Different(Box::new(Difference { packet, at, expected, rules, found }))
}

fn contradiction(packet: &Packet) -> Failure {
    Failure::Unproved(format!(
        "two readings of the ruleset disagree about {packet:?}; this is a bug of palisade"
    ))
}
