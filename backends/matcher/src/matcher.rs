//! The matcher: finds the managed NICs at both ends of a packet and lets their chains decide.
//!
//! It knows no policy text, no files and no clock; sessions are the business of [`crate::SessionTable`].

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use palisade_ir::{Direction, Family, Packet, RuleId, RuleInfo, Verdict};

use crate::indexed::BATCH;
use crate::later::Wording;
use crate::layout::Layout;
use crate::nic::{End, Nic, NicMatcher};
use crate::owners::Owners;

/// A policy, or the part of it that concerns one instance, ready to judge packets.
///
/// Judging takes `&self` and cannot fail, so one matcher serves many threads; to change the policy, build another and
/// swap (an `Arc<Matcher>` will do).
///
/// Only the first packet of a session is judged. Replies pass because their session was allowed:
/// [`crate::SessionTable`] keeps track where nobody else does.
#[derive(Clone)]
pub struct Matcher {
    session_timeout: u32,
    rules: Wording,
    /// Sorted by instance and interface.
    nics: Vec<Nic>,
    owners: Owners,
}

/// What the structures behind a matcher are; see [`Matcher::layout`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layouts {
    /// How many chains and families have bitsets.
    pub bitsets: usize,
    /// How many have class tables.
    pub tables: usize,
    /// How many have candidate lists.
    pub lists: usize,
    /// The bytes of all of them, and of what finds the deciding rules.
    pub bytes: usize,
}

/// How both ends decide a packet. An end without a managed NIC has no say and is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Allow when no end denies.
    pub verdict: Verdict,
    /// The sender's decision.
    pub egress: Option<End<'a>>,
    /// The receiver's decision; asked even when the sender denies.
    pub ingress: Option<End<'a>>,
}

impl Matcher {
    /// Puts a matcher together from parts that somebody has checked.
    pub(crate) fn assemble(session_timeout: u32, rules: Wording, mut nics: Vec<Nic>) -> Self {
        nics.sort_by(|a, b| a.key().cmp(&b.key()));
        let owners = Owners::new(&nics);
        Self { session_timeout, rules, nics, owners }
    }

    /// How long a session lives without a packet.
    pub fn session_timeout(&self) -> Duration {
        Duration::from_secs(self.session_timeout.into())
    }

