//! One managed NIC: whose it is, which addresses it owns and what its two chains say of a packet.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

use palisade_ir::{Direction, Family, Ifname, Name, Outcome, Packet, RuleId, RuleInfo, RuleSource};

use crate::indexed::IndexedChain;
use crate::layout::Layout;
use crate::matcher::Matcher;

/// The rules of one NIC in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// What verdicts come from; optimised where an optimised plan was given.
    pub(crate) decide: Arc<IndexedChain>,
    /// What explanations come from: the rules as their authors wrote them.
    pub(crate) plain: Arc<IndexedChain>,
}

/// A NIC of the policy.
#[derive(Clone, Debug)]
pub(crate) struct Nic {
    pub(crate) instance: Name,
    pub(crate) interface: Ifname,
    pub(crate) via: Option<Ifname>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ingress: Guard,
    pub(crate) egress: Guard,
}

impl Guard {
    /// Whether look-ups ask for the rules of a chain, not for its structures alone.
    pub(crate) fn asks_for_rules(&self) -> bool {
        self.decide.asks_for_rules() || self.plain.asks_for_rules()
    }
}

impl Nic {
    /// What NICs are sorted and found by.
    pub(crate) fn key(&self) -> (&str, &str) {
        (self.instance.as_str(), self.interface.as_str())
    }

    #[inline]
    pub(crate) const fn guard(&self, direction: Direction) -> &Guard {
        match direction {
            Direction::In => &self.ingress,
            Direction::Out => &self.egress,
        }
    }
}

/// How one end of a connection decides a packet, and by which rule.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The NIC that was asked.
    pub nic: NicMatcher<'a>,
    /// The verdict and whether the packet is logged.
    pub outcome: Outcome,
    /// The number of the deciding rule in the plan.
    pub id: RuleId,
    /// The deciding rule in words: a rule of a group, inner access or the default.
    pub rule: &'a RuleInfo,
}

/// One NIC of a [`Matcher`], to be asked directly when the caller knows which NIC a packet passes.
///
/// Any packet is judged, whoever owns its addresses: a broadcast that arrives by the NIC is the NIC's too.
#[derive(Clone, Copy, Debug)]
pub struct NicMatcher<'a> {
    matcher: &'a Matcher,
    nic: &'a Nic,
}

impl<'a> NicMatcher<'a> {
    pub(crate) const fn new(matcher: &'a Matcher, nic: &'a Nic) -> Self {
        Self { matcher, nic }
    }

    /// The instance it belongs to.
    pub const fn instance(&self) -> &'a Name {
        &self.nic.instance
    }

    /// Its interface on the instance.
    pub const fn interface(&self) -> &'a Ifname {
        &self.nic.interface
    }

    /// The interface on a gateway that leads to it.
    pub const fn via(&self) -> Option<&'a Ifname> {
        self.nic.via.as_ref()
    }

    /// Its private addresses.
    pub fn addresses(&self) -> &'a [IpAddr] {
        &self.nic.addresses
    }

    /// Judges the first packet of a session that comes in by this NIC.
    #[inline]
    pub fn ingress(&self, packet: &Packet) -> Outcome {
        self.outcome(Direction::In, packet)
    }

    /// Judges the first packet of a session that goes out by this NIC.
    #[inline]
    pub fn egress(&self, packet: &Packet) -> Outcome {
        self.outcome(Direction::Out, packet)
    }

    /// As [`NicMatcher::ingress`] for many packets at once, which takes less time for each. Judges as many as the shorter
    /// of both slices has.
    pub fn ingress_batch(&self, packets: &[Packet], outcomes: &mut [Outcome]) {
        self.batch(Direction::In, packets, outcomes);
    }

    /// As [`NicMatcher::egress`] for many packets at once; see [`NicMatcher::ingress_batch`].
    pub fn egress_batch(&self, packets: &[Packet], outcomes: &mut [Outcome]) {
        self.batch(Direction::Out, packets, outcomes);
    }

    /// The structure that judges packets of a direction and family.
    pub fn layout(&self, direction: Direction, family: Family) -> Layout {
        self.nic.guard(direction).decide.layout(family)
    }

    /// As [`NicMatcher::ingress`], with the deciding rule.
    #[inline]
    pub fn explain_ingress(&self, packet: &Packet) -> End<'a> {
        self.end(Direction::In, packet)
    }

    /// As [`NicMatcher::egress`], with the deciding rule.
    #[inline]
    pub fn explain_egress(&self, packet: &Packet) -> End<'a> {
        self.end(Direction::Out, packet)
    }

    #[inline]
    pub(crate) fn outcome(&self, direction: Direction, packet: &Packet) -> Outcome {
        self.nic.guard(direction).decide.outcome(packet)
    }

    pub(crate) fn outcomes<P>(
        &self,
        direction: Direction,
        packets: &[Packet],
        places: &mut [P],
        note: impl Fn(&mut P, Outcome),
    ) {
        self.nic.guard(direction).decide.outcomes(packets, places, note);
    }

    fn batch(&self, direction: Direction, packets: &[Packet], outcomes: &mut [Outcome]) {
        self.outcomes(direction, packets, outcomes, |place, outcome| *place = outcome);
    }

    #[inline]
    pub(crate) fn end(&self, direction: Direction, packet: &Packet) -> End<'a> {
        let (outcome, id) = self.nic.guard(direction).plain.decide(packet);
        let rule = self.matcher.rule(id).unwrap_or(default_words(direction));
        End { nic: *self, outcome, id, rule }
    }
}

/// Words for the end of a chain; also for rule ids that a plan uses without saying what they stand for.
pub(crate) fn default_words(direction: Direction) -> &'static RuleInfo {
    static IN: RuleInfo = default(Direction::In);
    static OUT: RuleInfo = default(Direction::Out);
    const fn default(direction: Direction) -> RuleInfo {
        RuleInfo { source: RuleSource::Default { direction }, description: None }
    }
    match direction {
        Direction::In => &IN,
        Direction::Out => &OUT,
    }
}
