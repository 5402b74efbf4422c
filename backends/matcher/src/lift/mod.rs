//! A compiled policy as a verdict function of packets on their way through a host or a gateway.
//!
//! A file answers twice: what happens to a packet, and which rule decides what happens to it. Each has structures of its
//! own, so each is read for itself; proofs are about both.

mod program;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use palisade_ir::symbolic::Program;
use palisade_ir::{
    ConnState, Direction, Family, Ifname, LiftError, Lifted, LiftedDecision, Outcome, Packet, PacketHook,
    Protocol, Traversal, Verdict,
};

use crate::backend::SUFFIX;
use crate::matcher::Matcher;
use crate::nic::NicMatcher;

/// Which look-ups are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Those of outcomes.
    Outcomes,
    /// Those of deciding rules.
    Deciders,
}

/// A compiled policy, read back.
pub(crate) struct LiftedMatcher {
    matcher: Arc<Matcher>,
    asked: Asked,
    /// The same with the other look-ups, where these are others.
    again: Option<Box<Self>>,
}

/// One of the two who have a say.
enum Judge<'a> {
    /// A NIC of the policy.
    Nic(NicMatcher<'a>, Direction),
    /// An address that does not belong to the interface it is used on: denied.
    Stray,
}

impl Lifted for LiftedMatcher {
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision {
        let Traversal { hook, iif, oif, state, icmp_type: _, hop_limit: _ } = at;
        let (iif, oif) = (iif.as_ref(), oif.as_ref());
        let live = belongs_to_session(*state, packet);
        let judges = match hook {
            PacketHook::Input | PacketHook::Output if live => Vec::new(),
            PacketHook::Input => self.local(Direction::In, iif, packet).into_iter().collect(),
            PacketHook::Output => self.local(Direction::Out, oif, packet).into_iter().collect(),
            PacketHook::Forward => match self.senders(iif, packet) {
                // A source must belong where it comes from, also within a session.
                senders if live && !matches!(senders.as_slice(), [Judge::Stray]) => Vec::new(),
                senders => senders.into_iter().chain(self.receiver(oif, packet)).collect(),
            },
        };
        self.decided(judges, packet)
    }

    fn program(&self, family: Family) -> Result<Program, LiftError> {
        program::program(self, family).map_err(|why| LiftError {
            file: SUFFIX,
            line: 1,
            message: why.to_string(),
        })
    }

    fn again(&self) -> Option<&dyn Lifted> {
        self.again.as_deref().map(|again| again as &dyn Lifted)
    }
}

impl LiftedMatcher {
    pub(crate) fn new(matcher: Matcher) -> Self {
        let matcher = Arc::new(matcher);
        let guards = || matcher.stored_nics().iter().flat_map(|nic| [&nic.ingress, &nic.egress]);
        let once =
            guards().all(|guard| Arc::ptr_eq(&guard.decide, &guard.plain) && guard.decide.answers_once());
        let of = |asked, again| Self { matcher: Arc::clone(&matcher), asked, again };
        let again = (!once).then(|| Box::new(of(Asked::Deciders, None)));
        of(Asked::Outcomes, again)
    }

    /// On the instance: the only NIC that owns the local address, else the one whose interface the packet uses.
    fn local(&self, direction: Direction, interface: Option<&Ifname>, packet: &Packet) -> Option<Judge<'_>> {
        let address = match direction {
            Direction::In => packet.destination(),
            Direction::Out => packet.source(),
        };
        let mut owners = self.matcher.owners(address);
        let nic = match (owners.next(), owners.next()) {
            (Some(owner), None) => Some(owner),
            _ => self.matcher.nics().find(|nic| interface == Some(nic.interface())),
        };
        nic.map(|nic| Judge::Nic(nic, direction))
    }

    /// On a gateway: the NIC behind the interface, or the one that is known by its address alone. Who uses the address
    /// of a NIC elsewhere would gain what that NIC may do.
    fn senders(&self, iif: Option<&Ifname>, packet: &Packet) -> Vec<Judge<'_>> {
        let owners = || self.matcher.owners(packet.source());
        let managed = self.behind(iif).next().is_some();
        let own = |nic: &NicMatcher<'_>| if managed { nic.via() == iif } else { nic.via().is_none() };
        let senders: Vec<_> = owners().filter(own).map(|nic| Judge::Nic(nic, Direction::Out)).collect();
        let stray = senders.is_empty() && (managed || owners().next().is_some());
        if stray { vec![Judge::Stray] } else { senders }
    }

    /// On a gateway: the NIC behind the interface, whatever the address (broadcast, or one that the policy does not
    /// know); of several there, the owner of the address. Elsewhere the only owner of the address: what several own
    /// is somebody else's here.
    fn receiver(&self, oif: Option<&Ifname>, packet: &Packet) -> Option<Judge<'_>> {
        let owners = || self.matcher.owners(packet.destination());
        let behind = self.behind(oif).count();
        let nic = match behind {
            0 => owners().next().filter(|_| owners().count() == 1),
            1 => self.behind(oif).next(),
            _ => owners().find(|nic| nic.via() == oif),
        };
        match nic {
            Some(nic) => Some(Judge::Nic(nic, Direction::In)),
            None => (behind > 1).then_some(Judge::Stray),
        }
    }

    /// The NICs that a gateway reaches by an interface.
    fn behind(&self, interface: Option<&Ifname>) -> impl Iterator<Item = NicMatcher<'_>> {
        self.matcher.nics().filter(move |nic| nic.via().is_some() && nic.via() == interface)
    }

    /// What the judges say, asked in turn until one denies; without any, the packet is none of the policy's business.
    /// A binary file has no lines to point at: the words of the deciding rule stand for them.
    fn decided(&self, judges: Vec<Judge<'_>>, packet: &Packet) -> LiftedDecision {
        let mut decision =
            LiftedDecision { verdict: Verdict::Allow, logged: false, line: None, comment: None };
        for judge in judges {
            let (Outcome { verdict, log }, comment) = match judge {
                Judge::Nic(nic, direction) => {
                    let end = nic.end(direction, packet);
                    let outcome = match self.asked {
                        Asked::Outcomes => nic.outcome(direction, packet),
                        Asked::Deciders => end.outcome,
                    };
                    (outcome, end.rule.to_string())
                }
                Judge::Stray => (Outcome::silent(Verdict::Deny), "stray address".to_owned()),
            };
            let logged = decision.logged || log;
            decision = LiftedDecision { verdict, logged, line: None, comment: Some(comment) };
            if verdict == Verdict::Deny {
                break;
            }
        }
        decision
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
