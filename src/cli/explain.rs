//! `palisade explain`: the deciding rule at each end, and what it beats.

use palisade_ir::{Direction, NicRef, Plan, RuleId};

use super::args::ExplainArgs;
use super::policy::{self, LoadedPolicy};
use super::{Exit, Failure, output};
use crate::analyze::{Beaten, Case, EndCase, explain};
use crate::lower::{lower, rule_location};
use crate::report::words;

pub(super) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let (loaded, query) = policy::load_with_traffic(&args.policy, &args.traffic)?;
    let plan = lower(&loaded.policy);
    let cases = explain(&loaded.policy, &plan, &query).map_err(|_| {
        Failure::with_help(
            "the description covers too many cases to explain",
            "name instances or addresses instead of `any`",
        )
    })?;
    let text: Vec<String> = cases.iter().map(|case| describe(&loaded, &plan, case)).collect();
    output::print(text.join("\n").as_bytes())?;
    Ok(Exit::Fine)
}

fn describe(loaded: &LoadedPolicy, plan: &Plan, case: &Case) -> String {
    let Case { sender, receiver, region, verdict, egress, ingress } = case;
    let mut text = format!("{verdict}: {}\n", words::region(region));
    for (title, direction, nic, end) in
        [("sender", Direction::Out, sender, egress), ("receiver", Direction::In, receiver, ingress)]
    {
        text.push_str(&format!("  {title:<9}"));
        match (nic, end) {
            (Some(nic), Some(end)) => describe_end(&mut text, loaded, plan, *nic, direction, end),
            _ => text.push_str("not managed by this policy, has no say\n"),
        }
    }
    text
}

fn describe_end(
    text: &mut String,
    loaded: &LoadedPolicy,
    plan: &Plan,
    nic: NicRef,
    direction: Direction,
    end: &EndCase,
) {
    let EndCase { verdict, id, beaten } = end;
    let instance = plan.instances.get(nic.instance.0 as usize).map(|it| it.name.as_str()).unwrap_or_default();
    let interface = plan.nic(nic).map(|nic| nic.interface.as_str()).unwrap_or_default();
    text.push_str(&format!("{instance} {interface}: {verdict} by {}\n", rule_words(loaded, plan, *id)));
    for Beaten { id, verdict } in beaten {
        text.push_str(&format!("           beats {verdict} by {}\n", rule_words(loaded, plan, *id)));
    }
    let default = plan.nic(nic).map(|nic| match direction {
        Direction::In => nic.ingress.default_id(),
        Direction::Out => nic.egress.default_id(),
    });
    if default == Some(*id) {
        text.push_str("           (no rule matches)\n");
    }
}

fn rule_words(loaded: &LoadedPolicy, plan: &Plan, id: RuleId) -> String {
    let Some(rule) = plan.rule(id) else { return String::new() };
    let mut words = format!("`{rule}`");
    if let Some((path, line, _)) =
        rule_location(&loaded.policy, id).and_then(|at| loaded.sources.position(at))
    {
        words.push_str(&format!(" ({path}:{line})"));
    }
    if let Some(description) = &rule.description {
        words.push_str(&format!(" \"{}\"", crate::report::visible(description)));
    }
    words
}
