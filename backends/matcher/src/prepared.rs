//! Chains with their structures, each built once however many NICs share it.

use std::collections::HashMap;
use std::sync::Arc;

use palisade_ir::Chain;

use crate::indexed::IndexedChain;
use crate::layout::{Budget, Purpose};
use crate::nic::Guard;

/// A chain and the number that equal chains share.
pub(crate) type Numbered = (Arc<Chain>, u32);

/// The structures built so far, and what others may still cost.
#[derive(Default)]
pub(crate) struct Prepared {
    ready: HashMap<(u32, Purpose), Arc<IndexedChain>>,
    pub(crate) budget: Budget,
}

impl Prepared {
    /// A guard whose verdicts come from one chain and whose explanations come from another, or from the same.
    pub(crate) fn guard(&mut self, decide: Numbered, plain: Numbered) -> Guard {
        if decide.1 == plain.1 {
            let both = self.chain(decide, Purpose::Both);
            return Guard { decide: Arc::clone(&both), plain: both };
        }
        Guard { decide: self.chain(decide, Purpose::Outcomes), plain: self.chain(plain, Purpose::Rules) }
    }

    fn chain(&mut self, (chain, number): Numbered, purpose: Purpose) -> Arc<IndexedChain> {
        let build = || Arc::new(IndexedChain::new(chain, purpose, &mut self.budget));
        Arc::clone(self.ready.entry((number, purpose)).or_insert_with(build))
    }
}
