//! What a ruleset should do to a packet, by the letter of the placements: slow, short, and without the prover's programs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use palisade_ir::{
    Chain, ConnState, Family, Ifname, InstanceId, NicPlan, Options, Outcome, Packet, PacketHook, Placement,
    Plan, Protocol, Ranges, Region, Traversal, Verdict,
};
use palisade_testkit::sets::{Bdd, Judge, Outcomes};

/// Who has a say about packets of two addresses and a protocol on a way.
struct Say<'a> {
    /// The chains that must allow them, the sender's first.
    chains: Vec<&'a Chain>,
    /// What becomes of those that all of these allow.
    end: Verdict,
}

impl Say<'_> {
    fn is(&self, other: &Self) -> bool {
        self.end == other.end
            && self.chains.len() == other.chains.len()
            && self.chains.iter().zip(&other.chains).all(|(one, other)| std::ptr::eq(*one, *other))
    }
}

/// `None` where the policy says nothing.
pub fn expected(plan: &Plan, options: &Options, packet: &Packet, at: &Traversal) -> Option<Outcome> {
    let Say { chains, end } = say(plan, options, ends(packet), packet.protocol(), at)?;
    let mut log = false;
    for chain in chains {
        let outcome = chain.decide(packet).outcome;
        log |= outcome.log;
        if outcome.verdict == Verdict::Deny {
            return Some(Outcome { verdict: Verdict::Deny, log });
        }
    }
    Some(Outcome { verdict: end, log })
}

/// The same for all packets of a family at once: what becomes of those that the policy speaks of, and which these are.
pub fn expected_of_all(
    judge: &Judge,
    plan: &Plan,
    options: &Options,
    family: Family,
    at: &Traversal,
) -> (Outcomes, Bdd) {
    let full = Region::full(family);
    let addresses = addresses(plan, family);
    let icmp = [Protocol::ICMP, Protocol::ICMPV6].map(|protocol| (protocol, number(protocol)));
    let others = icmp.iter().fold(Ranges::span(0, 255), |others, (_, icmp)| others.subtract(icmp));
    let protocols = [icmp.to_vec(), vec![(Protocol::TCP, others)]].concat();
    // Chains are walked once by all packets that they have a say about.
    let mut says: Vec<(Say<'_>, Bdd)> = Vec::new();
    for ((source, sources), (protocol, protocols)) in
        addresses.iter().flat_map(|source| protocols.iter().map(move |protocol| (source, protocol)))
    {
        let from = full.with_source(sources).unwrap().with_protocols(protocols).unwrap();
        let mut alike: Vec<(Say<'_>, Ranges)> = Vec::new();
        for (destination, destinations) in &addresses {
            let Some(say) = say(plan, options, [*source, *destination], *protocol, at) else { continue };
            match alike.iter_mut().find(|(known, _)| known.is(&say)) {
                Some((_, known)) => *known = known.union(destinations),
                None => alike.push((say, destinations.clone())),
            }
        }
        for (say, destinations) in alike {
            let packets = judge.region(&from.with_destination(&destinations).unwrap());
            match says.iter_mut().find(|(known, _)| known.is(&say)) {
                Some((_, known)) => *known = known.or(&packets),
                None => says.push((say, packets)),
            }
        }
    }
    let mut asked = judge.none();
    let mut outcomes = judge.nothing();
    for (Say { chains, end }, packets) in says {
        asked = asked.or(&packets);
        outcomes = outcomes.join(&judge.chains(packets, &chains, end));
    }
    (outcomes, asked)
}

/// The addresses that NICs own, each by itself, and one that stands for all others.
fn addresses(plan: &Plan, family: Family) -> Vec<(IpAddr, Ranges)> {
    let own: BTreeSet<IpAddr> = plan
        .nics()
        .flat_map(|(_, _, nic)| nic.addresses.iter().copied())
        .filter(|address| Family::of(address) == family)
        .collect();
    let single = |address: &IpAddr| Ranges::span(Family::number(*address), Family::number(*address));
    let others = own.iter().fold(Ranges::span(0, family.last()), |others, own| others.subtract(&single(own)));
    let stranger = others.first().map(|number| (family.address(number), others.clone()));
    own.iter().map(|address| (*address, single(address))).chain(stranger).collect()
}

fn number(protocol: Protocol) -> Ranges {
    Ranges::span(protocol.0.into(), protocol.0.into())
}

/// Source and destination.
fn ends(packet: &Packet) -> [IpAddr; 2] {
    [packet.source(), packet.destination()]
}

fn say<'a>(
    plan: &'a Plan,
    options: &Options,
    ends: [IpAddr; 2],
    protocol: Protocol,
    at: &Traversal,
) -> Option<Say<'a>> {
    let own = match Family::of(&ends[0]) {
        Family::V4 => Protocol::ICMP,
        Family::V6 => Protocol::ICMPV6,
    };
    let icmp = [Protocol::ICMP, Protocol::ICMPV6].contains(&protocol);
    if at.state == ConnState::Related && icmp && protocol != own {
        return None;
    }
    let live = at.state == ConnState::Established || at.state == ConnState::Related && icmp;
    match options.placement {
        Placement::Host(instance) => host(plan, instance, options, ends, at, live),
        Placement::Gateway => Some(gateway(plan, ends, at, live)),
    }
}

