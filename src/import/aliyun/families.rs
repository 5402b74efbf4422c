//! Which address families a rule is about, and the prefixes that go with them.

use ipnet::IpNet;
use palisade_ir::{Family, Protocol};

use super::codes;
use super::rules::Peer;
use crate::import::json::Node;
use crate::import::report::{Report, Told, error, warning};

/// What decides a rule's families.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// `None` is every protocol.
    pub(super) protocol: Option<Protocol>,
    pub(super) peer: Peer,
    /// Prefixes of the group's own side; empty when all of it is meant.
    pub(super) local: Vec<IpNet>,
}

/// The same, with only those prefixes that can match: one, or two where ICMP is about both families.
pub(super) fn narrowed(ends: Ends, node: &Node<'_>, report: &mut Report) -> Result<Vec<Ends>, Told> {
    let protocols = protocols(&ends, node, report);
    let all: Vec<Ends> = protocols.into_iter().filter_map(|protocol| ends.of(protocol)).collect();
    if all.is_empty() {
        let message = "protocol and ends share no address family";
        let help =
            "no packet can match: ICMP is IPv4, ICMPv6 is IPv6, and both ends need prefixes of one family";
        return Err(report.refuse(error(codes::NO_SHARED_FAMILY, node, message).help(help)));
    }
    for prefix in
        ends.prefixes().filter(|prefix| !all.iter().any(|kept| kept.prefixes().any(|it| it == *prefix)))
    {
        let message = format!("`{prefix}` is of a family that the rule can never match");
        report.warn(warning(codes::FAMILY_LEFT_OUT, node, message).help("it is left out"));
    }
    all.into_iter().map(|ends| apart(ends, node, report)).collect()
}

/// Before the cloud knew ICMPv6, ICMP with an IPv6 prefix was the way to say it.
fn protocols(ends: &Ends, node: &Node<'_>, report: &mut Report) -> Vec<Option<Protocol>> {
    let Peer::Prefixes(peers) = &ends.peer else { return vec![ends.protocol] };
    let has = |family| peers.iter().any(|net| Family::of(&net.addr()) == family);
    if ends.protocol != Some(Protocol::ICMP) || !has(Family::V6) {
        return vec![ends.protocol];
    }
    let message = "ICMP with an IPv6 prefix";
    report.warn(warning(codes::ICMP_FAMILY, node, message).help("for IPv6 it is read as ICMPv6"));
    let v4 = has(Family::V4).then_some(Some(Protocol::ICMP));
    v4.into_iter().chain([Some(Protocol::ICMPV6)]).collect()
}

impl Ends {
    fn prefixes(&self) -> impl Iterator<Item = &IpNet> {
        let peers: &[IpNet] = match &self.peer {
            Peer::Prefixes(peers) => peers,
            Peer::Group(_) | Peer::PrefixList(_) => &[],
        };
        peers.iter().chain(&self.local)
    }

    /// The part that is about a protocol, if there is one.
    fn of(&self, protocol: Option<Protocol>) -> Option<Ends> {
        let within = |nets: &[IpNet], family| nets.iter().any(|net| Family::of(&net.addr()) == family);
        let shared = |family| {
            let spoken = match protocol {
                Some(Protocol::ICMP) => family == Family::V4,
                Some(Protocol::ICMPV6) => family == Family::V6,
                Some(_) | None => true,
            };
            let peer = match &self.peer {
                Peer::Prefixes(peers) => within(peers, family),
                Peer::Group(_) | Peer::PrefixList(_) => true,
            };
            spoken && peer && (self.local.is_empty() || within(&self.local, family))
        };
        let kept = |nets: &[IpNet]| -> Vec<IpNet> {
            nets.iter().copied().filter(|net| shared(Family::of(&net.addr()))).collect()
        };
        let peer = match &self.peer {
            Peer::Prefixes(peers) => Peer::Prefixes(kept(peers)),
            other @ (Peer::Group(_) | Peer::PrefixList(_)) => other.clone(),
        };
        let matches = Family::ALL.into_iter().any(shared);
        matches.then(|| Ends { protocol, peer, local: kept(&self.local) })
    }
}

/// A policy refuses a rule between the same addresses, unless these are all addresses: then nothing is limited.
fn apart(ends: Ends, node: &Node<'_>, report: &mut Report) -> Result<Ends, Told> {
    if !matches!(&ends.peer, Peer::Prefixes(peers) if *peers == ends.local) {
        return Ok(ends);
    }
    if ends.local.iter().all(|net| net.prefix_len() == 0) {
        let message = "the rule's own side is limited to all addresses";
        report.warn(warning(codes::LOCAL_FILTER_IGNORED, node, message).help("nothing is limited"));
        return Ok(Ends { local: Vec::new(), ..ends });
    }
    let message = "the rule's two ends are the same addresses";
    let help = "leave the group's own side empty for all members, or name other addresses";
    Err(report.refuse(error(codes::PEER_EQUALS_LOCAL, node, message).help(help)))
}
