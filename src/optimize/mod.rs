//! Optimising: fewer rules that give every packet the same verdict and the same log.
//!
//! Each pass is a function from chain to chain. All are exact for every packet, never make a chain longer, do nothing
//! when repeated, and keep the origins of rules. This module knows no target and no policy text.

mod covered;
mod duplicates;
mod merge;
mod redundant;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use palisade_ir::decide::{Budget, RuleBits};
use palisade_ir::{Chain, InstancePlan, NicPlan, Plan};

pub use covered::covered;
pub use duplicates::duplicates;
pub use merge::merge;
pub use redundant::redundant;

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
    /// Rules that went up into another.
    pub merged: usize,
    /// Rules kept because the budget did not suffice to prove them covered or not.
    pub unproved: usize,
}

impl Report {
    fn add(&mut self, other: &Self) {
        let Self { before, after, duplicates, covered, merged, unproved } = other;
        self.before += before;
        self.after += after;
        self.duplicates += duplicates;
        self.covered += covered;
        self.merged += merged;
        self.unproved += unproved;
    }
}

/// What a pass leaves of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The chain.
    pub chain: Chain,
    /// Rules kept because the budget did not suffice to decide about them.
    pub unproved: usize,
}

/// All passes that keep a chain readable, until none finds anything: [`duplicates`], [`covered`] and [`merge`], not
/// [`redundant`]. Rules about which the budget does not suffice to decide are kept.
pub fn optimize(chain: &Chain, budget: &mut Budget) -> (Chain, Report) {
    let mut report = Report { before: chain.rules().len(), ..Report::default() };
    let mut chain = duplicates(chain);
    report.duplicates = report.before - chain.rules().len();
    loop {
        let before = chain.rules().len();
        let Passed { chain: live, unproved } = covered(&chain, budget);
        let merged = merge(&live);
        report.covered += before - live.rules().len();
        report.merged += live.rules().len() - merged.rules().len();
        report.unproved = unproved;
        // Merging may cover rules that no union covered before, and what is gone no longer stands between others.
        let done = merged.rules().len() == live.rules().len();
        chain = merged;
        if done {
            report.after = chain.rules().len();
            return (chain, report);
        }
    }
}

/// Optimises every chain of a plan, shared chains once. Names, sets and rule ids stay as they are.
pub fn optimize_plan(plan: &Plan) -> (Plan, Report) {
    let Plan { session_timeout, networks, sets, rules, instances } = plan;
    let mut chains = Chains::default();
    let instances = instances.iter().map(|instance| {
        let InstancePlan { name, description, nics } = instance;
        let nics = nics.iter().map(|nic| chains.nic(nic)).collect();
        InstancePlan { name: name.clone(), description: description.clone(), nics }
    });
    let instances = instances.collect();
    let (networks, sets, rules) = (networks.clone(), sets.clone(), rules.clone());
    (Plan { session_timeout: *session_timeout, networks, sets, rules, instances }, chains.report)
}

/// The chains optimised so far, by where they are: lowering shares chains of the same groups, and comparing what is
/// not shared would cost more than it saves.
#[derive(Default)]
struct Chains {
    done: HashMap<*const Chain, Arc<Chain>>,
    report: Report,
}

impl Chains {
    fn nic(&mut self, nic: &NicPlan) -> NicPlan {
        let NicPlan { interface, via, network, side, addresses, ingress, egress } = nic;
        NicPlan {
            interface: interface.clone(),
            via: via.clone(),
            network: *network,
            side: *side,
            addresses: addresses.clone(),
            ingress: self.chain(ingress),
            egress: self.chain(egress),
        }
    }

    fn chain(&mut self, chain: &Arc<Chain>) -> Arc<Chain> {
        if let Some(optimized) = self.done.get(&Arc::as_ptr(chain)) {
            return Arc::clone(optimized);
        }
        let (optimized, report) = optimize(chain, &mut Budget::default());
        self.report.add(&report);
        let optimized = Arc::new(optimized);
        self.done.insert(Arc::as_ptr(chain), Arc::clone(&optimized));
        optimized
    }
}

/// The rules of a chain that are marked.
fn marked(chain: &Chain, marks: &RuleBits) -> Chain {
    let rules = chain.rules().iter().zip(marks.iter().by_vals()).filter(|(_, mark)| *mark);
    let rules = rules.map(|(rule, _)| rule.clone()).collect();
    Chain::from_ordered(rules, chain.default(), chain.default_id())
}
