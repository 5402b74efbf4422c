//! Maps for what building compares most: short rows of numbers. The standard hasher takes several times as long. And one
//! for keys that strangers choose.

use core::hash::{BuildHasher, Hasher};
#[cfg(feature = "std")]
use std::hash::RandomState;

#[cfg(not(feature = "std"))]
use hashbrown::DefaultHashBuilder as RandomState;

/// A map with a fast hash.
pub(crate) type HashMap<K, V> = hashbrown::HashMap<K, V, Seed>;

/// A map whose keys come from the network, in which nobody can make keys collide.
#[cfg(feature = "std")]
pub(crate) type Strangers<K, V> = std::collections::HashMap<K, V>;
/// The same without the system's random numbers: no hash, no collision.
#[cfg(not(feature = "std"))]
pub(crate) type Strangers<K, V> = alloc::collections::BTreeMap<K, V>;

/// A start that nobody outside knows, so that no policy can be written whose rows collide; without std it may be guessed.
#[derive(Clone)]
pub(crate) struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::default().hash_one(0_u64) | 1)
    }
}

impl BuildHasher for Seed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { state: self.0, seed: self.0 }
    }
}

/// Multiplies each word with the seed and folds the product, as wyhash does.
pub(crate) struct Folded {
    state: u64,
    seed: u64,
}

impl Folded {
    fn word(&mut self, word: u64) {
        let product =
            u128::from(self.state ^ word).wrapping_mul(u128::from(self.seed ^ 0x9e37_79b9_7f4a_7c15));
        self.state = (product as u64 ^ (product >> 64) as u64).wrapping_add(word.rotate_left(32));
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        let last = rest.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
        self.word(last ^ (bytes.len() as u64) << 56);
    }

    fn finish(&self) -> u64 {
        self.state ^ self.state >> 29
    }
}
