//! Loads from as many places of a table as a batch has lanes: the one module with unsafe code.
//!
//! A processor with AVX-512 loads sixteen at once. That alone gains nothing, a load takes a cycle either way; but
//! what is done to lanes between loads then takes vector instructions too. Both ways say the same for every table and
//! every place; the tests below compare them.

/// The lanes of a batch: packets whose look-ups are under way at once.
pub(crate) const LANES: usize = 32;

/// The words of rows that are looked at together.
pub(crate) const WORDS: usize = 16;

/// A number per lane.
pub(crate) type Lanes = [u32; LANES];

/// A way to load.
pub(crate) trait Loads: Copy {
    /// The numbers at these places; 0 behind the end.
    fn words(self, table: &[u32], at: &Lanes) -> Lanes;
    /// The same for narrow numbers.
    fn halves(self, table: &[u16], at: &Lanes) -> Lanes;
    /// How many cuts lie below a number; they ascend, and the last is above all numbers.
    fn rank<const CUTS: usize>(self, cuts: &[u32; CUTS], number: u32) -> u32;
    /// The same for wide numbers.
    fn wide_rank<const CUTS: usize>(self, cuts: &[u128; CUTS], number: u128) -> u32;
    /// The place of the first bit that all rows have.
    fn first_common(self, rows: [&[u64; WORDS]; 4]) -> Option<u32>;
}

/// One load after the other.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Loads for Plain {
    #[inline(always)]
    fn words(self, table: &[u32], at: &Lanes) -> Lanes {
        each(at, |at| table.get(at as usize).copied().unwrap_or_default())
    }

    #[inline(always)]
    fn halves(self, table: &[u16], at: &Lanes) -> Lanes {
        each(at, |at| table.get(at as usize).copied().unwrap_or_default().into())
    }

    #[inline(always)]
    fn rank<const CUTS: usize>(self, cuts: &[u32; CUTS], number: u32) -> u32 {
        searched(cuts, number)
    }

    #[inline(always)]
    fn wide_rank<const CUTS: usize>(self, cuts: &[u128; CUTS], number: u128) -> u32 {
        searched(cuts, number)
    }

    #[inline(always)]
    fn first_common(self, [a, b, c, d]: [&[u64; WORDS]; 4]) -> Option<u32> {
        first_bit(a.iter().zip(b).zip(c).zip(d).map(|(((a, b), c), d)| a & b & c & d))
    }
}

/// The place of the first bit of some words.
#[inline(always)]
fn first_bit(words: impl Iterator<Item = u64>) -> Option<u32> {
    let (at, word) = (0..).zip(words).find(|(_, word)| *word != 0)?;
    Some(at * u64::BITS + word.trailing_zeros())
}

/// How many cuts lie below a number: a binary search whose steps are always taken.
#[inline(always)]
fn searched<T: Ord, const CUTS: usize>(cuts: &[T; CUTS], number: T) -> u32 {
    let (mut rank, mut step) = (0, CUTS / 2);
    while step > 0 {
        let above = cuts.get(rank | (step - 1)).is_some_and(|cut| number > *cut);
        rank |= usize::from(above) * step;
        step /= 2;
    }
    rank as u32
}

/// The same done to every lane. (`map` of arrays is not inlined, and so has no vector instructions.)
#[inline(always)]
pub(crate) fn each(lanes: &Lanes, change: impl Fn(u32) -> u32) -> Lanes {
    let mut changed = [0; LANES];
    for (changed, lane) in changed.iter_mut().zip(lanes) {
        *changed = change(*lane);
    }
    changed
}

/// A task that works with either way to load; it has to be inlined to have vector instructions.
pub(crate) trait Task {
    /// What it gives.
    type Found;
    /// Does it.
    fn run<L: Loads>(self, loads: L) -> Self::Found;
}

