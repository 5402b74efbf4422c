//! Builds class tables, or finds that they would take too much.
//!
//! For each class of one address field (the outer one) the rules it leaves are swept along the classes of the other; where
//! other rules become active, what happens to each service is worked out once and given a number. Rows, columns and
//! services that turn out the same are joined at the end.

use std::collections::HashMap;

use super::LAST;
use super::axis::{Axis, ones};
use super::rules::Rules;
use super::services::{Services, distinct, reduced};
use super::tables::Tables;
use super::trie::{Number, Trie};

/// The most bytes of the rows of one field, while building.
const ROWS: u64 = 64 << 20;
/// The most cells of the table of address pairs, while building.
const CELLS: usize = 1 << 23;
/// The most bytes of finished tables.
const BYTES: usize = 16 << 20;
/// The most words of work that joining equal services may take.
const JOIN: usize = 1 << 24;

/// The tables; `None` when they exceed a limit. Takes what it does from `work`, whose unit is a word or so.
pub(super) fn build<T: Number>(rules: &Rules<'_>, last: u128, work: &mut u64) -> Option<Tables<T>> {
    let [source, destination, service, source_port] = &rules.fields;
    let axis = |values, last| Axis::new(values, last, ROWS);
    let services = Services::new(axis(service, LAST.0)?, axis(source_port, LAST.1)?, rules.len(), work)?;
    let (source, destination) = (axis(source, last)?, axis(destination, last)?);
    let cells = source.classes().saturating_mul(destination.classes());
    let rows = source.rows().len() + destination.rows().len();
    *work = work.checked_sub((cells + rows) as u64).filter(|_| cells <= CELLS)?;
    // Sweeping costs as many steps as rules are left by the outer classes.
    let swapped = steps(&destination) < steps(&source);
    let (outer, inner) = if swapped { (&destination, &source) } else { (&source, &destination) };
    let mut sweep = Sweep::new(rules, &services, inner);
    let mut table = Vec::with_capacity(cells);
    for class in 0..outer.classes() {
        sweep.line(outer.row(class), &mut table, work)?;
    }
    let Sweep { effects, .. } = sweep;
    let (rows, columns) = distinct(&table, inner.classes());
    let pairs: Vec<u32> = reduced(&table, inner.classes(), &rows, &columns).collect();
    let (names, words, outcomes) = effects.packed(services.words);
    let lone = rows.count == 1 || columns.count == 1;
    let offset = |effect: u32| effect * words as u32;
    // With one row or column the names of the other axis are the effects themselves.
    let spread = |names: &[u32], factor: u32| {
        let effect = |name: &u32| pairs.get(*name as usize).map_or(0, |effect| offset(*effect));
        names.iter().map(|name| if lone { effect(name) } else { name * factor }).collect::<Vec<u32>>()
    };
    let outer_names = outer.renamed(&spread(&rows.names, columns.count as u32));
    let inner_names = inner.renamed(&spread(&columns.names, 1));
    let outer_trie = (rows.count > 1).then(|| Trie::new(&outer_names)).flatten();
    let inner_trie = (columns.count > 1).then(|| Trie::new(&inner_names)).flatten();
    let (source, destination) = if swapped { (inner_trie, outer_trie) } else { (outer_trie, inner_trie) };
    let pairs = if lone {
        // Without any address to look up the row is the first: it is the only one.
        None
    } else {
        Some(pairs.into_iter().map(offset).collect())
    };
    let tables = Tables { source, destination, services: services.tables(&names), pairs, outcomes };
    (tables.bytes() <= BYTES).then_some(tables)
}

fn steps(axis: &Axis) -> usize {
    axis.rows().iter().map(|word| word.count_ones() as usize).sum()
}

/// What happens to each service, by number: verdicts, then log flags, a bit per service class.
#[derive(Default)]
struct Effects {
    known: HashMap<Vec<u64>, u32>,
}

impl Effects {
    /// The number of an effect; `None` when there are too many.
    fn number(&mut self, effect: &[u64]) -> Option<u32> {
        if let Some(number) = self.known.get(effect) {
            return Some(*number);
        }
        let number = self.known.len() as u32;
        if (self.known.len() + 1) * effect.len() * 8 > BYTES {
            return None;
        }
        self.known.insert(effect.to_vec(), number);
        Some(number)
    }

    /// New names for service classes, the words of an effect by them, and all effects one after the other.
    fn packed(self, words: usize) -> (Vec<u32>, usize, Vec<u64>) {
        let mut effects: Vec<(u32, Vec<u64>)> =
            self.known.into_iter().map(|(effect, at)| (at, effect)).collect();
        effects.sort_unstable_by_key(|(at, _)| *at);
        let effects: Vec<Vec<u64>> = effects.into_iter().map(|(_, effect)| effect).collect();
        let services = words * 64;
        let bit =
            |effect: &[u64], at: usize| effect.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1);
        let (names, kept): (Vec<u32>, Vec<usize>) = if effects.len() * services > JOIN {
            ((0..services as u32).collect(), (0..services).collect())
        } else {
            let code = |effect: &Vec<u64>, at: usize| {
                u32::from(bit(effect, at)) | u32::from(bit(effect, services + at)) << 1
            };
            let table: Vec<u32> =
                effects.iter().flat_map(|effect| (0..services).map(move |at| code(effect, at))).collect();
            let columns = distinct(&table, services).1;
            let mut kept = vec![0; columns.count];
            for (at, name) in columns.names.iter().enumerate().rev() {
                if let Some(first) = kept.get_mut(*name as usize) {
                    *first = at;
                }
            }
            (columns.names, kept)
        };
        let mut outcomes = Vec::new();
        for effect in &effects {
            for chunk in kept.chunks(32) {
                let bits = |plane: usize| {
                    let bits = chunk.iter().enumerate();
                    bits.fold(0_u64, |all, (at, service)| all | u64::from(bit(effect, plane + service)) << at)
                };
                outcomes.push(bits(0) | bits(services) << 32);
            }
        }
        (names, kept.len().div_ceil(32), outcomes)
    }
}

