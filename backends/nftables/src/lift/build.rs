//! Commands to the ruleset they leave in an empty kernel, and the checks the kernel makes on the way.

use std::collections::BTreeSet;

use palisade_ir::{LiftError, Protocol};

use super::ast::{Action, Chain, Elements, Field, Kind, Map, Rule, Ruleset, Set, Statement, Table, Values};
use super::boxes;
use super::cursor::FILE;
use super::table::{Block, Command};

/// How deep jumps may nest (NFT_JUMP_STACK_SIZE).
const JUMPS: usize = 16;

fn error(line: usize, message: String) -> LiftError {
    LiftError { file: FILE, line, message }
}

/// Carries out the commands in order.
pub(super) fn build(commands: Vec<Command>) -> Result<Ruleset, LiftError> {
    let mut ruleset = Ruleset::default();
    for command in commands {
        match command {
            Command::Table(block) => add(&mut ruleset, block)?,
            Command::FlushTable(line, table) => {
                known(&mut ruleset, line, &table)?.chains.values_mut().for_each(|chain| chain.rules.clear());
            }
            Command::FlushMap(line, table, name) => {
                known(&mut ruleset, line, &table)?
                    .maps
                    .get_mut(&name)
                    .ok_or_else(|| error(line, format!("there is no map `{name}`")))?
                    .entries
                    .clear();
            }
            Command::FlushSet(line, table, name) => {
                let set = known(&mut ruleset, line, &table)?
                    .sets
                    .get_mut(&name)
                    .ok_or_else(|| error(line, format!("there is no set `{name}`")))?;
                set.elements = match set.elements {
                    Elements::Ranges(_) => Elements::Ranges(palisade_ir::Ranges::empty()),
                    Elements::Boxes(_) => Elements::Boxes(Vec::new()),
                };
            }
        }
    }
    ruleset.tables.values_mut().for_each(fill_dispatches);
    for table in ruleset.tables.values() {
        for (name, chain) in &table.chains {
            chain.rules.iter().try_for_each(|rule| check_payload(table, rule))?;
            if chain.base.is_some() {
                check_jumps(table, name, &mut Vec::new())?;
            }
        }
    }
    Ok(ruleset)
}

/// Gives every rule that looks a named map up the entries the map has in the end.
fn fill_dispatches(table: &mut Table) {
    let Table { maps, chains, timeouts: _, sets: _ } = table;
    for statement in
        chains.values_mut().flat_map(|chain| &mut chain.rules).flat_map(|rule| &mut rule.statements)
    {
        if let Statement::Dispatch { fields: _, entries, map: Some(name) } = statement {
            *entries = maps.get(name).map(|map| map.entries.clone()).unwrap_or_default();
        }
    }
}

fn known<'a>(ruleset: &'a mut Ruleset, line: usize, table: &str) -> Result<&'a mut Table, LiftError> {
    ruleset.tables.get_mut(table).ok_or_else(|| error(line, format!("there is no table `{table}`")))
}

/// A block adds its chains first, then objects and sets, then the rules.
fn add(ruleset: &mut Ruleset, block: Block) -> Result<(), LiftError> {
    let Block { name: table_name, timeouts, sets, maps, chains } = block;
    let Ruleset { tables, base_chains } = ruleset;
    let table = tables.entry(table_name.clone()).or_default();
    let mut rules = Vec::new();
    for (line, name, base, new) in chains {
        let is_new = !table.chains.contains_key(&name);
        let chain = table.chains.entry(name.clone()).or_default();
        match (&mut chain.base, base) {
            (_, None) => {}
            (before @ None, Some(base)) if is_new => {
                *before = Some(base);
                base_chains.push((table_name.clone(), name.clone()));
            }
            // Declared again, a base chain takes the new policy.
            (Some(before), Some(base)) if (before.hook, before.priority) == (base.hook, base.priority) => {
                *before = base;
            }
            (_, Some(_)) => return Err(error(line, format!("the chain `{name}` exists with another hook"))),
        }
        rules.push((name, new));
    }
    for (_, name, timeout) in timeouts {
        // An object that exists keeps its content, without a word.
        table.timeouts.entry(name).or_insert(timeout);
    }
    for (line, name, set) in sets {
        add_set(table, line, name, set)?;
    }
    for (line, name, map) in maps {
        add_map(table, line, name, map)?;
    }
    for (name, new) in rules {
        for rule in &new {
            check_rule(table, rule)?;
        }
        if let Some(chain) = table.chains.get_mut(&name) {
            chain.rules.extend(new);
        }
    }
    Ok(())
}

fn add_set(table: &mut Table, line: usize, name: String, set: Set) -> Result<(), LiftError> {
    let Some(before) = table.sets.get_mut(&name) else {
        table.sets.insert(name, set);
        return Ok(());
    };
    if before.kinds != set.kinds || before.interval != set.interval {
        return Err(error(line, format!("the set `{name}` exists with another type or other flags")));
    }
    let overlap = || error(line, format!("elements of the set `{name}` overlap those it has"));
    match (&mut before.elements, set.elements) {
        (Elements::Ranges(before), Elements::Ranges(new)) => {
            if before.overlaps(&new) {
                return Err(overlap());
            }
            *before = before.union(&new);
        }
        (Elements::Boxes(before), Elements::Boxes(new)) => {
            before.extend(new);
            before.sort();
            if boxes::overlap(&before.iter().collect::<Vec<_>>()).is_some() {
                return Err(overlap());
            }
        }
        (Elements::Ranges(_), Elements::Boxes(_)) | (Elements::Boxes(_), Elements::Ranges(_)) => {
            return Err(overlap());
        }
    }
    Ok(())
}

