//! Port sets and the difference between "every port" and "no port test".

use serde::{Deserialize, Serialize};

use crate::Ranges;

/// A set of ports: sorted, disjoint, minimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortSet(Ranges);

impl PortSet {
    /// The union of inclusive ranges; reversed ones count as empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        Self(ranges.into_iter().map(|(first, last)| (u128::from(first), u128::from(last))).collect())
    }

    /// The ports among the numbers of a set.
    pub fn from_numbers(numbers: &Ranges) -> Self {
        Self(numbers.intersect(&Ranges::span(0, u128::from(u16::MAX))))
    }

    /// The inclusive ranges, ascending.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = (u16, u16)> + ExactSizeIterator + '_ {
        self.0.iter().map(|(first, last)| (first as u16, last as u16))
    }

    /// The ports as numbers.
    pub const fn numbers(&self) -> &Ranges {
        &self.0
    }

    /// Whether the port is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(u128::from(port))
    }

    /// Whether no port is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }
}

/// What a rule asks of a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PortMatch {
    /// No test: packets without ports (fragments, other protocols) match too.
    Any,
    /// The packet has ports and this one is in the set. `In(0-65535)` is a test, and not `Any`.
    In(PortSet),
}

impl PortMatch {
    /// Whether a packet with this port (or with none) passes.
    pub fn matches(&self, port: Option<u16>) -> bool {
        match self {
            PortMatch::Any => true,
            PortMatch::In(set) => port.is_some_and(|port| set.contains(port)),
        }
    }

    /// Whether there is no test.
    pub const fn is_any(&self) -> bool {
        matches!(self, PortMatch::Any)
    }
}
