//! What was judged so far, and which rules denied most.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use palisade_ir::{Packet, Verdict};
use palisade_matcher::{Matcher, SessionTable};

/// Sessions that are remembered of a capture.
const SESSIONS: usize = 1_000_000;
/// Rules that are shown.
const MOST: usize = 10;

/// Counts, under one policy.
pub(crate) struct Tally<'a> {
    matcher: &'a Matcher,
    sessions: SessionTable,
    allowed: u64,
    denied: u64,
    strange: u64,
    by_rule: BTreeMap<String, u64>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(matcher: &'a Matcher) -> Self {
        let sessions = SessionTable::new(SESSIONS);
        Self { matcher, sessions, allowed: 0, denied: 0, strange: 0, by_rule: BTreeMap::new() }
    }

    /// Counts a flow, which stands for its first packet.
    pub(crate) fn flow(&mut self, packet: &Packet) {
        self.count(packet, self.matcher.decide(packet));
    }

    /// Counts a packet of a capture, which may belong to a session; `None` for what is no IP.
    pub(crate) fn packet(&mut self, packet: Option<Packet>, at: Duration) {
        match packet {
            Some(packet) => {
                let verdict = self.sessions.check(self.matcher, &packet, at);
                self.count(&packet, verdict);
            }
            None => self.strange += 1,
        }
    }

    fn count(&mut self, packet: &Packet, verdict: Verdict) {
        match verdict {
            Verdict::Allow => self.allowed += 1,
            Verdict::Deny => {
                self.denied += 1;
                *self.by_rule.entry(self.denier(packet)).or_default() += 1;
            }
        }
    }

    /// The rule that denies, the sender's first.
    fn denier(&self, packet: &Packet) -> String {
        let decision = self.matcher.explain(packet);
        let ends = [decision.egress, decision.ingress].into_iter().flatten();
        let end = ends.into_iter().find(|end| end.outcome.verdict == Verdict::Deny);
        end.map_or_else(String::new, |end| {
            format!("{} {}: {}", end.nic.instance(), end.nic.interface(), end.rule)
        })
    }
}

impl fmt::Display for Tally<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { matcher: _, sessions: _, allowed, denied, strange, by_rule } = self;
        let strange = if *strange > 0 { format!(", {strange} that are no IP") } else { String::new() };
        writeln!(out, "{} packets{strange}", allowed + denied)?;
        writeln!(out, "allowed {allowed:>8}\ndenied  {denied:>8}")?;
        let mut most: Vec<(&String, &u64)> = by_rule.iter().collect();
        most.sort_by_key(|(rule, count)| (std::cmp::Reverse(**count), *rule));
        if !most.is_empty() {
            writeln!(out, "\ndenied most by")?;
        }
        most.iter().take(MOST).try_for_each(|(rule, count)| writeln!(out, "{count:>8}  {rule}"))
    }
}
