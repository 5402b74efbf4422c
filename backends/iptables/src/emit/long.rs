//! Long lists of rules: as look-ups in sets, as trees of chains, or as they are, whichever a packet passes in the
//! fewest tests.

use std::collections::BTreeSet;

use palisade_ir::{Chain, EmitError, Outcome, Rule, RuleId, RuleSource, Style, Verdict};

use super::nic::SHORT;
use super::rule::{self, Exits};
use super::services::{Choice, Member};
use super::sets::Sets;
use super::table::{ChainId, Table};
use super::tree::{self, End, Tree, Wanted};
use super::{Context, apart, matching};

/// Rules that name more ports stand in many parts of a tree that divides by port.
const FEW_PORTS: usize = 32;
/// What a set costs, in lines: the line with the test, and a probe of the hash table for each length of prefix in the
/// set (measured, `benches/kernel`).
const SET: usize = 4;
const PROBE: usize = 4;

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
    /// Lines that a packet is tested by.
    way: usize,
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
    let parts: Vec<Rule> = rules.iter().flat_map(|rule| apart::by_ports(rule)).collect();
    let parts: Vec<&Rule> = parts.iter().collect();
    let mut body = Body::of(context, &parts, chain, exits);
    let look_ups = if context.options.ipset { LookUps::of(context, &parts, chain) } else { None };
    if let Some(look_ups) = look_ups {
        let behind = Body::of(context, &look_ups.behind, chain, exits);
        if context.options.layout == Style::Maps || look_ups.cost() + behind.way < body.way {
            look_ups.write(context, sets, table, at, exits)?;
            body = behind;
        }
    }
    let Body { trees, list, way: _ } = body;
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

    /// In lines.
    fn cost(&self) -> usize {
        let lengths = |members: &[Member]| {
            members.iter().map(|member| member.prefix.prefix_len()).collect::<BTreeSet<u8>>().len()
        };
        self.sets.iter().map(|(members, _)| SET + PROBE * lengths(members)).sum()
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
        let list = apart::joined(rules.iter().map(|rule| (*rule).clone()));
        let lines: usize = list.iter().map(|rule| matching::lines(&rule.matches)).sum();
        let trees = trees(context, rules, lines, chain, exits);
        // A list is read half on average.
        let way = if trees.is_empty() { lines / 2 } else { way(&trees) };
        Self { trees, list, way }
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
        Style::Maps => (true, 0),
    };
    let percent = source_rules(context, chain) * 100 / lines.max(1);
    let family = context.family;
    let wanted = Wanted { family, default: Some(chain.default()), percent: percent.clamp(125, 200), eager };
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
