//! What is read of structures is what look-ups of them find.

use palisade_ir::Family;

use super::super::pages::Pages;
use super::super::rules::{LAST_SERVICE, UDP};
use super::super::trie::{Number, Trie};

fn dice(seed: u64) -> impl FnMut() -> u128 {
    let mut seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        u128::from(seed)
    }
}

/// Cuts with the names that stand behind them, neighbours of different names.
fn cuts(last: u128, mut next: impl FnMut() -> u128) -> Vec<(u128, u32)> {
    let bits = 1 + next() % u128::from(last.count_ones());
    let mut starts: Vec<u128> = (0..next() % 80)
        .map(|_| ((next() << 64 | next()) & last) >> (u128::from(last.count_ones()) - bits))
        .collect();
    starts.extend([0, last]);
    starts.sort_unstable();
    starts.dedup();
    let mut intervals: Vec<(u128, u32)> = starts.into_iter().map(|at| (at, (next() % 9) as u32)).collect();
    intervals.dedup_by_key(|(_, name)| *name);
    intervals
}

#[test]
fn trees_give_back_the_intervals_they_are_made_of() {
    fn check<T: Number>(family: Family, seed: u64) {
        let intervals = cuts(family.last(), dice(seed));
        let Some(trie) = Trie::<T>::new(&intervals) else { return };
        assert_eq!(trie.intervals(), Some(intervals));
    }
    for seed in 0..300 {
        check::<u32>(Family::V4, seed);
        check::<u128>(Family::V6, seed);
    }
}

/// A tree that nobody built: whatever its words say, what is read is what look-ups find, or there is no reading.
#[test]
fn broken_trees_are_read_as_they_are_searched() {
    fn check<T: Number + std::fmt::LowerHex + std::fmt::Debug>(family: Family, seed: u64) -> bool {
        let mut next = dice(seed);
        let Some(mut trie) = Trie::<T>::new(&cuts(family.last(), &mut next)) else { return false };
        match next() % 4 {
            0 => trie.shift ^= 1 << (next() % 8),
            1 => trie.last = trie.last.wrapping_add((next() % 3) as u32),
            2 => trie.depth = (next() % 4) as u32,
            _ => {
                let at = (next() % trie.slots.len() as u128) as usize;
                trie.slots[at] ^= 1 << (next() % 5);
            }
        }
        let Some(read) = trie.intervals() else { return false };
        let near = read.iter().flat_map(|(at, _)| [at.saturating_sub(1), *at]);
        for number in near.chain([0, family.last(), next() & family.last()]) {
            let expected = read[read.partition_point(|(at, _)| *at <= number) - 1].1;
            assert_eq!(trie.find(T::narrow(number)), expected, "seed {seed}: {number:#x} in {trie:?}");
        }
        true
    }
    let read = (0..2000).filter(|seed| check::<u32>(Family::V4, *seed) | check::<u128>(Family::V6, *seed));
    assert!(read.count() > 500);
}

#[test]
fn pages_give_back_the_runs_they_are_made_of() {
    for seed in 0..100 {
        for last in [u32::from(u16::MAX), UDP, LAST_SERVICE] {
            let mut intervals = cuts(u16::MAX.into(), dice(seed));
            intervals.retain(|(at, _)| *at <= last.into());
            let Some(mut pages) = Pages::new(&intervals, last) else { continue };
            assert_eq!(pages.intervals(last), Some(intervals));
            pages.pages.pop();
            assert_eq!(pages.intervals(last), None, "some numbers have no page");
        }
    }
}
