//! Readers on several threads while the policy is replaced: each answer is that of one policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use palisade_ir::{
    Chain, Ifname, InstancePlan, Name, NetworkId, NicPlan, Packet, PacketPorts, Plan, Protocol, RuleId,
    Verdict,
};
use palisade_matcher::{Live, Matcher};

/// Swaps that must happen while readers ask, and the most there may be until each reader saw both policies.
const SWAPS: usize = 500;
const MOST_SWAPS: usize = 50_000_000;

/// Two NICs; the sender's out rules and the receiver's in rules say the same to all.
fn pair(egress: Verdict, ingress: Verdict) -> Arc<Matcher> {
    let instance = |name: &str, address: &str| {
        let nic = NicPlan {
            interface: Ifname::new("eth0").unwrap(),
            via: None,
            network: NetworkId(0),
            side: None,
            addresses: vec![address.parse().unwrap()],
            ingress: Chain::new(vec![], ingress, RuleId(0)).into(),
            egress: Chain::new(vec![], egress, RuleId(0)).into(),
        };
        InstancePlan { name: Name::new(name).unwrap(), description: None, nics: vec![nic] }
    };
    let instances = vec![instance("one", "10.0.0.1"), instance("two", "10.0.0.2")];
    Matcher::new(&Plan {
        session_timeout: 910,
        networks: vec![],
        sets: vec![],
        services: vec![],
        rules: vec![],
        instances,
    })
    .into()
}

fn packets() -> Vec<Packet> {
    let packet = |port| {
        let ports = PacketPorts { source: 50_000, destination: port };
        let (one, two) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        Packet::new(one, two, Protocol::TCP, Some(ports)).unwrap()
    };
    (1..=100).map(packet).collect()
}

/// Swaps between two policies for as long as three readers go round; `read` gives the turn of its answer, if any.
fn race(policies: [Arc<Matcher>; 2], read: impl Fn(&Live) -> Option<usize> + Sync) {
    let (live, over) = (Live::new(Arc::clone(&policies[0])), AtomicBool::new(false));
    let satisfied = AtomicUsize::new(0);
    thread::scope(|scope| {
        let reader = || {
            let (mut seen, mut rounds) = ([false; 2], 0_u64);
            while !over.load(Ordering::Relaxed) || rounds < 100 {
                let before = seen == [true; 2];
                read(&live).into_iter().for_each(|turn| seen[turn] = true);
                rounds += 1;
                if seen == [true; 2] && !before {
                    satisfied.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(reader)).collect();
        for swap in 1..MOST_SWAPS {
            let old = live.swap(Arc::clone(&policies[swap % 2]));
            assert!(Arc::ptr_eq(&old, &policies[(swap + 1) % 2]), "what was there comes back");
            assert!(Arc::ptr_eq(&live.load(), &policies[swap % 2]), "who asks behind a swap sees it");
            let done = satisfied.load(Ordering::Relaxed) == 3 || readers.iter().any(|it| it.is_finished());
            if swap > SWAPS && done {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(satisfied.load(Ordering::Relaxed), 3, "each reader saw both policies");
}

#[test]
fn the_two_ends_of_an_answer_are_of_one_policy() {
    // Either policy denies, at one end; the ends that allow together would allow.
    let policies = [pair(Verdict::Deny, Verdict::Allow), pair(Verdict::Allow, Verdict::Deny)];
    let packet = packets()[0];
    race(policies, |live| {
        assert_eq!(live.decide(&packet), Verdict::Deny);
        // A policy held is one policy, and tells which.
        let held = live.load();
        let decision = held.explain(&packet);
        assert_eq!(decision.verdict, Verdict::Deny);
        let [egress, ingress] = [decision.egress, decision.ingress].map(|end| end.unwrap().outcome.verdict);
        assert_ne!(egress, ingress);
        Some(usize::from(ingress == Verdict::Deny))
    });
}

#[test]
fn all_packets_of_a_batch_meet_one_policy() {
    let policies = [pair(Verdict::Allow, Verdict::Allow), pair(Verdict::Allow, Verdict::Deny)];
    let packets = packets();
    race(policies, |live| {
        let mut verdicts = vec![Verdict::Deny; packets.len()];
        live.decide_batch(&packets, &mut verdicts);
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
        Some(usize::from(verdicts[0] == Verdict::Deny))
    });
}

#[test]
fn an_old_policy_is_freed() {
    let old = pair(Verdict::Allow, Verdict::Allow);
    let live = Live::new(Arc::clone(&old));
    drop(live.swap(pair(Verdict::Deny, Verdict::Deny)));
    assert_eq!(Arc::strong_count(&old), 1);
    assert_eq!(live.decide(&packets()[0]), Verdict::Deny);
}
