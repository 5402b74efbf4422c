//! Optimising: fewer rules that give every packet the same verdict and the same log.
//!
//! Each pass is a function from chain to chain. All are exact for every packet, never make a chain longer, do nothing
//! when repeated, and keep the origins of rules. This module knows no target and no policy text.

mod covered;
mod duplicates;
mod likeness;
mod merge;
mod redundant;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use palisade_ir::decide::{Budget, RuleBits};
use palisade_ir::{Chain, InstancePlan, NicPlan, Plan, Rule, Style};

pub use covered::covered;
pub use duplicates::duplicates;
pub use merge::merge;
pub use redundant::redundant;

/// Chains of more rules are long: packets that pass them one by one need tens of thousands of nanoseconds.
const LONG: usize = 1_000;

/// How many rules each pass took out. Of a plan, a chain that NICs share counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rules before.
    pub before: usize,
    /// Rules after.
    pub after: usize,
    /// Rules that a stronger one repeats.
    pub duplicates: usize,
    /// Rules that stronger ones cover.
    pub covered: usize,
    /// Rules that went into another.
    pub merged: usize,
    /// Rules that said what the rules below say anyway.
    pub redundant: usize,
    /// Questions about one rule that the budget did not suffice to answer: the rule stayed as it was.
    pub undecided: usize,
    /// The steps that all questions took.
    pub steps: u64,
}

impl Report {
    /// Adds the numbers of another chain.
    pub fn add(&mut self, other: &Self) {
        let Self { before, after, duplicates, covered, merged, redundant, undecided, steps } = other;
        self.before += before;
        self.after += after;
        self.duplicates += duplicates;
        self.covered += covered;
        self.merged += merged;
        self.redundant += redundant;
        self.undecided += undecided;
        self.steps += steps;
    }
}

/// What a pass leaves of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The chain.
    pub chain: Chain,
    /// Questions that the budget did not suffice to answer: what they asked about stayed as it was.
    pub undecided: usize,
}

/// The steps that optimising a chain may take: 200 million and 2,000 for each rule.
pub fn budget(chain: &Chain) -> Budget {
    Budget::new(200_000_000 + 2_000 * chain.rules().len() as u64)
}

/// All passes until none finds anything: [`duplicates`] and [`covered`], then [`merge`], [`redundant`] and [`covered`]
/// again in turn. Rules about which the budget does not suffice to decide are kept.
pub fn optimize(chain: &Chain, budget: &mut Budget) -> (Chain, Report) {
    let (chain, report) = live(chain, budget);
    join(chain, report, budget)
}

/// The passes that follow the first two.
fn join(apart: Chain, mut report: Report, budget: &mut Budget) -> (Chain, Report) {
    let given = budget.left();
    let mut chain = apart.clone();
    let mut left = chain.rules().len();
    loop {
        let before = left;
        let merged = merge(chain, budget);
        let needed = redundant(&merged.chain, budget);
        let open = merged.undecided + needed.undecided;
        count(&merged.chain, &mut left, &mut report.merged);
        count(&needed.chain, &mut left, &mut report.redundant);
        if left == before {
            report.after = left;
            report.undecided += open;
            report.steps += given - budget.left();
            return (needed.chain.joined_from(apart), report);
        }
        // A rule that moved up may cover others, and what is gone no longer stands between any.
        let passed = covered(&needed.chain, budget);
        count(&passed.chain, &mut left, &mut report.covered);
        report.undecided = passed.undecided;
        chain = passed.chain;
    }
}

/// Counts the rules that a pass took out of those that were left.
fn count(passed: &Chain, left: &mut usize, found: &mut usize) {
    *found += *left - passed.rules().len();
    *left = passed.rules().len();
}

/// The first two passes together: few rules of a large chain outlive them, and no others are ever copied.
fn live(chain: &Chain, budget: &mut Budget) -> (Chain, Report) {
    let given = budget.left();
    let before = chain.rules().len();
    let mut live = RuleBits::repeat(true, before);
    let same = duplicates::unmark(chain.rules(), &mut live);
    let different = live.count_ones();
    let undecided = covered::unmark(chain.rules(), &mut live, budget);
    let passed = duplicates::with_origins(chain, &live, &same);
    let (duplicates, covered) = (before - different, different - passed.rules().len());
    let (after, steps) = (passed.rules().len(), given - budget.left());
    (passed, Report { before, after, duplicates, covered, undecided, steps, ..Report::default() })
}

/// Optimises every chain of a plan, shared chains once. Names, sets and rule ids stay as they are.
pub fn optimize_plan(plan: &Plan) -> (Plan, Report) {
    optimized(plan.clone(), Joining::AtOnce)
}

/// When rules are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// For all chains.
    AtOnce,
    /// For a chain that stays long when somebody asks for it, by [`Chain::joined`]: who takes rules apart again and only
    /// would write joined ones where they are few hardly ever does.
    WhenAsked,
}

/// What a backend is given: the optimised plan; the plan as it is written where every rule is to have its line, so that
/// no edit moves the lines of others.
pub fn for_layout(plan: Plan, layout: Style, joining: Joining) -> Plan {
    match layout {
        Style::Auto | Style::Maps | Style::Tree => optimized(plan, joining).0,
        Style::Rules => plan,
    }
}

fn optimized(mut plan: Plan, joining: Joining) -> (Plan, Report) {
    let Plan { session_timeout: _, networks: _, sets: _, services: _, rules: _, instances } = &mut plan;
    let mut chains = Chains { joining, done: HashMap::new(), report: Report::default() };
    for InstancePlan { name: _, description: _, nics } in instances {
        for nic in nics {
            let NicPlan { interface: _, via: _, network: _, side: _, addresses: _, ingress, egress } = nic;
            *ingress = chains.chain(ingress);
            *egress = chains.chain(egress);
        }
    }
    (plan, chains.report)
}

/// The chains optimised so far, by where they are: lowering shares chains of the same groups, and comparing what is
/// not shared would cost more than it saves. All sources are there from the start, so none of them can come to lie
/// where one was that is gone.
struct Chains {
    joining: Joining,
    done: HashMap<*const Chain, Arc<Chain>>,
    report: Report,
}

impl Chains {
    fn chain(&mut self, chain: &Arc<Chain>) -> Arc<Chain> {
        if let Some(optimized) = self.done.get(&Arc::as_ptr(chain)) {
            return Arc::clone(optimized);
        }
        let mut budget = budget(chain);
        let (live, report) = live(chain, &mut budget);
        let (optimized, report) = match self.joining {
            Joining::WhenAsked if stays_long(live.rules()) => (live.joined_later(joined), report),
            Joining::AtOnce | Joining::WhenAsked => join(live, report, &mut budget),
        };
        self.report.add(&report);
        let optimized = Arc::new(optimized);
        self.done.insert(Arc::as_ptr(chain), Arc::clone(&optimized));
        optimized
    }
}

/// Whether many rules differ from each other one in two fields or more. Nothing joins with them at first, and hardly
/// anything later.
fn stays_long(rules: &[Rule]) -> bool {
    rules.len() > LONG && merge::alone(rules) > LONG
}

fn joined(live: &Chain) -> Chain {
    join(live.clone(), Report::default(), &mut budget(live)).0
}

/// The rules of a chain that are marked.
fn kept(chain: &Chain, marks: &RuleBits) -> Chain {
    let mut rules = Vec::with_capacity(marks.count_ones());
    rules.extend(marks.iter_ones().filter_map(|place| chain.rules().get(place)).cloned());
    Chain::from_ordered(rules, chain.default(), chain.default_id())
}
