//! What a ruleset should do to a packet, by the letter of the placements: slow, short, and without the prover's programs.

use palisade_ir::{
    ConnState, Family, Ifname, InstanceId, NicPlan, Options, Outcome, Packet, PacketHook, Placement, Plan,
    Protocol, Traversal, Verdict,
};

/// `None` where the policy says nothing.
pub fn expected(plan: &Plan, options: &Options, packet: &Packet, at: &Traversal) -> Option<Outcome> {
    let own = match packet.family() {
        Family::V4 => Protocol::ICMP,
        Family::V6 => Protocol::ICMPV6,
    };
    let icmp = [Protocol::ICMP, Protocol::ICMPV6].contains(&packet.protocol());
    if at.state == ConnState::Related && icmp && packet.protocol() != own {
        return None;
    }
    let live = at.state == ConnState::Established || at.state == ConnState::Related && icmp;
    match options.placement {
        Placement::Host(instance) => host(plan, instance, options, packet, at, live),
        Placement::Gateway => gateway(plan, packet, at, live),
    }
}

/// Without a prelude.
fn host(
    plan: &Plan,
    instance: InstanceId,
    options: &Options,
    packet: &Packet,
    at: &Traversal,
    live: bool,
) -> Option<Outcome> {
    assert!(options.prelude.is_empty());
    let (local, interface) = match at.hook {
        PacketHook::Input => (packet.destination(), &at.iif),
        PacketHook::Output => (packet.source(), &at.oif),
        PacketHook::Forward => {
            return (options.unmanaged == Verdict::Allow).then_some(Outcome::silent(Verdict::Allow));
        }
    };
    if live {
        return Some(Outcome::silent(Verdict::Allow));
    }
    let nics = &plan.instances[instance.0 as usize].nics;
    let owners: Vec<&NicPlan> = nics.iter().filter(|nic| nic.addresses.contains(&local)).collect();
    let nic = match owners.as_slice() {
        [owner] => Some(*owner),
        _ => nics.iter().find(|nic| Some(&nic.interface) == interface.as_ref()),
    };
    Some(match (nic, at.hook) {
        (None, _) => Outcome::silent(options.unmanaged),
        (Some(nic), PacketHook::Output) => nic.egress.decide(packet).outcome,
        (Some(nic), PacketHook::Input | PacketHook::Forward) => nic.ingress.decide(packet).outcome,
    })
}

fn gateway(plan: &Plan, packet: &Packet, at: &Traversal, live: bool) -> Option<Outcome> {
    let allow = Outcome::silent(Verdict::Allow);
    let deny = Outcome::silent(Verdict::Deny);
    if at.hook != PacketHook::Forward {
        return Some(allow);
    }
    let nics = || plan.nics().map(|(_, _, nic)| nic);
    let behind = |via: &Option<Ifname>| {
        let via = via.clone();
        nics().filter(move |nic| nic.via.is_some() && nic.via == via).collect::<Vec<_>>()
    };
    let owners = |address| nics().filter(move |nic| nic.addresses.contains(&address)).collect::<Vec<_>>();
    let senders = owners(packet.source());
    let sender = match behind(&at.iif).as_slice() {
        [] => senders.iter().find(|nic| nic.via.is_none()).copied(),
        _ => senders.iter().find(|nic| nic.via == at.iif).copied(),
    };
    let spoofed = sender.is_none() && (!behind(&at.iif).is_empty() || !senders.is_empty());
    if spoofed {
        // Within sessions too: they have other sources.
        return Some(deny);
    }
    if live {
        return Some(allow);
    }
    let out = sender.map_or(allow, |nic| nic.egress.decide(packet).outcome);
    if out.verdict == Verdict::Deny {
        return Some(out);
    }
    let receivers = owners(packet.destination());
    let into = match behind(&at.oif).as_slice() {
        [only] => only.ingress.decide(packet).outcome,
        [] if receivers.len() == 1 => receivers[0].ingress.decide(packet).outcome,
        [] => allow,
        shared => shared
            .iter()
            .find(|nic| nic.addresses.contains(&packet.destination()))
            .map_or(deny, |nic| nic.ingress.decide(packet).outcome),
    };
    Some(Outcome { verdict: into.verdict, log: out.log || into.log })
}
