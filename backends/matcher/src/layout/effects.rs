//! Effects while tables are built: what happens to every service, for packets between two classes of addresses. Each
//! distinct one has a number; they are kept as rows of pages, because most differ in few services.

use alloc::vec::Vec;

use super::cells::Cells;
use super::services::distinct;
use crate::hash::HashMap;

/// The words of a page.
pub(super) const PAGE: usize = 16;
/// The most cells that may be compared to join equal services.
const JOIN: usize = 1 << 22;

/// Effects so far.
pub(super) struct Effects<C: Cells> {
    pages: HashMap<Vec<C::Word>, u32>,
    rows: HashMap<Vec<u32>, u32>,
    /// What they may still take.
    bytes: usize,
}

impl<C: Cells> Default for Effects<C> {
    fn default() -> Self {
        Self { pages: HashMap::default(), rows: HashMap::default(), bytes: C::BYTES }
    }
}

impl<C: Cells> Effects<C> {
    /// The number of a page; `None` when there are too many.
    pub(super) fn page(&mut self, page: &[C::Word]) -> Option<u32> {
        number(&mut self.pages, page, &mut self.bytes)
    }

    /// The number of the effect with these pages; `None` when there are too many.
    pub(super) fn row(&mut self, pages: &[u32]) -> Option<u32> {
        number(&mut self.rows, pages, &mut self.bytes)
    }

    /// The number of an effect; `None` when there are too many.
    pub(super) fn number(&mut self, effect: &[C::Word]) -> Option<u32> {
        let pages: Option<Vec<u32>> = effect.chunks(PAGE).map(|page| self.page(page)).collect();
        self.row(&pages?)
    }

    /// New names for services, and cells with the distance between the rows of effects.
    pub(super) fn packed(self, services: usize) -> (Vec<u32>, C, u32) {
        let effects = Plain { pages: in_order(self.pages), rows: in_order(self.rows) };
        let (names, kept) = if effects.rows.len() * services > JOIN {
            ((0..services as u32).collect(), (0..services).collect())
        } else {
            joined::<C>(&effects, services)
        };
        let (cells, width) = C::pack(&effects, &kept);
        (names, cells, width)
    }
}

/// Names for services, the same for those that no effect tells apart, and the first service of each name.
fn joined<C: Cells>(effects: &Plain<C::Word>, services: usize) -> (Vec<u32>, Vec<usize>) {
    let code = |row, at: usize| C::code(effects.word(row, at / C::PER), at % C::PER);
    let table: Vec<u32> =
        effects.rows.iter().flat_map(|row| (0..services).map(move |at| code(row, at))).collect();
    let columns = distinct(&table, services).1;
    (columns.names, columns.firsts)
}

fn number<W: Copy + Eq + core::hash::Hash>(
    known: &mut HashMap<Vec<W>, u32>,
    words: &[W],
    bytes: &mut usize,
) -> Option<u32> {
    if let Some(number) = known.get(words) {
        return Some(*number);
    }
    *bytes = bytes.checked_sub(size_of_val(words))?;
    let number = known.len() as u32;
    known.insert(words.to_vec(), number);
    Some(number)
}

fn in_order<T>(numbered: HashMap<Vec<T>, u32>) -> Vec<Vec<T>> {
    let mut all: Vec<(u32, Vec<T>)> = numbered.into_iter().map(|(value, at)| (at, value)).collect();
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, value)| value).collect()
}

/// All effects, by number.
pub(super) struct Plain<W> {
    pages: Vec<Vec<W>>,
    /// The pages of each effect.
    pub(super) rows: Vec<Vec<u32>>,
}

impl<W: Copy + Default> Plain<W> {
    /// A word of the effect with these pages.
    pub(super) fn word(&self, row: &[u32], at: usize) -> W {
        let page = row.get(at / PAGE).and_then(|page| self.pages.get(*page as usize));
        page.and_then(|page| page.get(at % PAGE)).copied().unwrap_or_default()
    }
}
