//! The chain of a NIC and direction: its rules in order, then its default.

use palisade_ir::{Chain, Direction, EmitError, NicPlan, Rule, Style};

use super::rule::{self, Exits};
use super::sets::Sets;
use super::table::{ChainId, Table};
use super::tree::{self, Tree};
use super::{Context, apart, comment, matching};

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
    let trees = trees(context, &rules, chain, exits);
    for (word, tree) in &trees {
        tree::write(context, table, at, (*word, tree), chain, exits)?;
    }
    if trees.is_empty() {
        rules.iter().try_for_each(|rule| rule::write(context, sets, table, at, rule, exits))?;
    }
    let comment = comment::of(context.plan, chain.default_id());
    table.rule::<&str>(at, &[], &comment, exits.target(chain.default()));
    Ok(())
}

/// Lists of up to so many lines are easier to read than a tree, and hardly slower.
const SHORT: usize = 32;
/// Rules that name more ports stand in many parts of a tree that divides by port.
const FEW_PORTS: usize = 32;

/// The trees that stand for a chain's rules, one behind the other; none where a list of rules is wanted, or as good:
/// a tree must halve the way of the unluckiest packet.
fn trees(context: &Context<'_>, rules: &[&Rule], chain: &Chain, exits: Exits) -> Vec<(&'static str, Tree)> {
    let lines: usize = rules.iter().map(|rule| matching::lines(&rule.matches)).sum();
    let (eager, gain) = match context.options.layout {
        Style::Rules => return Vec::new(),
        Style::Auto if lines <= SHORT => return Vec::new(),
        Style::Auto => (false, 2),
        Style::Maps => (true, 0),
    };
    let (family, default) = (context.family, Some(chain.default()));
    let way = |trees: &[(&str, Tree)]| trees.iter().map(|(_, tree)| tree.longest_way()).sum::<usize>();
    let mut best = vec![("rules", Tree::of(rules, family, default, eager))];
    let narrow = |rule: &Rule| apart::named_ports(&rule.matches).is_some_and(|ports| ports <= FEW_PORTS);
    match exits {
        Exits::Final => {
            if let Some((first, behind)) = apart::apart(rules, |rule| !narrow(rule))
                && !first.is_empty()
                && !behind.is_empty()
            {
                let first = Tree::of(&first, family, None, eager);
                let pair = vec![("ports", first), ("rest", Tree::of(&behind, family, default, eager))];
                if way(&pair) < way(&best) {
                    best = pair;
                }
            }
        }
        // A way that returns ends the whole chain: there is no second tree to go on to.
        Exits::Returning { finish: _ } => {}
    }
    if way(&best) * gain <= lines { best } else { Vec::new() }
}
