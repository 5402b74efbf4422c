//! Lints: what a policy says without error and hardly means, or does not protect as it seems to.
//!
//! Whether a rule ever decides a packet is answered exactly, for all packets, in every chain the rule stands in; where
//! the step budget does not suffice, that is said. This module judges the resolved policy and its chains and knows
//! nothing of files, arguments and how findings are printed.

mod catalogue;
mod chains;
mod dead;
mod deciders;
mod exposure;
mod families;
mod fate;
mod fix;
mod ground;
mod habits;
mod inner;
mod levels;
mod members;
mod quota;
mod unused;

pub use catalogue::{LINTS, Lint};
pub use deciders::{Decider, Deciders};
pub use exposure::Exposure;
pub use fate::{Fate, Judgement, judge};
pub use fix::{removable, same_meaning, without};
pub use levels::{Level, Levels, UnknownLint};

use palisade_ir::decide::Budget;
use palisade_ir::{Plan, RuleId};

use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::policy::{Group, Policy, Rule};

/// Work allowed for all exact questions together, in steps of the decision structure: a second or two at most.
const STEPS: u64 = 100_000_000;
/// The same for each rule of large policies; the questions about one are mostly answered with a tenth.
const STEPS_A_RULE: u64 = 20_000;

/// How many places one finding points at.
const MOST_LABELS: usize = 8;

/// Everything the lints of these levels find in a policy and its plan, in the order of the files.
pub fn lint(policy: &Policy, plan: &Plan, levels: &Levels) -> Vec<Diagnostic> {
    let rules: usize = policy.groups.iter().map(|group| group.rules.len()).sum();
    lint_within(policy, plan, levels, &mut Budget::new(STEPS.max(STEPS_A_RULE * rules as u64)))
}

/// The same with a budget of one's own.
pub fn lint_within(policy: &Policy, plan: &Plan, levels: &Levels, budget: &mut Budget) -> Vec<Diagnostic> {
    let subject = Subject { policy, plan };
    let judgement = judge(policy, plan, levels.of(&catalogue::DEFAULT_ANYWAY) != Level::Allow, budget);
    let families: [fn(&Subject<'_>, &Judgement) -> Vec<Diagnostic>; 8] = [
        dead::find,
        exposure::find,
        families::find,
        habits::find,
        inner::find,
        members::find,
        quota::find,
        unused::find,
    ];
    let found = families.iter().flat_map(|family| family(&subject, &judgement));
    let mut found: Vec<Diagnostic> = found.filter_map(|found| levelled(found, levels)).collect();
    // A clone shares lines with its base: what is wrong with a line is said once.
    found.sort_by_key(place);
    found.dedup_by_key(|found| place(found));
    found
}

fn place(found: &Diagnostic) -> (Option<(crate::diagnostic::FileId, palisade_grammar::Span)>, &'static str) {
    (found.labels.first().map(|label| (label.at.file, label.at.span)), found.code)
}

fn levelled(found: Diagnostic, levels: &Levels) -> Option<Diagnostic> {
    let level = LINTS.iter().find(|lint| lint.code == found.code).map(|lint| levels.of(lint))?;
    match level {
        Level::Allow => None,
        Level::Warn => Some(found),
        Level::Deny => Some(Diagnostic { severity: Severity::Error, ..found }),
    }
}

/// What is judged.
struct Subject<'a> {
    policy: &'a Policy,
    plan: &'a Plan,
}

impl<'a> Subject<'a> {
    /// Every rule that an author wrote, with its group and id. Default groups come as they are.
    fn rules(&self) -> impl Iterator<Item = (RuleId, &'a Group, &'a Rule)> {
        let all =
            self.policy.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
        let numbered = all.enumerate().map(|(id, (group, rule))| (RuleId(id as u32), group, rule));
        numbered.filter(|(_, group, _)| !group.is_default)
    }

    /// Where a rule stands; for inner access the name of its group.
    fn place(&self, id: RuleId) -> Option<Location> {
        let rules: usize = self.policy.groups.iter().map(|group| group.rules.len()).sum();
        match (id.0 as usize).checked_sub(rules) {
            None => crate::lower::rule_location(self.policy, id),
            Some(group) => self.policy.groups.get(group).map(|group| group.at),
        }
    }

    /// The words of a rule, such as `web in 10`.
    fn words(&self, id: RuleId) -> String {
        self.plan.rule(id).map(ToString::to_string).unwrap_or_default()
    }
}
