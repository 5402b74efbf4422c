//! What a team may agree on: denies in lists of allows, public beside internal services, descriptions.

use palisade_ir::{Direction, Verdict};

use super::catalogue::{self, Lint};
use super::fate::Judgement;
use super::{MOST_LABELS, Subject};
use crate::diagnostic::Diagnostic;
use crate::policy::{End, Group, Rule};

pub(super) fn find(subject: &Subject<'_>, _: &Judgement) -> Vec<Diagnostic> {
    let written = subject.policy.groups.iter().filter(|group| !group.is_default);
    written.flat_map(|group| [denies(group), audiences(group), descriptions(group)]).flatten().collect()
}

fn inbound(group: &Group, verdict: Verdict) -> Vec<&Rule> {
    let wanted = |rule: &&Rule| rule.direction == Direction::In && rule.verdict == verdict;
    group.rules.iter().filter(wanted).collect()
}

fn denies(group: &Group) -> Option<Diagnostic> {
    let denies = inbound(group, Verdict::Deny);
    if inbound(group, Verdict::Allow).is_empty() {
        return None;
    }
    let message = format!("group `{}` both allows and denies inbound traffic", group.name);
    at_all(&catalogue::DENY_IN_WHITELIST, message, &denies, "denied by default without this")
        .map(|found| found.help("narrow the allows instead, so that the order of priorities does not matter"))
}

fn audiences(group: &Group) -> Option<Diagnostic> {
    let is_public = |rule: &&&Rule| matches!(rule.source, End::Any);
    let allows = inbound(group, Verdict::Allow);
    let public = *allows.iter().find(is_public)?;
    let own: Vec<&Rule> = allows.iter().filter(|rule| !is_public(rule)).copied().collect();
    let message = format!("group `{}` serves everyone and peers of its own", group.name);
    at_all(&catalogue::MIXED_AUDIENCE, message, &own, "for some").map(|found| {
        found.label(public.at, "for everyone").help("give public and internal services a group each")
    })
}

fn descriptions(group: &Group) -> Option<Diagnostic> {
    let silent: Vec<&Rule> = group.rules.iter().filter(|rule| rule.description.is_none()).collect();
    let message =
        format!("{} of {} rules of group `{}` do not say why", silent.len(), group.rules.len(), group.name);
    at_all(&catalogue::MISSING_DESCRIPTION, message, &silent, "no description")
        .map(|found| found.help("say why in a string at the line's end"))
}

/// One finding about several rules.
fn at_all(lint: &Lint, message: String, rules: &[&Rule], label: &str) -> Option<Diagnostic> {
    let (first, rest) = rules.split_first()?;
    let found = lint.at(message, first.at, label);
    Some(rest.iter().take(MOST_LABELS - 2).fold(found, |found, rule| found.label(rule.at, label)))
}