    /// Every managed NIC, sorted by instance and interface.
    pub fn nics(&self) -> impl Iterator<Item = NicMatcher<'_>> {
        self.nics.iter().map(|nic| NicMatcher::new(self, nic))
    }

    /// The NIC of an instance.
    pub fn nic(&self, instance: &str, interface: &str) -> Option<NicMatcher<'_>> {
        let at = self.nics.binary_search_by(|nic| nic.key().cmp(&(instance, interface))).ok()?;
        self.nics.get(at).map(|nic| NicMatcher::new(self, nic))
    }

    /// The managed NICs that own an address; several where networks reuse it.
    pub fn owners(&self, address: IpAddr) -> impl Iterator<Item = NicMatcher<'_>> {
        self.judges(self.owners.of(address))
    }

    fn judges(&self, places: &[u32]) -> impl Iterator<Item = NicMatcher<'_>> {
        places.iter().filter_map(|at| self.nics.get(*at as usize)).map(|nic| NicMatcher::new(self, nic))
    }

    /// Which structures answer look-ups: chosen for each distinct chain and family when the matcher was built.
    pub fn layout(&self) -> Layouts {
        let (mut layouts, mut seen) = (Layouts::default(), BTreeSet::new());
        let guards = || self.nics.iter().flat_map(|nic| [&nic.ingress, &nic.egress]);
        for chain in guards().map(|guard| &guard.plain).filter(|chain| seen.insert(Arc::as_ptr(chain))) {
            layouts.bytes += chain.bytes();
        }
        let shared = core::mem::take(&mut seen);
        for chain in guards().map(|guard| &guard.decide).filter(|chain| seen.insert(Arc::as_ptr(chain))) {
            layouts.bytes += if shared.contains(&Arc::as_ptr(chain)) { 0 } else { chain.bytes() };
            for family in Family::ALL {
                *match chain.layout(family) {
                    Layout::Bitsets => &mut layouts.bitsets,
                    Layout::Tables => &mut layouts.tables,
                    Layout::List => &mut layouts.lists,
                } += 1;
            }
        }
        layouts
    }

    /// The words for a rule id of the plan, as far as a rule of this matcher has it.
    #[inline]
    pub fn rule(&self, id: RuleId) -> Option<&RuleInfo> {
        self.rules.get()?.of(id)
    }

    /// Judges the first packet of a session, by the NICs that own its addresses: allowed when no end denies.
    ///
    /// Where several networks reuse an address, its owner is a guess. The matcher guesses none: it allows only what
    /// every owner allows. Ask [`Matcher::decide_between`] when you know the ends.
    pub fn decide(&self, packet: &Packet) -> Verdict {
        let allows = |address, direction| {
            self.owners(address).all(|nic| nic.outcome(direction, packet).verdict == Verdict::Allow)
        };
        let allowed = allows(packet.source(), Direction::Out) && allows(packet.destination(), Direction::In);
        if allowed { Verdict::Allow } else { Verdict::Deny }
    }

    /// As [`Matcher::decide`] for many packets at once, which takes less time for each where neighbours have the same ends.
    /// Judges as many as the shorter of both slices has.
    pub fn decide_batch(&self, packets: &[Packet], verdicts: &mut [Verdict]) {
        let packets = packets.get(..verdicts.len()).unwrap_or(packets);
        let mut verdicts = verdicts.iter_mut();
        for packets in packets.chunks(BATCH) {
            let mut ends = [(&[][..], &[][..]); BATCH];
            for (ends, packet) in ends.iter_mut().zip(packets) {
                *ends = (self.owners.of(packet.source()), self.owners.of(packet.destination()));
            }
            let mut rest = packets;
            for run in ends.get(..packets.len()).unwrap_or_default().chunk_by(|a, b| a == b) {
                let (now, later) = rest.split_at(run.len());
                rest = later;
                let Some((senders, receivers)) = run.first() else { continue };
                let mut allowed = [true; BATCH];
                let judges = self.judges(senders).map(|nic| (nic, Direction::Out));
                for (nic, direction) in judges.chain(self.judges(receivers).map(|nic| (nic, Direction::In))) {
                    nic.outcomes(direction, now, &mut allowed, |allowed, outcome| {
                        *allowed &= outcome.verdict == Verdict::Allow;
                    });
                }
                for (allowed, verdict) in allowed.iter().take(now.len()).zip(verdicts.by_ref()) {
                    *verdict = if *allowed { Verdict::Allow } else { Verdict::Deny };
                }
            }
        }
    }

    /// Judges the first packet of a session between two known ends; `None` for an end that nobody manages.
    pub fn decide_between(
        &self,
        packet: &Packet,
        sender: Option<NicMatcher<'_>>,
        receiver: Option<NicMatcher<'_>>,
    ) -> Verdict {
        let denies = |end: Option<NicMatcher<'_>>, direction| {
            end.is_some_and(|nic| nic.outcome(direction, packet).verdict == Verdict::Deny)
        };
        let denied = denies(sender, Direction::Out) || denies(receiver, Direction::In);
        if denied { Verdict::Deny } else { Verdict::Allow }
    }

    /// As [`Matcher::decide`], with the deciding rule of each end.
    ///
    /// Of several owners of an address the first that denies speaks for the end, else the first of all.
    pub fn explain(&self, packet: &Packet) -> Decision<'_> {
        let egress = strictest(self.owners(packet.source()), Direction::Out, packet);
        let ingress = strictest(self.owners(packet.destination()), Direction::In, packet);
        Decision::of(egress, ingress)
    }

    /// As [`Matcher::decide_between`], with the deciding rule of each end.
    pub fn explain_between<'a>(
        &'a self,
        packet: &Packet,
        sender: Option<NicMatcher<'a>>,
        receiver: Option<NicMatcher<'a>>,
    ) -> Decision<'a> {
        let egress = sender.map(|nic| nic.end(Direction::Out, packet));
        let ingress = receiver.map(|nic| nic.end(Direction::In, packet));
        Decision::of(egress, ingress)
    }

    pub(crate) const fn session_seconds(&self) -> u32 {
        self.session_timeout
    }

    pub(crate) fn stored_nics(&self) -> &[Nic] {
        &self.nics
    }

    pub(crate) const fn stored_owners(&self) -> &Owners {
        &self.owners
    }

    pub(crate) const fn stored_rules(&self) -> &Wording {
        &self.rules
    }
}

impl core::fmt::Debug for Matcher {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let nics = self.nics.iter().map(Nic::key).collect::<Vec<_>>();
        out.debug_struct("Matcher").field("nics", &nics).finish_non_exhaustive()
    }
}

impl<'a> Decision<'a> {
    fn of(egress: Option<End<'a>>, ingress: Option<End<'a>>) -> Self {
        let denies = |end: &Option<End<'_>>| end.is_some_and(|end| end.outcome.verdict == Verdict::Deny);
        let verdict = if denies(&egress) || denies(&ingress) { Verdict::Deny } else { Verdict::Allow };
        Self { verdict, egress, ingress }
    }
}

/// The end of the first candidate that denies, else of the first.
pub(crate) fn strictest<'a>(
    candidates: impl Iterator<Item = NicMatcher<'a>>,
    direction: Direction,
    packet: &Packet,
) -> Option<End<'a>> {
    let mut first = None;
    for nic in candidates {
        let end = nic.end(direction, packet);
        if end.outcome.verdict == Verdict::Deny {
            return Some(end);
        }
        first = first.or(Some(end));
    }
    first
}
