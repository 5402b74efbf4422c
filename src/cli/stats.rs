//! `palisade stats`: how large a policy is, before and after optimising.

use std::collections::HashMap;
use std::sync::Arc;

use palisade_ir::decide::Index;
use palisade_ir::{Chain, Direction, Family, Plan};

use super::args::StatsArgs;
use super::{Exit, Failure, output, policy};
use crate::lower::lower;
use crate::optimize::{Report, budget, optimize};

pub(super) fn run(args: &StatsArgs) -> Result<Exit, Failure> {
    let loaded = policy::load(&args.policy)?;
    let plan = lower(&loaded.policy);
    let mut text = sets(&plan);
    text.push_str(&chains(&plan));
    output::print(text.as_bytes())?;
    Ok(Exit::Fine)
}

/// The named sets with their prefixes.
fn sets(plan: &Plan) -> String {
    let mut text = String::from("sets                                      IPv4 prefixes  IPv6 prefixes\n");
    for set in &plan.sets {
        let kind = match set.kind {
            palisade_ir::SetKind::Set => "set",
            palisade_ir::SetKind::Group => "group",
        };
        let name = format!("{kind} {}", set.name);
        text.push_str(&format!(
            "  {name:<40}{:>13}{:>15}\n",
            set.v4.prefixes().len(),
            set.v6.prefixes().len()
        ));
    }
    text
}

/// A chain with the NICs and directions that share it.
type Shared<'a> = (&'a Arc<Chain>, Vec<String>);

/// Each different chain once, in the order of the plan.
fn shared(plan: &Plan) -> Vec<Shared<'_>> {
    let mut shared: Vec<Shared<'_>> = Vec::new();
    let mut places: HashMap<*const Chain, usize> = HashMap::new();
    for (_, instance, nic) in plan.nics() {
        for (direction, chain) in [(Direction::In, &nic.ingress), (Direction::Out, &nic.egress)] {
            let name = format!("{} {} {direction}", instance.name, nic.interface);
            let place = *places.entry(Arc::as_ptr(chain)).or_insert(shared.len());
            match shared.get_mut(place) {
                Some((_, names)) => names.push(name),
                None => shared.push((chain, vec![name])),
            }
        }
    }
    shared
}

/// The rules of each chain before, those that each pass took out, those after, and what finding out took; then the
/// classes of values that the remaining rules tell apart.
fn chains(plan: &Plan) -> String {
    let mut text = format!(
        "\n{:<32}{:>8}{:>12}{:>9}{:>8}{:>11}{:>8}{:>11}{:>13}\n",
        "chains", "rules", "duplicates", "covered", "merged", "redundant", "left", "undecided", "steps"
    );
    let mut total = Report::default();
    let shared = shared(plan);
    for (chain, names) in &shared {
        let (optimized, report) = optimize(chain, &mut budget(chain));
        let (first, more) = (names.first().map(String::as_str).unwrap_or_default(), names.len() - 1);
        let also = if more > 0 { format!(" +{more}") } else { String::new() };
        text.push_str(&row(&format!("{first}{also}"), &report));
        text.push_str(&classes(&optimized));
        total.add(&report);
    }
    text.push_str(&row(&format!("all {}", shared.len()), &total));
    text.push_str(
        "\nsteps are counted, not timed; a chain may take 200,000,000 and 2,000 for each rule, one question 1,000,000.\n\
         undecided: questions that this did not suffice for; what they asked about stayed as it was.\n",
    );
    text
}

fn row(name: &str, report: &Report) -> String {
    let Report { before, after, duplicates, covered, merged, redundant, undecided, steps } = report;
    format!(
        "  {name:<30}{before:>8}{duplicates:>12}{covered:>9}{merged:>8}{redundant:>11}{after:>8}{undecided:>11}{steps:>13}\n"
    )
}

fn classes(chain: &Chain) -> String {
    let index = Index::new(chain);
    let mut text = String::new();
    for family in Family::ALL {
        let sizes: Vec<String> = ["source", "destination", "protocol", "source port", "port"]
            .iter()
            .zip(index.axes(family))
            .map(|(field, axis)| format!("{field} {}", axis.class_count()))
            .collect();
        text.push_str(&format!("    {family} classes: {}\n", sizes.join(", ")));
    }
    text
}
