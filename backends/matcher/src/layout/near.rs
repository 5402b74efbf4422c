//! Lists by service or source port, for the few chains whose rules are wide in both addresses, too many for bitsets, and
//! too different for tables.

use alloc::vec::Vec;

use super::cuts::Cuts;
use super::number::Number;
use super::pages::Pages;
use super::rows::{Key, Rows};
use super::rules::LAST_SERVICE;
use crate::stored::stored;

/// The way to the first rows of the lists.
#[derive(Clone, Debug)]
pub(super) struct Near {
    /// Of the rules tried on every packet.
    pub(super) wide: u32,
    /// To an interval, and from there to a row.
    pub(super) service: (Option<Pages>, Vec<u32>),
    pub(super) source_port: (Option<Pages>, Vec<u32>),
}

stored!(Near { wide, service, source_port });

impl Near {
    /// `None` where no rule is left.
    pub(super) fn new<T: Number>(
        wide: Vec<u32>,
        service: Cuts,
        source_port: Cuts,
        rows: &mut Rows<'_, T>,
    ) -> Option<Self> {
        let wide = rows.list(Key::Near, wide);
        let [service, source_port] = [service, source_port].map(|cuts| cuts.rows(Key::Near, rows));
        let empty = |intervals: &[(u128, u32)]| intervals.iter().all(|(_, row)| *row == 0);
        if wide == 0 && empty(&service) && empty(&source_port) {
            return None;
        }
        let pages = |intervals: Vec<(u128, u32)>, last| {
            let numbered: Vec<(u128, u32)> = intervals.iter().map(|(at, _)| *at).zip(0..).collect();
            (Pages::new(&numbered, last), intervals.into_iter().map(|(_, row)| row).collect())
        };
        let (service, source_port) = (pages(service, LAST_SERVICE), pages(source_port, u16::MAX.into()));
        Some(Self { wide, service, source_port })
    }

    /// The first rows of the lists of a packet.
    #[inline]
    pub(super) fn find(&self, service: u32, source_port: u32) -> [u32; 3] {
        let row = |(pages, rows): &(Option<Pages>, Vec<u32>), number| {
            let interval = pages.as_ref().map_or(0, |pages| pages.find(number));
            rows.get(usize::from(interval)).copied().unwrap_or_default()
        };
        [self.wide, row(&self.service, service), row(&self.source_port, source_port)]
    }

    pub(super) fn bytes(&self) -> usize {
        let fields = [&self.service, &self.source_port].into_iter();
        fields.map(|(pages, rows)| pages.as_ref().map_or(0, Pages::bytes) + rows.len() * 4).sum()
    }
}
