//! Names of tables, chains and sets: derived from the policy alone, legal in nft, and never two things under one name.
//!
//! An nft name is a letter or `_`, then letters, digits, `_`, `-`, `.` and `/` (token `string` of nft's scanner.l), at
//! most 255 bytes (NFT_NAME_MAXLEN is 256), and no keyword.

use std::collections::HashMap;

use palisade_ir::{Direction, EmitError, Ifname, Name};

use super::errors;
use super::keywords::KEYWORDS;

/// The longest name of a table, chain or set, in bytes.
pub(crate) const NAME_BYTES: usize = 255;

/// Refuses what cannot name a table.
pub(super) fn check_table(name: &str) -> Result<(), EmitError> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if first && rest && name.len() <= NAME_BYTES && !KEYWORDS.contains(&name) {
        Ok(())
    } else {
        Err(errors::table_name(name))
    }
}

/// The chain of a NIC on its own host. The prefix keeps it apart from keywords and leading digits.
pub(super) fn host_chain(interface: &Ifname, direction: Direction) -> String {
    shorten(format!("nic-{}-{direction}", plain(interface)))
}

/// The chain of a NIC on a gateway. No instance name holds a `/`, so the parts cannot run together.
pub(super) fn gateway_chain(instance: &Name, interface: &Ifname, direction: Direction) -> String {
    shorten(format!("{instance}/{}-{direction}", plain(interface)))
}

/// `:` and `@` may stand in an interface's name but not in nft's; `/` is the other way round.
fn plain(interface: &Ifname) -> String {
    interface.as_str().replace(':', "/3a").replace('@', "/40")
}

/// A name that fits: the end of a long one becomes a hash of all of it.
pub(super) fn shorten(name: String) -> String {
    if name.len() <= NAME_BYTES {
        return name;
    }
    let hash = format!("_{:016x}", fnv1a(name.as_bytes()));
    let kept: String = name.chars().take(NAME_BYTES - hash.len()).collect();
    kept + &hash
}

/// FNV-1a, 64 bit. Anybody can make two names collide; [`Taken`] refuses them then.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The names in use and what each stands for.
#[derive(Default)]
pub(super) struct Taken(HashMap<String, String>);

impl Taken {
    /// Refuses a name that stands for something else already.
    pub(super) fn claim(&mut self, name: &str, owner: &str) -> Result<(), EmitError> {
        match self.0.get(name) {
            Some(before) if before != owner => Err(errors::name_taken(name)),
            Some(_) => Ok(()),
            None => {
                self.0.insert(name.to_owned(), owner.to_owned());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_identifiers_and_no_keywords() {
        for good in ["palisade", "_x", "Fw-1.a", "inet4", &"a".repeat(255)] {
            assert!(check_table(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "a b", "a\"", "a;", "ä", "inet", "table", "ip6", "-a", "a/b", &"a".repeat(256)]
        {
            assert!(check_table(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn interface_names_stay_apart() {
        let chain = |text: &str| host_chain(&Ifname::new(text).unwrap(), Direction::In);
        assert_eq!(chain("eth0"), "nic-eth0-in");
        assert_eq!(chain("eth0:1"), "nic-eth0/3a1-in");
        assert_ne!(chain("a:b"), chain("a@b"));
        assert_ne!(chain("a:b"), chain("a3ab"));
    }

    #[test]
    fn gateway_chains_do_not_run_together() {
        let chain = |instance: &str, nic: &str| {
            gateway_chain(&Name::new(instance).unwrap(), &Ifname::new(nic).unwrap(), Direction::Out)
        };
        assert_eq!(chain("a-b", "c"), "a-b/c-out");
        assert_ne!(chain("a-b", "c"), chain("a", "b-c"));
        let (long, longer) = ("a".repeat(300), "a".repeat(301));
        assert_eq!(chain(&long, "c").len(), NAME_BYTES);
        assert_ne!(chain(&long, "c"), chain(&longer, "c"));
    }
}
