//! A compiled policy as a verdict function of packets on their way through a host or a gateway.

use palisade_ir::{
    ConnState, Direction, Ifname, Lifted, LiftedDecision, Outcome, Packet, PacketHook, Protocol, Traversal,
    Verdict,
};

use crate::matcher::{Matcher, strictest};
use crate::nic::{End, NicMatcher};

/// A compiled policy, read back.
pub(crate) struct LiftedMatcher {
    matcher: Matcher,
}

impl Lifted for LiftedMatcher {
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision {
        let Traversal { hook, iif, oif, state, icmp_type: _, hop_limit: _ } = at;
        if passes_as_session(*state, packet) {
            return decision(Outcome::silent(Verdict::Allow), None);
        }
        match hook {
            PacketHook::Input => self.local(Direction::In, iif.as_ref(), packet),
            PacketHook::Output => self.local(Direction::Out, oif.as_ref(), packet),
            PacketHook::Forward => self.forward(iif.as_ref(), oif.as_ref(), packet),
        }
    }
}

impl LiftedMatcher {
    pub(crate) const fn new(matcher: Matcher) -> Self {
        Self { matcher }
    }

    /// On the instance: the NIC that owns the local address judges, else the one whose interface the packet uses.
    fn local(&self, direction: Direction, interface: Option<&Ifname>, packet: &Packet) -> LiftedDecision {
        let address = match direction {
            Direction::In => packet.destination(),
            Direction::Out => packet.source(),
        };
        let uses = |nic: &NicMatcher<'_>| interface == Some(nic.interface());
        let owners = || self.matcher.owners(address);
        let end = strictest(owners().filter(uses), direction, packet)
            .or_else(|| strictest(owners(), direction, packet))
            .or_else(|| strictest(self.matcher.nics().filter(uses), direction, packet));
        decided(end.as_slice())
    }

    /// On a gateway: the sender's rules, then the receiver's. A NIC with a `via` interface is known by it, any other
    /// by its address.
    fn forward(&self, iif: Option<&Ifname>, oif: Option<&Ifname>, packet: &Packet) -> LiftedDecision {
        let behind = |interface: Option<&Ifname>| -> Vec<NicMatcher<'_>> {
            self.matcher.nics().filter(|nic| nic.via().is_some() && nic.via() == interface).collect()
        };
        let owns = |nic: &&NicMatcher<'_>, address| nic.addresses().contains(&address);
        let senders = behind(iif);
        let sender = if senders.is_empty() {
            strictest(self.matcher.owners(packet.source()), Direction::Out, packet)
        } else {
            let own = senders.iter().filter(|nic| owns(nic, packet.source())).copied();
            let Some(end) = strictest(own, Direction::Out, packet) else {
                // A source that the NIC does not own: passing as somebody else would gain that one's access.
                return decision(Outcome::silent(Verdict::Deny), None);
            };
            Some(end)
        };
        let receivers = behind(oif);
        let own = receivers.iter().filter(|nic| owns(nic, packet.destination())).copied();
        let receiver = strictest(own, Direction::In, packet)
            .or_else(|| strictest(receivers.iter().copied(), Direction::In, packet))
            .or_else(|| strictest(self.matcher.owners(packet.destination()), Direction::In, packet));
        let ends: Vec<End<'_>> = sender.into_iter().chain(receiver).collect();
        decided(&ends)
    }
}

/// Packets of a live session pass, and so do errors about one; all else is judged as a first packet.
fn passes_as_session(state: ConnState, packet: &Packet) -> bool {
    match state {
        ConnState::Established => true,
        ConnState::Related => matches!(packet.protocol(), Protocol::ICMP | Protocol::ICMPV6),
        ConnState::New | ConnState::Invalid | ConnState::Untracked => false,
    }
}

/// What the ends say, asked in turn until one denies; without an end the packet is none of the policy's business.
fn decided(ends: &[End<'_>]) -> LiftedDecision {
    let mut logged = false;
    for end in ends {
        logged |= end.outcome.log;
        if end.outcome.verdict == Verdict::Deny {
            return decision(Outcome { verdict: Verdict::Deny, log: logged }, Some(end));
        }
    }
    decision(Outcome { verdict: Verdict::Allow, log: logged }, ends.last())
}

/// A binary file has no lines to point at; the rule's words stand for them.
fn decision(outcome: Outcome, end: Option<&End<'_>>) -> LiftedDecision {
    let Outcome { verdict, log: logged } = outcome;
    LiftedDecision { verdict, logged, line: None, comment: end.map(|end| end.rule.to_string()) }
}
