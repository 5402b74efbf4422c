//! Groups: attributes, removals and sections of rules.

use super::{Direction, Name, Rule, Side, Span, Spanned, Text, Trivia, Verdict};

/// `group web clone base "..." { ... }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Where its content starts from.
    pub base: GroupBase,
    /// Its description.
    pub description: Option<Text>,
    /// The lines of its block.
    pub items: Vec<GroupItem>,
    /// Comments before the closing brace.
    pub dangling: Vec<String>,
}

/// Where a group's content starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBase {
    /// From nothing.
    Custom,
    /// `clone NAME`
    Clone(Name),
    /// `default` or `default with web`; the span covers the words.
    Default {
        /// Whether the two web rules are asked for.
        web: bool,
        /// Place of the words.
        span: Span,
    },
}

/// One line or section of a group's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupItem {
    /// What it says.
    pub kind: GroupItemKind,
    /// Its place.
    pub span: Span,
    /// Comments around it.
    pub trivia: Trivia,
}

/// The kinds of group line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupItemKind {
    /// `kind basic|enterprise`
    Kind(Spanned<GroupKind>),
    /// `network NAME`
    Network(Name),
    /// `inner allow|deny`
    Inner(Spanned<Verdict>),
    /// `remove in LABEL`
    Remove {
        /// The direction of the rule.
        direction: Spanned<Direction>,
        /// Its label.
        label: Name,
    },
    /// `in { ... }`
    Section(RuleSection),
}

/// Kinds of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Members may reach each other; peers by group.
    Basic,
    /// Always isolated, denied both ways by default.
    Enterprise,
}

/// `in public { rules }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSection {
    /// The direction.
    pub direction: Spanned<Direction>,
    /// The side, if written.
    pub side: Option<Spanned<Side>>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// Comments before the closing brace.
    pub dangling: Vec<String>,
}
