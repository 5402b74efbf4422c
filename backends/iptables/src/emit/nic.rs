//! The chain of a NIC and direction: its rules in order, then its default.

use palisade_ir::{Chain, Direction, EmitError, NicPlan, Rule, Style};

use super::rule::{self, Exits};
use super::sets::Sets;
use super::table::{ChainId, Table};
use super::{Context, comment, long, matching};

/// Lists of up to so many lines are easier to read than a tree, and hardly slower.
pub(super) const SHORT: usize = 32;

/// The rules of a NIC in one direction.
pub(super) fn rules(nic: &NicPlan, direction: Direction) -> &Chain {
    let NicPlan { interface: _, via: _, network: _, side: _, addresses: _, ingress, egress } = nic;
    match direction {
        Direction::In => ingress,
        Direction::Out => egress,
    }
}

/// Fills a declared chain.
pub(super) fn fill(
    context: &Context<'_>,
    sets: &mut Sets,
    table: &mut Table,
    at: ChainId,
    chain: &Chain,
    exits: Exits,
) -> Result<(), EmitError> {
    let rules: Vec<&Rule> =
        chain.rules().iter().filter(|rule| rule.matches.family() == context.family).collect();
    let lines: usize = rules.iter().map(|rule| matching::lines(&rule.matches)).sum();
    let short = match context.options.layout {
        Style::Rules => true,
        Style::Auto => lines <= SHORT,
        Style::Maps | Style::Tree => false,
    };
    if short {
        rules.iter().try_for_each(|rule| rule::write(context, sets, table, at, rule, exits))?;
    } else {
        long::write(context, sets, table, at, (&rules, chain), exits)?;
    }
    let comment = comment::of(context.plan, chain.default_id());
    table.rule::<&str>(at, &[], &comment, exits.target(chain.default()));
    Ok(())
}
