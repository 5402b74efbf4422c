//! The in-process matcher as judge: verdicts from its look-up, words from its explanation.

use palisade_ir::{NicRef, Outcome, Packet, Plan};
use palisade_matcher::{Matcher, NicMatcher};

use super::{Answer, EndAnswer, Ends};
use crate::optimize::optimize_plan;

/// A matcher that decides by the optimised chains and explains by the author's rules.
pub(super) fn build(plan: &Plan) -> Matcher {
    let optimized = optimize_plan(plan).0;
    // Optimising keeps instances and NICs, so the plans never differ in what must agree.
    Matcher::with_optimized(plan, &optimized).unwrap_or_else(|_| Matcher::new(plan))
}

pub(super) fn decide(matcher: &Matcher, plan: &Plan, packet: &Packet, ends: Ends) -> Answer {
    let nic = |at: Option<NicRef>| -> Option<NicMatcher<'_>> {
        let at = at?;
        let instance = plan.instances.get(at.instance.0 as usize)?;
        matcher.nic(instance.name.as_str(), plan.nic(at)?.interface.as_str())
    };
    let answer =
        |outcome: Outcome, rule: String| EndAnswer { verdict: outcome.verdict, rule, logged: outcome.log };
    let egress =
        nic(ends.sender).map(|nic| answer(nic.egress(packet), nic.explain_egress(packet).rule.to_string()));
    let ingress = nic(ends.receiver)
        .map(|nic| answer(nic.ingress(packet), nic.explain_ingress(packet).rule.to_string()));
    Answer::of(egress, ingress)
}
