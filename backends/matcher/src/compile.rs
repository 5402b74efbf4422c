//! From a plan to a matcher: keeps the rules that the NICs use and prepares each distinct chain once.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;

use palisade_ir::{Chain, Direction, InstanceId, InstancePlan, NicPlan, Plan, RuleId, RuleInfo};

use crate::indexed::IndexedChain;
use crate::later::{Chained, Wording};
use crate::layout::{Budget, Layout};
use crate::matcher::Matcher;
use crate::nic::{Guard, Nic, default_words};
use crate::prepared::{Numbered, Prepared};
use crate::wire::Pool;

/// An optimised plan does not have the instances and NICs of the plan it is said to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the optimised plan has other instances or NICs than the plan")]
pub struct PlansDiffer;

impl PlansDiffer {
    /// The stable name of the error.
    pub const fn code(&self) -> &'static str {
        "palisade::matcher::plans-differ"
    }
}

impl Matcher {
    /// A matcher for every instance of a plan.
    ///
    /// Explanations are as good as the plan's rules: give the plan as it was lowered, not an optimised one, to be told
    /// the very source rule that decides. [`Matcher::with_optimized`] takes both.
    pub fn new(plan: &Plan) -> Self {
        let mut compiler = Compiler::new(plan);
        for instance in &plan.instances {
            compiler.instance(instance);
        }
        compiler.finish()
    }

    /// As [`Matcher::new`], with one layout wherever it fits its limits and [`Layout::List`] elsewhere: for tests and
    /// benchmarks. [`Matcher::new`] chooses by cost.
    pub fn with_layout(plan: &Plan, layout: Layout) -> Self {
        let mut compiler = Compiler::new(plan);
        compiler.budget = Budget::forced(layout);
        for instance in &plan.instances {
            compiler.instance(instance);
        }
        compiler.finish()
    }

    /// A matcher for one instance, the only one whose NICs it manages; `None` when the plan has no such instance.
    pub fn for_instance(plan: &Plan, id: InstanceId) -> Option<Self> {
        let instance = plan.instances.get(id.0 as usize)?;
        let mut compiler = Compiler::new(plan);
        compiler.instance(instance);
        Some(compiler.finish())
    }

    /// A matcher that takes verdicts from an optimised plan and explanations from the plan it was made of.
    ///
    /// That both say the same of every packet is the optimiser's promise; it is not checked here.
    pub fn with_optimized(plan: &Plan, optimized: &Plan) -> Result<Self, PlansDiffer> {
        let nics = || plan.nics().zip(optimized.nics());
        let same = nics().all(|((at, instance, nic), (fast_at, fast_instance, fast))| {
            at == fast_at && instance.name == fast_instance.name && same_nic(nic, fast)
        });
        if !same || plan.nics().count() != optimized.nics().count() {
            return Err(PlansDiffer);
        }
        let mut compiler = Compiler::new(plan);
        for ((_, instance, nic), (_, _, fast)) in nics() {
            compiler.nic(instance, nic, fast);
        }
        Ok(compiler.finish())
    }
}

fn same_nic(nic: &NicPlan, fast: &NicPlan) -> bool {
    let NicPlan { interface, via, network, side, addresses, ingress: _, egress: _ } = nic;
    (interface, via, network, side, addresses)
        == (&fast.interface, &fast.via, &fast.network, &fast.side, &fast.addresses)
}

struct Compiler<'a> {
    plan: &'a Plan,
    pool: Pool<'a>,
    /// By the numbers of the pool.
    chains: BTreeMap<u32, Arc<Chain>>,
    prepared: Prepared,
    budget: Budget,
    rules: BTreeMap<RuleId, RuleInfo>,
    nics: Vec<Nic>,
}

impl<'a> Compiler<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            pool: Pool::default(),
            chains: BTreeMap::new(),
            prepared: Prepared::default(),
            budget: Budget::default(),
            rules: BTreeMap::new(),
            nics: Vec::new(),
        }
    }

    fn instance(&mut self, instance: &'a InstancePlan) {
        for nic in &instance.nics {
            self.nic(instance, nic, nic);
        }
    }

    /// Adds a NIC; `fast` is the same NIC in the plan that verdicts come from.
    fn nic(&mut self, instance: &'a InstancePlan, nic: &'a NicPlan, fast: &'a NicPlan) {
        let NicPlan { interface, via, network: _, side: _, addresses, ingress, egress } = nic;
        let ingress = self.guard(Direction::In, ingress, &fast.ingress);
        let egress = self.guard(Direction::Out, egress, &fast.egress);
        self.nics.push(Nic {
            instance: instance.name.clone(),
            interface: interface.clone(),
            via: via.clone(),
            addresses: addresses.clone(),
            ingress,
            egress,
        });
    }

    fn guard(&mut self, direction: Direction, plain: &'a Chain, fast: &'a Chain) -> Guard {
        let (plain, fast) = (self.chain(direction, plain), self.chain(direction, fast));
        let build = |chain, purpose| Ok(IndexedChain::new(chain, purpose, &mut self.budget));
        let Ok::<Guard, Infallible>(guard) = self.prepared.guard(fast, plain, build);
        guard
    }

    fn chain(&mut self, direction: Direction, chain: &'a Chain) -> Numbered {
        let number = self.pool.chain(chain);
        if let Some(known) = self.chains.get(&number) {
            return (Chained::Ready(Arc::clone(known)), number);
        }
        let sources = chain.rules().iter().flat_map(|rule| rule.origin.ids());
        for id in sources.copied().chain([chain.default_id()]) {
            let words = || self.plan.rule(id).unwrap_or(default_words(direction)).clone();
            self.rules.entry(id).or_insert_with(words);
        }
        let shared = Arc::new(chain.clone());
        self.chains.insert(number, Arc::clone(&shared));
        (Chained::Ready(shared), number)
    }

    fn finish(self) -> Matcher {
        Matcher::assemble(self.plan.session_timeout, Wording::Ready(self.rules.into()), self.nics)
    }
}
