//! Long lists of rules: as look-ups in sets, as trees of chains, or as they are, whichever costs a packet least.

use palisade_ir::tree::{By, End, Tree, Wanted, by_ports, joined, source_rules};
use palisade_ir::{Chain, EmitError, Outcome, Rule, Style, Verdict};

use super::nic::SHORT;
use super::rule::{self, Exits};
use super::services::{Choice, Member};
use super::sets::Sets;
use super::table::{ChainId, Table};
use super::tree;
use super::{Context, apart, cost, matching};

/// Rules that name more ports stand in many parts of a tree that divides by port.
const FEW_PORTS: usize = 32;
/// Lines of a leaf to begin with.
const LEAF: usize = 12;
/// Lines that a tree may have beside its share: a short list has nothing to share them with.
const SPARE: usize = 16;
/// Sets that decide some rules, and the rules to be read behind them.
struct LookUps<'r> {
    /// Members and verdict of each set.
    sets: Vec<(Vec<Member>, Verdict)>,
    end: End,
    behind: Vec<&'r Rule>,
}

/// Rules as trees, one behind the other, or as a list where there are none.
struct Body {
    trees: Vec<(&'static str, Tree)>,
    list: Vec<Rule>,
    /// What it costs a packet.
    cost: usize,
}

/// Writes rules of one family into a NIC's chain.
pub(super) fn write(
    context: &Context<'_>,
    sets: &mut Sets,
    table: &mut Table,
    at: ChainId,
    (rules, chain): (&[&Rule], &Chain),
    exits: Exits,
) -> Result<(), EmitError> {
    let parts: Vec<Rule> = rules.iter().flat_map(|rule| by_ports(rule)).collect();
    let parts: Vec<&Rule> = parts.iter().collect();
    let mut body = Body::of(context, &parts, chain, exits);
    let sets_wanted = context.options.ipset && context.options.layout != Style::Tree;
    let look_ups = if sets_wanted { LookUps::of(context, &parts, chain) } else { None };
    if let Some(look_ups) = look_ups {
        let behind = Body::of(context, &look_ups.behind, chain, exits);
        if context.options.layout == Style::Maps || look_ups.cost() + behind.cost < body.cost {
            look_ups.write(context, sets, table, at, exits)?;
            body = behind;
        }
    }
    let Body { trees, list, cost: _ } = body;
    for (word, tree) in &trees {
        tree::write(context, table, at, (*word, tree), chain, exits)?;
    }
    if trees.is_empty() {
        list.iter().try_for_each(|rule| rule::write(context, sets, table, at, rule, exits))?;
    }
    Ok(())
}

impl<'r> LookUps<'r> {
    /// Sets for the rules that ask for nothing but an address and ports; `None` where there are none, or where that
    /// would take too much time or memory.
    fn of(context: &Context<'_>, rules: &[&'r Rule], chain: &Chain) -> Option<Self> {
        let choice = Choice::of(rules)?;
        let (first, behind) = apart::apart(rules, |rule| !choice.takes(rule))?;
        let (same, other) = match chain.default() {
            Verdict::Allow => (Verdict::Allow, Verdict::Deny),
            Verdict::Deny => (Verdict::Deny, Verdict::Allow),
        };
        let mut sets = vec![(choice.strongest(&first, context.family, other), other)];
        // What the default would decide alike needs saying only where a weaker rule would not.
        if behind.iter().any(|rule| rule.outcome != Outcome::silent(same)) {
            sets.push((choice.all(&first, context.family, same), same));
        }
        sets.retain(|(members, _)| !members.is_empty());
        (!first.is_empty()).then_some(Self { sets, end: choice.end, behind })
    }

    fn cost(&self) -> usize {
        self.sets.iter().map(|(members, _)| cost::set(members.iter().map(|member| member.prefix))).sum()
    }

    fn write(
        &self,
        context: &Context<'_>,
        sets: &mut Sets,
        table: &mut Table,
        at: ChainId,
        exits: Exits,
    ) -> Result<(), EmitError> {
        let end = match self.end {
            End::Source => "src",
            End::Destination => "dst",
        };
        for (members, verdict) in &self.sets {
            let name = sets.services(context.family, members.clone())?;
            let test = format!("-m set --match-set {name} {end},dst");
            table.rule(at, &[test], &format!("{verdict} by address and port"), exits.target(*verdict));
        }
        Ok(())
    }
}

impl Body {
    fn of(context: &Context<'_>, rules: &[&Rule], chain: &Chain, exits: Exits) -> Self {
        let list = joined(rules.iter().map(|rule| (*rule).clone()));
        let lines: usize = list.iter().map(|rule| matching::lines(&rule.matches)).sum();
        let trees = trees(context, rules, lines, chain, exits);
        // A list is read half on average.
        let size = trees.iter().map(|(_, tree)| tree.size()).sum();
        let cost = if trees.is_empty() { cost::list(lines / 2) } else { cost::tree(way(&trees), size) };
        Self { trees, list, cost }
    }
}

fn way(trees: &[(&str, Tree)]) -> usize {
    trees.iter().map(|(_, tree)| tree.way()).sum()
}

/// The trees that stand for some rules, one behind the other; none where their list is as good: a tree must halve the
/// average way of a packet.
fn trees(
    context: &Context<'_>,
    rules: &[&Rule],
    lines: usize,
    chain: &Chain,
    exits: Exits,
) -> Vec<(&'static str, Tree)> {
    let (eager, gain) = match context.options.layout {
        Style::Rules => return Vec::new(),
        Style::Auto if lines <= SHORT => return Vec::new(),
        Style::Auto => (false, 2),
        Style::Maps | Style::Tree => (true, 0),
    };
    let percent = (source_rules(context.plan, chain) * 100 / lines.max(1)).clamp(125, 200);
    let tree = |rules: &[&Rule], default| {
        let list = joined(rules.iter().map(|rule| (*rule).clone()));
        let lines: usize = list.iter().map(lines_of).sum();
        let most = lines.saturating_mul(percent) / 100 + SPARE;
        let leaf = if eager { LEAF / 4 } else { LEAF };
        let family = context.family;
        let (most_leaf, lines) = (usize::MAX, matching::lines);
        Tree::of(rules, Wanted { family, default, most, leaf, most_leaf, by: By::Tests, lines })
    };
    let mut best = vec![("rules", tree(rules, Some(chain.default())))];
    let narrow = |rule: &Rule| apart::named_ports(&rule.matches).is_some_and(|ports| ports <= FEW_PORTS);
    match exits {
        Exits::Final => {
            if let Some((first, behind)) = apart::apart(rules, |rule| !narrow(rule))
                && !first.is_empty()
                && !behind.is_empty()
            {
                let behind = tree(&behind, Some(chain.default()));
                let pair = vec![("ports", tree(&first, None)), ("rest", behind)];
                if way(&pair) < way(&best) {
                    best = pair;
                }
            }
        }
        // A way that returns ends the whole chain: there is no second tree to go on to.
        Exits::Returning { finish: _ } => {}
    }
    if way(&best) * gain <= lines / 2 { best } else { Vec::new() }
}

/// The lines of a rule, the one that logs among them.
fn lines_of(rule: &Rule) -> usize {
    matching::lines(&rule.matches) * if rule.outcome.log { 2 } else { 1 }
}
