//! A policy that is replaced while others read it.

use alloc::sync::Arc;

use arc_swap::ArcSwap;
use palisade_ir::{Packet, Verdict};

use crate::matcher::Matcher;

/// A [`Matcher`] to be replaced while threads ask it.
///
/// Readers never wait, neither for each other nor for a swap, and each answer is that of one policy: the one before the
/// swap or the one behind it. An old policy is freed when its last reader is through.
///
/// Sessions do not follow by themselves; [`Gate`](crate::Gate) has both.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<Matcher>,
}

impl Live {
    /// Begins with a policy.
    pub fn new(matcher: impl Into<Arc<Matcher>>) -> Self {
        Self { current: ArcSwap::new(matcher.into()) }
    }

    /// The policy of now. Hold it for as long as several answers have to fit together, and not longer.
    pub fn load(&self) -> Arc<Matcher> {
        self.current.load_full()
    }

    /// [`Matcher::decide`] by the policy of now.
    pub fn decide(&self, packet: &Packet) -> Verdict {
        self.current.load().decide(packet)
    }

    /// [`Matcher::decide_batch`], all packets by one policy.
    pub fn decide_batch(&self, packets: &[Packet], verdicts: &mut [Verdict]) {
        self.current.load().decide_batch(packets, verdicts);
    }

    /// Puts a policy in the place of the one that was there, and returns that. Whoever asks after the swap is answered by
    /// the new one.
    pub fn swap(&self, matcher: impl Into<Arc<Matcher>>) -> Arc<Matcher> {
        self.current.swap(matcher.into())
    }
}
