//! One packet through the tables, as the code below them says: slowly, without its searches.

use palisade_ir::symbolic::Program;
use palisade_ir::{
    ConnState, Family, Ifname, LiftError, Lifted, LiftedDecision, Outcome, Packet, PacketHook, Protocol,
    Ranges, Traversal, Verdict,
};

use super::ast::{Act, Among, Chain, End, List, LookUp, Module, Nic};
use super::program::program;

impl Lifted for Module {
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision {
        let Traversal { hook, iif, oif, state, icmp_type: _, hop_limit: _ } = at;
        let silent = |verdict| LiftedDecision { verdict, logged: false, line: None, comment: None };
        let family = packet.family();
        let chain = match hook {
            // The module is for this host's own traffic, and for first packets.
            PacketHook::Forward => return silent(Verdict::Allow),
            PacketHook::Input | PacketHook::Output if belongs_to_session(*state, packet) => {
                return silent(Verdict::Allow);
            }
            PacketHook::Input => {
                self.nic(iif.as_ref(), packet.destination()).map(|nic| &nic.rules(family).ingress)
            }
            PacketHook::Output => {
                self.nic(oif.as_ref(), packet.source()).map(|nic| &nic.rules(family).egress)
            }
        };
        let Some(chain) = chain else { return silent(self.unmanaged) };
        let Act { outcome, line, comment } = chain.decide(packet);
        let Outcome { verdict, log } = outcome.unwrap_or(Outcome::silent(Verdict::Deny));
        LiftedDecision { verdict, logged: log, line: Some(*line), comment: comment.clone() }
    }

    fn program(&self, family: Family) -> Result<Program, LiftError> {
        program(self, family)
    }
}

/// Packets of a live session, and errors about one: whoever embeds the module lets them pass without asking it.
fn belongs_to_session(state: ConnState, packet: &Packet) -> bool {
    match state {
        ConnState::Established => true,
        ConnState::Related => match packet.family() {
            Family::V4 => packet.protocol() == Protocol::ICMP,
            Family::V6 => packet.protocol() == Protocol::ICMPV6,
        },
        ConnState::New | ConnState::Invalid | ConnState::Untracked => false,
    }
}

impl Module {
    /// `nic` of the code.
    fn nic(&self, interface: Option<&Ifname>, address: std::net::IpAddr) -> Option<&Nic> {
        let owners: Vec<&Nic> = self.nics.iter().filter(|nic| nic.owns(address)).collect();
        match owners.as_slice() {
            [owner] => Some(owner),
            _ => self.nics.iter().find(|nic| interface.is_some_and(|name| name.as_str() == nic.interface)),
        }
    }
}

impl Chain {
    fn decide(&self, packet: &Packet) -> &Act {
        let deciding = |tests: &'_ Vec<LookUp<Act>>| -> Option<usize> {
            let at = tests.iter().position(|test| test.find(packet).is_some())?;
            tests.get(at)?.find(packet)?.outcome.map(|_| at)
        };
        for tests in self.steps.iter().filter_map(|step| step.find(packet)) {
            if let Some(act) = deciding(tests).and_then(|at| tests.get(at)?.find(packet)) {
                return act;
            }
        }
        &self.default
    }
}

impl<T> LookUp<T> {
    fn find(&self, packet: &Packet) -> Option<&T> {
        match self {
            LookUp::Always(then) => Some(then),
            LookUp::Address(end, ways) => {
                let value = Family::number(end.address(packet));
                ways.iter().find(|((first, last), _)| (*first..=*last).contains(&value)).map(|(_, then)| then)
            }
            LookUp::Port(end, ways) => {
                let port = end.port(packet)?;
                let holds = |(of, first, last): &(u8, u16, u16)| {
                    *of == packet.protocol().0 && (*first..=*last).contains(&port)
                };
                ways.iter().find(|(key, _)| holds(key)).map(|(_, then)| then)
            }
            LookUp::Only(among, then) => among.holds(packet).then_some(then),
        }
    }
}

impl Among {
    fn holds(&self, packet: &Packet) -> bool {
        let Self { source, destination, protocol, source_port, destination_port } = self;
        let address = |list: &Option<List>, end: End| match list {
            None => true,
            Some(List::Here(ranges)) => ranges.contains(Family::number(end.address(packet))),
            // Names are resolved when a module is read.
            Some(List::Set(..)) => false,
        };
        let port = |ports: &Option<Ranges>, end: End| {
            ports
                .as_ref()
                .is_none_or(|ports| end.port(packet).is_some_and(|port| ports.contains(port.into())))
        };
        address(source, End::Source)
            && address(destination, End::Destination)
            && protocol.as_ref().is_none_or(|numbers| numbers.contains(packet.protocol().0.into()))
            && port(source_port, End::Source)
            && port(destination_port, End::Destination)
    }
}

impl End {
    const fn address(self, packet: &Packet) -> std::net::IpAddr {
        match self {
            End::Source => packet.source(),
            End::Destination => packet.destination(),
        }
    }

    fn port(self, packet: &Packet) -> Option<u16> {
        match self {
            End::Source => packet.source_port(),
            End::Destination => packet.destination_port(),
        }
    }
}
