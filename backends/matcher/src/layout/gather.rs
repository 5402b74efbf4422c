//! Loads from as many places of a table as a batch has lanes: the one module with unsafe code.
//!
//! A processor with AVX-512 loads sixteen at once. That alone gains nothing, a load takes a cycle either way; but
//! what is done to lanes between loads then takes vector instructions too. Both ways say the same for every table and
//! every place; the tests below compare them.

use super::node::Node;

/// The lanes of a batch: packets whose look-ups are under way at once.
pub(crate) const LANES: usize = 32;

/// A number per lane.
pub(crate) type Lanes = [u32; LANES];

/// A way to load.
pub(crate) trait Loads: Copy {
    /// The numbers at these places; 0 behind the end.
    fn words(self, table: &[u32], at: &Lanes) -> Lanes;
    /// The same for narrow numbers.
    fn halves(self, table: &[u16], at: &Lanes) -> Lanes;
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
    /// Does it.
    fn run<L: Loads>(self, loads: L);
}

/// Does a task the fastest way that this processor knows.
#[inline]
pub(crate) fn fastest(task: impl Task) {
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = x86::Vectors::here() {
        return vectors.run(task);
    }
    task.run(Plain);
}

/// The words of nodes, one node after the other.
#[inline(always)]
#[expect(unsafe_code, reason = "nodes are plain words")]
pub(crate) fn flat<const CUTS: usize>(nodes: &[Node<u32, CUTS>]) -> &[u32] {
    const { assert!(size_of::<Node<u32, CUTS>>() == 8 * CUTS) };
    // SAFETY: a node is `repr(C)`, has twice as many `u32` as cuts and, by the line above, nothing else. The slice is as
    // long as the nodes and lives as long.
    unsafe { core::slice::from_raw_parts(nodes.as_ptr().cast(), nodes.len() * 2 * CUTS) }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions that not every processor has, with addresses")]
mod x86 {
    use core::arch::x86_64::{
        __m512i, _mm512_and_si512, _mm512_cmplt_epu32_mask, _mm512_loadu_si512, _mm512_mask_i32gather_epi32,
        _mm512_set1_epi32, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srli_epi32, _mm512_srlv_epi32,
        _mm512_storeu_si512,
    };

    use super::{LANES, Lanes, Loads, Plain, Task};

    /// The proof that this processor has the instructions: there is no other way to get one than to ask it.
    #[derive(Clone, Copy)]
    pub(super) struct Vectors(());

    impl Vectors {
        /// Whether they are here; the answer is kept by the standard library.
        #[cfg(feature = "std")]
        #[inline]
        pub(super) fn here() -> Option<Self> {
            let here = std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512vl")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("bmi2");
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
                && cfg!(target_feature = "bmi2");
            here.then_some(Self(()))
        }

        #[inline]
        pub(super) fn run(self, task: impl Task) {
            // SAFETY: the processor has the instructions, `self` is the proof.
            unsafe { self.inside(task) }
        }

        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,bmi2")]
        fn inside(self, task: impl Task) {
            task.run(self);
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

    #[test]
    fn nodes_are_their_words() {
        let node = |first: u32| Node::<u32, 8> {
            cuts: std::array::from_fn(|at| first + at as u32),
            words: std::array::from_fn(|at| first + 8 + at as u32),
        };
        let nodes = [node(0), node(16), node(32)];
        for count in 0..=nodes.len() {
            let expected: Vec<u32> = (0..16 * count as u32).collect();
            assert_eq!(flat(&nodes[..count]), expected);
        }
    }
}
