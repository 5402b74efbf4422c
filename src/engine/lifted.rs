//! The emitted host files as judge: sender's output, then receiver's input, as the kernel would read them.

use std::collections::BTreeMap;

use palisade_ir::{
    InstanceId, Lifted, LiftedDecision, NicRef, Options, Packet, Placement, Plan, Style, Traversal,
};

use super::{Answer, EndAnswer, Ends, EngineError};
use crate::optimize::for_layout;
use crate::targets::Target;

/// The rulesets of the instances asked for so far, read back from their emitted text.
pub(super) struct Hosts {
    plan: Plan,
    target: Target,
    ipset: bool,
    layout: Style,
    lifted: BTreeMap<InstanceId, Box<dyn Lifted>>,
}

impl Hosts {
    pub(super) fn new(plan: &Plan, target: Target, ipset: bool, layout: Style) -> Self {
        Self {
            plan: for_layout(plan.clone(), layout, target.joining()),
            target,
            ipset,
            layout,
            lifted: BTreeMap::new(),
        }
    }

    pub(super) fn decide(&mut self, packet: &Packet, ends: Ends) -> Result<Answer, EngineError> {
        let egress = match ends.sender {
            Some(at) => Some(self.end(packet, at, Traversal::output)?),
            None => None,
        };
        let ingress = match ends.receiver {
            Some(at) => Some(self.end(packet, at, Traversal::input)?),
            None => None,
        };
        Ok(Answer::of(egress.flatten(), ingress.flatten()))
    }

    fn end(
        &mut self,
        packet: &Packet,
        at: NicRef,
        hook: fn(palisade_ir::Ifname) -> Traversal,
    ) -> Result<Option<EndAnswer>, EngineError> {
        let Some(nic) = self.plan.nic(at) else { return Ok(None) };
        let traversal = hook(nic.interface.clone());
        let lifted = self.host(at.instance)?;
        let LiftedDecision { verdict, logged, line: _, comment } = lifted.decide(packet, &traversal);
        Ok(Some(EndAnswer { verdict, rule: rule_words(comment), logged }))
    }

    /// The ruleset of an instance without the prelude, which stands outside the policy.
    fn host(&mut self, instance: InstanceId) -> Result<&dyn Lifted, EngineError> {
        let lifted = match self.lifted.entry(instance) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let mut options = Options::at(Placement::Host(instance));
                options.prelude.clear();
                options.ipset = self.ipset;
                options.layout = self.layout;
                let backend = self.target.backend();
                let artifact = backend.emit(&self.plan, &options)?;
                entry.insert(backend.lift(&artifact)?)
            }
        };
        Ok(&**lifted)
    }
}

/// A comment is the words of its rule, then a colon and the description.
fn rule_words(comment: Option<String>) -> String {
    let comment = comment.unwrap_or_default();
    comment.split_once(": ").map_or(comment.as_str(), |(words, _)| words).to_owned()
}
