//! The names in the policy for the ids of the cloud.

use std::collections::BTreeMap;

use super::groups::Network;
use super::policy::Ruled;
use super::rules::Peer;
use crate::import::text::Names;

/// Every name of the policy.
pub(super) struct Naming {
    pub(super) networks: BTreeMap<Network, String>,
    /// The groups whose rules are listed.
    groups: BTreeMap<String, String>,
    /// Peers whose rules are not listed, each once per network that refers to it.
    pub(super) stubs: BTreeMap<(Network, String), String>,
    pub(super) prefix_lists: BTreeMap<String, String>,
}

impl Naming {
    /// Names are numbered in the order of the inputs, listed groups first.
    pub(super) fn new(ruled: &[Ruled<'_, '_>]) -> Self {
        let (mut networks, mut network_names) = (BTreeMap::new(), Names::default());
        let (mut groups, mut group_names) = (BTreeMap::new(), Names::default());
        for Ruled { group, .. } in ruled {
            networks.entry(group.network.clone()).or_insert_with(|| match &group.network {
                Network::Vpc(id) => network_names.make(id, "vpc"),
                Network::Classic => network_names.make("classic", "classic"),
                Network::Unknown => network_names.make("imported", "imported"),
            });
            groups.insert(group.id.clone(), group_names.make(&group.id, "sg"));
        }
        let (mut prefix_lists, mut set_names) = (BTreeMap::new(), Names::default());
        let mut stubs = BTreeMap::new();
        let rules =
            ruled.iter().flat_map(|Ruled { group, rules }| rules.iter().map(move |rule| (group, rule)));
        for (group, rule) in rules {
            match &rule.key.peer {
                Peer::Group(id) if !groups.contains_key(id) => {
                    let stub = stubs.entry((group.network.clone(), id.clone()));
                    stub.or_insert_with(|| group_names.make(id, "sg"));
                }
                Peer::PrefixList(id) => {
                    prefix_lists.entry(id.clone()).or_insert_with(|| set_names.make(id, "pl"));
                }
                Peer::Group(_) | Peer::Prefixes(_) => {}
            }
        }
        Self { networks, groups, stubs, prefix_lists }
    }

    pub(super) fn network(&self, network: &Network) -> &str {
        self.networks.get(network).map_or("", String::as_str)
    }

    pub(super) fn listed(&self, id: &str) -> &str {
        self.groups.get(id).map_or("", String::as_str)
    }

    /// A peer as seen from a network.
    pub(super) fn peer(&self, network: &Network, id: &str) -> &str {
        let stub = || self.stubs.get(&(network.clone(), id.to_owned()));
        self.groups.get(id).or_else(stub).map_or("", String::as_str)
    }

    pub(super) fn prefix_list(&self, id: &str) -> &str {
        self.prefix_lists.get(id).map_or("", String::as_str)
    }
}
