//! Builds class tables, or finds that they would take too much.
//!
//! For each class of one address field (the outer one) the rules it leaves are swept along the classes of the other; where
//! other rules become active, what happens to each service is worked out once and given a number. Rows, columns and
//! services that turn out the same are joined at the end.

use alloc::vec::Vec;

use super::LAST;
use super::axis::{Axis, ones};
use super::cells::Cells;
use super::effects::Effects;
use super::number::Number;
use super::rules::{Rules, Values};
use super::services::{Services, distinct, reduced};
use super::tables::{Classes, Tables};
use super::trie::Trie;
use crate::hash::HashMap;

/// The most bytes of the rows of one field, while building.
const ROWS: u64 = 64 << 20;
/// The most cells of the table of address pairs, while building.
const CELLS: usize = 1 << 23;

/// The tables; `None` when they exceed a limit. Takes what it does from `work`, whose unit is a word or so.
pub(super) fn build<T: Number, C: Cells>(
    rules: &Rules<'_>,
    last: u128,
    work: &mut u64,
) -> Option<Tables<T, C>> {
    let [source, destination, service, source_port] = &rules.fields;
    let axis = |values, last| Axis::new(values, last, ROWS);
    let services = Services::new(axis(service, LAST.0)?, axis(source_port, LAST.1)?, rules.len(), work)?;
    if destination.iter().all(Option::is_none) {
        return line(rules, (source, last), services, work, |trie| [trie, None]);
    }
    if source.iter().all(Option::is_none) {
        return line(rules, (destination, last), services, work, |trie| [None, trie]);
    }
    let (source, destination) = (axis(source, last)?, axis(destination, last)?);
    *work /= C::PARTS;
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
    let (names, cells, width) = effects.packed(services.words * 64);
    let lone = rows.count == 1 || columns.count == 1;
    let offset = |effect: u32| effect * width;
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
        Some(pairs.into_iter().map(offset).collect::<Vec<u32>>().into())
    };
    finished(Classes { source, destination, services: services.tables(&names), pairs }, cells)
}

fn finished<T: Number, C: Cells>(classes: Classes<T>, cells: C) -> Option<Tables<T, C>> {
    let tables = Tables { classes, cells };
    (tables.bytes() <= C::BYTES).then_some(tables)
}

/// The tables of rules that look at one address at most.
fn line<T: Number, C: Cells>(
    rules: &Rules<'_>,
    (values, last): (&[Values<'_>], u128),
    services: Services,
    work: &mut u64,
    ends: impl Fn(Option<Trie<T>>) -> [Option<Trie<T>>; 2],
) -> Option<Tables<T, C>> {
    let (mut intervals, effects) = super::line::sweep::<C>(rules, values, last, &services, work)?;
    let (names, cells, width) = effects.packed(services.words * 64);
    intervals.iter_mut().for_each(|(_, effect)| *effect *= width);
    let [source, destination] = ends(Trie::new(&intervals));
    finished(Classes { source, destination, services: services.tables(&names), pairs: None }, cells)
}

fn steps(axis: &Axis) -> usize {
    axis.rows().iter().map(|word| word.count_ones() as usize).sum()
}

/// What stays the same for all lines of the table of address pairs.
struct Sweep<'a, C: Cells> {
    rules: &'a Rules<'a>,
    services: &'a Services,
    /// The classes of the inner field, as runs, by rule.
    runs: Vec<Vec<(u32, u32)>>,
    inner: u32,
    /// Rules whose services are not all decided by stronger rules for any addresses.
    live: Vec<u64>,
    /// The services that rules ask for.
    asked: Vec<u64>,
    effects: Effects<C>,
}

impl<'a, C: Cells> Sweep<'a, C> {
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
        let mut known: HashMap<Vec<u64>, u32> = HashMap::default();
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
        let mut effect = vec![C::Word::default(); words * 64 / C::PER];
        let mut left: u32 = open.iter().map(|word| word.count_ones()).sum();
        for at in ones(active) {
            let rule = *rules.get(at)?;
            let (first, mask) = self.services.trimmed(rule);
            *work = work.checked_sub(mask.len() as u64 + 1)?;
            let outcome = *self.rules.outcomes.get(rule)?;
            for ((place, open), mask) in open.iter_mut().enumerate().skip(first).zip(mask) {
                let new = *open & mask;
                if new != 0 {
                    C::decide(&mut effect, place, new, rule as u32 + 1, outcome);
                    *open ^= new;
                    left -= new.count_ones();
                }
            }
            if left == 0 {
                break;
            }
        }
        for (place, (open, asked)) in open.iter().zip(&self.asked).enumerate() {
            C::decide(&mut effect, place, open | !asked, 0, self.rules.default);
        }
        *work = work.checked_sub(effect.len() as u64)?;
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
