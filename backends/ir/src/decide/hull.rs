//! The smallest box around a rule, in the numbers of a family's addresses.
//!
//! Protocols are renumbered so that what rules ask for is a run as often as possible: all others first, then tcp
//! without ports, tcp with, udp with, udp without. A packet without ports stands for all port numbers at once.

use super::cube::Cube;
use crate::{Match, PortMatch, PrefixSet, Protocol, Ranges};

/// tcp without ports, tcp with ports, udp with ports, udp without ports.
const TCP_BARE: u128 = 254;
const TCP_PORTS: u128 = 255;
const UDP_PORTS: u128 = 256;
const UDP_BARE: u128 = 257;
/// The last protocol number.
const LAST_PROTOCOL: u128 = UDP_BARE;
/// The last port.
const LAST_PORT: u128 = 65_535;

/// A whole number of a field: 32 bits hold all fields of IPv4, in a quarter of the memory that IPv6 needs.
pub(super) trait Number: Copy + Ord {
    /// The number; the caller sees to it that it fits.
    fn of(number: u128) -> Self;
    /// The number, as wide as numbers come.
    fn wide(self) -> u128;
}

impl Number for u32 {
    fn of(number: u128) -> Self {
        number as u32
    }

    fn wide(self) -> u128 {
        self.into()
    }
}

impl Number for u128 {
    fn of(number: u128) -> Self {
        number
    }

    fn wide(self) -> u128 {
        self
    }
}

/// A run per field: source, destination, protocol, source port, destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hull<T> {
    pub(super) low: [T; 5],
    pub(super) high: [T; 5],
}

impl<T: Number> Hull<T> {
    /// The box around a rule, and whether the rule is the whole box.
    pub(super) fn of(matches: &Match) -> (Self, bool) {
        let ends =
            |ranges: &Ranges| (ranges.first().unwrap_or(1), ranges.last().unwrap_or(0), ranges.len() == 1);
        let addresses = |set: &PrefixSet| ends(set.ranges());
        let ports = |ports: &PortMatch| match ports {
            PortMatch::Any => (0, LAST_PORT, true),
            PortMatch::In(set) => ends(set.numbers()),
        };
        let fields = [
            addresses(&matches.source().prefixes),
            addresses(&matches.destination().prefixes),
            protocol_run(matches),
            ports(matches.source_ports()),
            ports(matches.destination_ports()),
        ];
        let hull = Self { low: fields.map(|field| T::of(field.0)), high: fields.map(|field| T::of(field.1)) };
        (hull, fields.iter().all(|field| field.2))
    }

    /// First and last number per field.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u128, u128)> + '_ {
        self.low.iter().zip(&self.high).map(|(low, high)| (low.wide(), high.wide()))
    }

    /// All of the box as a cube.
    pub(super) fn cube(&self) -> Cube {
        let mut cube = Cube::default();
        for (field, (first, last)) in cube.0.iter_mut().zip(self.runs()) {
            *field = Ranges::span(first, last);
        }
        cube
    }

    /// The box of one point.
    pub(super) fn point(point: [u128; 5]) -> Self {
        let point = point.map(T::of);
        Self { low: point, high: point }
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let from_below = self.low.iter().zip(&other.high).all(|(low, high)| low <= high);
        from_below && other.low.iter().zip(&self.high).all(|(low, high)| low <= high)
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        let from_below = self.low.iter().zip(&other.low).all(|(mine, theirs)| mine <= theirs);
        from_below && self.high.iter().zip(&other.high).all(|(mine, theirs)| mine >= theirs)
    }

    /// Grows to hold another box too.
    pub(super) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.low.iter_mut().zip(&other.low) {
            *mine = (*mine).min(*theirs);
        }
        for (mine, theirs) in self.high.iter_mut().zip(&other.high) {
            *mine = (*mine).max(*theirs);
        }
    }
}

/// The exact sets of a rule, in the same numbers.
pub(super) fn cube(matches: &Match) -> Cube {
    let ports = |ports: &PortMatch| match ports {
        PortMatch::Any => Ranges::span(0, LAST_PORT),
        PortMatch::In(set) => set.numbers().clone(),
    };
    Cube([
        matches.source().prefixes.ranges().clone(),
        matches.destination().prefixes.ranges().clone(),
        protocols(matches).map(|number| (number, number)).collect(),
        ports(matches.source_ports()),
        ports(matches.destination_ports()),
    ])
}

/// The numbers of the protocols that a rule asks for.
fn protocols(matches: &Match) -> impl Iterator<Item = u128> + '_ {
    let bare = !tests_ports(matches);
    matches.protocols().iter().flat_map(move |protocol| {
        let (without, with) = match protocol {
            Protocol::TCP => (TCP_BARE, Some(TCP_PORTS)),
            Protocol::UDP => (UDP_BARE, Some(UDP_PORTS)),
            // The two that moved to the end leave gaps.
            Protocol(number @ ..=5) => (u128::from(number), None),
            Protocol(number @ ..=16) => (u128::from(number) - 1, None),
            Protocol(number) => (u128::from(number) - 2, None),
        };
        bare.then_some(without).into_iter().chain(with)
    })
}

/// The first and the last of them, and whether all between are there.
fn protocol_run(matches: &Match) -> (u128, u128, bool) {
    if matches.protocols().len() == 1 && tests_ports(matches) {
        let ports = if matches.protocols().contains(Protocol::TCP) { TCP_PORTS } else { UDP_PORTS };
        return (ports, ports, true);
    }
    if matches.protocols().is_all() && !tests_ports(matches) {
        return (0, LAST_PROTOCOL, true);
    }
    let (mut first, mut last, mut count) = (u128::from(u64::MAX), 0, 0);
    for number in protocols(matches) {
        (first, last, count) = (first.min(number), last.max(number), count + 1);
    }
    (first, last, first + count == last + 1)
}

fn tests_ports(matches: &Match) -> bool {
    !(matches.source_ports().is_any() && matches.destination_ports().is_any())
}
