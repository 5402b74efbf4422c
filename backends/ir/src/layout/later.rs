//! Which rules stand in later blocks than a leaf and share its service.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Service;
use super::service::Span;

/// A rule of a later block, with one of its services.
#[derive(Clone, Copy, Debug)]
pub(super) struct Later<'a> {
    pub(super) rule: usize,
    pub(super) service: &'a Service,
}

/// Ranges up to so wide are found by where they begin.
const NARROW: u16 = 4096;

struct Group {
    order: usize,
    service: Service,
    /// Ascending.
    rules: Vec<usize>,
}

/// Groups of one protocol.
#[derive(Default)]
struct Lane {
    /// By first destination port.
    narrow: Vec<(u16, usize)>,
    broad: Vec<usize>,
}

/// Rules by order of their block and by service.
#[derive(Default)]
pub(super) struct Index {
    groups: Vec<Group>,
    lanes: BTreeMap<u8, Lane>,
    /// Groups of several protocols.
    wide: Vec<usize>,
}

impl Index {
    pub(super) fn new(groups: impl IntoIterator<Item = ((usize, Service), Vec<usize>)>) -> Self {
        let mut index = Self::default();
        for ((order, service), mut rules) in groups {
            rules.sort_unstable();
            let at = index.groups.len();
            match service.only() {
                None => index.wide.push(at),
                Some(protocol) => {
                    let lane = index.lanes.entry(protocol.0).or_default();
                    match service.destination {
                        Some((first, last)) if last - first <= NARROW => lane.narrow.push((first, at)),
                        _ => lane.broad.push(at),
                    }
                }
            }
            index.groups.push(Group { order, service, rules });
        }
        for lane in index.lanes.values_mut() {
            lane.narrow.sort_unstable();
        }
        index
    }

    /// The rules behind an order that are stronger than a place and may share a packet of a service.
    pub(super) fn meeting<'a>(&'a self, order: usize, before: usize, service: &Service) -> Vec<Later<'a>> {
        let mut found = Vec::new();
        let mut take = |at: &usize| {
            let Some(group) = self.groups.get(*at) else { return };
            if group.order > order && group.service.meets(service) {
                let rules = group.rules.iter().take_while(|rule| **rule < before);
                found.extend(rules.map(|rule| Later { rule: *rule, service: &group.service }));
            }
        };
        self.wide.iter().for_each(&mut take);
        for protocol in service.protocols.iter() {
            let Some(lane) = self.lanes.get(&protocol.0) else { continue };
            lane.broad.iter().for_each(&mut take);
            lane.beginning(service.destination).for_each(|(_, at)| take(at));
        }
        found.sort_unstable_by_key(|later| later.rule);
        found
    }
}

impl Lane {
    /// The narrow groups that may reach into a range.
    fn beginning(&self, span: Span) -> impl Iterator<Item = &(u16, usize)> {
        let (first, last) = span.unwrap_or((0, u16::MAX));
        let start = self.narrow.partition_point(|(begin, _)| *begin < first.saturating_sub(NARROW));
        self.narrow.get(start..).unwrap_or_default().iter().take_while(move |(begin, _)| *begin <= last)
    }
}
