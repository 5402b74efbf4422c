//! Service classes while tables are built: what rules cannot tell apart by service and source port.

use alloc::vec::Vec;

use super::axis::{Axis, ones};
use super::pages::Pages;
use super::rules::LAST_SERVICE;
use super::tables::ServiceTables;
use crate::hash::HashMap;

/// The most pairs of a service and a source port class: their names have 16 bits.
const PAIRS: usize = 1 << 16;

/// The classes of services and source ports together.
pub(super) struct Services {
    service: Axis,
    source_port: Axis,
    /// The class of each pair, by source port within service.
    classes: Vec<u32>,
    /// The classes of each rule, `words` words each.
    masks: Vec<u64>,
    /// The words of each mask that are not 0 lie in this range.
    ranges: Vec<(usize, usize)>,
    /// The words of a set of classes.
    pub(super) words: usize,
}

impl Services {
    /// `None` when there are too many.
    pub(super) fn new(service: Axis, source_port: Axis, rules: usize, work: &mut u64) -> Option<Self> {
        let pairs = service.classes() * source_port.classes();
        *work = work.checked_sub((pairs * rules.div_ceil(64)) as u64).filter(|_| pairs <= PAIRS)?;
        let mut known: HashMap<Vec<u64>, u32> = HashMap::default();
        let mut classes = Vec::with_capacity(pairs);
        let mut rows = Vec::new();
        for a in 0..service.classes() {
            for b in 0..source_port.classes() {
                let words = service.row(a).iter().zip(source_port.row(b));
                let row: Vec<u64> = words.map(|(a, b)| a & b).collect();
                let next = rows.len() as u32;
                classes.push(*known.entry(row).or_insert_with_key(|row| {
                    rows.push(row.clone());
                    next
                }));
            }
        }
        let words = rows.len().div_ceil(64);
        if (words * rules) as u64 > *work {
            return None;
        }
        let mut masks = vec![0; words * rules];
        for (class, row) in rows.iter().enumerate() {
            for rule in ones(row) {
                if let Some(word) = masks.get_mut(rule * words + class / 64) {
                    *word |= 1 << (class % 64);
                }
            }
        }
        let range = |mask: &[u64]| {
            let end = mask.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
            (mask.iter().position(|word| *word != 0).unwrap_or(end), end)
        };
        let ranges = masks.chunks(words.max(1)).map(range).collect();
        Some(Self { service, source_port, classes, masks, ranges, words })
    }

    /// The classes of a rule.
    pub(super) fn of(&self, rule: usize) -> &[u64] {
        self.masks.get(rule * self.words..(rule + 1) * self.words).unwrap_or_default()
    }

    /// The same without the words before and after that are 0, and how many there are before.
    pub(super) fn trimmed(&self, rule: usize) -> (usize, &[u64]) {
        let (first, end) = self.ranges.get(rule).copied().unwrap_or_default();
        (first, self.of(rule).get(first..end).unwrap_or_default())
    }

    /// The way to the classes, by other names for them, below 2^16.
    pub(super) fn tables(&self, names: &[u32]) -> ServiceTables {
        let name = |class: &u32| names.get(*class as usize).copied().unwrap_or_default();
        let table: Vec<u32> = self.classes.iter().map(name).collect();
        let (rows, columns) = distinct(&table, self.source_port.classes());
        let width = columns.count;
        let from_service = |factor: usize| {
            let names: Vec<u32> = rows.names.iter().map(|row| row * factor as u32).collect();
            Pages::new(&self.service.renamed(&names), LAST_SERVICE)
        };
        if width == 1 {
            // The pages hold the names themselves.
            let names: Vec<u32> = table.iter().step_by(self.source_port.classes()).copied().collect();
            let service = Pages::new(&self.service.renamed(&names), LAST_SERVICE);
            return ServiceTables { service, source_port: None, cross: None };
        }
        ServiceTables {
            service: from_service(width),
            source_port: Pages::new(&self.source_port.renamed(&columns.names), u16::MAX.into()),
            cross: Some(
                reduced(&table, self.source_port.classes(), &rows, &columns).collect::<Vec<u32>>().into(),
            ),
        }
    }
}

/// New names for lines of a table: the same for equal lines.
pub(super) struct Names {
    /// By old number.
    pub(super) names: Vec<u32>,
    /// How many there are.
    pub(super) count: usize,
    /// The first old number of each.
    pub(super) firsts: Vec<usize>,
}

/// Which rows and which columns of a table are the same.
pub(super) fn distinct(table: &[u32], width: usize) -> (Names, Names) {
    let width = width.max(1);
    let rows = named(table.chunks(width).map(<[u32]>::to_vec));
    // Equal rows make no difference to columns.
    let kept: Vec<&[u32]> =
        rows.firsts.iter().filter_map(|first| table.get(first * width..(first + 1) * width)).collect();
    let column = |at: usize| kept.iter().filter_map(|row| row.get(at).copied()).collect::<Vec<u32>>();
    (rows, named((0..width).map(column)))
}

fn named(lines: impl Iterator<Item = Vec<u32>>) -> Names {
    let mut known: HashMap<Vec<u32>, u32> = HashMap::default();
    let (mut names, mut firsts) = (Vec::new(), Vec::new());
    for (at, line) in lines.enumerate() {
        let next = known.len() as u32;
        let name = *known.entry(line).or_insert(next);
        if name == next {
            firsts.push(at);
        }
        names.push(name);
    }
    Names { count: firsts.len(), names, firsts }
}

/// A table with each distinct row and column once.
pub(super) fn reduced<'a>(
    table: &'a [u32],
    width: usize,
    rows: &'a Names,
    columns: &'a Names,
) -> impl Iterator<Item = u32> + 'a {
    let at = move |row: &usize, column: &usize| table.get(row * width + column).copied().unwrap_or_default();
    rows.firsts.iter().flat_map(move |row| columns.firsts.iter().map(move |column| at(row, column)))
}
