//! The rules of a chain by service.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{PeerEnd, Service};
use crate::{Addresses, Chain, Family, Outcome, PrefixSet, Rule};

/// A rule with more services than this is not taken apart.
const SERVICES: usize = 256;

/// A rule in a leaf: its place in the chain, and those of its services that stand there.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) rule: usize,
    pub(super) services: Vec<Service>,
}

/// A chain, and the end at which its rules tell packets apart.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    chain: &'a Chain,
    pub(super) end: PeerEnd,
}

impl<'a> Rules<'a> {
    pub(super) fn new(chain: &'a Chain) -> Self {
        let narrow = |of: fn(&Rule) -> &Addresses| {
            chain.rules().iter().filter(|rule| !of(rule).prefixes.is_any()).count()
        };
        let sources = narrow(|rule| rule.matches.source());
        let destinations = narrow(|rule| rule.matches.destination());
        let end = if sources >= destinations { PeerEnd::Source } else { PeerEnd::Destination };
        Self { chain, end }
    }

    pub(super) fn len(self) -> usize {
        self.chain.rules().len()
    }

    pub(super) fn get(self, rule: usize) -> Option<&'a Rule> {
        self.chain.rules().get(rule)
    }

    pub(super) fn outcome(self, rule: usize) -> Option<Outcome> {
        self.get(rule).map(|rule| rule.outcome)
    }

    pub(super) fn family(self, rule: usize) -> Option<Family> {
        self.get(rule).map(|rule| rule.matches.family())
    }

    /// The addresses of its remote end, then those of the other.
    fn ends(self, rule: usize) -> Option<(&'a Addresses, &'a Addresses)> {
        let matches = &self.get(rule)?.matches;
        Some(match self.end {
            PeerEnd::Source => (matches.source(), matches.destination()),
            PeerEnd::Destination => (matches.destination(), matches.source()),
        })
    }

    pub(super) fn peer(self, rule: usize) -> Option<&'a PrefixSet> {
        self.ends(rule).map(|(peer, _)| &*peer.prefixes)
    }

    /// Whether its remote end is a set with a name: those keep their name and stand in one place each.
    pub(super) fn is_named(self, rule: usize) -> bool {
        self.ends(rule).is_some_and(|(peer, _)| peer.set.is_some())
    }

    /// Whether nothing but service and remote end is asked for.
    pub(super) fn is_one_ended(self, rule: usize) -> bool {
        self.ends(rule).is_some_and(|(_, other)| other.prefixes.is_any())
    }

    /// Whether it may stand in a map: one-ended, without a name to keep, and not logged.
    pub(super) fn is_plain(self, rule: usize) -> bool {
        self.is_one_ended(rule)
            && !self.is_named(rule)
            && self.outcome(rule).is_some_and(|outcome| !outcome.log)
    }

    pub(super) fn is_any(self, rule: usize) -> bool {
        self.peer(rule).is_some_and(PrefixSet::is_any)
    }

    /// Whether some packet may match both, services aside.
    pub(super) fn meet(self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.ends(one), self.ends(other)) else { return false };
        let meets = |a: &Addresses, b: &Addresses| {
            a.prefixes.family() == b.prefixes.family() && a.prefixes.ranges().overlaps(b.prefixes.ranges())
        };
        meets(one.0, other.0) && meets(one.1, other.1)
    }

    /// Whether the order of two rules matters, services aside.
    pub(super) fn conflict(self, one: usize, other: usize) -> bool {
        self.outcome(one) != self.outcome(other) && self.meet(one, other)
    }
}

/// All rules by service, in the order of the chain; and those with too many services to be taken apart.
pub(super) fn by_service(rules: Rules<'_>) -> (BTreeMap<Service, Vec<usize>>, Vec<Own>) {
    let mut groups: BTreeMap<Service, Vec<usize>> = BTreeMap::new();
    let mut odd = Vec::new();
    for rule in 0..rules.len() {
        let Some(matches) = rules.get(rule).map(|rule| &rule.matches) else { continue };
        let services = Service::of(matches);
        if services.len() > SERVICES {
            odd.push(Own { rule, services });
            continue;
        }
        for service in services {
            groups.entry(service).or_default().push(rule);
        }
    }
    (groups, odd)
}
