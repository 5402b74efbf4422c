//! The chain of a NIC and direction: its rules in order, then its default.

use palisade_ir::{Chain, Direction, EmitError, NicPlan};

use super::rule::{self, Exits};
use super::sets::Sets;
use super::table::{ChainId, Table};
use super::{Context, comment};

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
    for policy_rule in chain.rules() {
        rule::write(context, sets, table, at, policy_rule, exits)?;
    }
    let comment = comment::of(context.plan, chain.default_id());
    table.rule::<&str>(at, &[], &comment, exits.target(chain.default()));
    Ok(())
}
