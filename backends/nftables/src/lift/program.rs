//! A ruleset as a program over sets of packets, for proofs.
//!
//! Written from the same sources as `decide`, which walks it packet by packet; the tests hold both together. What is
//! not translated exactly is refused.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::symbolic::{Act, Asks, Block, Condition, Program, Step};
use palisade_ir::{ConnState, Family, LiftError, Protocol, Ranges, Region, Verdict};

use super::ast::{Action, Elements, Field, Rule, Ruleset, Statement, Table, Values, family_number, hosts};
use super::cursor::FILE;

/// What some packets have passed of a rule so far.
#[derive(Clone)]
struct Passed {
    guard: Region,
    conditions: Vec<Condition>,
}

/// A table being translated.
struct Translation<'a> {
    family: Family,
    table: &'a Table,
    blocks: BTreeMap<&'a str, usize>,
}

fn refuse(line: usize, what: &str) -> LiftError {
    LiftError { file: FILE, line, message: format!("not provable: {what}") }
}

/// The program of one family.
pub(super) fn program(ruleset: &Ruleset, family: Family) -> Result<Program, LiftError> {
    let Ruleset { tables, base_chains } = ruleset;
    let mut program = Program { family, blocks: Vec::new(), entries: Vec::new() };
    let mut starts = BTreeMap::new();
    for (name, table) in tables {
        let start = program.blocks.len();
        let blocks =
            table.chains.keys().enumerate().map(|(at, chain)| (chain.as_str(), start + at)).collect();
        let translation = Translation { family, table, blocks };
        for chain in table.chains.values() {
            let mut block = Block::default();
            for rule in &chain.rules {
                translation.rule(rule, &mut block.steps)?;
            }
            program.blocks.push(block);
        }
        starts.insert(name, translation.blocks);
    }
    for (table, name) in base_chains {
        let base = tables.get(table).and_then(|table| table.chains.get(name)?.base);
        let block = starts.get(table).and_then(|blocks| blocks.get(name.as_str()));
        let (Some(base), Some(block)) = (base, block) else { continue };
        if program.entry(base.hook).is_some() {
            // An accept would end the first and go on with the second.
            return Err(refuse(base.line, "several base chains at one hook"));
        }
        let full = Region::full(family);
        let steps =
            vec![Step::new(full.clone(), Act::Call(*block)), Step::new(full, Act::Decide(base.policy))];
        program.entries.push((base.hook, program.blocks.len()));
        program.blocks.push(Block { steps });
    }
    Ok(program)
}

