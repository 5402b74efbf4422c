//! The rules that stand in no candidate list: few and wide, so tables of them are small as a rule.

use alloc::vec::Vec;

use palisade_ir::Packet;

use super::bitsets::Bitsets;
use super::build;
use super::cells::Deciders;
use super::gather::{LANES, Lanes, Loads, each};
use super::number::Number;
use super::rows::Tag;
use super::rules::Rules;
use super::tables::Tables;
use super::{MEDIUM, Point};
use crate::stored::Stored;

/// The most rules that tables of those left over are tried for, the work they may take, and their most bytes: half of
/// a processor's nearest megabyte.
const LEFT: usize = 4096;
const LEFT_WORK: u64 = 1 << 24;
const LEFT_BYTES: usize = 256 << 10;
/// The most bytes of bitsets of the rules that stand in no list.
const REST: u64 = 4 << 20;

/// The rules that stand in no list.
#[derive(Clone, Debug)]
pub(super) enum Rest<T> {
    None,
    /// With tags in place of numbers.
    Tables(Tables<T, Deciders>),
    /// With the tags of the rules by number.
    Bitsets(Bitsets<T>, Vec<u32>),
}

impl<T: Number> Stored for Rest<T> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Rest::None => 0_u8.write(out),
            Rest::Tables(tables) => {
                1_u8.write(out);
                tables.write(out);
            }
            Rest::Bitsets(bitsets, tags) => {
                2_u8.write(out);
                bitsets.write(out);
                tags.write(out);
            }
        }
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(Rest::None),
            1 => Stored::read(input).map(Rest::Tables),
            2 => Some(Rest::Bitsets(Stored::read(input)?, Stored::read(input)?)),
            _ => None,
        }
    }
}

impl<T: Number> Rest<T> {
    /// The tag of the first rule that matches, or what is above all tags.
    #[inline(always)]
    pub(super) fn find<L: Loads>(&self, loads: L, point: &Point<T>) -> u32 {
        match self {
            Rest::None => Tag::NONE,
            Rest::Tables(tables) => tables.get(loads, point).wrapping_sub(1),
            Rest::Bitsets(bitsets, tags) => {
                let tag = bitsets.find(loads, point).and_then(|number| tags.get(number as usize));
                tag.copied().unwrap_or(Tag::NONE)
            }
        }
    }

    /// As many of them.
    #[inline(always)]
    pub(super) fn find_all<L: Loads>(&self, loads: L, packets: &[Packet; LANES]) -> Lanes {
        let mut tags = [Tag::NONE; LANES];
        match self {
            Rest::None => {}
            Rest::Tables(tables) => {
                tags = each(&tables.get_all(loads, packets), |number| number.wrapping_sub(1));
            }
            Rest::Bitsets(..) => {
                for (tag, packet) in tags.iter_mut().zip(packets) {
                    *tag = self.find(loads, &Point::of(packet));
                }
            }
        }
        tags
    }

    /// Tables, if they are small.
    pub(super) fn tables(rules: &Rules<'_>, numbers: &[u32], last: u128) -> Option<Self> {
        if numbers.is_empty() {
            return Some(Rest::None);
        }
        if numbers.len() > LEFT {
            return None;
        }
        let mut work = LEFT_WORK;
        let tables: Tables<T, Deciders> = build::build(&rules.only(numbers), last, &mut work)?;
        let tables = tables.renumbered(&tags(rules, numbers));
        (tables.bytes() <= LEFT_BYTES).then_some(Rest::Tables(tables))
    }

    pub(super) fn bitsets(rules: &Rules<'_>, numbers: &[u32], last: u128) -> Option<Self> {
        let few = numbers.len() <= MEDIUM;
        let bitsets = few.then(|| Bitsets::new(&rules.only(numbers), last, REST)).flatten()?;
        Some(Rest::Bitsets(bitsets, tags(rules, numbers)))
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Rest::None => 0,
            Rest::Tables(tables) => tables.bytes(),
            Rest::Bitsets(bitsets, tags) => bitsets.bytes() + tags.len() * 4,
        }
    }
}

fn tags(rules: &Rules<'_>, numbers: &[u32]) -> Vec<u32> {
    let code = |number: u32| rules.outcomes.get(number as usize).copied().unwrap_or_default();
    numbers.iter().map(|number| Tag::of(*number, code(*number))).collect()
}
