//! `palisade check`: parse, resolve, lint and run every expectation.

use palisade_ir::Plan;

use super::args::{CheckArgs, CheckFormat, Format};
use super::explain_code;
use super::policy::{self, LoadedPolicy};
use super::{Exit, Failure, fix, lints, output};
use crate::analyze::{ExpectFailure, Unmet, check_expect};
use crate::diagnostic::{Diagnostic, Label, Severity, Sources};
use crate::front::{self, Front};
use crate::lint::lint;
use crate::lower::lower;
use crate::policy::Expect;
use crate::report;
use crate::source::LoadOptions;

/// The most warnings that are drawn for people unless they ask for all: nobody reads more at once.
const MOST: usize = 100;

pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let CheckArgs { policy, include_dir, format, all, fix: wanted, dry_run: _, levels } = args;
    let most = if *all { usize::MAX } else { MOST };
    let levels = lints::levels(policy, levels)?;
    if *wanted && let Some(exit) = fix::run(args)? {
        return Ok(exit);
    }
    let options = LoadOptions { include_dirs: include_dir.clone(), ..LoadOptions::default() };
    let Front { sources, files: _, policy, mut diagnostics } =
        front::read(policy, &options).map_err(|error| Failure::usage(error.to_string()))?;
    let Some(policy) = policy else {
        print(&sources, &diagnostics, *format, most)?;
        return Ok(Exit::Rejected);
    };
    let plan = lower(&policy);
    diagnostics.extend(lint(&policy, &plan, &levels));
    let loaded = LoadedPolicy { policy, sources };
    let unmet = unmet(&loaded, &plan);
    let exit = match (diagnostics.iter().any(Diagnostic::is_error), unmet.is_empty()) {
        (true, _) => Exit::Rejected,
        (false, false) => Exit::Difference,
        (false, true) => Exit::Fine,
    };
    diagnostics.extend(unmet);
    print(&loaded.sources, &diagnostics, *format, most)?;
    Ok(exit)
}

/// All at once: one summary, one document.
fn print(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    format: CheckFormat,
    most: usize,
) -> Result<(), Failure> {
    match format {
        CheckFormat::Human => policy::tell_some(sources, diagnostics, most),
        CheckFormat::Json => policy::tell(sources, diagnostics, Format::Json),
        CheckFormat::Sarif => {
            let text = report::sarif(diagnostics, sources, &explain_code::rules());
            output::print(text.as_bytes())?;
        }
    }
    Ok(())
}

/// Runs every expectation of a policy, prints those that fail, and says whether all hold.
pub(super) fn expectations(loaded: &LoadedPolicy, plan: &Plan, format: Format) -> bool {
    let failures = unmet(loaded, plan);
    policy::tell(&loaded.sources, &failures, format);
    failures.is_empty()
}

/// The expectations that do not hold.
fn unmet(loaded: &LoadedPolicy, plan: &Plan) -> Vec<Diagnostic> {
    let all = loaded.policy.expects.iter().filter_map(|expect| {
        let unmet = check_expect(&loaded.policy, plan, expect).err()?;
        Some(diagnostic(loaded, plan, expect, &unmet))
    });
    all.collect()
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
