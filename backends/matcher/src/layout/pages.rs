//! From a small number (a service, a port) to a name: a table of two levels with equal pages kept once.

use alloc::vec::Vec;

use super::gather::{Lanes, Loads, each};
use crate::hash::HashMap;
use crate::stored::stored;

/// The numbers of a page.
pub(super) const PAGE: usize = 64;

/// A name for each number up to some last one.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// The page of a number; there are fewer than 2^16.
    pub(super) pages: Vec<u16>,
    pub(super) names: Vec<u16>,
}

stored!(Pages { pages, names });

impl Pages {
    /// Of intervals by first value, ascending from 0. `None` when there is only one name.
    pub(super) fn new(intervals: &[(u128, u32)], last: u32) -> Option<Self> {
        if intervals.len() < 2 {
            return None;
        }
        let (mut pages, mut names): (Vec<u16>, Vec<u16>) = (Vec::new(), Vec::new());
        let mut known: HashMap<[u16; PAGE], u16> = HashMap::default();
        let mut rest = intervals.iter().peekable();
        let mut name = 0;
        // The last page, when it is all one name.
        let mut uniform: Option<(u16, u16)> = None;
        for first in (0..=last).step_by(PAGE) {
            let cut = rest.peek().is_some_and(|(at, _)| *at < u128::from(first) + PAGE as u128);
            if let Some((_, page)) = uniform.filter(|(of, _)| !cut && *of == name) {
                pages.push(page);
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
                (names.len() / PAGE - 1) as u16
            });
            uniform = (!cut).then_some((name, start));
            pages.push(start);
        }
        Some(Self { pages, names })
    }

    /// The name of a number.
    #[inline]
    pub(super) fn find(&self, number: u32) -> u16 {
        let page = self.pages.get(number as usize / PAGE).copied().unwrap_or_default();
        self.names.get(usize::from(page) * PAGE + number as usize % PAGE).copied().unwrap_or_default()
    }

    /// The names of as many numbers.
    #[inline(always)]
    pub(super) fn find_all<L: Loads>(&self, loads: L, numbers: &Lanes) -> Lanes {
        let mut places = loads.halves(&self.pages, &each(numbers, |number| number / PAGE as u32));
        for (place, number) in places.iter_mut().zip(numbers) {
            *place = place.wrapping_mul(PAGE as u32) | (number % PAGE as u32);
        }
        loads.halves(&self.names, &places)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.pages.len() + self.names.len()) * 2
    }
}
