//! `palisade diff`: exact against the reference evaluator, readable, and harmless.

mod bounded;
mod command;
mod exact;
mod shown;

use std::path::Path;

use palisade::diff::show::{Report, Side};
use palisade::diff::{Both, Difference, Outside, diff, outside};
use palisade::front::Front;
use palisade::lower::lower;
use palisade::source::{LoadOptions, Memory, load_from};
use palisade_ir::Plan;
use palisade_ir::decide::Budget;

/// A policy that was read, and its plan.
pub struct Read {
    pub front: Front,
    pub plan: Plan,
}

impl Read {
    /// The policy of some files, the first of them its root.
    pub fn files(files: &[(&str, String)]) -> Self {
        let memory =
            files.iter().fold(Memory::new(), |memory, (path, text)| memory.with(path, text.as_str()));
        let loaded = load_from(&memory, Path::new(files[0].0), &LoadOptions::default()).expect("a root file");
        let front = Front::from(loaded);
        let policy = front.policy.as_ref().unwrap_or_else(|| panic!("{:#?}", front.diagnostics));
        let plan = lower(policy);
        Self { front, plan }
    }

    pub fn text(text: &str) -> Self {
        Self::files(&[("policy.sg", text.to_owned())])
    }

    pub fn side(&self) -> Side<'_> {
        let policy = self.front.policy.as_ref().expect("a policy");
        Side { policy, sources: &self.front.sources, plan: &self.plan }
    }

    pub fn to(&self, new: &Self) -> Difference {
        diff(&self.plan, &new.plan, &mut Budget::default()).expect("few steps")
    }
}

/// What a way of printing makes of a change.
pub fn printed(print: fn(&Report<'_>) -> String, old: &Read, new: &Read, envelope: Option<&Read>) -> String {
    let difference = old.to(new);
    let outside: Option<Vec<Outside>> = envelope.map(|envelope| {
        let both = Both { old: &old.plan, new: &new.plan };
        outside(&difference, both, &envelope.plan, &mut Budget::default()).expect("few steps")
    });
    let within = envelope.map(Read::side).zip(outside.as_deref());
    let (old, new) = (old.side(), new.side());
    print(&Report { old, new, difference: &difference, within, generated: None, all: false })
}
