//! Address families and sets of prefixes.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde::{Deserialize, Serialize};

use crate::Ranges;

/// An address family. Sets and matches never mix them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The family of an address.
    pub const fn of(ip: &IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The number of the last address.
    pub const fn last(self) -> u128 {
        match self {
            Family::V4 => u32::MAX as u128,
            Family::V6 => u128::MAX,
        }
    }

    /// An address as a number.
    pub fn number(ip: IpAddr) -> u128 {
        match ip {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    /// The address of a number; numbers above [`Family::last`] wrap.
    pub fn address(self, number: u128) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits((number & u128::from(u32::MAX)) as u32)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// A set of addresses of one family: sorted, disjoint, minimal, so equal sets are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PrefixSet {
    family: Family,
    ranges: Ranges,
}

impl PrefixSet {
    /// No address.
    pub const fn empty(family: Family) -> Self {
        Self { family, ranges: Ranges::empty() }
    }

    /// Every address.
    pub fn any(family: Family) -> Self {
        Self { family, ranges: Ranges::span(0, family.last()) }
    }

    /// The addresses of `ranges` that exist in `family`.
    pub fn from_ranges(family: Family, ranges: &Ranges) -> Self {
        let all_fit = ranges.last().is_none_or(|last| last <= family.last());
        let fitting = || ranges.intersect(&Ranges::span(0, family.last()));
        Self { family, ranges: if all_fit { ranges.clone() } else { fitting() } }
    }

    /// The union of those prefixes that belong to `family`; host bits are ignored.
    pub fn from_prefixes<'a>(family: Family, prefixes: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let ranges = prefixes
            .into_iter()
            .filter(|net| Family::of(&net.addr()) == family)
            .map(|net| (Family::number(net.network()), Family::number(net.broadcast())))
            .collect();
        Self { family, ranges }
    }

    /// The family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The addresses as numbers.
    pub const fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    /// Whether no address is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether every address of the family is in the set.
    pub fn is_any(&self) -> bool {
        self.ranges.is_span(0, self.family.last())
    }

    /// Whether the address is in the set; one of the other family never is.
    pub fn contains(&self, ip: IpAddr) -> bool {
        Family::of(&ip) == self.family && self.ranges.contains(Family::number(ip))
    }

    /// The fewest prefixes that make up the set, ascending.
    pub fn prefixes(&self) -> Vec<IpNet> {
        self.ranges.iter().flat_map(|(first, last)| cover(self.family, first, last)).collect()
    }

    /// What is in either set; the other must be of the same family, else it adds nothing.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.family != other.family {
            return self.clone();
        }
        Self { family: self.family, ranges: self.ranges.union(&other.ranges) }
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        if self.family != other.family {
            return Self::empty(self.family);
        }
        Self { family: self.family, ranges: self.ranges.intersect(&other.ranges) }
    }

    /// What is in `self` and not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        if self.family != other.family {
            return self.clone();
        }
        Self { family: self.family, ranges: self.ranges.subtract(&other.ranges) }
    }

    /// Whether every address of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.is_empty() || (self.family == other.family && self.ranges.is_subset(&other.ranges))
    }
}

fn cover(family: Family, first: u128, last: u128) -> Vec<IpNet> {
    match (family.address(first), family.address(last)) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(family: Family, text: &str) -> PrefixSet {
        let nets: Vec<IpNet> = text.split_whitespace().map(|net| net.parse().unwrap()).collect();
        PrefixSet::from_prefixes(family, &nets)
    }

    fn show(set: &PrefixSet) -> String {
        set.prefixes().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn joins_and_splits_to_the_fewest_prefixes() {
        assert_eq!(show(&set(Family::V4, "10.0.1.0/24 10.0.0.0/24 10.0.0.7/32 ::1/128")), "10.0.0.0/23");
        assert_eq!(show(&set(Family::V4, "0.0.0.0/1 128.0.0.0/1")), "0.0.0.0/0");
        assert!(set(Family::V6, "::/1 8000::/1").is_any());
        let rest = set(Family::V4, "10.0.0.0/30").subtract(&set(Family::V4, "10.0.0.2/32"));
        assert_eq!(show(&rest), "10.0.0.0/31 10.0.0.3/32");
    }

    #[test]
    fn families_never_mix() {
        let (four, six) = (PrefixSet::any(Family::V4), PrefixSet::any(Family::V6));
        assert!(four.intersect(&six).is_empty());
        assert_eq!(four.subtract(&six), four);
        assert!(!four.is_subset(&six));
        assert!(!six.contains("10.0.0.1".parse().unwrap()));
    }
}
