//! Names of chains and sets: the full name where it fits, else its head and a hash of all of it.
//!
//! A name depends on nothing but what it names, so that an edit elsewhere in the policy never changes it.

use std::collections::BTreeMap;

use palisade_ir::EmitError;

use super::error;

/// Stands before a hash, and in no full name: instance and interface names cannot contain it.
const MARK: char = '~';
/// Hex digits of a hash.
const DIGITS: usize = 12;

/// Names within a limit, each for one full name only.
pub(super) struct Names {
    limit: usize,
    taken: BTreeMap<String, String>,
}

impl Names {
    /// No names yet.
    pub(super) const fn within(limit: usize) -> Self {
        Self { limit, taken: BTreeMap::new() }
    }

    /// The name for a full name: itself where it is short enough.
    pub(super) fn claim(&mut self, full: &str) -> Result<String, EmitError> {
        let name = if full.len() <= self.limit { full.to_owned() } else { shorten(full, self.limit) };
        self.take(name, full)
    }

    /// The name for a text that is no name itself: always with a hash.
    pub(super) fn claim_hashed(&mut self, full: &str) -> Result<String, EmitError> {
        self.take(shorten(full, self.limit), full)
    }

    fn take(&mut self, name: String, full: &str) -> Result<String, EmitError> {
        match self.taken.insert(name.clone(), full.to_owned()) {
            Some(other) if other != full => Err(error::name_collision(&name, &other, full)),
            Some(_) | None => Ok(name),
        }
    }
}

fn shorten(full: &str, limit: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_.:@/-".contains(c) { c } else { '-' };
    let head: String = full.chars().map(plain).take(limit.saturating_sub(DIGITS + 1)).collect();
    let hash = hash(full.as_bytes()) & 0xffff_ffff_ffff;
    format!("{head}{MARK}{hash:012x}")
}

/// FNV-1a, 64 bits: fixed for all time, which the standard library's hash is not.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stay_and_long_ones_keep_apart() {
        let mut names = Names::within(28);
        assert_eq!(names.claim("PAL-in-eth0").unwrap(), "PAL-in-eth0");
        let one = names.claim("PGW-in-a-very-long-instance-name-one/eth0").unwrap();
        let two = names.claim("PGW-in-a-very-long-instance-name-two/eth0").unwrap();
        assert_eq!(one, "PGW-in-a-very-l~d31b14c1a0dc");
        assert_ne!(one, two);
        assert_eq!(names.claim_hashed("a b").unwrap().len(), 16);
    }

    #[test]
    fn refuses_two_owners_of_one_name() {
        let mut names = Names::within(28);
        names.take("x".to_owned(), "one").unwrap();
        assert!(names.take("x".to_owned(), "one").is_ok());
        assert_eq!(names.take("x".to_owned(), "two").unwrap_err().code, "palisade::emit::name-collision");
    }
}