/// Does a task the fastest way that this processor knows.
#[inline]
pub(crate) fn fastest<T: Task>(task: T) -> T::Found {
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = x86::Vectors::here() {
        return vectors.run(task);
    }
    task.run(Plain)
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions that not every processor has, with addresses")]
mod x86 {
    use core::arch::x86_64::{
        __m512i, _mm256_cmpgt_epu32_mask, _mm256_loadu_si256, _mm256_set1_epi32, _mm512_and_si512,
        _mm512_cmpeq_epu64_mask, _mm512_cmpgt_epu64_mask, _mm512_cmplt_epu32_mask, _mm512_loadu_si512,
        _mm512_mask_i32gather_epi32, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512,
        _mm512_slli_epi32, _mm512_srli_epi32, _mm512_srlv_epi32, _mm512_storeu_si512, _mm512_test_epi64_mask,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
    };

    use super::{LANES, Lanes, Loads, Plain, Task, WORDS};

    /// The proof that this processor has the instructions: there is no other way to get one than to ask it.
    #[derive(Clone, Copy)]
    pub(super) struct Vectors(());

    impl Vectors {
        /// Whether they are here. The standard library keeps the answer too, but one by one.
        #[cfg(feature = "std")]
        #[inline]
        pub(super) fn here() -> Option<Self> {
            use core::sync::atomic::{AtomicU8, Ordering};
            static KNOWN: AtomicU8 = AtomicU8::new(0);
            match KNOWN.load(Ordering::Relaxed) {
                0 => {
                    let found = Self::asked();
                    KNOWN.store(if found.is_some() { 2 } else { 1 }, Ordering::Relaxed);
                    found
                }
                known => (known == 2).then_some(Self(())),
            }
        }

        #[cfg(feature = "std")]
        #[cold]
        fn asked() -> Option<Self> {
            let here = std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512vl")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("bmi2")
                && std::is_x86_feature_detected!("popcnt");
            here.then_some(Self(()))
        }

        /// Whether the program is compiled for processors that have them: nobody can be asked without std.
        #[cfg(not(feature = "std"))]
        #[inline]
        pub(super) fn here() -> Option<Self> {
            let here = cfg!(target_feature = "avx512f")
                && cfg!(target_feature = "avx512bw")
                && cfg!(target_feature = "avx512vl")
                && cfg!(target_feature = "avx512dq")
                && cfg!(target_feature = "bmi2")
                && cfg!(target_feature = "popcnt");
            here.then_some(Self(()))
        }

        #[inline]
        pub(super) fn run<T: Task>(self, task: T) -> T::Found {
            // SAFETY: the processor has the instructions, `self` is the proof.
            unsafe { self.inside(task) }
        }

        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,bmi2,popcnt")]
        fn inside<T: Task>(self, task: T) -> T::Found {
            task.run(self)
        }

        /// Sixteen words; `places` counts in words, those not below `end` give 0.
        ///
        /// # Safety
        ///
        /// `end` words can be read at `table`, and `end` is below 2^31, as the instruction takes places for signed.
        #[inline]
        #[target_feature(enable = "avx512f")]
        unsafe fn gather(table: *const i32, end: usize, places: __m512i) -> __m512i {
            let inside = _mm512_cmplt_epu32_mask(places, _mm512_set1_epi32(end as i32));
            // SAFETY: only lanes below the end are loaded.
            unsafe { _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), inside, places, table) }
        }
    }

    impl Vectors {
        #[inline]
        #[target_feature(enable = "avx512f,avx512vl,popcnt")]
        fn rank_of_eight(cuts: &[u32; 8], number: u32) -> u32 {
            // SAFETY: eight words are as many as are loaded.
            let cuts = unsafe { _mm256_loadu_si256(cuts.as_ptr().cast()) };
            u32::from(_mm256_cmpgt_epu32_mask(_mm256_set1_epi32(number as i32), cuts)).count_ones()
        }

        #[inline]
        #[target_feature(enable = "avx512f")]
        fn first_of_common(rows: [&[u64; WORDS]; 4]) -> Option<u32> {
            let mut words = [0_u64; WORDS];
            let mut some = 0;
            for half in [0, WORDS / 2] {
                // SAFETY: half of a row's words are loaded, from its start and from its middle, and as many stored.
                unsafe {
                    let [a, b, c, d] = rows.map(|row| _mm512_loadu_si512(row.as_ptr().add(half).cast()));
                    let common = _mm512_and_si512(_mm512_and_si512(a, b), _mm512_and_si512(c, d));
                    some |= u32::from(_mm512_test_epi64_mask(common, common)) << half;
                    _mm512_storeu_si512(words.as_mut_ptr().add(half).cast(), common);
                }
            }
            // Both halves at once: which of them has the first bit is not to be guessed.
            let at = some.trailing_zeros();
            let word = words.get(at as usize)?;
            Some(at * u64::BITS + word.trailing_zeros())
        }

        #[inline]
        #[target_feature(enable = "avx512f,popcnt")]
        fn wide_rank_of_eight(cuts: &[u128; 8], number: u128) -> u32 {
            // SAFETY: both loads are of four of the eight cuts.
            let [few, more] = unsafe {
                let start: *const u128 = cuts.as_ptr();
                [_mm512_loadu_si512(start.cast()), _mm512_loadu_si512(start.add(4).cast())]
            };
            // Low halves and high halves, in the same order.
            let (low, high) = (_mm512_unpacklo_epi64(few, more), _mm512_unpackhi_epi64(few, more));
            let (number_low, number_high) =
                (_mm512_set1_epi64(number as i64), _mm512_set1_epi64((number >> 64) as i64));
            let above = _mm512_cmpgt_epu64_mask(number_high, high);
            let same = _mm512_cmpeq_epu64_mask(number_high, high);
            let above_then = _mm512_cmpgt_epu64_mask(number_low, low);
            u32::from(above | same & above_then).count_ones()
        }
    }

    impl Loads for Vectors {
        #[inline(always)]
        fn words(self, table: &[u32], at: &Lanes) -> Lanes {
            if table.len() > i32::MAX as usize {
                return Plain.words(table, at);
            }
            let mut found = [0; LANES];
            for (found, at) in found.as_chunks_mut::<16>().0.iter_mut().zip(at.as_chunks::<16>().0) {
                // SAFETY: the processor has the instructions. Places and results are sixteen words each, and the table
                // has as many words as it has.
                unsafe {
                    let places = _mm512_loadu_si512(at.as_ptr().cast());
                    let words = Self::gather(table.as_ptr().cast(), table.len(), places);
                    _mm512_storeu_si512(found.as_mut_ptr().cast(), words);
                }
            }
            found
        }

        #[inline(always)]
        fn halves(self, table: &[u16], at: &Lanes) -> Lanes {
            // A word is loaded and the half taken out of it, so an odd number would have its last one cut.
            if table.len() > i32::MAX as usize || table.len() % 2 == 1 {
                return Plain.halves(table, at);
            }
            let mut found = [0; LANES];
            for (found, at) in found.as_chunks_mut::<16>().0.iter_mut().zip(at.as_chunks::<16>().0) {
                // SAFETY: as above; the table has half as many words as it has numbers, of which there is an even
                // number, and the instruction asks for no alignment.
                unsafe {
                    let places = _mm512_loadu_si512(at.as_ptr().cast());
                    let odd = _mm512_and_si512(places, _mm512_set1_epi32(1));
                    let pairs = _mm512_srli_epi32::<1>(places);
                    let words = Self::gather(table.as_ptr().cast(), table.len() / 2, pairs);
                    let halves = _mm512_srlv_epi32(words, _mm512_slli_epi32::<4>(odd));
                    let halves = _mm512_and_si512(halves, _mm512_set1_epi32(0xffff));
                    _mm512_storeu_si512(found.as_mut_ptr().cast(), halves);
                }
            }
            found
        }

        #[inline(always)]
        fn rank<const CUTS: usize>(self, cuts: &[u32; CUTS], number: u32) -> u32 {
            // SAFETY: the processor has the instructions.
            let rank = |cuts: &[u32; 8]| unsafe { Self::rank_of_eight(cuts, number) };
            let (cuts, rest) = cuts.as_chunks();
            cuts.iter().map(rank).sum::<u32>() + rest.iter().map(|cut| u32::from(number > *cut)).sum::<u32>()
        }

        #[inline(always)]
        fn wide_rank<const CUTS: usize>(self, cuts: &[u128; CUTS], number: u128) -> u32 {
            // SAFETY: the processor has the instructions.
            let rank = |cuts: &[u128; 8]| unsafe { Self::wide_rank_of_eight(cuts, number) };
            let (cuts, rest) = cuts.as_chunks();
            cuts.iter().map(rank).sum::<u32>() + rest.iter().map(|cut| u32::from(number > *cut)).sum::<u32>()
        }

        #[inline(always)]
        fn first_common(self, rows: [&[u64; WORDS]; 4]) -> Option<u32> {
            // SAFETY: the processor has the instructions.
            unsafe { Self::first_of_common(rows) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads and compares with the plain way.
    struct Compared<'a> {
        words: &'a [u32],
        halves: &'a [u16],
        at: Lanes,
    }

    impl Task for Compared<'_> {
        type Found = ();

        fn run<L: Loads>(self, loads: L) {
            let Self { words, halves, at } = self;
            assert_eq!(loads.words(words, &at), Plain.words(words, &at), "{} words at {at:?}", words.len());
            assert_eq!(loads.halves(halves, &at), Plain.halves(halves, &at), "{} at {at:?}", halves.len());
        }
    }

    /// Tables of every length and start, places before, at and far behind the end.
    #[test]
    fn both_ways_load_the_same() {
        let words: Vec<u32> = (0..200).map(|at: u32| at.wrapping_mul(0x9e37_79b9)).collect();
        let halves: Vec<u16> = words.iter().map(|word| *word as u16).collect();
        let far = [u32::MAX, i32::MAX as u32, 1 << 31, (1 << 31) + 1, 1 << 30, 1 << 29, 1000];
        for start in 0..9 {
            for length in 0..70 {
                for first in 0..length as u32 + 2 {
                    let mut at: Lanes = std::array::from_fn(|lane| first + (lane as u32 % 5));
                    for (place, far) in at.iter_mut().skip(3).step_by(4).zip(far) {
                        *place = far;
                    }
                    let (words, halves) = (&words[start..start + length], &halves[start..start + length]);
                    fastest(Compared { words, halves, at });
                }
            }
        }
    }

    /// Counts by both ways and compares.
    struct Ranked {
        words: [u32; 16],
        numbers: [u128; 16],
    }

    impl Task for Ranked {
        type Found = ();

        fn run<L: Loads>(self, loads: L) {
            let Self { words, numbers } = self;
            let (few, few_numbers): (&[u32; 8], &[u128; 8]) =
                (words.first_chunk().unwrap(), numbers.first_chunk().unwrap());
            let near = |word: u32| [word.wrapping_sub(1), word, word.wrapping_add(1)];
            for word in words.into_iter().flat_map(near) {
                assert_eq!(loads.rank(&words, word), Plain.rank(&words, word), "{word} in {words:?}");
                if few.last() == Some(&u32::MAX) {
                    assert_eq!(loads.rank(few, word), Plain.rank(few, word), "{word} in {few:?}");
                }
            }
            let near = |number: u128| {
                let high = 1 << 64;
                [
                    number.wrapping_sub(high),
                    number.wrapping_sub(1),
                    number,
                    number.wrapping_add(1),
                    number ^ high,
                ]
            };
            for number in numbers.into_iter().flat_map(near) {
                assert_eq!(
                    loads.wide_rank(&numbers, number),
                    Plain.wide_rank(&numbers, number),
                    "{number:#x}"
                );
                if few_numbers.last() == Some(&u128::MAX) {
                    assert_eq!(loads.wide_rank(few_numbers, number), Plain.wide_rank(few_numbers, number));
                }
            }
        }
    }

    /// Finds by both ways and compares.
    struct First {
        rows: [[u64; WORDS]; 4],
    }

    impl Task for First {
        type Found = ();

        fn run<L: Loads>(self, loads: L) {
            let rows = self.rows.each_ref();
            assert_eq!(loads.first_common(rows), Plain.first_common(rows), "{rows:x?}");
        }
    }

    #[test]
    fn both_ways_find_the_same() {
        let row = |bits: &[usize]| {
            let mut row = [0; WORDS];
            bits.iter().for_each(|bit| row[bit / 64] |= 1 << (bit % 64));
            row
        };
        let all = [u64::MAX; WORDS];
        fastest(First { rows: [[0; WORDS]; 4] });
        for bit in 0..64 * WORDS {
            let more = row(&[bit, 64 * WORDS - 1 - bit / 2, 500]);
            fastest(First { rows: [row(&[bit]), all, all, all] });
            fastest(First { rows: [all, more, all, row(&[bit, 500])] });
            fastest(First { rows: [row(&[bit / 2]), more, all, all] });
        }
    }

    #[test]
    fn both_ways_count_the_same() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for round in 0..200 {
            let mut words: [u32; 16] = std::array::from_fn(|_| next() as u32 >> (round % 30));
            let mut numbers: [u128; 16] = std::array::from_fn(|_| {
                let high = next() >> (round % 64);
                u128::from(high) << 64 | u128::from(if round % 3 == 0 { u64::MAX } else { next() })
            });
            words.sort_unstable();
            numbers.sort_unstable();
            for last in [15, 7] {
                words[last..].fill(u32::MAX);
                numbers[last..].fill(u128::MAX);
                fastest(Ranked { words, numbers });
            }
        }
    }
}
