//! Sessions, for those who have no connection tracking at hand: replies of what was allowed pass, in both directions.
//!
//! The table knows no clock: every call is told the time. It never holds more sessions than its capacity.

use alloc::collections::BTreeMap;
#[cfg(feature = "live")]
use alloc::vec::Vec;
use core::time::Duration;

use palisade_ir::{Packet, Verdict};

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
#[derive(Clone, Debug)]
pub struct SessionTable {
    capacity: usize,
    sessions: Strangers<Key, Session>,
    /// The sessions by their last turn: the front is quiet for longest and, the timeout being the same for all,
    /// the first to end.
    quiet: BTreeMap<u64, Key>,
    /// Counts the packets that opened or refreshed a session.
    turn: u64,
    now: Duration,
}

/// The lesser of a packet and its reply: the same for both directions of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Packet);

impl Key {
    pub(crate) fn of(packet: &Packet) -> Self {
        Self(*packet.min(&packet.reply()))
    }
}

#[derive(Clone, Copy, Debug)]
struct Session {
    first: Packet,
    turn: u64,
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
        Self { capacity, sessions: Strangers::new(), quiet: BTreeMap::new(), turn: 0, now: Duration::ZERO }
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
        if let Some(session) = self.sessions.get(&key).filter(|_| tracked) {
            let Session { first, turn, .. } = *session;
            if policy.allows(session) {
                self.touch(key, first, policy);
                return Verdict::Allow;
            }
            self.quiet.remove(&turn);
            self.sessions.remove(&key);
        }
        let verdict = policy.matcher.decide(packet);
        if verdict == Verdict::Allow && tracked && self.capacity > 0 {
            if self.sessions.len() >= self.capacity {
                self.forget_quietest();
            }
            self.touch(key, *packet, policy);
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
        self.sessions.get(&Key::of(quoted)).is_some_and(|session| !over(session) && policy.allows(session))
    }

    /// Ends every session whose first packet a new policy would not allow. Returns how many ended.
    ///
    /// Call it when the matcher was swapped: the others stay alive.
    pub fn revalidate(&mut self, matcher: &Matcher) -> usize {
        let before = self.sessions.len();
        let quiet = &mut self.quiet;
        self.sessions.retain(|_, session| {
            let stays = matcher.decide(&session.first) == Verdict::Allow;
            if !stays {
                quiet.remove(&session.turn);
            }
            stays
        });
        before - self.sessions.len()
    }

    /// As [`SessionTable::revalidate`], for at most `portion` of the sessions that were last seen from turn `from` to
    /// `last`. Returns how many ended, and from where to go on.
    #[cfg(feature = "live")]
    pub(crate) fn revalidate_some(
        &mut self,
        policy: Numbered<'_>,
        (from, last): (u64, u64),
        portion: usize,
    ) -> (usize, Option<u64>) {
        if from > last {
            return (0, None);
        }
        let some = self.quiet.range(from..=last).take(portion);
        let some: Vec<(u64, Key)> = some.map(|(turn, key)| (*turn, *key)).collect();
        let mut ended = 0;
        for (turn, key) in &some {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            if policy.allows(session) {
                session.policy = policy.number;
            } else {
                self.sessions.remove(key);
                self.quiet.remove(turn);
                ended += 1;
            }
        }
        let full = some.len() == portion;
        (ended, some.last().filter(|_| full).map(|(turn, _)| turn + 1))
    }

    /// The turn of the latest packet.
    #[cfg(feature = "live")]
    pub(crate) const fn turn(&self) -> u64 {
        self.turn
    }

    /// How many sessions are known, those included that end at the next [`SessionTable::check`].
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session is known.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The most sessions the table holds.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets what was idle for too long.
    pub(crate) fn expire(&mut self, timeout: Duration, now: Duration) {
        self.now = self.now.max(now);
        while let Some((_, key)) = self.quiet.first_key_value() {
            let over = |session: &Session| self.now.saturating_sub(session.seen) > timeout;
            if !self.sessions.get(key).is_none_or(over) {
                return;
            }
            self.forget_quietest();
        }
    }

    fn forget_quietest(&mut self) {
        if let Some((_, key)) = self.quiet.pop_first() {
            self.sessions.remove(&key);
        }
    }

    /// Opens or refreshes a session.
    fn touch(&mut self, key: Key, first: Packet, policy: Numbered<'_>) {
        self.turn += 1;
        let session = Session { first, turn: self.turn, seen: self.now, policy: policy.number };
        if let Some(old) = self.sessions.insert(key, session) {
            self.quiet.remove(&old.turn);
        }
        self.quiet.insert(self.turn, key);
    }
}
