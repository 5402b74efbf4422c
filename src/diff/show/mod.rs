//! A difference for readers: text for people, Markdown for pull requests, JSON for programs.
//!
//! Text and Markdown print one `Sheet`, which says what there is to say line by line and leaves the rest out; JSON has
//! everything.

mod json;
mod markdown;
mod sheet;
mod text;

use palisade_ir::decide::Decider;
use palisade_ir::{Plan, RuleInfo};

use super::{Difference, Outside};
use crate::diagnostic::Sources;
use crate::lower::rule_location;
use crate::policy::{InnerScope, Policy};

pub use json::{json, unknown_json};
pub use markdown::markdown;
use sheet::Sheet;
pub use text::{outside_text, text};

/// A policy with what is needed to name its rules.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Its texts.
    pub sources: &'a Sources,
    /// Its plan.
    pub plan: &'a Plan,
}

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The policy before.
    pub old: Side<'a>,
    /// The policy now.
    pub new: Side<'a>,
    /// How they differ.
    pub difference: &'a Difference,
    /// The envelope and what is newly allowed outside it, where one is asked for.
    pub within: Option<(Side<'a>, &'a [Outside])>,
    /// How generated files change, where that is asked for.
    pub generated: Option<&'a [FileChange]>,
    /// Whether text and Markdown hold every region.
    pub all: bool,
}

/// How a generated file changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its name.
    pub name: String,
    /// A unified diff, as its lines are.
    pub diff: String,
}

/// A rule by its words and its place.
struct Named<'a> {
    words: String,
    place: Option<(&'a str, usize)>,
}

impl<'a> Side<'a> {
    fn name(&self, decider: Decider) -> Named<'a> {
        let words = self.plan.rule(decider.id).map(RuleInfo::to_string).unwrap_or_default();
        let at = rule_location(self.policy, decider.id);
        let place = at.and_then(|at| self.sources.position(at)).map(|(path, line, _)| (path, line));
        Named { words, place }
    }
}

impl Report<'_> {
    /// The word for the scope of inner access before and now, where it changed.
    fn inner_scope(&self) -> Option<(&'static str, &'static str)> {
        let word = |scope| match scope {
            InnerScope::Ingress => "ingress",
            InnerScope::Both => "both",
        };
        let (old, new) = (self.old.policy.inner_scope, self.new.policy.inner_scope);
        (old != new).then(|| (word(old), word(new)))
    }

    /// The last word: what kind of change it is, or that there is none.
    fn verdict(&self) -> String {
        let compared = self.difference.compared;
        let chains = format!("{compared} {}", if compared == 1 { "chain" } else { "chains" });
        let what = match (self.difference.widens(), self.difference.narrows()) {
            _ if self.difference.is_empty() => {
                return format!("no change in meaning: proved for all packets of {chains}");
            }
            (true, true) => "wider and narrower",
            (true, false) => "wider",
            (false, true) => "narrower",
            (false, false) => "as wide as before, logged otherwise",
        };
        format!("the new policy is {what}: exact for all packets of {chains}")
    }
}
