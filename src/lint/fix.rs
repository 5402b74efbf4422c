//! Rules that can go, and texts without them.
//!
//! A rule can go when its own group covers it, whoever else its members meet: what only the rules of another group
//! cover may matter to the next member. A `log` that would be lost from the text keeps its line, and so does what
//! contradicts the rules that cover it: there the author decides. This module knows nothing of files.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_grammar::{Span, ast};
use palisade_ir::decide::{Budget, BudgetExceeded};
use palisade_ir::{Chain, RuleId, Tier};

use super::chains::{self, Standing};
use super::fate::{Fate, judge_standing};
use crate::diagnostic::{Diagnostic, FileId, Location};
use crate::diff;
use crate::lower::lower;
use crate::policy::{Policy, Rule};
use crate::resolve::DUPLICATE_RULE;

/// Places of rules that can go, in the order of the files. Whoever takes them out asks [`same_meaning`] afterwards: a
/// clone may still need its base's line.
pub fn removable(
    policy: &Policy,
    files: &[(FileId, ast::File)],
    diagnostics: &[Diagnostic],
    budget: &mut Budget,
) -> Vec<Location> {
    let logs = logs(files);
    let rules: Vec<&Rule> = policy.groups.iter().flat_map(|group| &group.rules).collect();
    let standings: Vec<Standing<'_>> = chains::alone(policy);
    let fates = judge_standing(rules.len(), &standings, budget);
    // A line counts once for its group and once for each clone: all must do without it.
    let mut lines: BTreeMap<(FileId, usize), (Location, bool)> = BTreeMap::new();
    for (rule, fate) in rules.iter().zip(&fates) {
        let line = lines.entry((rule.at.file, rule.at.span.start)).or_insert((rule.at, true));
        line.1 &= is_needless(rule, fate, &rules);
    }
    for found in diagnostics.iter().filter(|found| found.code == DUPLICATE_RULE) {
        let [again, first, ..] = found.labels.as_slice() else { continue };
        let logs = |at: Location| logs.get(&(at.file, at.span.start)).copied().unwrap_or_default();
        if !logs(again.at) || logs(first.at) {
            lines.entry((again.at.file, again.at.span.start)).or_insert((again.at, true));
        }
    }
    let written = |at: &Location| logs.contains_key(&(at.file, at.span.start));
    lines.into_values().filter(|(at, needless)| *needless && written(at)).map(|(at, _)| at).collect()
}

fn is_needless(rule: &Rule, fate: &Fate, rules: &[&Rule]) -> bool {
    match fate {
        Fate::Covered(_) => true,
        Fate::Dead(deciders) => {
            let same = |id: &RuleId| rules.get(id.0 as usize).is_some_and(|by| by.log || !rule.log);
            !deciders.incomplete
                && deciders
                    .rules
                    .iter()
                    .all(|(id, by)| by.rank.tier == Tier::User && by.rank.verdict == rule.verdict && same(id))
        }
        Fate::Live | Fate::Absent | Fate::Undecided => false,
    }
}

/// Whether each rule as written says `log`, by file and first byte.
fn logs(files: &[(FileId, ast::File)]) -> BTreeMap<(FileId, usize), bool> {
    let mut logs = BTreeMap::new();
    for (id, file) in files {
        for item in &file.items {
            let ast::ItemKind::Group(group) = &item.kind else { continue };
            for item in &group.items {
                let ast::GroupItemKind::Section(section) = &item.kind else { continue };
                let rules = section.rules.iter();
                logs.extend(rules.map(|rule| ((*id, rule.span.start), rule.log.is_some())));
            }
        }
    }
    logs
}

/// Whether two policies mean the same: for every NIC, and for every group alone, so that the next member finds what
/// the last one did.
pub fn same_meaning(old: &Policy, new: &Policy, budget: &mut Budget) -> Result<bool, BudgetExceeded> {
    let names = |policy: &Policy| policy.groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>();
    if names(old) != names(new) {
        return Ok(false);
    }
    match diff::diff(&lower(old), &lower(new), budget) {
        Err(diff::Unknown { packet: None, .. }) => return Err(BudgetExceeded),
        Err(diff::Unknown { packet: Some(_), .. }) => return Ok(false),
        Ok(difference) if !difference.is_empty() => return Ok(false),
        Ok(_) => {}
    }
    let (before, after) = (chains::alone(old), chains::alone(new));
    for (old, new) in before.iter().zip(&after) {
        let (old, new): (&Arc<Chain>, &Arc<Chain>) = (&old.chain, &new.chain);
        if !diff::alike(old, new, budget)? {
            return Ok(false);
        }
    }
    Ok(before.len() == after.len())
}

/// A text without some of its rules: their lines go, the comments that stand in them stay. `None` when a rule does not
/// have its lines to itself.
pub fn without(text: &str, rules: &[Span]) -> Option<String> {
    let mut spans = rules.to_vec();
    spans.sort_unstable_by_key(|span| span.start);
    let (mut out, mut kept) = (String::new(), 0);
    for span in spans {
        let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let end = text.get(span.end..)?.find('\n').map_or(text.len(), |at| span.end + at + 1);
        let indent = text.get(start..span.start)?;
        let behind = text.get(span.end..end)?.trim();
        if !indent.trim().is_empty() || !(behind.is_empty() || behind.starts_with('#')) {
            return None;
        }
        out.push_str(text.get(kept..start)?);
        for comment in text.get(start..end)?.lines().filter_map(comment) {
            out.push_str(&format!("{indent}{}\n", comment.trim_end()));
        }
        kept = end;
    }
    out.push_str(text.get(kept..)?);
    // What was laid out by the formatter stays so; other layouts are their authors' business.
    if palisade_grammar::format(text).is_ok_and(|formatted| formatted == text) {
        return palisade_grammar::format(&out).ok();
    }
    Some(out)
}

/// The comment of a line: from the first `#` outside of a string.
fn comment(line: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted => return line.get(at..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_begin_outside_of_strings() {
        for (line, found) in [
            ("  10 allow \"a # b\" # c", Some("# c")),
            ("10 allow \"a \\\" # b\"", None),
            ("# all", Some("# all")),
            ("10 allow", None),
        ] {
            assert_eq!(comment(line), found, "{line}");
        }
    }

    #[test]
    fn only_whole_lines_go() {
        let text = "a\n  b # why\nc";
        assert_eq!(without(text, &[Span::new(4, 5)]).as_deref(), Some("a\n  # why\nc"));
        assert_eq!(without(text, &[Span::new(12, 13)]).as_deref(), Some("a\n  b # why\n"));
        assert_eq!(without("a b\n", &[Span::new(2, 3)]), None);
        assert_eq!(without("a b\n", &[Span::new(0, 1)]), None);
    }
}
