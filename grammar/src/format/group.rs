//! Groups and their rules.

use super::layout::{Laid, block};
use super::value::{description, direction, end, group_kind, protocol, side, verdict};
use crate::ast::{Group, GroupBase, GroupItem, GroupItemKind, Rule, RuleSection};

pub(super) fn group(statement: &Group) -> String {
    let Group { name, base, description: text, items, dangling } = statement;
    let base = match base {
        GroupBase::Custom => String::new(),
        GroupBase::Clone(name) => format!(" clone {}", name.value),
        GroupBase::Default { web: false, span: _ } => " default".to_owned(),
        GroupBase::Default { web: true, span: _ } => " default with web".to_owned(),
    };
    let head = format!("group {}{base}{}", name.value, description(text.as_ref()));
    block(&head, 0, items.iter().map(item).collect(), dangling)
}

fn item(line: &GroupItem) -> Laid<'_> {
    let GroupItem { kind, span: _, trivia } = line;
    let text = match kind {
        GroupItemKind::Kind(kind) => format!("kind {}", group_kind(kind)),
        GroupItemKind::Network(name) => format!("network {}", name.value),
        GroupItemKind::Inner(policy) => format!("inner {}", verdict(policy)),
        GroupItemKind::Remove { direction: way, label } => {
            format!("remove {} {}", direction(way), label.value)
        }
        GroupItemKind::Section(statement) => section(statement),
    };
    Laid { trivia, hoisted: Vec::new(), text }
}

fn section(statement: &RuleSection) -> String {
    let RuleSection { direction: way, side: which, rules, dangling } = statement;
    let head = format!("{}{}", direction(way), side(which.as_ref()));
    block(&head, 1, rules.iter().map(rule).collect(), dangling)
}

/// A rule takes one line, always.
fn rule(statement: &Rule) -> Laid<'_> {
    let Rule {
        priority,
        verdict: outcome,
        protocol: name,
        from,
        to,
        label,
        log,
        description: text,
        span: _,
        trivia,
    } = statement;
    let mut hoisted = Vec::new();
    let mut out = format!("{} {} {}", priority.value, verdict(outcome), protocol(&name.value));
    for (word, given) in [("from", from), ("to", to)] {
        if let Some(given) = given {
            out.push(' ');
            out.push_str(&end(word, given, &mut hoisted));
        }
    }
    if let Some(label) = label {
        out.push_str(" as ");
        out.push_str(&label.value);
    }
    if log.is_some() {
        out.push_str(" log");
    }
    out.push_str(&description(text.as_ref()));
    Laid { trivia, hoisted, text: out }
}