/// What stays the same for all lines of the table of address pairs.
struct Sweep<'a> {
    rules: &'a Rules<'a>,
    services: &'a Services,
    /// The classes of the inner field, as runs, by rule.
    runs: Vec<Vec<(u32, u32)>>,
    inner: u32,
    /// Rules whose services are not all decided by stronger rules for any addresses.
    live: Vec<u64>,
    /// The services that rules ask for.
    asked: Vec<u64>,
    effects: Effects,
}

impl<'a> Sweep<'a> {
    fn new(rules: &'a Rules<'a>, services: &'a Services, inner: &Axis) -> Self {
        let mut runs: Vec<Vec<(u32, u32)>> = vec![Vec::new(); rules.len()];
        for class in 0..inner.classes() {
            for rule in ones(inner.row(class)) {
                let Some(runs) = runs.get_mut(rule) else { continue };
                match runs.last_mut() {
                    Some(run) if run.1 == class as u32 => run.1 += 1,
                    _ => runs.push((class as u32, class as u32 + 1)),
                }
            }
        }
        let (live, asked) = live(rules, services);
        Self {
            rules,
            services,
            runs,
            inner: inner.classes() as u32,
            live,
            asked,
            effects: Effects::default(),
        }
    }

    /// Appends the effects of all inner classes for the rules that an outer class leaves.
    fn line(&mut self, row: &[u64], table: &mut Vec<u32>, work: &mut u64) -> Option<()> {
        let row: Vec<u64> = row.iter().zip(&self.live).map(|(row, live)| row & live).collect();
        let rules: Vec<usize> = ones(&row).collect();
        let mut turns: Vec<(u32, usize)> = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            turns.extend(self.runs.get(*rule)?.iter().flat_map(|(first, end)| [(*first, at), (*end, at)]));
        }
        *work = work.checked_sub(turns.len() as u64)?;
        turns.sort_unstable();
        let mut active = vec![0_u64; rules.len().div_ceil(64)];
        let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
        let mut turns = turns.as_slice();
        let mut from = 0;
        while from < self.inner {
            let (now, later) = turns.split_at(turns.partition_point(|(at, _)| *at <= from));
            for (_, rule) in now {
                if let Some(word) = active.get_mut(rule / 64) {
                    *word ^= 1 << (rule % 64);
                }
            }
            *work = work.checked_sub(active.len() as u64 + 1)?;
            let effect = match known.get(&active) {
                Some(effect) => *effect,
                None => {
                    let effect = self.effect(&rules, &active, work)?;
                    *known.entry(active.clone()).or_insert(effect)
                }
            };
            let until = later.first().map_or(self.inner, |(at, _)| *at).min(self.inner);
            table.resize(table.len() + (until - from) as usize, effect);
            (turns, from) = (later, until);
        }
        Some(())
    }

    /// What happens to each service when some of the rules are asked in order.
    fn effect(&mut self, rules: &[usize], active: &[u64], work: &mut u64) -> Option<u32> {
        let words = self.services.words;
        let mut open = self.asked.clone();
        let mut effect = vec![0_u64; 2 * words];
        let (verdicts, logs) = effect.split_at_mut(words);
        let mut left: u32 = open.iter().map(|word| word.count_ones()).sum();
        let mut decide = |open: &mut [u64], first: usize, mask: &[u64], outcome: u8| {
            let (allow, log) =
                (0_u64.wrapping_sub((outcome & 1).into()), 0_u64.wrapping_sub((outcome >> 1).into()));
            let places = open.iter_mut().zip(verdicts.iter_mut().zip(logs.iter_mut())).skip(first);
            let mut decided = 0;
            for ((open, (verdicts, logs)), mask) in places.zip(mask) {
                let new = *open & mask;
                *verdicts |= new & allow;
                *logs |= new & log;
                *open ^= new;
                decided += new.count_ones();
            }
            decided
        };
        for at in ones(active) {
            let rule = *rules.get(at)?;
            let (first, mask) = self.services.trimmed(rule);
            *work = work.checked_sub(mask.len() as u64 + 1)?;
            left -= decide(&mut open, first, mask, *self.rules.outcomes.get(rule)?);
            if left == 0 {
                break;
            }
        }
        open.iter_mut().zip(&self.asked).for_each(|(open, asked)| *open |= !asked);
        decide(&mut open, 0, &vec![u64::MAX; words], self.rules.default);
        self.effects.number(&effect)
    }
}

/// The rules that a stronger rule for any addresses, or several together, do not make dead; and all services of rules.
fn live(rules: &Rules<'_>, services: &Services) -> (Vec<u64>, Vec<u64>) {
    let [sources, destinations, ..] = &rules.fields;
    let mut live = vec![0_u64; rules.len().div_ceil(64)];
    let (mut decided, mut asked) = (vec![0_u64; services.words], vec![0_u64; services.words]);
    for (rule, (source, destination)) in sources.iter().zip(destinations).enumerate() {
        let mask = services.of(rule);
        if mask.iter().zip(&decided).all(|(mask, decided)| mask & !decided == 0) {
            continue;
        }
        if let Some(word) = live.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
        asked.iter_mut().zip(mask).for_each(|(asked, mask)| *asked |= mask);
        if source.is_none() && destination.is_none() {
            decided.iter_mut().zip(mask).for_each(|(decided, mask)| *decided |= mask);
        }
    }
    (live, asked)
}
