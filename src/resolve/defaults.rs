//! The rules of a network's default group, which nobody writes.

use palisade_ir::{Direction, PortMatch, PortSet, Priority, Protocol, Side, Verdict};

use ipnet::{IpNet, Ipv4Net};

use super::rules::Draft;
use crate::diagnostic::Location;
use crate::policy::{End, NetworkKind, Peer, Rule, Traffic, Who};

/// What every default group lets in: protocol and port.
const ALWAYS: [(Protocol, Option<u16>); 3] =
    [(Protocol::ICMP, None), (Protocol::TCP, Some(22)), (Protocol::TCP, Some(3389))];
/// What it lets in besides when asked for web access.
const WEB: [(Protocol, Option<u16>); 2] = [(Protocol::TCP, Some(80)), (Protocol::TCP, Some(443))];

/// The rules of a default group in a network of this kind.
///
/// A classic network rules its two sides apart: the three usual rules stand in both sections, those for web access
/// in the public one.
pub(super) fn rules(network: NetworkKind, web: bool, place: Location) -> Vec<Draft> {
    let sides: &[Option<Side>] = match network {
        NetworkKind::Vpc => &[None],
        NetworkKind::Classic => &[Some(Side::Public), Some(Side::Internal)],
    };
    let mut drafts = Vec::new();
    for side in sides {
        let web = web && *side != Some(Side::Internal);
        let asked = WEB.iter().filter(|_| web);
        drafts
            .extend(ALWAYS.iter().chain(asked).map(|(protocol, port)| draft(*protocol, *port, *side, place)));
    }
    drafts
}

fn draft(protocol: Protocol, port: Option<u16>, side: Option<Side>, place: Location) -> Draft {
    let destination_ports = match port {
        Some(port) => PortMatch::In(PortSet::from_ranges([(port, port)])),
        None => PortMatch::Any,
    };
    let traffic = Traffic { protocol: Some(protocol), source_ports: PortMatch::Any, destination_ports };
    let everyone = Peer { who: Who::Prefix(IpNet::V4(Ipv4Net::default())), at: place };
    let rule = Rule {
        direction: Direction::In,
        side,
        priority: Priority::DEFAULT_GROUP,
        verdict: Verdict::Allow,
        log: false,
        traffic: vec![traffic],
        source: End::Peers(vec![everyone]),
        destination: End::Any,
        label: None,
        description: None,
        at: place,
    };
    Draft { direction: Direction::In, label: None, body: Some(rule), inherited: false, repeats: false }
}
