//! Which NICs own an address: a search tree per family, no hashing and no allocation per packet.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use palisade_ir::{Family, Ranges};

use crate::layout::Trie;
use crate::nic::Nic;

/// The places of the NICs that own each address, ascending; several where networks reuse it.
#[derive(Clone, Debug)]
pub(crate) struct Owners {
    v4: Option<Trie<u32>>,
    v6: Option<Trie<u128>>,
    /// By the names that the trees give; the first is of addresses without owners.
    sets: Vec<Vec<u32>>,
}

impl Owners {
    pub(crate) fn new(nics: &[Nic]) -> Self {
        let mut owners: BTreeMap<IpAddr, Vec<u32>> = BTreeMap::new();
        for (at, nic) in (0..).zip(nics) {
            for address in &nic.addresses {
                let owners = owners.entry(*address).or_default();
                if owners.last() != Some(&at) {
                    owners.push(at);
                }
            }
        }
        let mut names: BTreeMap<&[u32], u32> = BTreeMap::from([(&[][..], 0)]);
        let mut intervals = Family::ALL.map(|_| vec![(0, 0)]);
        let [v4, v6] = &mut intervals;
        for (address, owners) in &owners {
            let next = names.len() as u32;
            let name = *names.entry(owners).or_insert(next);
            let family = Family::of(address);
            let intervals = match family {
                Family::V4 => &mut *v4,
                Family::V6 => &mut *v6,
            };
            let number = Family::number(*address);
            if intervals.last().is_some_and(|last| last.0 == number) {
                intervals.pop();
            }
            intervals.push((number, name));
            intervals.extend((number < family.last()).then(|| (number + 1, 0)));
        }
        let mut sets = vec![Vec::new(); names.len()];
        for (set, name) in &names {
            if let Some(place) = sets.get_mut(*name as usize) {
                *place = set.to_vec();
            }
        }
        let [v4, v6] = intervals;
        Self { v4: Trie::new(&v4), v6: Trie::new(&v6), sets }
    }

    /// All addresses of a family by their owners; `None` where the tree leads nowhere.
    pub(crate) fn all(&self, family: Family) -> Option<Vec<(Ranges, &[u32])>> {
        let intervals = match family {
            Family::V4 => self.v4.as_ref().map(Trie::intervals),
            Family::V6 => self.v6.as_ref().map(Trie::intervals),
        };
        let intervals = intervals.unwrap_or_else(|| Some(vec![(0, 0)]))?;
        let mut by_name: BTreeMap<u32, Vec<(u128, u128)>> = BTreeMap::new();
        let ends = intervals.iter().skip(1).map(|(next, _)| next - 1).chain([family.last()]);
        for ((first, name), end) in intervals.iter().zip(ends) {
            by_name.entry(*name).or_default().push((*first, end));
        }
        let owners = |name: u32| self.sets.get(name as usize).map_or(&[][..], Vec::as_slice);
        Some(by_name.into_iter().map(|(name, parts)| (Ranges::from_unsorted(parts), owners(name))).collect())
    }

    /// The owners of an address.
    #[inline]
    pub(crate) fn of(&self, address: IpAddr) -> &[u32] {
        let name = match address {
            IpAddr::V4(v4) => self.v4.as_ref().map_or(0, |trie| trie.find(v4.to_bits())),
            IpAddr::V6(v6) => self.v6.as_ref().map_or(0, |trie| trie.find(v6.to_bits())),
        };
        self.sets.get(name as usize).map_or(&[], Vec::as_slice)
    }
}
