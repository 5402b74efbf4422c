//! Rules that decide nothing: redundant, contradicted, or both; with the rules that decide instead.

use palisade_ir::{Direction, RuleId, Tier, Verdict};

use super::catalogue::{self, Lint};
use super::deciders::Deciders;
use super::fate::{Fate, Judgement};
use super::{MOST_LABELS, Subject};
use crate::diagnostic::Diagnostic;
use crate::policy::Rule;
use crate::report::words;

pub(super) fn find(subject: &Subject<'_>, judgement: &Judgement) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut undecided: Vec<RuleId> = Vec::new();
    for (id, _, rule) in subject.rules() {
        match judgement.fates.get(id.0 as usize) {
            Some(Fate::Dead(deciders)) => found.push(dead(subject, id, rule, deciders)),
            Some(Fate::Covered(deciders)) => found.push(covered(subject, id, rule, deciders)),
            Some(Fate::Undecided) => undecided.push(id),
            Some(Fate::Live) if judgement.idle.binary_search(&id).is_ok() => {
                found.push(idle(subject, id, rule));
            }
            Some(Fate::Live) if unsure(judgement, id) => undecided.push(id),
            Some(Fate::Live | Fate::Absent) | None => {}
        }
    }
    found.extend(not_decided(subject, &undecided));
    found
}

/// Whether it is open what the rule opens to the world.
fn unsure(judgement: &Judgement, id: RuleId) -> bool {
    judgement.exposed.get(&id).is_some_and(|exposed| exposed.undecided && exposed.is_empty())
}

/// Which lint a dead rule is a case of.
fn kind(rule: &Rule, deciders: &Deciders) -> &'static Lint {
    let ranks = || deciders.rules.values().map(|decider| decider.rank);
    let same = ranks().any(|rank| rank.verdict == rule.verdict);
    let other = ranks().any(|rank| rank.verdict != rule.verdict);
    match (same, other, rule.verdict) {
        _ if deciders.incomplete => &catalogue::SHADOWED,
        (true, true, _) => &catalogue::SHADOWED,
        (_, false, _) => &catalogue::REDUNDANT,
        (false, true, Verdict::Deny) if ranks().all(|rank| rank.tier == Tier::InnerAccess) => {
            &catalogue::DENY_OF_MEMBERS
        }
        (false, true, Verdict::Deny) => &catalogue::DENY_NEVER_WINS,
        (false, true, Verdict::Allow) if ranks().all(|rank| rank.number == rule.priority.get()) => {
            &catalogue::TIED
        }
        (false, true, Verdict::Allow) => &catalogue::CONTRADICTED,
    }
}

fn dead(subject: &Subject<'_>, id: RuleId, rule: &Rule, deciders: &Deciders) -> Diagnostic {
    let words = subject.words(id);
    let lint = kind(rule, deciders);
    let says = |verdict: Verdict| match deciders.rules.len() {
        _ if deciders.rules.values().all(|by| by.rank.tier == Tier::InnerAccess) => {
            format!("inner access {}", third_person(verdict))
        }
        1 => format!("a stronger rule {}", third_person(verdict)),
        _ => format!("stronger rules {verdict}"),
    };
    let (message, advice) = match lint.name() {
        "redundant" => (
            format!("rule `{words}` never decides: {} all it matches", says(rule.verdict)),
            "drop the line".to_owned(),
        ),
        "tied" => (
            format!("rule `{words}` never allows anything: a deny of the same priority wins"),
            "give the allow a smaller number than the deny, or drop one of them".to_owned(),
        ),
        "contradicted" => (
            format!("rule `{words}` never allows anything: {} all it matches", says(Verdict::Deny)),
            "drop the line, or give it a smaller number than the denies".to_owned(),
        ),
        "deny-never-wins" => (
            format!("rule `{words}` never denies anything: {} all it matches", says(Verdict::Allow)),
            "give the deny the number of the allow or a smaller one, or drop it".to_owned(),
        ),
        "deny-of-members" => (
            format!("rule `{words}` never denies anything: inner access lets members through first"),
            "write `inner deny` and allow what members need from each other".to_owned(),
        ),
        _ => (
            format!("rule `{words}` never decides: stronger rules cover it together"),
            "drop the line, or give it a smaller number where it should win".to_owned(),
        ),
    };
    let log = if rule.log { "; its `log` never happens either" } else { "" };
    let unknown = if deciders.incomplete { "; which of them decide what was not worked out" } else { "" };
    let example = example(subject, rule, deciders).map(|text| format!("; {text}")).unwrap_or_default();
    let found = lint.at(message, rule.at, "has no effect").help(format!("{advice}{log}{unknown}{example}"));
    point_at(subject, found, deciders)
}

