//! Numbers as narrow as they may be.

use alloc::vec::Vec;

use super::gather::{Lanes, Loads};
use crate::stored::Stored;

/// Numbers of 16 bits where all fit, else of 32.
#[derive(Clone, Debug)]
pub(crate) enum Packed {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl From<Vec<u32>> for Packed {
    fn from(numbers: Vec<u32>) -> Self {
        if numbers.iter().all(|number| *number <= u32::from(u16::MAX)) {
            // An even number, as batches load pairs.
            let padding = (numbers.len() % 2 == 1).then_some(0);
            Packed::Narrow(numbers.into_iter().map(|number| number as u16).chain(padding).collect())
        } else {
            Packed::Wide(numbers)
        }
    }
}

impl Packed {
    /// The number at a place; 0 behind the end.
    #[inline]
    pub(super) fn get(&self, at: u32) -> u32 {
        match self {
            Packed::Narrow(numbers) => numbers.get(at as usize).copied().unwrap_or_default().into(),
            Packed::Wide(numbers) => numbers.get(at as usize).copied().unwrap_or_default(),
        }
    }

    /// The numbers at as many places.
    #[inline(always)]
    pub(super) fn get_all<L: Loads>(&self, loads: L, at: &Lanes) -> Lanes {
        match self {
            Packed::Narrow(numbers) => loads.halves(numbers, at),
            Packed::Wide(numbers) => loads.words(numbers, at),
        }
    }

    /// The memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Packed::Narrow(numbers) => numbers.len() * 2,
            Packed::Wide(numbers) => numbers.len() * 4,
        }
    }
}

impl Stored for Packed {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Packed::Narrow(numbers) => (0_u8.write(out), numbers.write(out)),
            Packed::Wide(numbers) => (1_u8.write(out), numbers.write(out)),
        };
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Stored::read(input).map(Packed::Narrow),
            1 => Stored::read(input).map(Packed::Wide),
            _ => None,
        }
    }
}
