//! IP protocol numbers and sets of them.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use bitvec::{BitArr, order::Lsb0};
use serde::{Deserialize, Serialize};

/// An IP protocol number (IPv4 protocol, last IPv6 next header).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP for IPv4
    pub const ICMP: Self = Self(1);
    /// TCP
    pub const TCP: Self = Self(6);
    /// UDP
    pub const UDP: Self = Self(17);
    /// Generic routing encapsulation
    pub const GRE: Self = Self(47);
    /// ICMP for IPv6
    pub const ICMPV6: Self = Self(58);

    /// The name the policy language has for it, if any.
    pub const fn name(self) -> Option<&'static str> {
        match self.0 {
            1 => Some("icmp"),
            6 => Some("tcp"),
            17 => Some("udp"),
            47 => Some("gre"),
            58 => Some("icmpv6"),
            _ => None,
        }
    }

    /// The protocol of a name of the policy language, or of a plain number.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "icmp" => Some(Self::ICMP),
            "tcp" => Some(Self::TCP),
            "udp" => Some(Self::UDP),
            "gre" => Some(Self::GRE),
            "icmpv6" => Some(Self::ICMPV6),
            number => number.parse().ok().map(Self),
        }
    }

    /// Whether rules may test ports of this protocol: tcp and udp only.
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "proto {}", self.0),
        }
    }
}

/// A set of protocol numbers.
#[derive(Clone, Copy, Eq, Serialize, Deserialize)]
#[serde(from = "[u64; 4]", into = "[u64; 4]")]
pub struct ProtocolSet(BitArr!(for 256, in u64, Lsb0));

/// By words: a bit array compares and hashes bit by bit, which large chains feel.
impl PartialEq for ProtocolSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_raw_slice() == other.0.as_raw_slice()
    }
}

/// As sorted lists of bits: at the least protocol that only one of them has, the one without it comes first.
impl Ord for ProtocolSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let mut words = self.0.as_raw_slice().iter().zip(other.0.as_raw_slice());
        let Some((mine, theirs)) = words.find(|(mine, theirs)| mine != theirs) else {
            return Ordering::Equal;
        };
        let least = (mine ^ theirs).trailing_zeros();
        (mine >> least & 1).cmp(&(theirs >> least & 1))
    }
}

impl PartialOrd for ProtocolSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for ProtocolSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_raw_slice().hash(state);
    }
}

impl From<[u64; 4]> for ProtocolSet {
    fn from(words: [u64; 4]) -> Self {
        Self(bitvec::array::BitArray::new(words))
    }
}

impl From<ProtocolSet> for [u64; 4] {
    fn from(set: ProtocolSet) -> Self {
        set.0.into_inner()
    }
}

impl ProtocolSet {
    /// No protocol.
    pub const EMPTY: Self = Self(bitvec::array::BitArray::ZERO);

    /// Every protocol, the unnamed ones too.
    pub fn all() -> Self {
        Self(!bitvec::array::BitArray::ZERO)
    }

    /// Just one.
    pub fn only(protocol: Protocol) -> Self {
        let mut set = Self::EMPTY;
        set.insert(protocol);
        set
    }

    /// Adds one.
    pub fn insert(&mut self, protocol: Protocol) {
        self.0.set(usize::from(protocol.0), true);
    }

    /// Whether the protocol is in the set.
    pub fn contains(&self, protocol: Protocol) -> bool {
        self.0.get(usize::from(protocol.0)).is_some_and(|bit| *bit)
    }

    /// Whether no protocol is in the set.
    pub fn is_empty(&self) -> bool {
        self.words().iter().all(|word| *word == 0)
    }

    /// Whether all 256 are in the set.
    pub fn is_all(&self) -> bool {
        self.words().iter().all(|word| *word == u64::MAX)
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Protocol> + '_ {
        [0_u8, 64, 128, 192].into_iter().zip(self.words()).flat_map(|(first, word)| {
            // By words: each rule of a chain is asked several times, and nearly always for one protocol or all.
            let rests = core::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)));
            let members = rests.take_while(|rest| *rest != 0);
            members.map(move |rest| Protocol(first + rest.trailing_zeros() as u8))
        })
    }

    fn words(&self) -> &[u64] {
        self.0.as_raw_slice()
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.words().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in `self` and not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every member of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.subtract(other).is_empty()
    }
}

impl FromIterator<Protocol> for ProtocolSet {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        let mut set = Self::EMPTY;
        protocols.into_iter().for_each(|protocol| set.insert(protocol));
        set
    }
}

impl fmt::Debug for ProtocolSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return out.write_str("all");
        }
        out.debug_set().entries(self.iter().map(|protocol| protocol.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_by_words_is_that_of_the_bits() {
        let of = |numbers: &[u8]| numbers.iter().map(|number| Protocol(*number)).collect::<ProtocolSet>();
        let sets = [
            of(&[]),
            of(&[255]),
            of(&[17]),
            of(&[6]),
            of(&[6, 17]),
            of(&[6, 64, 200]),
            of(&[63]),
            of(&[64]),
            of(&[1, 58]),
            ProtocolSet::all(),
        ];
        for (one, other) in sets.iter().flat_map(|one| sets.iter().map(move |other| (one, other))) {
            assert_eq!(one.cmp(other), one.0.cmp(&other.0), "{one:?} {other:?}");
            assert_eq!(one == other, one.0 == other.0, "{one:?} {other:?}");
        }
    }
}