fn add_map(table: &mut Table, line: usize, name: String, map: Map) -> Result<(), LiftError> {
    for target in map.entries.iter().filter_map(|entry| action_target(&entry.action)) {
        check_target(table, line, target)?;
    }
    let before = table.maps.entry(name.clone()).or_insert_with(|| Map {
        kinds: map.kinds.clone(),
        interval: map.interval,
        entries: Vec::new(),
    });
    if before.kinds != map.kinds || before.interval != map.interval {
        return Err(error(line, format!("the map `{name}` exists with another type or other flags")));
    }
    before.entries.extend(map.entries);
    before.entries.sort();
    let keys: Vec<&boxes::Key> = before.entries.iter().map(|entry| &entry.key).collect();
    match boxes::overlap(&keys) {
        Some(_) => Err(error(line, format!("elements of the map `{name}` overlap"))),
        None => Ok(()),
    }
}

/// A port beside the protocol in one key reads the payload of every protocol: the elements must ask for tcp or udp.
fn check_payload(table: &Table, rule: &Rule) -> Result<(), LiftError> {
    for statement in &rule.statements {
        let (fields, keys): (&[Field], Vec<&boxes::Key>) = match statement {
            Statement::Test { fields, values, negated: _ } => {
                let elements = match values {
                    Values::Inline(elements) => Some(elements),
                    Values::Named(name) => table.sets.get(name).map(|set| &set.elements),
                };
                let Some(Elements::Boxes(boxes)) = elements else { continue };
                (fields, boxes.iter().collect())
            }
            Statement::Dispatch { fields, entries, map: _ } => {
                (fields, entries.iter().map(|entry| &entry.key).collect())
            }
            Statement::Counter
            | Statement::Limit
            | Statement::Log { .. }
            | Statement::SetTimeout(_)
            | Statement::Act(_) => continue,
        };
        let Some(at) = fields.iter().position(|field| *field == Field::Protocol) else { continue };
        let ported = |(first, last): &(u128, u128)| {
            first == last && [Protocol::TCP, Protocol::UDP].iter().any(|known| u128::from(known.0) == *first)
        };
        let ports = fields.iter().any(|field| matches!(field, Field::SourcePort | Field::DestinationPort));
        if ports && !keys.iter().all(|key| key.get(at).is_some_and(ported)) {
            let message = "ports beside a protocol that is neither tcp nor udp read its payload";
            return Err(error(rule.line, message.to_owned()));
        }
    }
    Ok(())
}

/// What a rule names must exist and fit.
fn check_rule(table: &Table, rule: &Rule) -> Result<(), LiftError> {
    let missing = |what: &str, name: &str| error(rule.line, format!("there is no {what} `{name}`"));
    for statement in &rule.statements {
        match statement {
            Statement::Test { fields, values: Values::Named(name), negated: _ } => {
                let set = table.sets.get(name).ok_or_else(|| missing("set", name))?;
                let kinds: Vec<Kind> = fields.iter().map(|field: &Field| field.kind()).collect();
                if set.kinds != kinds {
                    return Err(error(rule.line, format!("the set `{name}` is of another type")));
                }
            }
            Statement::Dispatch { fields, entries: _, map: Some(name) } => {
                let map = table.maps.get(name).ok_or_else(|| missing("map", name))?;
                if !fields.iter().map(|field| field.kind()).eq(map.kinds.iter().copied()) {
                    return Err(error(rule.line, format!("the map `{name}` is of another type")));
                }
            }
            Statement::SetTimeout(name) if !table.timeouts.contains_key(name) => {
                return Err(missing("ct timeout", name));
            }
            Statement::Test { .. }
            | Statement::SetTimeout(_)
            | Statement::Dispatch { .. }
            | Statement::Counter
            | Statement::Limit
            | Statement::Log { .. }
            | Statement::Act(_) => {}
        }
        for target in targets(statement) {
            check_target(table, rule.line, target)?;
        }
    }
    Ok(())
}

/// Only a regular chain can be jumped to.
fn check_target(table: &Table, line: usize, target: &str) -> Result<(), LiftError> {
    match table.chains.get(target) {
        Some(Chain { base: None, .. }) => Ok(()),
        Some(Chain { base: Some(_), .. }) => {
            Err(error(line, format!("`{target}` is a base chain; nothing can jump there")))
        }
        None => Err(error(line, format!("there is no chain `{target}`"))),
    }
}

fn targets(statement: &Statement) -> Vec<&str> {
    match statement {
        Statement::Act(action) => action_target(action).into_iter().collect(),
        Statement::Dispatch { entries, fields: _, map: _ } => {
            entries.iter().filter_map(|entry| action_target(&entry.action)).collect()
        }
        Statement::Test { .. }
        | Statement::SetTimeout(_)
        | Statement::Counter
        | Statement::Limit
        | Statement::Log { .. } => Vec::new(),
    }
}

fn action_target(action: &Action) -> Option<&str> {
    match action {
        Action::Jump(chain) | Action::Goto(chain) => Some(chain),
        Action::Accept | Action::Drop | Action::Return => None,
    }
}

/// Jumps must come to an end.
fn check_jumps<'a>(table: &'a Table, name: &'a str, path: &mut Vec<&'a str>) -> Result<(), LiftError> {
    let Some(chain) = table.chains.get(name) else { return Ok(()) };
    if path.contains(&name) || path.len() >= JUMPS {
        let line = chain.rules.first().map_or(1, |rule| rule.line);
        return Err(error(line, format!("jumps into the chain `{name}` nest too deeply or without end")));
    }
    path.push(name);
    for target in
        chain.rules.iter().flat_map(|rule| &rule.statements).flat_map(targets).collect::<BTreeSet<_>>()
    {
        check_jumps(table, target, path)?;
    }
    path.pop();
    Ok(())
}
