//! Packets at the edges of a plan: first and last address of every prefix and their neighbours, ports likewise.

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{Family, Packet, PacketPorts, Plan, PortMatch, Protocol};

use crate::random::Random;

/// What packets of a plan are made of.
pub(crate) struct Edges {
    addresses: [Vec<IpAddr>; 2],
    ports: Vec<u16>,
}

const PROTOCOLS: [u8; 12] = [0, 1, 2, 5, 6, 6, 17, 17, 47, 58, 132, 255];

impl Edges {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut numbers: [BTreeSet<u128>; 2] = [BTreeSet::from([0]), BTreeSet::from([0])];
        let mut ports = BTreeSet::from([0_u16, 1, 65535]);
        let chains = plan.nics().flat_map(|(_, _, nic)| [&nic.ingress, &nic.egress]);
        for matches in chains.flat_map(|chain| chain.rules()).map(|rule| &rule.matches) {
            let family = matches.family();
            for (first, last) in matches
                .source()
                .prefixes
                .ranges()
                .iter()
                .chain(matches.destination().prefixes.ranges().iter())
            {
                let around =
                    [first.saturating_sub(1), first, last, last.saturating_add(1).min(family.last())];
                numbers[family as usize].extend(around);
            }
            for tested in [matches.source_ports(), matches.destination_ports()] {
                if let PortMatch::In(set) = tested {
                    for (first, last) in set.ranges() {
                        ports.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
                    }
                }
            }
        }
        for address in plan.nics().flat_map(|(_, _, nic)| &nic.addresses) {
            numbers[Family::of(address) as usize].insert(Family::number(*address));
        }
        let addresses =
            Family::ALL.map(|family| numbers[family as usize].iter().map(|n| family.address(*n)).collect());
        Self { addresses, ports: ports.into_iter().collect() }
    }

    /// A packet; every other has an address of a NIC at one end.
    pub(crate) fn packet(&self, random: &mut Random, plan: &Plan) -> Packet {
        let family = random.pick(&Family::ALL);
        let own: Vec<IpAddr> = plan
            .nics()
            .flat_map(|(_, _, nic)| nic.addresses.iter().copied())
            .filter(|address| Family::of(address) == family)
            .collect();
        let end = |random: &mut Random| {
            if !own.is_empty() && random.chance(50) {
                random.pick(&own)
            } else {
                random.pick(&self.addresses[family as usize])
            }
        };
        let (source, destination) = (end(random), end(random));
        let protocol = Protocol(random.pick(&PROTOCOLS));
        let ports = (protocol.has_ports() && random.chance(85))
            .then(|| PacketPorts { source: random.pick(&self.ports), destination: random.pick(&self.ports) });
        Packet::new(source, destination, protocol, ports).unwrap()
    }
}
