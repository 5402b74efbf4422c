//! Addresses as numbers of their family's width.

use core::net::IpAddr;

use super::gather::{LANES, Lanes, Loads, each, flat};
use super::node::Node;
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
    /// The words that nodes lead to, in place of the nodes.
    #[inline(always)]
    fn below<L: Loads, const CUTS: usize>(
        _: L,
        nodes: &[Node<Self, CUTS>],
        numbers: &[Self; LANES],
        words: &mut Lanes,
    ) {
        for (word, number) in words.iter_mut().zip(numbers) {
            let Some(node) = nodes.get(*word as usize) else { continue };
            *word = node.word(*number);
        }
    }
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
    fn below<L: Loads, const CUTS: usize>(
        loads: L,
        nodes: &[Node<u32, CUTS>],
        numbers: &[u32; LANES],
        words: &mut Lanes,
    ) {
        let flat = flat(nodes);
        let starts = each(words, |node| node.wrapping_mul(2 * CUTS as u32));
        let mut ranks = [0; LANES];
        // As in `Node::rank`.
        let mut step = CUTS as u32 / 2;
        while step > 0 {
            let mut places = starts;
            for (place, rank) in places.iter_mut().zip(&ranks) {
                *place = place.wrapping_add(rank | (step - 1));
            }
            for ((rank, cut), number) in ranks.iter_mut().zip(loads.words(flat, &places)).zip(numbers) {
                *rank |= if *number > cut { step } else { 0 };
            }
            step /= 2;
        }
        let mut places = starts;
        places
            .iter_mut()
            .zip(ranks)
            .for_each(|(place, rank)| *place = place.wrapping_add(rank | CUTS as u32));
        *words = loads.words(flat, &places);
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
        self.saturating_sub(base).wrapping_shr(shift).min(last.into()) as u32
    }
}
