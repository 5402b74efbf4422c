//! A compiled policy as a verdict function of packets on their way through a host or a gateway.

use alloc::borrow::ToOwned;
use alloc::string::ToString;

use palisade_ir::{
    ConnState, Direction, Ifname, Lifted, LiftedDecision, Packet, PacketHook, Protocol, Traversal, Verdict,
};

use crate::matcher::{Matcher, strictest};
use crate::nic::{End, NicMatcher};

/// A compiled policy, read back.
pub(crate) struct LiftedMatcher {
    matcher: Matcher,
}

/// One of the two who have a say.
enum Judge<'a> {
    /// A NIC of the policy.
    Nic(End<'a>),
    /// An address that does not belong to the interface it is used on: denied.
    Stray,
}

impl Lifted for LiftedMatcher {
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision {
        let Traversal { hook, iif, oif, state, icmp_type: _, hop_limit: _ } = at;
        let (iif, oif) = (iif.as_ref(), oif.as_ref());
        let live = belongs_to_session(*state, packet);
        let judges = match hook {
            PacketHook::Input | PacketHook::Output if live => [None, None],
            PacketHook::Input => [self.local(Direction::In, iif, packet), None],
            PacketHook::Output => [self.local(Direction::Out, oif, packet), None],
            PacketHook::Forward => match self.sender(iif, packet) {
                // A source must belong where it comes from, also within a session.
                Some(Judge::Nic(_)) | None if live => [None, None],
                sender => [sender, self.receiver(oif, packet)],
            },
        };
        decided(judges.into_iter().flatten())
    }
}

impl LiftedMatcher {
    pub(crate) const fn new(matcher: Matcher) -> Self {
        Self { matcher }
    }

    /// On the instance: the NIC that owns the local address, else the one whose interface the packet uses.
    fn local(&self, direction: Direction, interface: Option<&Ifname>, packet: &Packet) -> Option<Judge<'_>> {
        let address = match direction {
            Direction::In => packet.destination(),
            Direction::Out => packet.source(),
        };
        let uses = |nic: &NicMatcher<'_>| interface == Some(nic.interface());
        let owners = || self.matcher.owners(address);
        strictest(owners().filter(uses), direction, packet)
            .or_else(|| strictest(owners(), direction, packet))
            .or_else(|| strictest(self.matcher.nics().filter(uses), direction, packet))
            .map(Judge::Nic)
    }

    /// On a gateway: the NIC behind the interface, or the one that is known by its address alone. Who uses the address
    /// of a NIC elsewhere would gain what that NIC may do.
    fn sender(&self, iif: Option<&Ifname>, packet: &Packet) -> Option<Judge<'_>> {
        let owners = || self.matcher.owners(packet.source());
        let managed = self.behind(iif).next().is_some();
        let candidates = owners().filter(|nic| if managed { nic.via() == iif } else { nic.via().is_none() });
        match strictest(candidates, Direction::Out, packet) {
            Some(end) => Some(Judge::Nic(end)),
            None if managed || owners().next().is_some() => Some(Judge::Stray),
            None => None,
        }
    }

    /// On a gateway: the NIC behind the interface, whatever the address (broadcast, or one that the policy does not
    /// know); of several there, the owner of the address. Elsewhere the only owner of the address, or the one that is
    /// known by it alone: what several own behind other interfaces is somebody else's here.
    fn receiver(&self, oif: Option<&Ifname>, packet: &Packet) -> Option<Judge<'_>> {
        let owners = || self.matcher.owners(packet.destination());
        let behind = self.behind(oif).count();
        let alone = owners().count() == 1;
        let end = match behind {
            0 => strictest(owners().filter(|nic| alone || nic.via().is_none()), Direction::In, packet),
            1 => strictest(self.behind(oif), Direction::In, packet),
            _ => strictest(owners().filter(|nic| nic.via() == oif), Direction::In, packet),
        };
        match end {
            Some(end) => Some(Judge::Nic(end)),
            None if behind > 1 => Some(Judge::Stray),
            None => None,
        }
    }

    /// The NICs that a gateway reaches by an interface.
    fn behind(&self, interface: Option<&Ifname>) -> impl Iterator<Item = NicMatcher<'_>> {
        self.matcher.nics().filter(move |nic| nic.via().is_some() && nic.via() == interface)
    }
}

/// Packets of a live session, and errors about one.
fn belongs_to_session(state: ConnState, packet: &Packet) -> bool {
    match state {
        ConnState::Established => true,
        ConnState::Related => matches!(packet.protocol(), Protocol::ICMP | Protocol::ICMPV6),
        ConnState::New | ConnState::Invalid | ConnState::Untracked => false,
    }
}

/// What the judges say, asked in turn until one denies; without any, the packet is none of the policy's business.
/// A binary file has no lines to point at: the words of the deciding rule stand for them.
fn decided<'a>(judges: impl Iterator<Item = Judge<'a>>) -> LiftedDecision {
    let mut decision = LiftedDecision { verdict: Verdict::Allow, logged: false, line: None, comment: None };
    for judge in judges {
        let (verdict, log, comment) = match judge {
            Judge::Nic(end) => (end.outcome.verdict, end.outcome.log, end.rule.to_string()),
            Judge::Stray => (Verdict::Deny, false, "stray address".to_owned()),
        };
        decision =
            LiftedDecision { verdict, logged: decision.logged || log, line: None, comment: Some(comment) };
        if verdict == Verdict::Deny {
            break;
        }
    }
    decision
}
