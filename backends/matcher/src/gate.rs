//! Policy and sessions for many threads, with a policy that is replaced while they run.
//!
//! Sessions are spread over shards by their addresses, protocol and ports, each behind a lock of its own. This module
//! knows no clock: every call is told the time.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::hash::BuildHasher;
use core::time::Duration;
use std::hash::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use palisade_ir::{Packet, Verdict};

use crate::matcher::Matcher;
use crate::session::{Key, Numbered, SessionTable};

/// The most shards that [`Gate::new`] makes, and the fewest sessions it gives each.
const SHARDS: usize = 64;
/// How many sessions a swap asks about before it lets others have their shard.
const PORTION: usize = 256;

/// Judges packets by a policy and its sessions, for many threads at once; the policy can be replaced meanwhile.
///
/// What a session is and how long it lives, [`SessionTable`] says. Beside that:
///
/// - It never holds more sessions than its capacity, which is divided among the shards. A full shard forgets the session
///   that was quiet for longest *in it*, so a table can forget some a little before all of it is full.
/// - After [`Gate::swap`] a session stays if the new policy would allow its first packet; the others have ended. No packet
///   waits for more than a portion of that work: a session that a packet belongs to is asked about there and then.
/// - Each answer is that of one policy. Who asks after a swap has returned is answered by the new one.
#[derive(Debug)]
pub struct Gate {
    current: ArcSwap<Current>,
    /// The shards: there is always one.
    first: Mutex<SessionTable>,
    others: Box<[Mutex<SessionTable>]>,
    /// Seeded at random: nobody outside can aim at one shard.
    hasher: RandomState,
    /// Held by whoever swaps.
    swaps: Mutex<()>,
}

#[derive(Debug)]
struct Current {
    number: u64,
    matcher: Arc<Matcher>,
}

impl Current {
    fn policy(&self) -> Numbered<'_> {
        Numbered { number: self.number, matcher: &self.matcher }
    }
}

impl Gate {
    /// Begins with a policy and no session; never holds more than `capacity`, for which 64 shards are the most.
    pub fn new(matcher: impl Into<Arc<Matcher>>, capacity: usize) -> Self {
        Self::with_shards(matcher, capacity, (capacity / SHARDS).clamp(1, SHARDS))
    }

    /// As [`Gate::new`], with so many shards, at least one. With one it forgets exactly as a [`SessionTable`] does.
    pub fn with_shards(matcher: impl Into<Arc<Matcher>>, capacity: usize, shards: usize) -> Self {
        let shards = shards.max(1);
        let share = |at: usize| capacity / shards + usize::from(at < capacity % shards);
        let shard = |at: usize| Mutex::new(SessionTable::new(share(at)));
        Self {
            current: ArcSwap::from_pointee(Current { number: 0, matcher: matcher.into() }),
            first: shard(0),
            others: (1..shards).map(shard).collect(),
            hasher: RandomState::new(),
            swaps: Mutex::new(()),
        }
    }

    /// The policy of now.
    pub fn load(&self) -> Arc<Matcher> {
        Arc::clone(&self.current.load().matcher)
    }

    /// Judges a packet: it passes as part of a live session, or the policy decides and an allowed one opens a session.
    ///
    /// `now` is the time since any fixed moment. Where it runs backwards, it stands still.
    pub fn check(&self, packet: &Packet, now: Duration) -> Verdict {
        let mut table = self.shard(packet);
        // Asked while the shard is locked: who comes to the shard later sees this policy or a newer one.
        let current = self.current.load();
        table.check_by(current.policy(), packet, now)
    }

    /// Whether a packet belongs to a live session; see [`SessionTable::is_live`].
    pub fn is_live(&self, quoted: &Packet, now: Duration) -> bool {
        let table = self.shard(quoted);
        let current = self.current.load();
        table.is_live_by(current.policy(), quoted, now)
    }

    /// Puts a policy in the place of the one that was there. Returns how many sessions ended by that, those aside that a
    /// packet found out about first.
    ///
    /// What was idle for too long by `now` stays over, however long the new policy's sessions live.
    pub fn swap(&self, matcher: impl Into<Arc<Matcher>>, now: Duration) -> usize {
        // One after the other: each policy is asked about every session, also when the next one follows at once.
        let _alone = lock(&self.swaps);
        let old = self.current.load_full();
        self.shards().for_each(|shard| lock(shard).expire(old.matcher.session_timeout(), now));
        let next = Arc::new(Current { number: old.number + 1, matcher: matcher.into() });
        self.current.store(Arc::clone(&next));
        self.shards().map(|shard| revalidate(shard, next.policy())).sum()
    }

    /// How many sessions are known, those included that end at the next packet of their shard.
    pub fn len(&self) -> usize {
        self.shards().map(|shard| lock(shard).len()).sum()
    }

    /// Whether no session is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most sessions it holds.
    pub fn capacity(&self) -> usize {
        self.shards().map(|shard| lock(shard).capacity()).sum()
    }

    fn shards(&self) -> impl Iterator<Item = &Mutex<SessionTable>> {
        core::iter::once(&self.first).chain(&self.others)
    }

    fn shard(&self, packet: &Packet) -> MutexGuard<'_, SessionTable> {
        let shards = 1 + self.others.len() as u64;
        let at = (self.hasher.hash_one(Key::of(packet)) % shards) as usize;
        lock(self.others.get(at).unwrap_or(&self.first))
    }
}

/// Asks about all sessions that are there when it comes, in portions. Those that open later have met the new policy.
fn revalidate(shard: &Mutex<SessionTable>, policy: Numbered<'_>) -> usize {
    let places = lock(shard).places();
    let portions = (0..places).step_by(PORTION).map(|from| from..places.min(from + PORTION));
    portions.map(|portion| lock(shard).revalidate_some(policy, portion)).sum()
}

/// A table is whole between any two of its steps that could panic, so what a panicking thread left can be used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
