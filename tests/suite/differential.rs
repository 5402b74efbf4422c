//! Random policies, boundary packets: every engine gives the reference evaluator's answer.
//!
//! What it does not prove: agreement on packets that are not sampled, and that the kernel reads the emitted text as the
//! lift does. `PALISADE_RANDOM_POLICIES` sets how many policies are tried.

use palisade::engine::{Answer, Engine, EngineKind};
use palisade_testkit::sample;

/// Policies in an ordinary run.
const POLICIES: u64 = 1000;

#[test]
fn all_engines_agree_on_random_policies() {
    let wanted = std::env::var("PALISADE_RANDOM_POLICIES").ok();
    let policies = wanted.map_or(POLICIES, |number| number.parse().expect("a number of policies"));
    let (mut packets, mut allowed, mut logged) = (0_u64, 0_u64, 0_u64);
    for seed in 0..policies {
        for answer in compare(seed) {
            packets += 1;
            allowed += u64::from(answer.verdict == palisade_ir::Verdict::Allow);
            logged +=
                u64::from([&answer.egress, &answer.ingress].into_iter().flatten().any(|end| end.logged));
        }
    }
    println!("{policies} policies, {packets} packets, {allowed} allowed, {logged} logged");
    // A generator gone wrong would make the comparison empty of meaning.
    assert!(packets > policies * 50, "{packets} packets");
    assert!(allowed > packets / 20 && allowed < packets * 19 / 20, "{allowed} of {packets} allowed");
    assert!(logged > packets / 500, "{logged} of {packets} logged");
}

/// Compares all engines on one policy and returns the reference evaluator's answers.
fn compare(seed: u64) -> Vec<Answer> {
    let text = sample::random_policy(seed);
    let loaded = palisade::front::read_text("policy.sg", &text);
    let policy =
        loaded.policy.as_ref().unwrap_or_else(|| panic!("seed {seed}: {:#?}\n{text}", loaded.diagnostics));
    let mut reference = Engine::new(policy, EngineKind::Reference);
    let packets = sample::boundary_packets(reference.plan(), seed);
    let judged: Vec<_> = packets
        .iter()
        .filter_map(|packet| Some((packet, reference.decide(packet, None, None).ok()?)))
        .collect();
    for kind in EngineKind::ALL {
        let mut engine = Engine::new(policy, kind);
        for (packet, expected) in &judged {
            let answer = engine
                .decide(packet, None, None)
                .unwrap_or_else(|error| panic!("seed {seed}: {}: {error}\n{text}", kind.name()));
            let told = |end: &Option<palisade::engine::EndAnswer>| {
                end.as_ref().map(|end| (end.verdict, end.logged, end.rule.clone()))
            };
            // Emitted comments may name several origins, or be cut: the words of the rule are compared where they are exact.
            let exact = matches!(kind, EngineKind::Reference | EngineKind::Plan | EngineKind::Matcher);
            let outcome = |answer: &Answer| {
                let ends = [told(&answer.egress), told(&answer.ingress)];
                let ends = ends
                    .map(|end| end.map(|(verdict, logged, rule)| (verdict, logged, exact.then_some(rule))));
                (answer.verdict, ends)
            };
            assert_eq!(
                outcome(&answer),
                outcome(expected),
                "seed {seed}: {} on {packet:?}\n{answer:#?}\n{expected:#?}\n{text}",
                kind.name()
            );
        }
    }
    judged.into_iter().map(|(_, answer)| answer).collect()
}
