//! Addresses as numbers of their family's width.

use core::net::IpAddr;

use super::gather::Loads;
use crate::stored::Stored;

/// An address as a number.
pub(crate) trait Number: Copy + Ord + core::hash::Hash + Stored + Into<u128> {
    /// The first and the last number.
    const ZERO: Self;
    const MAX: Self;
    /// The number of an address; 0 for one of the other family.
    fn of(address: IpAddr) -> Self;
    /// The low bits of a wide number.
    fn narrow(number: u128) -> Self;
    /// The distance from a smaller number, around the end.
    fn less(self, other: Self) -> Self;
    /// The slot of a number: the first for numbers below it, the last for those above.
    fn slot(self, base: Self, shift: u32, last: u32) -> u32;
    /// How many cuts lie below a number.
    fn rank<L: Loads, const CUTS: usize>(self, loads: L, cuts: &[Self; CUTS]) -> u32;
}

impl Number for u32 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;

    #[inline]
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => v4.to_bits(),
            IpAddr::V6(_) => 0,
        }
    }

    fn narrow(number: u128) -> Self {
        number as u32
    }

    #[inline]
    fn less(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline]
    fn slot(self, base: Self, shift: u32, last: u32) -> u32 {
        self.saturating_sub(base).wrapping_shr(shift).min(last)
    }

    #[inline(always)]
    fn rank<L: Loads, const CUTS: usize>(self, loads: L, cuts: &[Self; CUTS]) -> u32 {
        loads.rank(cuts, self)
    }
}

impl Number for u128 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;

    #[inline]
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => 0,
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    fn narrow(number: u128) -> Self {
        number
    }

    #[inline]
    fn less(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline]
    fn slot(self, base: Self, shift: u32, last: u32) -> u32 {
        if shift & u64::BITS != 0 {
            // All numbers of a slot have the same high half, and so has its start.
            let [high, base] = [self, base].map(|number| (number >> 64) as u64);
            return high.saturating_sub(base).wrapping_shr(shift).min(last.into()) as u32;
        }
        self.saturating_sub(base).wrapping_shr(shift).min(last.into()) as u32
    }

    #[inline(always)]
    fn rank<L: Loads, const CUTS: usize>(self, loads: L, cuts: &[Self; CUTS]) -> u32 {
        loads.wide_rank(cuts, self)
    }
}
