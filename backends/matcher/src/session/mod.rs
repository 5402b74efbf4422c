//! Sessions, for those who have no connection tracking at hand: replies of what was allowed pass, in both directions.
//!
//! The table knows no clock: every call is told the time. It never holds more sessions than its capacity.

mod recent;

use core::hash::{Hash, Hasher};
#[cfg(feature = "live")]
use core::ops::Range;
use core::time::Duration;

use palisade_ir::{Family, Packet, Verdict};

use self::recent::Recent;
use crate::hash::Strangers;
use crate::matcher::Matcher;

/// The live sessions of allowed connections.
///
/// A session is known by its addresses, protocol and, for tcp and udp, its ports, in either direction. It lives until
/// nothing was seen of it for longer than the policy's session timeout.
///
/// - Other protocols have no ports, so two hosts have one session per protocol: after an allowed ping, every icmp
///   packet between the two passes in both directions until the session ends.
/// - A tcp or udp packet without ports (a fragment that is not the first) belongs to no session and is judged by the
///   rules: reassemble before you ask.
/// - A full table forgets the session that was quiet for longest. Its next packet is judged anew, so forgetting never
///   lets a packet in; and a newcomer never has to be turned away.
/// - Memory is taken as sessions open, for the most that were there at once, and kept for the next ones.
#[derive(Clone, Debug)]
pub struct SessionTable {
    capacity: usize,
    /// Where each session stands in `recent`.
    known: Strangers<Key, usize>,
    /// The timeout is the same for all, so the one that is quiet for longest is the first to end.
    recent: Recent,
    now: Duration,
}

/// The lesser of a packet and its reply: the same for both directions of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Packet);

impl Key {
    pub(crate) fn of(packet: &Packet) -> Self {
        Self(*packet.min(&packet.reply()))
    }
}

/// In few and long words: a hash that strangers cannot aim at pays for each word that it is told.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self(packet) = self;
        let [source, destination] = [packet.source(), packet.destination()].map(Family::number);
        match packet.family() {
            Family::V4 => state.write_u64((source << 32 | destination) as u64),
            Family::V6 => {
                state.write_u128(source);
                state.write_u128(destination);
            }
        }
        let ports = packet
            .ports()
            .map_or(0, |ports| 1 << 32 | u64::from(ports.source) << 16 | u64::from(ports.destination));
        state.write_u64(ports << 8 | u64::from(packet.protocol().0));
    }
}

#[derive(Clone, Copy, Debug)]
struct Session {
    first: Packet,
    seen: Duration,
    /// The policy that allowed it last.
    policy: u64,
}

/// A policy and a number that tells it from those before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered<'a> {
    pub(crate) number: u64,
    pub(crate) matcher: &'a Matcher,
}

impl<'a> Numbered<'a> {
    /// For tables that are told of a change by [`SessionTable::revalidate`].
    const fn only(matcher: &'a Matcher) -> Self {
        Self { number: 0, matcher }
    }

    fn allows(self, session: &Session) -> bool {
        session.policy == self.number || self.matcher.decide(&session.first) == Verdict::Allow
    }
}

impl SessionTable {
    /// A table for at most `capacity` sessions; with none, every packet is a first packet.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, known: Strangers::new(), recent: Recent::new(), now: Duration::ZERO }
    }

    /// Judges a packet: it passes as part of a live session, or the matcher decides and an allowed one opens a session.
    ///
    /// `now` is the time since any fixed moment. It should never run backwards; where it does, it stands still.
    pub fn check(&mut self, matcher: &Matcher, packet: &Packet, now: Duration) -> Verdict {
        self.check_by(Numbered::only(matcher), packet, now)
    }

    /// As [`SessionTable::check`]. A session that another policy allowed last is asked again: it goes on when this one
    /// allows its first packet too, else it has ended.
    pub(crate) fn check_by(&mut self, policy: Numbered<'_>, packet: &Packet, now: Duration) -> Verdict {
        self.expire(policy.matcher.session_timeout(), now);
        let tracked = packet.ports().is_some() || !packet.protocol().has_ports();
        let key = Key::of(packet);
        if tracked
            && let Some(at) = self.known.get(&key).copied()
            && let Some(session) = self.recent.get_mut(at)
        {
            if policy.allows(session) {
                (session.seen, session.policy) = (self.now, policy.number);
                self.recent.refresh(at);
                return Verdict::Allow;
            }
            self.forget(at);
        }
        let verdict = policy.matcher.decide(packet);
        if verdict == Verdict::Allow && tracked && self.capacity > 0 {
            if self.known.len() >= self.capacity {
                self.forget(self.recent.oldest_place());
            }
            let session = Session { first: *packet, seen: self.now, policy: policy.number };
            self.known.insert(key, self.recent.push(session));
        }
        verdict
    }

    /// Whether a packet belongs to a live session. Refreshes nothing.
    ///
    /// Ask it for the packet that an icmp error quotes: the error may pass when the session is alive (without such
    /// errors path MTU discovery fails).
    pub fn is_live(&self, matcher: &Matcher, quoted: &Packet, now: Duration) -> bool {
        self.is_live_by(Numbered::only(matcher), quoted, now)
    }

    pub(crate) fn is_live_by(&self, policy: Numbered<'_>, quoted: &Packet, now: Duration) -> bool {
        let timeout = policy.matcher.session_timeout();
        let over = |session: &Session| now.saturating_sub(session.seen) > timeout;
        let session = self.known.get(&Key::of(quoted)).and_then(|at| self.recent.get(*at));
        session.is_some_and(|session| !over(session) && policy.allows(session))
    }

    /// Ends every session whose first packet a new policy would not allow. Returns how many ended.
    ///
    /// Call it when the matcher was swapped: the others stay alive.
    pub fn revalidate(&mut self, matcher: &Matcher) -> usize {
        let denied = |session: &mut Session| matcher.decide(&session.first) == Verdict::Deny;
        (0..self.recent.end()).filter(|at| self.end_if(*at, denied)).count()
    }

    /// As [`SessionTable::revalidate`], for the sessions at some places. Returns how many ended.
    #[cfg(feature = "live")]
    pub(crate) fn revalidate_some(&mut self, policy: Numbered<'_>, places: Range<usize>) -> usize {
        let denied = |session: &mut Session| {
            let allowed = policy.allows(session);
            if allowed {
                session.policy = policy.number;
            }
            !allowed
        };
        places.filter(|at| self.end_if(*at, denied)).count()
    }

    /// Sessions that are known now stand at places below this for as long as they are.
    #[cfg(feature = "live")]
    pub(crate) const fn places(&self) -> usize {
        self.recent.end()
    }

    /// How many sessions are known, those included that end at the next [`SessionTable::check`].
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no session is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The most sessions the table holds.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets what was idle for too long.
    pub(crate) fn expire(&mut self, timeout: Duration, now: Duration) {
        self.now = self.now.max(now);
        while let Some(session) = self.recent.oldest()
            && self.now.saturating_sub(session.seen) > timeout
        {
            self.forget(self.recent.oldest_place());
        }
    }

    /// Ends the session at a place, if there is one that the condition holds for.
    fn end_if(&mut self, at: usize, condition: impl Fn(&mut Session) -> bool) -> bool {
        let ends = self.recent.get_mut(at).is_some_and(condition);
        if ends {
            self.forget(at);
        }
        ends
    }

    fn forget(&mut self, at: usize) {
        if let Some(session) = self.recent.remove(at) {
            self.known.remove(&Key::of(&session.first));
        }
    }
}
