//! Rules of the cloud's own making: priorities from 101 to 110, and the default group of a network.

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net};
use palisade_ir::{Direction, Protocol, Side, Verdict};

use super::codes;
use super::groups::{Group, Kind, Network};
use super::rules::{Key, Peer, Rule, once};
use crate::import::report::{Report, warning};

/// The strength of a default group's rules.
const DEFAULT: u32 = 110;
/// The weakest priority of a rule that an author writes.
const WEAKEST: u32 = 100;

/// Whether the rules are exactly those of a default group; then with web access or without.
pub(super) fn default_group(group: &Group<'_>, rules: &[Rule<'_>]) -> Option<bool> {
    if group.kind != (Kind::Basic { inner: Verdict::Allow }) {
        return None;
    }
    let listed: BTreeSet<Key> = rules.iter().map(|rule| rule.key.clone()).collect();
    [false, true].into_iter().find(|web| listed == expected(&group.network, *web))
}

/// The rules of a default group. In the classic network the usual ones stand in both sections, those for web access in
/// the public one.
fn expected(network: &Network, web: bool) -> BTreeSet<Key> {
    let sides = match network {
        Network::Vpc(_) | Network::Unknown => vec![None],
        Network::Classic => vec![Some(Side::Public), Some(Side::Internal)],
    };
    let usual =
        [(Protocol::ICMP, None), (Protocol::TCP, Some((22, 22))), (Protocol::TCP, Some((3389, 3389)))];
    let asked = [(Protocol::TCP, Some((80, 80))), (Protocol::TCP, Some((443, 443)))];
    let mut keys = BTreeSet::new();
    for side in sides {
        let web = web && side != Some(Side::Internal);
        for (protocol, destination_ports) in usual.into_iter().chain(asked.into_iter().filter(|_| web)) {
            keys.insert(Key {
                direction: Direction::In,
                side,
                priority: DEFAULT,
                verdict: Verdict::Allow,
                protocol: Some(protocol),
                source_ports: None,
                destination_ports,
                peer: Peer::Prefixes(vec![IpNet::V4(Ipv4Net::default())]),
                local: Vec::new(),
            });
        }
    }
    keys
}

/// What the cloud writes to rules of its own making.
const CLOUDS_OWN: &str = "System created rule.";

/// A default group implies its rules and has no line for their descriptions: says so of those that people wrote.
pub(super) fn forget_descriptions(rules: &[Rule<'_>], report: &mut Report) {
    for rule in rules {
        let text = rule.description.as_ref().map(|text| text.text.trim()).unwrap_or_default();
        if !text.is_empty() && text != CLOUDS_OWN {
            let message = "the description of a default group's rule is dropped";
            let help = "`group ... default` implies the rule; say it in the group's own description";
            report.warn(warning(codes::TEXT_DROPPED, &rule.node, message).help(help));
        }
    }
}

/// The rules at priorities an author may write.
///
/// This widens nothing: stronger rules stay stronger, and where an allow now ties with a deny, the deny wins.
pub(super) fn lowered<'t>(mut rules: Vec<Rule<'t>>, report: &mut Report) -> Vec<Rule<'t>> {
    for rule in rules.iter_mut().filter(|rule| rule.key.priority > WEAKEST) {
        let message = format!("priority {} becomes {WEAKEST}", rule.key.priority);
        let help =
            "priorities above 100 are of the cloud's default groups only; deny wins where rules now tie";
        report.warn(warning(codes::PRIORITY_LOWERED, &rule.node, message).help(help));
        rule.key.priority = WEAKEST;
    }
    once(rules, report)
}
