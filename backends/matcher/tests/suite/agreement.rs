//! The matcher and the chains of the plan, read in order, say the same: verdict, log and deciding rule.

use std::collections::BTreeMap;
use std::net::IpAddr;

use palisade_ir::{
    Addresses, Chain, InstanceId, Match, MatchParts, NicRef, Outcome, Packet, Plan, Region, Rule, RuleId,
    Verdict,
};
use palisade_matcher::{End, Matcher, NicMatcher, PlansDiffer};

use crate::plans::{self, Rng};

/// The reference: every candidate must allow, or nobody is asked.
fn reference(plan: &Plan, owners: &BTreeMap<IpAddr, Vec<NicRef>>, packet: &Packet) -> Verdict {
    let candidates = |address| owners.get(&address).map_or(&[][..], Vec::as_slice);
    let sends = |at: &NicRef| plan.decide(packet, Some(*at), None).verdict;
    let receives = |at: &NicRef| plan.decide(packet, None, Some(*at)).verdict;
    let mut verdicts = candidates(packet.source())
        .iter()
        .map(sends)
        .chain(candidates(packet.destination()).iter().map(receives));
    if verdicts.any(|verdict| verdict == Verdict::Deny) { Verdict::Deny } else { Verdict::Allow }
}

fn nic<'a>(matcher: &'a Matcher, plan: &Plan, at: NicRef) -> NicMatcher<'a> {
    let instance = &plan.instances[at.instance.0 as usize];
    matcher.nic(instance.name.as_str(), instance.nics[at.nic as usize].interface.as_str()).unwrap()
}

fn same(plan: &Plan, end: Option<End<'_>>, expected: Option<(Outcome, RuleId)>) {
    assert_eq!(end.map(|end| (end.outcome, end.id)), expected);
    if let Some(end) = end {
        assert_eq!(Some(end.rule), plan.rule(end.id));
    }
}

/// Compares a matcher with the plan it explains.
pub(crate) fn agrees(plan: &Plan, matcher: &Matcher, packets: &[Packet], rng: &mut Rng) {
    let owners = plan.owners();
    let all: Vec<NicRef> = plan.nics().map(|(at, _, _)| at).collect();
    for packet in packets {
        assert_eq!(matcher.decide(packet), reference(plan, &owners, packet), "{packet:?}");
        assert_eq!(matcher.explain(packet).verdict, matcher.decide(packet), "{packet:?}");
        let mut some = || Some(*rng.pick(&all)).filter(|_| !rng.one_in(4));
        let (sender, receiver) = (some(), some());
        let expected = plan.decide(packet, sender, receiver);
        let between = |at: Option<NicRef>| at.map(|at| nic(matcher, plan, at));
        assert_eq!(matcher.decide_between(packet, between(sender), between(receiver)), expected.verdict);
        let explained = matcher.explain_between(packet, between(sender), between(receiver));
        assert_eq!(explained.verdict, expected.verdict);
        same(plan, explained.egress, expected.egress.map(|end| (end.outcome, end.id)));
        same(plan, explained.ingress, expected.ingress.map(|end| (end.outcome, end.id)));
    }
}

/// Compares each NIC of a matcher with the chains of the plan, on every third packet.
pub(crate) fn nics_agree(plan: &Plan, matcher: &Matcher, packets: &[Packet]) {
    for (turn, (at, _, chains)) in plan.nics().enumerate() {
        let nic = nic(matcher, plan, at);
        for packet in packets.iter().skip(turn % 3).step_by(3) {
            assert_eq!(nic.ingress(packet), chains.ingress.decide(packet).outcome);
            assert_eq!(nic.egress(packet), chains.egress.decide(packet).outcome);
            assert_eq!(nic.explain_ingress(packet).id, chains.ingress.decide(packet).id);
            assert_eq!(nic.explain_egress(packet).id, chains.egress.decide(packet).id);
        }
    }
}

#[test]
fn whole_policies_and_their_compiled_forms() {
    for seed in 0..300 {
        let plan = plans::random(seed);
        let packets = plans::boundary_packets(&plan, seed);
        let matcher = Matcher::new(&plan);
        agrees(&plan, &matcher, &packets, &mut Rng::new(seed));
        nics_agree(&plan, &matcher, &packets);
        let loaded = Matcher::from_bytes(&matcher.to_bytes()).unwrap();
        nics_agree(&plan, &loaded, &packets);
    }
}

