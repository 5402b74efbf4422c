//! Who decides the packets of a rule that never decides, and packets that show it.

use std::collections::BTreeMap;

use palisade_ir::decide::{Budget, BudgetExceeded, RuleBits};
use palisade_ir::{
    Addresses, Direction, Family, Match, MatchParts, NicPlan, Packet, PortMatch, PortSet, Protocol,
    ProtocolSet, Ranges, Rank, Region, Rule, RuleId,
};

use super::ground::{Ground, is_set};

/// The most steps to divide the packets of one rule among their deciders.
const MOST: u64 = 300_000;

/// A rule (or inner access) that decides packets of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Decider {
    /// How strong it is; its verdict is in there.
    pub rank: Rank,
    /// How many packets of the other rule it decides; an estimate, for ordering only.
    pub overlap: f64,
    /// One of them.
    pub example: Option<Packet>,
}

/// The deciders of a rule's packets, in all chains where that was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deciders {
    /// By rule.
    pub rules: BTreeMap<RuleId, Decider>,
    /// Whether the budget did not suffice to find all of them.
    pub incomplete: bool,
}

impl Deciders {
    /// The rules, those with the largest overlap first.
    pub fn by_overlap(&self) -> Vec<(RuleId, &Decider)> {
        let mut sorted: Vec<_> = self.rules.iter().map(|(id, decider)| (*id, decider)).collect();
        sorted.sort_by(|(_, one), (_, other)| other.overlap.total_cmp(&one.overlap));
        sorted
    }

    pub(super) fn join(&mut self, other: Self) {
        self.incomplete |= other.incomplete;
        for (id, decider) in other.rules {
            self.add(id, decider);
        }
    }

    pub(super) fn add(&mut self, id: RuleId, decider: Decider) {
        match self.rules.get_mut(&id) {
            None => {
                self.rules.insert(id, decider);
            }
            Some(known) => {
                known.overlap += decider.overlap;
                known.example = known.example.or(decider.example);
            }
        }
    }
}

/// Divides the packets of a rule that stronger ones cover among the rules that decide them.
pub(super) fn divide(
    ground: &Ground<'_>,
    rule: &Rule,
    live: &RuleBits,
    spot: &Spot<'_>,
    budget: &mut Budget,
) -> Deciders {
    let mut found = Deciders::default();
    let rules = ground.rules();
    let region = &Region::of(&rule.matches);
    let mut add = |place: usize, part: &Region| {
        let Some(rule) = rules.get(place) else { return };
        let Some(id) = rule.origin.ids().first() else { return };
        found.add(*id, Decider { rank: rule.rank, overlap: volume(part), example: spot.example(part) });
    };
    let asked = budget.share(MOST, |share| {
        let near = ground.meeting(&rule.matches, |place| is_set(live, place), share)?;
        // Most often the strongest rule that meets the region holds it whole.
        let holds =
            |at: &usize| rules.get(*at).is_some_and(|one| region.is_subset(&Region::of(&one.matches)));
        match near.first().copied().filter(holds) {
            Some(holder) => Ok(vec![(holder, region.clone())]),
            None => ground.partition(region, near, share),
        }
    });
    match asked {
        Ok(pieces) => pieces.iter().for_each(|(place, piece)| add(*place, piece)),
        Err(BudgetExceeded) => found.incomplete = true,
    }
    found
}

/// How many points a region has, about.
pub(super) fn volume(region: &Region) -> f64 {
    let size = |field: &Ranges| field.iter().map(|(first, last)| (last - first) as f64 + 1.0).sum::<f64>();
    region.fields().iter().map(size).product()
}

/// Where examples are taken from.
pub(super) struct Spot<'a> {
    pub(super) direction: Direction,
    pub(super) nic: Option<&'a NicPlan>,
}

impl Spot<'_> {
    /// A packet of the region that looks like one from real life, if there is one.
    pub(super) fn example(&self, region: &Region) -> Option<Packet> {
        self.likely(region).witness()
    }

    /// The part of a region that looks most like real traffic: the NIC's own address, a stranger's, ordinary ports.
    pub(super) fn likely(&self, region: &Region) -> Region {
        let family = region.family();
        // Addresses for documentation: 203.0.113.9 and 2001:db8::9 (RFC 5737, RFC 3849).
        let stranger: u128 = match family {
            Family::V4 => 0xcb00_7109,
            Family::V6 => 0x2001_0db8_0000_0000_0000_0000_0000_0009,
        };
        let [source, destination, ..] = region.fields();
        let remote = if self.direction == Direction::In { source } else { destination };
        // The first address of a prefix is hardly a host's.
        let host = remote.iter().next().map_or(0, |(first, last)| first + (last - first).min(9));
        let remote = if remote.contains(stranger) { stranger } else { host };
        let remote = self.with_remote(region, &Ranges::span(remote, remote));
        let local = self.with_local(region, &self.own(family));
        let both = remote.as_ref().and_then(|region| self.with_local(region, &self.own(family)));
        let mut likely = both.or(remote).or(local).unwrap_or_else(|| region.clone());
        for wish in [wish(family, Some(40_000), None), wish(family, None, Some(443))].into_iter().flatten() {
            likely = likely.intersect(&wish).unwrap_or(likely);
        }
        likely
    }

    /// The packets of a region whose remote end is not the NIC itself.
    pub(super) fn without_itself(&self, region: &Region) -> Option<Region> {
        let everyone = Ranges::span(0, region.family().last());
        self.with_remote(region, &everyone.subtract(&self.own(region.family())))
    }

    /// The NIC's own addresses.
    fn own(&self, family: Family) -> Ranges {
        let own = self.nic.map(|nic| nic.addresses.as_slice()).unwrap_or_default();
        let own = own.iter().filter(|address| Family::of(address) == family);
        own.map(|address| (Family::number(*address), Family::number(*address))).collect()
    }

    fn with_remote(&self, region: &Region, addresses: &Ranges) -> Option<Region> {
        match self.direction {
            Direction::In => region.with_source(addresses),
            Direction::Out => region.with_destination(addresses),
        }
    }

    fn with_local(&self, region: &Region, addresses: &Ranges) -> Option<Region> {
        match self.direction {
            Direction::In => region.with_destination(addresses),
            Direction::Out => region.with_source(addresses),
        }
    }
}

/// tcp and udp with these ports.
fn wish(family: Family, source: Option<u16>, destination: Option<u16>) -> Option<Region> {
    let test = |port: Option<u16>| {
        port.map_or(PortMatch::Any, |port| PortMatch::In(PortSet::from_ranges([(port, port)])))
    };
    let parts = MatchParts {
        source: Addresses::any(family),
        destination: Addresses::any(family),
        protocols: [Protocol::TCP, Protocol::UDP].into_iter().collect::<ProtocolSet>(),
        source_ports: test(source),
        destination_ports: test(destination),
    };
    Match::new(parts).ok().map(|matches| Region::of(&matches))
}
