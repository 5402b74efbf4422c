//! From a small number (a service, a port) to a name: a table of two levels with equal pages kept once.

use std::collections::HashMap;

/// The numbers of a page.
const PAGE: usize = 64;

/// A name for each number up to some last one.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// Where the page of a number begins in `names`.
    starts: Vec<u32>,
    names: Vec<u16>,
}

impl Pages {
    /// Of intervals by first value, ascending from 0. `None` when there is only one name.
    pub(super) fn new(intervals: &[(u128, u32)], last: u32) -> Option<Self> {
        if intervals.len() < 2 {
            return None;
        }
        let (mut starts, mut names): (Vec<u32>, Vec<u16>) = (Vec::new(), Vec::new());
        let mut known: HashMap<[u16; PAGE], u32> = HashMap::new();
        let mut rest = intervals.iter().peekable();
        let mut name = 0;
        // The last page, when it is all one name.
        let mut uniform: Option<(u16, u32)> = None;
        for first in (0..=last).step_by(PAGE) {
            let cut = rest.peek().is_some_and(|(at, _)| *at < u128::from(first) + PAGE as u128);
            if let Some((_, start)) = uniform.filter(|(of, _)| !cut && *of == name) {
                starts.push(start);
                continue;
            }
            let mut page = [0_u16; PAGE];
            for (number, place) in (u128::from(first)..).zip(&mut page) {
                while let Some((_, next)) = rest.next_if(|(at, _)| *at <= number) {
                    name = *next as u16;
                }
                *place = name;
            }
            let start = *known.entry(page).or_insert_with(|| {
                names.extend(page);
                (names.len() - PAGE) as u32
            });
            uniform = (!cut).then_some((name, start));
            starts.push(start);
        }
        Some(Self { starts, names })
    }

    /// The name of a number.
    #[inline]
    pub(super) fn find(&self, number: u32) -> u16 {
        let start = self.starts.get(number as usize / PAGE).copied().unwrap_or_default();
        self.names.get(start as usize | number as usize % PAGE).copied().unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        self.starts.len() * 4 + self.names.len() * 2
    }
}