/// A packet of the rule and who decides it: where it gets the other verdict, if it does anywhere.
fn example(subject: &Subject<'_>, rule: &Rule, deciders: &Deciders) -> Option<String> {
    let mut sorted = deciders.by_overlap();
    sorted.sort_by_key(|(_, decider)| decider.rank.verdict == rule.verdict);
    let (id, decider) = sorted.into_iter().find(|(_, decider)| decider.example.is_some())?;
    let (packet, by) = (words::packet(&decider.example?), subject.words(id));
    Some(format!("{packet} gets {} from `{by}`", decider.rank.verdict))
}

/// Labels the deciding rules, the largest overlap first.
fn point_at(subject: &Subject<'_>, mut found: Diagnostic, deciders: &Deciders) -> Diagnostic {
    let sorted = deciders.by_overlap();
    let beyond = sorted.len().saturating_sub(MOST_LABELS - 1);
    for (at, (id, decider)) in sorted.into_iter().take(MOST_LABELS - 1).enumerate() {
        let Some(place) = subject.place(id) else { continue };
        let mut text = match decider.rank.tier {
            Tier::InnerAccess => "members reach each other first".to_owned(),
            Tier::User => format!("this one decides: {}", decider.rank.verdict),
        };
        if beyond > 0 && at == MOST_LABELS - 2 {
            text.push_str(&format!(", and {beyond} more"));
        }
        found = found.label(place, text);
    }
    found
}

const fn third_person(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allows",
        Verdict::Deny => "denies",
    }
}

fn covered(subject: &Subject<'_>, id: RuleId, rule: &Rule, deciders: &Deciders) -> Diagnostic {
    let message =
        format!("rule `{}` is not needed: others {} all it matches", subject.words(id), rule.verdict);
    let found = catalogue::REDUNDANT.at(message, rule.at, "says nothing new").help("drop the line");
    point_at(subject, found, deciders)
}

fn idle(subject: &Subject<'_>, id: RuleId, rule: &Rule) -> Diagnostic {
    let default = match (rule.direction, rule.verdict) {
        (Direction::In, Verdict::Deny) => "inbound traffic is denied by default",
        (Direction::Out, Verdict::Allow) => "outbound traffic of a basic group is allowed by default",
        (Direction::In, Verdict::Allow) | (Direction::Out, Verdict::Deny) => "weaker rules say the same",
    };
    let message = format!(
        "rule `{}` is not needed: what follows would {} the same packets",
        subject.words(id),
        rule.verdict
    );
    catalogue::DEFAULT_ANYWAY
        .at(message, rule.at, "changes nothing")
        .help(format!("drop the line, or keep it for the reader's sake; {default}"))
}

fn not_decided(subject: &Subject<'_>, rules: &[RuleId]) -> Option<Diagnostic> {
    let mut places = rules.iter().filter_map(|id| subject.place(*id));
    let first = places.next()?;
    let message = format!("what {} of the rules do is not decided", rules.len());
    let mut found = catalogue::NOT_DECIDED
        .at(message, first, "too entangled for the step budget")
        .help("nothing is said about these rules; fewer and simpler rules per NIC can be judged");
    for place in places.take(MOST_LABELS - 1) {
        found = found.label(place, "nor this one");
    }
    Some(found)
}