impl Translation<'_> {
    fn rule(&self, rule: &Rule, steps: &mut Vec<Step>) -> Result<(), LiftError> {
        let mut passed = vec![Passed { guard: Region::full(self.family), conditions: Vec::new() }];
        let mut statements = rule.statements.iter();
        while let Some(statement) = statements.next() {
            match statement {
                Statement::Test { fields, negated, values } => {
                    passed = self.test(rule.line, &passed, fields, *negated, values)?;
                }
                Statement::Dispatch { fields, entries, map: _ } => {
                    if statements.next().is_some() {
                        return Err(refuse(rule.line, "a statement behind a map of verdicts"));
                    }
                    for entry in entries {
                        let key: Vec<Ranges> =
                            entry.key.iter().map(|(first, last)| Ranges::span(*first, *last)).collect();
                        let act = self.act(rule.line, &entry.action)?;
                        push(steps, &self.narrow_all(rule.line, &passed, fields, &key)?, act);
                    }
                }
                Statement::Log { prefix: _ } => push(steps, &passed, Act::Log),
                // A rate that is kept; and what does not touch the verdict.
                Statement::Counter | Statement::Limit | Statement::SetTimeout(_) => {}
                Statement::Act(action) => push(steps, &passed, self.act(rule.line, action)?),
            }
        }
        Ok(())
    }

    fn act(&self, line: usize, action: &Action) -> Result<Act, LiftError> {
        let block = |name: &String| {
            self.blocks.get(name.as_str()).copied().ok_or_else(|| refuse(line, "a chain that is not there"))
        };
        Ok(match action {
            Action::Accept => Act::Decide(Verdict::Allow),
            Action::Drop => Act::Decide(Verdict::Deny),
            Action::Return => Act::Return,
            Action::Jump(chain) => Act::Call(block(chain)?),
            Action::Goto(chain) => Act::Goto(block(chain)?),
        })
    }

    fn test(
        &self,
        line: usize,
        passed: &[Passed],
        fields: &[Field],
        negated: bool,
        values: &Values,
    ) -> Result<Vec<Passed>, LiftError> {
        let elements = match values {
            Values::Inline(elements) => elements,
            Values::Named(name) => {
                let set = self.table.sets.get(name);
                &set.ok_or_else(|| refuse(line, "a set that is not there"))?.elements
            }
        };
        match (fields, elements) {
            ([field], Elements::Ranges(ranges)) => self.narrow(line, passed, *field, ranges, negated),
            (_, Elements::Boxes(_)) if negated => Err(refuse(line, "`!=` of several fields together")),
            (_, Elements::Boxes(boxes)) => {
                let mut all = Vec::new();
                for key in boxes {
                    let key: Vec<Ranges> =
                        key.iter().map(|(first, last)| Ranges::span(*first, *last)).collect();
                    all.extend(self.narrow_all(line, passed, fields, &key)?);
                }
                Ok(all)
            }
            (_, Elements::Ranges(_)) => Err(refuse(line, "values of one field for several")),
        }
    }

    fn narrow_all(
        &self,
        line: usize,
        passed: &[Passed],
        fields: &[Field],
        key: &[Ranges],
    ) -> Result<Vec<Passed>, LiftError> {
        let mut passed = passed.to_vec();
        for (field, values) in fields.iter().zip(key) {
            passed = self.narrow(line, &passed, *field, values, false)?;
        }
        Ok(passed)
    }

    /// What passes a test of one field: of the packets that have it, those with such a value.
    fn narrow(
        &self,
        line: usize,
        passed: &[Passed],
        field: Field,
        values: &Ranges,
        negated: bool,
    ) -> Result<Vec<Passed>, LiftError> {
        let chosen = |last: u128, values: &Ranges| match negated {
            true => Ranges::span(0, last).subtract(values),
            false => values.clone(),
        };
        let values_of = |last: u128| chosen(last, values);
        let one = |protocol: Protocol| Ranges::span(protocol.0.into(), protocol.0.into());
        let condition = |asks: Asks| Condition { asks, negated };
        let port = u128::from(u16::MAX);
        let mut all = Vec::new();
        for Passed { guard, conditions } in passed {
            let mut conditions = conditions.clone();
            let guard = match field {
                Field::Family => {
                    let holds = values.contains(family_number(self.family)) != negated;
                    holds.then(|| guard.clone())
                }
                Field::Protocol => guard.with_protocols(&values_of(255)),
                Field::Source(family) if family == self.family => {
                    guard.with_source(&values_of(family.last()))
                }
                Field::Destination(family) if family == self.family => {
                    guard.with_destination(&values_of(family.last()))
                }
                Field::SourcePrefix(family, length) if family == self.family => {
                    guard.with_source(&chosen(family.last(), &addresses(family, length, values)))
                }
                Field::DestinationPrefix(family, length) if family == self.family => {
                    guard.with_destination(&chosen(family.last(), &addresses(family, length, values)))
                }
                Field::Source(_)
                | Field::Destination(_)
                | Field::SourcePrefix(..)
                | Field::DestinationPrefix(..) => None,
                Field::SourcePort => guard.with_source_ports(&values_of(port)),
                Field::DestinationPort => guard.with_destination_ports(&values_of(port)),
                Field::InputInterface => {
                    conditions.push(condition(Asks::Input(interfaces(line, values)?)));
                    Some(guard.clone())
                }
                Field::OutputInterface => {
                    conditions.push(condition(Asks::Output(interfaces(line, values)?)));
                    Some(guard.clone())
                }
                Field::State => {
                    conditions.push(condition(Asks::State(states(values))));
                    Some(guard.clone())
                }
                Field::IcmpType | Field::Icmpv6Type => {
                    conditions.push(condition(Asks::IcmpType(values.clone())));
                    let icmp = if field == Field::IcmpType { Protocol::ICMP } else { Protocol::ICMPV6 };
                    guard.with_protocols(&one(icmp))
                }
                Field::HopLimit => {
                    conditions.push(condition(Asks::HopLimit(values.clone())));
                    (self.family == Family::V6).then(|| guard.clone())
                }
            };
            all.extend(guard.map(|guard| Passed { guard, conditions }));
        }
        Ok(all)
    }
}

fn push(steps: &mut Vec<Step>, passed: &[Passed], act: Act) {
    steps.extend(passed.iter().map(|Passed { guard, conditions }| Step {
        guard: guard.clone(),
        conditions: conditions.clone(),
        act,
    }));
}

/// The addresses whose leading bits, with zeros behind them, are among the values.
fn addresses(family: Family, length: u8, values: &Ranges) -> Ranges {
    let hosts = hosts(family, length);
    let whole = |(first, last): (u128, u128)| {
        let first = if first & hosts == 0 { first } else { (first | hosts).checked_add(1)? };
        let last = (last & !hosts) | hosts;
        (first <= last).then_some((first, last))
    };
    values.iter().filter_map(whole).collect()
}

/// Interface names from their numbers: sixteen bytes, the name first, then zeros.
fn interfaces(line: usize, numbers: &Ranges) -> Result<BTreeSet<String>, LiftError> {
    let name = |(first, last): (u128, u128)| {
        let bytes = first.to_be_bytes();
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (name, padding) = bytes.split_at_checked(end)?;
        let whole = first == last && !name.is_empty() && padding.iter().all(|byte| *byte == 0);
        std::str::from_utf8(name).ok().filter(|_| whole).map(str::to_owned)
    };
    numbers
        .iter()
        .map(|range| name(range).ok_or_else(|| refuse(line, "a range of interface names")))
        .collect()
}

/// The states whose bit is one of the numbers.
fn states(numbers: &Ranges) -> Vec<ConnState> {
    use ConnState::{Established, Invalid, New, Related, Untracked};
    let bit = |state: &ConnState| super::decide::state_number(*state);
    [Invalid, Established, Related, New, Untracked]
        .into_iter()
        .filter(|state| numbers.contains(bit(state)))
        .collect()
}
