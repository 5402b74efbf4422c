//! What stands before the rules: on a host the blocks asked for, everywhere the packets of live sessions.

use palisade_ir::{Direction, Family, Prelude};

use super::Context;
use super::table::{ChainId, Table, Target};

/// Router and neighbour solicitation and advertisement (RFC 4861).
const NEIGHBOUR_TYPES: [u8; 4] = [133, 134, 135, 136];
/// Multicast listener query, report, done, and report of version 2 (RFC 2710, RFC 3810).
const LISTENER_TYPES: [u8; 4] = [130, 131, 132, 143];

/// The blocks asked for, in their fixed order, for packets in this direction.
pub(super) fn write(context: &Context<'_>, table: &mut Table, chain: ChainId, direction: Direction) {
    for block in Prelude::ALL.into_iter().filter(|block| context.options.prelude.contains(block)) {
        let comment = format!("prelude {}", block.name());
        let target = match block {
            Prelude::Invalid => Target::Drop,
            Prelude::Loopback | Prelude::Ndp | Prelude::Dhcp | Prelude::Igmp => Target::Accept,
        };
        for test in tests(block, direction, context.family) {
            table.rule(chain, &[test], &comment, target);
        }
    }
}

fn tests(block: Prelude, direction: Direction, family: Family) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match (block, family, direction) {
        (Prelude::Loopback, _, Direction::In) => one("-i lo"),
        (Prelude::Loopback, _, Direction::Out) => one("-o lo"),
        (Prelude::Invalid, _, _) => one("-m conntrack --ctstate INVALID"),
        (Prelude::Ndp, Family::V4, _) | (Prelude::Igmp, Family::V6, _) => Vec::new(),
        (Prelude::Ndp, Family::V6, _) => {
            let icmp = |number: &u8| format!("-p ipv6-icmp -m icmp6 --icmpv6-type {number}");
            // Hop limit 255: a router in between would have lowered it (RFC 4861, 6.1.1 and 7.1.1).
            let neighbours =
                NEIGHBOUR_TYPES.iter().map(|number| format!("{} -m hl --hl-eq 255", icmp(number)));
            neighbours.chain(LISTENER_TYPES.iter().map(icmp)).collect()
        }
        (Prelude::Dhcp, Family::V4, Direction::In) => one("-p udp -m udp --sport 67 --dport 68"),
        (Prelude::Dhcp, Family::V4, Direction::Out) => one("-p udp -m udp --sport 68 --dport 67"),
        (Prelude::Dhcp, Family::V6, Direction::In) => one("-p udp -m udp --sport 547 --dport 546"),
        (Prelude::Dhcp, Family::V6, Direction::Out) => one("-p udp -m udp --sport 546 --dport 547"),
        (Prelude::Igmp, Family::V4, _) => one("-p igmp"),
    }
}

/// Packets of live sessions, and the icmp errors that quote one. Nothing else counts as related: a connection that a
/// helper announced needs a rule of its own.
pub(super) fn sessions(context: &Context<'_>, table: &mut Table, chain: ChainId) {
    let errors = match context.family {
        Family::V4 => "-p icmp -m conntrack --ctstate RELATED",
        Family::V6 => "-p ipv6-icmp -m conntrack --ctstate RELATED",
    };
    table.rule(chain, &["-m conntrack --ctstate ESTABLISHED"], "live sessions", Target::Accept);
    table.rule(chain, &[errors], "icmp errors of live sessions", Target::Accept);
}