#[test]
fn optimized_plans_decide_and_plain_plans_explain() {
    let mut smaller = 0;
    for seed in 0..150 {
        let plan = plans::random(seed);
        let mut optimized = plan.clone();
        for nic in optimized.instances.iter_mut().flat_map(|instance| &mut instance.nics) {
            (nic.ingress, nic.egress) = (squeeze(&nic.ingress).into(), squeeze(&nic.egress).into());
        }
        let count = |plan: &Plan| plans::chains(plan).map(|chain| chain.rules().len()).sum::<usize>();
        smaller += usize::from(count(&optimized) < count(&plan));
        let packets = plans::boundary_packets(&plan, seed);
        let matcher = Matcher::with_optimized(&plan, &optimized).unwrap();
        agrees(&plan, &matcher, &packets, &mut Rng::new(seed));
        nics_agree(&plan, &matcher, &packets);
        let loaded = Matcher::from_bytes(&matcher.to_bytes()).unwrap();
        nics_agree(&plan, &loaded, &packets);
    }
    assert!(smaller > 60, "only {smaller} plans had something to optimise");
}

/// Drops rules that an earlier one covers and merges neighbours that differ in their sources only.
fn squeeze(chain: &Chain) -> Chain {
    let mut rules: Vec<Rule> = Vec::new();
    for rule in chain.rules() {
        let region = Region::of(&rule.matches);
        if rules.iter().any(|earlier| region.is_subset(&Region::of(&earlier.matches))) {
            continue;
        }
        match rules.last().and_then(|last| merged(last, rule)) {
            Some(both) => *rules.last_mut().unwrap() = both,
            None => rules.push(rule.clone()),
        }
    }
    Chain::from_ordered(rules, chain.default(), chain.default_id())
}

fn merged(one: &Rule, two: &Rule) -> Option<Rule> {
    if one.outcome != two.outcome || one.matches.family() != two.matches.family() {
        return None;
    }
    let (parts, other) = (one.matches.parts(), two.matches.parts());
    let both = Addresses::unnamed(parts.source.prefixes.union(&other.source.prefixes));
    let matches = Match::new(MatchParts { source: both.clone(), ..parts }).unwrap();
    let origin = one.origin.join(&two.origin);
    let alike = matches == Match::new(MatchParts { source: both, ..other }).unwrap();
    alike.then_some(Rule { matches, outcome: one.outcome, rank: one.rank, origin })
}

#[test]
fn single_instances_manage_their_own_nics_only() {
    for seed in 0..100 {
        let plan = plans::random(seed);
        let packets = plans::boundary_packets(&plan, seed);
        for at in 0..plan.instances.len() as u32 {
            let matcher = Matcher::for_instance(&plan, InstanceId(at)).unwrap();
            assert!(matcher.nics().all(|nic| *nic.instance() == plan.instances[at as usize].name));
            assert_eq!(matcher.nics().count(), plan.instances[at as usize].nics.len());
            let mut owners = plan.owners();
            owners.values_mut().for_each(|nics| nics.retain(|nic| nic.instance == InstanceId(at)));
            for packet in &packets {
                assert_eq!(matcher.decide(packet), reference(&plan, &owners, packet), "{packet:?}");
            }
        }
        assert!(Matcher::for_instance(&plan, InstanceId(plan.instances.len() as u32)).is_none());
    }
}

#[test]
fn an_address_of_two_networks_is_allowed_only_when_all_its_owners_allow() {
    let mut disputed = 0;
    for seed in 0..150 {
        let plan = plans::random(seed);
        let matcher = Matcher::new(&plan);
        for packet in plans::boundary_packets(&plan, seed) {
            let verdicts: Vec<Verdict> =
                matcher.owners(packet.destination()).map(|nic| nic.ingress(&packet).verdict).collect();
            if verdicts.contains(&Verdict::Allow) && verdicts.contains(&Verdict::Deny) {
                disputed += 1;
                let decision = matcher.explain(&packet);
                assert_eq!(matcher.decide(&packet), Verdict::Deny);
                assert_eq!(decision.ingress.unwrap().outcome.verdict, Verdict::Deny);
            }
        }
    }
    assert!(disputed > 20, "only {disputed} packets had owners of two minds");
}

#[test]
fn an_optimized_plan_of_something_else_is_refused() {
    let plan = plans::random(1);
    let mut other = plan.clone();
    other.instances.pop();
    assert_eq!(Matcher::with_optimized(&plan, &other).unwrap_err(), PlansDiffer);
    let mut other = plan.clone();
    other.instances[0].nics[0].addresses.pop();
    assert_eq!(Matcher::with_optimized(&plan, &other).unwrap_err(), PlansDiffer);
    assert_eq!(PlansDiffer.code(), "palisade::matcher::plans-differ");
}

#[test]
fn matchers_cross_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Matcher>();
}