const fn all(verdict: Verdict) -> Say<'static> {
    Say { chains: Vec::new(), end: verdict }
}

/// Without a prelude.
fn host<'a>(
    plan: &'a Plan,
    instance: InstanceId,
    options: &Options,
    [source, destination]: [IpAddr; 2],
    at: &Traversal,
    live: bool,
) -> Option<Say<'a>> {
    assert!(options.prelude.is_empty());
    let (local, interface) = match at.hook {
        PacketHook::Input => (destination, &at.iif),
        PacketHook::Output => (source, &at.oif),
        PacketHook::Forward => {
            return (options.unmanaged == Verdict::Allow).then_some(all(Verdict::Allow));
        }
    };
    if live {
        return Some(all(Verdict::Allow));
    }
    let nics = &plan.instances[instance.0 as usize].nics;
    let owners: Vec<&NicPlan> = nics.iter().filter(|nic| nic.addresses.contains(&local)).collect();
    let nic = match owners.as_slice() {
        [owner] => Some(*owner),
        _ => nics.iter().find(|nic| Some(&nic.interface) == interface.as_ref()),
    };
    Some(match (nic, at.hook) {
        (None, _) => all(options.unmanaged),
        (Some(nic), PacketHook::Output) => Say { chains: vec![&nic.egress], end: Verdict::Allow },
        (Some(nic), PacketHook::Input | PacketHook::Forward) => {
            Say { chains: vec![&nic.ingress], end: Verdict::Allow }
        }
    })
}

fn gateway<'a>(plan: &'a Plan, [source, destination]: [IpAddr; 2], at: &Traversal, live: bool) -> Say<'a> {
    if at.hook != PacketHook::Forward {
        return all(Verdict::Allow);
    }
    let nics = || plan.nics().map(|(_, _, nic)| nic);
    let behind = |via: &Option<Ifname>| {
        let via = via.clone();
        nics().filter(move |nic| nic.via.is_some() && nic.via == via).collect::<Vec<_>>()
    };
    let owners = |address| nics().filter(move |nic| nic.addresses.contains(&address)).collect::<Vec<_>>();
    let senders = owners(source);
    let sender = match behind(&at.iif).as_slice() {
        [] => senders.iter().find(|nic| nic.via.is_none()).copied(),
        _ => senders.iter().find(|nic| nic.via == at.iif).copied(),
    };
    let spoofed = sender.is_none() && (!behind(&at.iif).is_empty() || !senders.is_empty());
    if spoofed {
        // Within sessions too: they have other sources.
        return all(Verdict::Deny);
    }
    if live {
        return all(Verdict::Allow);
    }
    let out = sender.map(|nic| &nic.egress);
    let receivers = owners(destination);
    let (into, end) = match behind(&at.oif).as_slice() {
        [only] => (Some(*only), Verdict::Allow),
        [] if receivers.len() == 1 => (Some(receivers[0]), Verdict::Allow),
        [] => (None, Verdict::Allow),
        shared => match shared.iter().find(|nic| nic.addresses.contains(&destination)) {
            Some(nic) => (Some(*nic), Verdict::Allow),
            None => (None, Verdict::Deny),
        },
    };
    Say { chains: out.into_iter().chain(into.map(|nic| &nic.ingress)).map(|chain| &**chain).collect(), end }
}
