//! What class tables hold for each service of an effect: what happens to packets, or the rule that decides them.

use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;

use super::effects::Plain;
use super::gather::{LANES, Lanes, Loads};
use super::packed::Packed;
use crate::hash::HashMap;
use crate::stored::{Stored, stored};

/// The cells of class tables, in rows: one row per effect, a cell per service.
pub(super) trait Cells: Stored + Clone + Debug {
    /// What effects are made of while tables are built. The default value stands for no rule.
    type Word: Copy + Default + Eq + Hash;
    /// What a cell tells.
    type Found;
    /// The services of a word, a divisor of 64.
    const PER: usize;
    /// The most bytes of finished tables.
    const BYTES: usize;
    /// The part of the work that tables of pairs may take is one of so many.
    const PARTS: u64;

    /// Notes the rule (its number and one more; 0 for the end of the chain) that decides some of the 64 services that
    /// begin with `at` times 64.
    fn decide(effect: &mut [Self::Word], at: usize, services: u64, rule: u32, outcome: u8);
    /// What a word says of one of its services: the same for services that it does not tell apart.
    fn code(word: Self::Word, service: usize) -> u32;
    /// The finished cells, of the kept services, and the distance between rows.
    fn pack(effects: &Plain<Self::Word>, kept: &[usize]) -> (Self, u32);
    /// The cell of a service in the row that begins there.
    fn get(&self, row: u32, service: u32) -> Self::Found;
    /// The memory.
    fn bytes(&self) -> usize;
}

/// Coded outcomes.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes {
    /// Two bits per service: in the low half of a word 16 verdicts, in the high half whether to log.
    pub(super) words: Vec<u32>,
}

stored!(Outcomes { words });

impl Cells for Outcomes {
    type Word = u32;
    type Found = u8;
    const PER: usize = 16;
    const BYTES: usize = 16 << 20;
    const PARTS: u64 = 1;

    fn decide(effect: &mut [u32], at: usize, services: u64, _: u32, outcome: u8) {
        let quarters = [0, 16, 32, 48].map(|shift| (services >> shift) as u32 & 0xffff);
        for (word, services) in effect.iter_mut().skip(4 * at).zip(quarters) {
            *word &= !(services | services << 16);
            let (allow, log) = (services * u32::from(outcome & 1), services * u32::from(outcome >> 1));
            *word |= allow | (log << 16);
        }
    }

    fn code(word: u32, service: usize) -> u32 {
        outcome(word, service as u32).into()
    }

    fn pack(effects: &Plain<u32>, kept: &[usize]) -> (Self, u32) {
        let mut words = Vec::new();
        for row in &effects.rows {
            for chunk in kept.chunks(Self::PER) {
                let codes = chunk.iter().zip(0..).map(|(service, at)| {
                    let code = Self::code(effects.word(row, *service / Self::PER), service % Self::PER);
                    (code & 1) << at | (code >> 1) << (at + 16)
                });
                words.push(codes.fold(0, |all, code| all | code));
            }
        }
        (Self { words }, kept.len().div_ceil(Self::PER) as u32)
    }

    #[inline(always)]
    fn get(&self, row: u32, service: u32) -> u8 {
        let word = self.words.get(row.wrapping_add(service >> 4) as usize);
        outcome(word.copied().unwrap_or_default(), service & 15)
    }

    fn bytes(&self) -> usize {
        self.words.len() * 4
    }
}

impl Outcomes {
    /// As many codes.
    #[inline(always)]
    pub(super) fn find_all<L: Loads>(
        &self,
        loads: L,
        rows: &Lanes,
        services: &Lanes,
        found: &mut [u8; LANES],
    ) {
        let mut places = *rows;
        places
            .iter_mut()
            .zip(services)
            .for_each(|(place, service)| *place = place.wrapping_add(service >> 4));
        let words = loads.words(&self.words, &places);
        for ((found, word), service) in found.iter_mut().zip(words).zip(services) {
            *found = outcome(word, service & 15);
        }
    }
}

/// The code of the outcome of one service in a word.
#[inline]
fn outcome(word: u32, service: u32) -> u8 {
    let bits = word.wrapping_shr(service);
    (bits & 1) as u8 | (bits >> 15) as u8 & 2
}

/// The services of a page of [`Deciders`].
const PAGE: usize = 16;

/// The numbers of the rules that decide. Rows are lists of pages, as most of them differ in few services.
#[derive(Clone, Debug)]
pub(crate) struct Deciders {
    /// The pages of each row.
    pub(super) rows: Packed,
    /// A rule's number and one more; 0 for none.
    pub(super) numbers: Packed,
}

stored!(Deciders { rows, numbers });

impl Cells for Deciders {
    type Word = u32;
    /// The number of the rule and one more; 0 for none.
    type Found = u32;
    const PER: usize = 1;
    const BYTES: usize = 32 << 20;
    const PARTS: u64 = 16;

    fn decide(effect: &mut [u32], at: usize, mut services: u64, rule: u32, _: u8) {
        while services != 0 {
            if let Some(word) = effect.get_mut(at * 64 + services.trailing_zeros() as usize) {
                *word = rule;
            }
            services &= services - 1;
        }
    }

    fn code(word: u32, _: usize) -> u32 {
        word
    }

    fn pack(effects: &Plain<u32>, kept: &[usize]) -> (Self, u32) {
        let (mut rows, mut numbers) = (Vec::new(), Vec::new());
        let mut known: HashMap<[u32; PAGE], u32> = HashMap::default();
        for row in &effects.rows {
            for chunk in kept.chunks(PAGE) {
                let mut page = [0; PAGE];
                page.iter_mut().zip(chunk).for_each(|(place, service)| *place = effects.word(row, *service));
                rows.push(*known.entry(page).or_insert_with(|| {
                    numbers.extend(page);
                    (numbers.len() / PAGE - 1) as u32
                }));
            }
        }
        (Self { rows: rows.into(), numbers: numbers.into() }, kept.len().div_ceil(PAGE) as u32)
    }

    #[inline(always)]
    fn get(&self, row: u32, service: u32) -> u32 {
        let page = self.rows.get(row.wrapping_add(service / PAGE as u32));
        self.numbers.get(page.wrapping_mul(PAGE as u32).wrapping_add(service % PAGE as u32))
    }

    fn bytes(&self) -> usize {
        self.numbers.bytes() + self.rows.bytes()
    }
}

impl Deciders {
    /// As many numbers.
    #[inline(always)]
    pub(super) fn get_all<L: Loads>(&self, loads: L, rows: &Lanes, services: &Lanes) -> Lanes {
        let mut places = *rows;
        for (place, service) in places.iter_mut().zip(services) {
            *place = place.wrapping_add(service / PAGE as u32);
        }
        places = self.rows.get_all(loads, &places);
        for (place, service) in places.iter_mut().zip(services) {
            *place = place.wrapping_mul(PAGE as u32).wrapping_add(service % PAGE as u32);
        }
        self.numbers.get_all(loads, &places)
    }

    /// The same with other numbers for the rules.
    pub(super) fn renumbered(self, names: &[u32]) -> Self {
        let all = match self.numbers {
            Packed::Narrow(numbers) => numbers.into_iter().map(u32::from).collect(),
            Packed::Wide(numbers) => numbers,
        };
        let name = |number: u32| number.checked_sub(1).and_then(|number| names.get(number as usize));
        let numbers: Vec<u32> =
            all.into_iter().map(|number| name(number).map_or(0, |name| name + 1)).collect();
        Self { numbers: numbers.into(), rows: self.rows }
    }
}
