//! `palisade stats`: how large a policy is, before and after optimising.

use std::collections::HashMap;
use std::sync::Arc;

use palisade_ir::decide::{Budget, Index};
use palisade_ir::{Chain, Direction, Family, Plan};

use super::args::StatsArgs;
use super::{Exit, Failure, output, policy};
use crate::lower::lower;
use crate::optimize::{Report, optimize};

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

/// Each different chain once: its rules before and after each pass, and the classes of values that its rules tell apart.
fn chains(plan: &Plan) -> String {
    let mut known: Vec<(&Chain, Vec<String>)> = Vec::new();
    let mut places: HashMap<*const Chain, usize> = HashMap::new();
    for (_, instance, nic) in plan.nics() {
        for (direction, chain) in [(Direction::In, &nic.ingress), (Direction::Out, &nic.egress)] {
            let name = format!("{} {} {direction}", instance.name, nic.interface);
            let place = *places.entry(Arc::as_ptr(chain)).or_insert(known.len());
            match known.get_mut(place) {
                Some((_, names)) => names.push(name),
                None => known.push((chain, vec![name])),
            }
        }
    }
    let mut text = String::from(
        "\nchains                          rules  duplicates  covered  merged  left  undecided  steps\n",
    );
    for (chain, names) in known {
        let mut budget = Budget::default();
        let before = budget.left();
        let (optimized, report) = optimize(chain, &mut budget);
        let Report { before: rules, after, duplicates, covered, merged, unproved } = report;
        let (first, more) = (names.first().map(String::as_str).unwrap_or_default(), names.len() - 1);
        let also = if more > 0 { format!(" +{more}") } else { String::new() };
        text.push_str(&format!(
            "  {:<30}{rules:>5}{duplicates:>12}{covered:>9}{merged:>8}{after:>6}{unproved:>11}{:>7}\n",
            format!("{first}{also}"),
            before - budget.left(),
        ));
        text.push_str(&classes(&optimized));
    }
    text
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
