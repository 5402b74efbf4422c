//! The chain of a NIC and direction: its rules in order, then its default.

use std::collections::BTreeSet;

use palisade_ir::{Chain, Direction, EmitError, NicPlan, Outcome, Rule, RuleId, RuleSource, Style, Verdict};

use super::rule::{self, Exits};
use super::services::{Choice, Member};
use super::sets::Sets;
use super::table::{ChainId, Table};
use super::tree::{self, End, Tree, Wanted};
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
    let lines: usize = rules.iter().map(|rule| matching::lines(&rule.matches)).sum();
    let short = match context.options.layout {
        Style::Rules => true,
        Style::Auto => lines <= SHORT,
        Style::Maps => false,
    };
    if short {
        rules.iter().try_for_each(|rule| rule::write(context, sets, table, at, rule, exits))?;
    } else {
        long(context, sets, table, at, (&rules, chain), exits)?;
    }
    let comment = comment::of(context.plan, chain.default_id());
    table.rule::<&str>(at, &[], &comment, exits.target(chain.default()));
    Ok(())
}

/// Writes rules as look-ups and trees, as far as that is better than a list.
fn long(
    context: &Context<'_>,
    sets: &mut Sets,
    table: &mut Table,
    at: ChainId,
    (rules, chain): (&[&Rule], &Chain),
    exits: Exits,
) -> Result<(), EmitError> {
    let parts: Vec<Rule> = rules.iter().flat_map(|rule| apart::by_ports(rule)).collect();
    let mut parts: Vec<&Rule> = parts.iter().collect();
    if context.options.ipset
        && let Some(behind) = look_ups(context, sets, table, at, (&parts, chain), exits)?
    {
        parts = behind;
    }
    let list = apart::joined(parts.iter().map(|rule| (*rule).clone()));
    let trees = trees(context, &parts, &list, chain, exits);
    for (word, tree) in &trees {
        tree::write(context, table, at, (*word, tree), chain, exits)?;
    }
    if trees.is_empty() {
        list.iter().try_for_each(|rule| rule::write(context, sets, table, at, rule, exits))?;
    }
    Ok(())
}

/// Writes look-ups in sets for the rules that ask for nothing but an address and ports, and returns the other rules,
/// to be read behind them; `None` where that would take too much time or memory.
fn look_ups<'r>(
    context: &Context<'_>,
    sets: &mut Sets,
    table: &mut Table,
    at: ChainId,
    (rules, chain): (&[&'r Rule], &Chain),
    exits: Exits,
) -> Result<Option<Vec<&'r Rule>>, EmitError> {
    let Some(choice) = Choice::of(rules) else { return Ok(None) };
    let Some((first, behind)) = apart::apart(rules, |rule| !choice.takes(rule)) else { return Ok(None) };
    let end = match choice.end {
        End::Source => "src",
        End::Destination => "dst",
    };
    let (same, other) = match chain.default() {
        Verdict::Allow => (Verdict::Allow, Verdict::Deny),
        Verdict::Deny => (Verdict::Deny, Verdict::Allow),
    };
    let mut look_up = |members: Vec<Member>, verdict: Verdict| {
        if members.is_empty() {
            return Ok(());
        }
        let name = sets.services(context.family, members)?;
        let test = format!("-m set --match-set {name} {end},dst");
        table.rule(at, &[test], &format!("{verdict} by address and port"), exits.target(verdict));
        Ok(())
    };
    look_up(choice.strongest(&first, context.family, other), other)?;
    // What the default would decide alike needs saying only where a weaker rule would not.
    if behind.iter().any(|rule| rule.outcome != Outcome::silent(same)) {
        look_up(choice.all(&first, context.family, same), same)?;
    }
    Ok(Some(behind))
}

/// Lists of up to so many lines are easier to read than a tree, and hardly slower.
const SHORT: usize = 32;
/// Rules that name more ports stand in many parts of a tree that divides by port.
const FEW_PORTS: usize = 32;

/// The trees that stand for some rules, one behind the other; none where their list is as good: a tree must halve the
/// average way of a packet.
fn trees(
    context: &Context<'_>,
    rules: &[&Rule],
    list: &[Rule],
    chain: &Chain,
    exits: Exits,
) -> Vec<(&'static str, Tree)> {
    let lines: usize = list.iter().map(|rule| matching::lines(&rule.matches)).sum();
    let (eager, gain) = match context.options.layout {
        Style::Rules => return Vec::new(),
        Style::Auto if lines <= SHORT => return Vec::new(),
        Style::Auto => (false, 2),
        Style::Maps => (true, 0),
    };
    let percent = source_rules(context, chain) * 100 / lines.max(1);
    let family = context.family;
    let wanted = Wanted { family, default: Some(chain.default()), percent: percent.clamp(125, 200), eager };
    let way = |trees: &[(&str, Tree)]| trees.iter().map(|(_, tree)| tree.way()).sum::<usize>();
    let mut best = vec![("rules", Tree::of(rules, wanted))];
    let narrow = |rule: &Rule| apart::named_ports(&rule.matches).is_some_and(|ports| ports <= FEW_PORTS);
    match exits {
        Exits::Final => {
            if let Some((first, behind)) = apart::apart(rules, |rule| !narrow(rule))
                && !first.is_empty()
                && !behind.is_empty()
            {
                let first = Tree::of(&first, Wanted { default: None, ..wanted });
                let pair = vec![("ports", first), ("rest", Tree::of(&behind, wanted))];
                if way(&pair) < way(&best) {
                    best = pair;
                }
            }
        }
        // A way that returns ends the whole chain: there is no second tree to go on to.
        Exits::Returning { finish: _ } => {}
    }
    // A list is read half on average.
    if way(&best) * gain <= lines / 2 { best } else { Vec::new() }
}

/// How many rules the groups behind a chain have in its direction: a file that says each of them has at least as many
/// lines, so a tree may have as many.
fn source_rules(context: &Context<'_>, chain: &Chain) -> usize {
    let group = |id: RuleId| match &context.plan.rule(id)?.source {
        RuleSource::Group { group, direction, side, priority: _, label: _ } => {
            Some((group, *direction, *side))
        }
        RuleSource::InnerAccess { group: _ } | RuleSource::Default { direction: _ } => None,
    };
    let ids = chain.rules().iter().flat_map(|rule| rule.origin.ids());
    let groups: BTreeSet<_> = ids.filter_map(|id| group(*id)).collect();
    let all = (0..context.plan.rules.len()).filter_map(|at| group(RuleId(at as u32)));
    all.filter(|source| groups.contains(source)).count()
}
