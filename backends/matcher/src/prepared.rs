//! Chains with their structures, each built or read once however many NICs share it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::indexed::IndexedChain;
use crate::later::Chained;
use crate::layout::Purpose;
use crate::nic::Guard;

/// A chain and the number that equal chains share.
pub(crate) type Numbered = (Chained, u32);

/// What the chains of a guard are asked for: verdicts come from one, explanations from another or from the same.
pub(crate) fn purposes(decide: u32, plain: u32) -> [Purpose; 2] {
    if decide == plain { [Purpose::Both; 2] } else { [Purpose::Outcomes, Purpose::Rules] }
}

/// The structures so far.
#[derive(Default)]
pub(crate) struct Prepared {
    ready: BTreeMap<(u32, Purpose), Arc<IndexedChain>>,
}

impl Prepared {
    /// A guard; `make` is asked for chains that no guard before had, in the order in which guards are written.
    pub(crate) fn guard<E>(
        &mut self,
        decide: Numbered,
        plain: Numbered,
        mut make: impl FnMut(Chained, Purpose) -> Result<IndexedChain, E>,
    ) -> Result<Guard, E> {
        let [outcomes, rules] = purposes(decide.1, plain.1);
        let mut chain = |(chain, number): Numbered, purpose| {
            if let Some(known) = self.ready.get(&(number, purpose)) {
                return Ok(Arc::clone(known));
            }
            let indexed = Arc::new(make(chain, purpose)?);
            self.ready.insert((number, purpose), Arc::clone(&indexed));
            Ok(indexed)
        };
        Ok(Guard { decide: chain(decide, outcomes)?, plain: chain(plain, rules)? })
    }
}
