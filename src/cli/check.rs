//! `palisade check`: parse, resolve, lint and run every expectation.

use palisade_ir::Plan;

use super::args::{CheckArgs, Format};
use super::policy::{self, LoadedPolicy};
use super::{Exit, Failure, lints};
use crate::analyze::{ExpectFailure, Unmet, check_expect};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::lint::lint;
use crate::lower::lower;
use crate::policy::Expect;

pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let levels = lints::levels(&args.policy.policy, &args.levels)?;
    let loaded = policy::load(&args.policy)?;
    let plan = lower(&loaded.policy);
    let found = lint(&loaded.policy, &plan, &levels);
    policy::tell(&loaded.sources, &found, args.policy.format);
    let hold = expectations(&loaded, &plan, args.policy.format);
    Ok(match (found.iter().any(Diagnostic::is_error), hold) {
        (true, _) => Exit::Rejected,
        (false, false) => Exit::Difference,
        (false, true) => Exit::Fine,
    })
}

/// Runs every expectation of a policy, prints those that fail, and says whether all hold.
pub(super) fn expectations(loaded: &LoadedPolicy, plan: &Plan, format: Format) -> bool {
    let failures: Vec<Diagnostic> = loaded
        .policy
        .expects
        .iter()
        .filter_map(|expect| {
            let unmet = check_expect(&loaded.policy, plan, expect).err()?;
            Some(diagnostic(loaded, plan, expect, &unmet))
        })
        .collect();
    policy::tell(&loaded.sources, &failures, format);
    failures.is_empty()
}

fn diagnostic(loaded: &LoadedPolicy, plan: &Plan, expect: &Expect, unmet: &Unmet) -> Diagnostic {
    match unmet {
        Unmet::Fails(failure) => failed(loaded, plan, expect, failure),
        Unmet::Undecided => Diagnostic {
            code: "palisade::expect::undecided",
            severity: Severity::Error,
            message: "the expectation is too large to decide".to_owned(),
            labels: vec![Label { at: expect.at, text: "describes too many pairs of ends".to_owned() }],
            help: Some("split it: name instances or groups instead of `any`".to_owned()),
        },
    }
}

fn failed(loaded: &LoadedPolicy, plan: &Plan, expect: &Expect, failure: &ExpectFailure) -> Diagnostic {
    let ExpectFailure { packet, sender: _, receiver: _, egress, ingress } = failure;
    let mut labels = vec![Label { at: expect.at, text: format!("{} expected", expect.verdict) }];
    let mut deciders = Vec::new();
    for (end, decision) in [("sender", egress), ("receiver", ingress)] {
        let Some((verdict, id)) = decision else { continue };
        let words = plan.rule(*id).map(ToString::to_string).unwrap_or_default();
        deciders.push(format!("the {end}'s `{words}` says {verdict}"));
        if let Some(at) = crate::lower::rule_location(&loaded.policy, *id) {
            labels.push(Label { at, text: format!("{verdict} by this rule at the {end}") });
        }
    }
    if deciders.is_empty() {
        deciders.push("neither end is a managed instance, so nobody denies it".to_owned());
    }
    Diagnostic {
        code: "palisade::expect::failed",
        severity: Severity::Error,
        message: format!("expectation failed: {}", crate::report::words::packet(packet)),
        labels,
        help: Some(deciders.join("; ")),
    }
}
