//! Random groups: custom, default and clones, basic and enterprise, in vpc and classic networks.

use super::Dice;
use super::rule::{Place, rule};
use super::world::{Network, World, description};

/// A group, as far as others must know it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) network: String,
    pub(super) enterprise: bool,
    kind: Kind,
    /// Whether no clone is made of it, so that its rules may name clones.
    leaf: bool,
    /// Direction and label of the rules that a clone could remove.
    labels: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Custom,
    Default,
    Clone(String),
}

/// The groups of all networks and their statements.
pub(super) fn groups(dice: &mut Dice, world: &World) -> (Vec<Group>, Vec<String>) {
    let mut groups: Vec<Group> = Vec::new();
    for network in &world.networks {
        plan(dice, network, &mut groups);
    }
    let mut items = Vec::new();
    for at in 0..groups.len() {
        let Some((text, labels)) = text(dice, world, &groups, at) else { continue };
        items.push(text);
        if let Some(group) = groups.get_mut(at) {
            group.labels = labels;
        }
    }
    (groups, items)
}

/// Decides which groups a network has.
fn plan(dice: &mut Dice, network: &Network, groups: &mut Vec<Group>) {
    let start = groups.len();
    let mut add = |kind, enterprise, leaf| {
        let name = format!("g{}.{}", groups.len(), network.name.split('.').next().unwrap_or_default());
        groups.push(Group {
            name,
            network: network.name.clone(),
            enterprise,
            kind,
            leaf,
            labels: Vec::new(),
        });
    };
    if network.bare {
        add(Kind::Default, false, true);
        return;
    }
    for _ in 0..dice.between(1, 4) {
        add(Kind::Custom, false, dice.percent(40));
    }
    if !network.classic && dice.percent(35) {
        add(Kind::Custom, true, false);
    }
    if dice.percent(35) {
        add(Kind::Default, false, false);
    }
    for _ in 0..dice.below(3) {
        let own = groups.get(start..).unwrap_or_default();
        let bases: Vec<&Group> = own.iter().filter(|group| !group.leaf).collect();
        let Some(base) = dice.pick(&bases) else { break };
        let (kind, enterprise) = (Kind::Clone(base.name.clone()), base.enterprise);
        let name = format!("g{}.{}-copy", groups.len(), network.name.split('.').next().unwrap_or_default());
        let leaf = dice.percent(50);
        groups.push(Group {
            name,
            network: network.name.clone(),
            enterprise,
            kind,
            leaf,
            labels: Vec::new(),
        });
    }
}

/// The statement of a group, and the labels of its rules.
fn text(
    dice: &mut Dice,
    world: &World,
    groups: &[Group],
    at: usize,
) -> Option<(String, Vec<(&'static str, String)>)> {
    let group = groups.get(at)?;
    let network = world.networks.iter().find(|network| network.name == group.network)?;
    let Group { name, enterprise, kind, .. } = group;
    let description = description(dice, 30);
    if *kind == Kind::Default {
        let web = if dice.percent(50) { " with web" } else { "" };
        return Some((
            format!("group {name} default{web}{description} {{\n  network {}\n}}\n", network.name),
            Vec::new(),
        ));
    }
    let mut labels = Vec::new();
    let mut lines = String::new();
    let inner = dice.word(&["allow", "deny"]);
    let head = match kind {
        Kind::Clone(base) => {
            let inherited = groups.iter().find(|group| group.name == *base).map(|base| base.labels.clone());
            for (direction, label) in inherited.unwrap_or_default() {
                match dice.percent(40) {
                    true => lines += &format!("  remove {direction} {label}\n"),
                    false => labels.push((direction, label)),
                }
            }
            if !enterprise && dice.percent(30) {
                lines += &format!("  inner {inner}\n");
            }
            format!("group {name} clone {base}{description}")
        }
        Kind::Custom | Kind::Default => {
            let (kind, inner) = match enterprise {
                true => ("enterprise", String::new()),
                false => ("basic", format!("  inner {inner}\n")),
            };
            lines += &format!("  kind {kind}\n  network {}\n{inner}", network.name);
            format!("group {name}{description}")
        }
    };
    for direction in ["in", "out"] {
        for side in if network.classic { ["internal", "public"].as_slice() } else { &[""] } {
            lines += &section(dice, world, groups, group, direction, side, &mut labels);
        }
    }
    Some((format!("{head} {{\n{lines}}}\n"), labels))
}

/// A section of rules, or nothing.
fn section(
    dice: &mut Dice,
    world: &World,
    groups: &[Group],
    group: &Group,
    direction: &'static str,
    side: &str,
    labels: &mut Vec<(&'static str, String)>,
) -> String {
    let can_name = |other: &&Group| {
        let known_first = group.leaf || !matches!(other.kind, Kind::Clone(_));
        other.network == group.network && other.name != group.name && !other.enterprise && known_first
    };
    let peers: Vec<String> = match group.enterprise || side == "public" {
        true => Vec::new(),
        false => groups.iter().filter(can_name).map(|other| other.name.clone()).collect(),
    };
    let place = Place { world, inward: direction == "in", sets: side != "public", groups: &peers };
    let mut rules = String::new();
    for number in 0..dice.below(7) {
        let label = format!("r{number}{side}-{}", group.name);
        let label = dice.percent(35).then_some(label);
        rules += &format!("    {}\n", rule(dice, &place, label.as_deref()));
        labels.extend(label.map(|label| (direction, label)));
    }
    match rules.is_empty() {
        true => String::new(),
        false => format!(
            "\n  {direction}{} {{\n{rules}  }}\n",
            if side.is_empty() { String::new() } else { format!(" {side}") }
        ),
    }
}
