//! What a placement must do to a packet, read from the plan's chains: the other side of every comparison.

use std::collections::BTreeSet;

use palisade_ir::{Chain, Ifname, InstanceId, NicRef, Packet, Plan, Verdict};

/// What is expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    pub verdict: Verdict,
    pub logged: bool,
    /// What the deciding rule's comment begins with; `None` where no chain decides.
    pub origin: Option<String>,
}

const UNTOUCHED: Expected = Expected { verdict: Verdict::Allow, logged: false, origin: None };

fn asked(plan: &Plan, chain: &Chain, packet: &Packet) -> Expected {
    let decision = chain.decide(packet);
    Expected {
        verdict: decision.outcome.verdict,
        logged: decision.outcome.log,
        origin: Some(plan.rule(decision.id).unwrap().to_string()),
    }
}

/// On a host: the NIC with the local address (where just one has it), else the NIC of the interface.
pub fn host(plan: &Plan, at: InstanceId, incoming: bool, interface: &Ifname, packet: &Packet) -> Expected {
    let nics = &plan.instances[at.0 as usize].nics;
    let local = if incoming { packet.destination() } else { packet.source() };
    let owners: Vec<_> = nics.iter().filter(|nic| nic.addresses.contains(&local)).collect();
    let nic = match owners.as_slice() {
        [one] => Some(*one),
        _ => nics.iter().find(|nic| nic.interface == *interface),
    };
    match nic {
        Some(nic) => asked(plan, if incoming { &nic.ingress } else { &nic.egress }, packet),
        None => UNTOUCHED,
    }
}

enum End {
    Nic(NicRef),
    Stray,
    Unmanaged,
}

/// On a gateway: the sender's egress, then the receiver's ingress.
pub fn gateway(plan: &Plan, iif: &Ifname, oif: &Ifname, packet: &Packet) -> Expected {
    let dropped = || Expected { verdict: Verdict::Deny, logged: false, origin: None };
    let mut logged = false;
    match sender(plan, iif, packet) {
        End::Stray => return dropped(),
        End::Unmanaged => {}
        End::Nic(at) => {
            let egress = asked(plan, &plan.nic(at).unwrap().egress, packet);
            if egress.verdict == Verdict::Deny {
                return egress;
            }
            logged = egress.logged;
        }
    }
    match receiver(plan, oif, packet) {
        End::Stray => Expected { logged, ..dropped() },
        End::Unmanaged => Expected { logged, ..UNTOUCHED },
        End::Nic(at) => {
            let ingress = asked(plan, &plan.nic(at).unwrap().ingress, packet);
            Expected { logged: logged || ingress.logged, ..ingress }
        }
    }
}

/// Whether a packet's source does not belong where it comes from.
pub fn is_spoofed(plan: &Plan, iif: &Ifname, packet: &Packet) -> bool {
    matches!(sender(plan, iif, packet), End::Stray)
}

fn sender(plan: &Plan, iif: &Ifname, packet: &Packet) -> End {
    let owners = |nic: &palisade_ir::NicPlan| nic.addresses.contains(&packet.source());
    let behind: Vec<_> = plan.nics().filter(|(_, _, nic)| nic.via.as_ref() == Some(iif)).collect();
    if !behind.is_empty() {
        return behind.iter().find(|(_, _, nic)| owners(nic)).map_or(End::Stray, |(at, _, _)| End::Nic(*at));
    }
    let owning: Vec<_> = plan.nics().filter(|(_, _, nic)| owners(nic)).collect();
    match owning.iter().find(|(_, _, nic)| nic.via.is_none()) {
        Some((at, _, _)) => End::Nic(*at),
        None if owning.is_empty() => End::Unmanaged,
        None => End::Stray,
    }
}

fn receiver(plan: &Plan, oif: &Ifname, packet: &Packet) -> End {
    let owns = |nic: &palisade_ir::NicPlan| nic.addresses.contains(&packet.destination());
    let behind: Vec<_> = plan.nics().filter(|(_, _, nic)| nic.via.as_ref() == Some(oif)).collect();
    match behind.as_slice() {
        [] => {}
        [(at, _, _)] => return End::Nic(*at),
        many => {
            return many.iter().find(|(_, _, nic)| owns(nic)).map_or(End::Stray, |(at, _, _)| End::Nic(*at));
        }
    }
    let owning: Vec<_> = plan.nics().filter(|(_, _, nic)| owns(nic)).collect();
    match owning.as_slice() {
        [(at, _, _)] => End::Nic(*at),
        _ => End::Unmanaged,
    }
}

/// Every interface a gateway may see: those of the plan and one of nobody.
pub fn gateway_interfaces(plan: &Plan) -> Vec<Ifname> {
    let vias: BTreeSet<_> = plan.nics().filter_map(|(_, _, nic)| nic.via.clone()).collect();
    vias.into_iter().chain([Ifname::new("uplink0").unwrap()]).collect()
}
