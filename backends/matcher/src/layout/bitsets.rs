//! Bitsets over intervals, for chains of few rules: small, quick to build, a search per field and a word per 64 rules.

use super::axis::Axis;
use super::rules::{FIELDS, Rules};
use super::trie::Number;
use super::{LAST, Point};

/// A chain's rules of one family as rows of bits.
#[derive(Clone, Debug)]
pub(crate) struct Bitsets<T> {
    source: Field<T>,
    destination: Field<T>,
    service: Field<u32>,
    source_port: Field<u32>,
    outcomes: Vec<u8>,
    default: u8,
}

/// One field; without cuts when no rule looks at it.
#[derive(Clone, Debug)]
struct Field<T> {
    /// Where intervals begin, the first one aside.
    cuts: Vec<T>,
    /// Where the row of each interval begins.
    starts: Vec<u32>,
    rows: Vec<u64>,
}

impl<T: Number> Field<T> {
    fn new(axis: &Axis, words: usize) -> Self {
        Self {
            cuts: axis.intervals.iter().skip(1).map(|(at, _)| T::narrow(*at)).collect(),
            starts: axis.intervals.iter().map(|(_, class)| class * words as u32).collect(),
            rows: axis.rows().to_vec(),
        }
    }

    /// The rules that contain a number.
    #[inline]
    fn row(&self, number: T) -> &[u64] {
        let interval = self.cuts.partition_point(|cut| *cut <= number);
        self.starts.get(interval).and_then(|start| self.rows.get(*start as usize..)).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.cuts.len() * size_of::<T>() + self.starts.len() * 4 + self.rows.len() * 8
    }
}

impl<T: Number> Bitsets<T> {
    /// `None` when the rows would take more than `limit` bytes.
    pub(super) fn new(rules: &Rules<'_>, last: u128, limit: u64) -> Option<Self> {
        let words = rules.len().div_ceil(64);
        let lasts: [u128; FIELDS] = [last, last, LAST.0, LAST.1];
        let [source, destination, service, source_port] = &rules.fields;
        let [a, b, c, d] = lasts;
        let limit = limit / FIELDS as u64;
        Some(Self {
            source: Field::new(&Axis::new(source, a, limit)?, words),
            destination: Field::new(&Axis::new(destination, b, limit)?, words),
            service: Field::new(&Axis::new(service, c, limit)?, words),
            source_port: Field::new(&Axis::new(source_port, d, limit)?, words),
            outcomes: rules.outcomes.clone(),
            default: rules.default,
        })
    }

    pub(super) fn find(&self, point: &Point<T>) -> u8 {
        let services = self.service.row(point.service);
        let rows = services
            .iter()
            .zip(self.source.row(point.source))
            .zip(self.destination.row(point.destination))
            .zip(self.source_port.row(point.source_port))
            .take(self.outcomes.len().div_ceil(64));
        for (at, (((a, b), c), d)) in rows.enumerate() {
            let common = a & b & c & d;
            if common != 0 {
                let rule = at * 64 + common.trailing_zeros() as usize;
                return self.outcomes.get(rule).copied().unwrap_or(self.default);
            }
        }
        self.default
    }

    pub(super) fn bytes(&self) -> usize {
        let Self { source, destination, service, source_port, outcomes, default: _ } = self;
        source.bytes() + destination.bytes() + service.bytes() + source_port.bytes() + outcomes.len()
    }
}
