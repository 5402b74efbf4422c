//! Protocol names as iptables reads and prints them: those of /etc/protocols (IANA).

use palisade_ir::Protocol;

/// Names and numbers; a later name of the same number is an alias.
const NAMES: [(&str, u8); 62] = [
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mh", 135),
    ("ipv6-mh", 135),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
    ("aggfrag", 144),
    ("nsh", 145),
    ("homa", 146),
];

/// The protocol of a word; `Some(None)` is every protocol, which is also what iptables takes 0 for.
pub(super) fn parse(word: &str) -> Option<Option<Protocol>> {
    let lower = word.to_ascii_lowercase();
    let number = match lower.as_str() {
        "all" => return Some(None),
        name => match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, number)) => *number,
            None => name.parse().ok()?,
        },
    };
    Some((number != 0).then_some(Protocol(number)))
}
