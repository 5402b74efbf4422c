//! Policy and sessions for many threads: against the naive table, while policies are swapped, and when full.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use palisade_ir::{Packet, Verdict};
use palisade_matcher::Gate;

use crate::plans::{self, Rng};
use crate::sessions::{INET, Model, WEB, at, tcp, two_policies, web};

fn to(client: u16, port: u16) -> Packet {
    tcp(INET, WEB, (client, port))
}

#[test]
fn sessions_follow_the_policy() {
    for shards in [1, 7] {
        let gate = Gate::with_shards(web(&[22, 80], 910), 1000, shards);
        for client in 1..=100 {
            assert_eq!(gate.check(&to(client, 22), at(0)), Verdict::Allow);
            assert_eq!(gate.check(&to(client, 80), at(0)), Verdict::Allow);
            assert_eq!(gate.check(&to(client, 443), at(0)), Verdict::Deny);
        }
        assert_eq!((gate.len(), gate.capacity()), (200, 1000));
        assert_eq!(gate.swap(web(&[80], 60), at(0)), 100, "the others stay");
        assert_eq!(gate.len(), 100);
        assert_eq!(gate.check(&to(1, 22).reply(), at(1)), Verdict::Allow, "a new one: the server asks");
        assert_eq!(gate.check(&to(2, 22), at(1)), Verdict::Deny);
        assert!(gate.is_live(&to(1, 80), at(60)) && !gate.is_live(&to(2, 22), at(1)));
        assert_eq!(gate.check(&to(1, 80).reply(), at(60)), Verdict::Allow);
        assert!(!gate.is_live(&to(2, 80), at(61)), "the new timeout holds");
        assert_eq!(gate.load().session_timeout(), at(60));
        assert_eq!(gate.swap(web(&[22], 60), at(60)), 100);
        assert_eq!(gate.len(), 1, "what the server opened");
    }
}

#[test]
fn it_never_holds_more_than_its_capacity() {
    for (capacity, shards) in [(0, 4), (1, 1), (3, 8), (100, 7), (1000, 64)] {
        let gate = Gate::with_shards(web(&[80], 910), capacity, shards);
        assert_eq!(gate.capacity(), capacity);
        for client in 1..5000 {
            assert_eq!(gate.check(&to(client, 80), at(0)), Verdict::Allow, "nobody is turned away");
        }
        // Each shard has met more sessions than it holds.
        assert_eq!(gate.len(), capacity);
        assert_eq!(gate.is_empty(), capacity == 0);
    }
    assert_eq!(Gate::new(web(&[80], 910), 100_001).capacity(), 100_001);
}

/// With one shard it is the naive table, whatever it holds; with more it is so until one of them is full.
#[test]
fn agrees_with_a_naive_table_on_random_sequences() {
    let (mut ended, mut full) = (0, 0);
    for seed in 0..80 {
        let mut rng = Rng::new(seed);
        let policies = two_policies(seed);
        let mut packets = plans::boundary_packets(&plans::random(seed), seed);
        packets.truncate(40);
        if packets.is_empty() {
            continue;
        }
        let (shards, capacity) =
            if seed % 2 == 0 { (1, 1 + rng.below(12)) } else { (1 + rng.below(9), 1000) };
        let gate = Gate::with_shards(policies[0].clone(), capacity, shards);
        let (mut model, mut now, mut active) = (Model { capacity, sessions: vec![] }, Duration::ZERO, 0);
        for _ in 0..400 {
            now += Duration::from_millis(rng.next() % 3000);
            if rng.one_in(50) {
                active = 1 - active;
                model.sessions.retain(|(_, seen)| now - *seen <= policies[1 - active].session_timeout());
                let before = model.sessions.len();
                model.sessions.retain(|(first, _)| policies[active].decide(first) == Verdict::Allow);
                ended += before - model.sessions.len();
                assert_eq!(gate.swap(policies[active].clone(), now), before - model.sessions.len());
            }
            let packet = *rng.pick(&packets);
            let packet = if rng.one_in(2) { packet } else { packet.reply() };
            let live = model.sessions.iter().any(|(first, seen)| {
                (*first == packet || *first == packet.reply())
                    && now - *seen <= policies[active].session_timeout()
            });
            assert_eq!(gate.is_live(&packet, now), live, "seed {seed} {packet:?}");
            full += usize::from(model.sessions.len() == capacity);
            let expected = model.check(&policies[active], &packet, now);
            assert_eq!(gate.check(&packet, now), expected, "seed {seed} {packet:?}");
            assert!(gate.len() <= capacity);
        }
    }
    assert!(ended > 50 && full > 500, "swaps ended {ended} sessions, the table was full {full} times");
}

/// Threads open and use sessions while policies come and go. Each answer fits one of both policies, and behind the last
/// swap nothing lives that its policy would not have let in.
#[test]
fn threads_check_while_policies_are_swapped() {
    const CAPACITY: usize = 300;
    const SWAPS: usize = 300;
    let policies = [web(&[22, 80], 910), web(&[80, 443], 910)];
    let gate = Gate::with_shards(policies[0].clone(), CAPACITY, 5);
    let (over, passed, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for turn in 0..3 {
            let (gate, over, passed, refused) = (&gate, &over, &passed, &refused);
            scope.spawn(move || {
                let mut rng = Rng::new(turn);
                while !over.load(Ordering::Relaxed) {
                    let client = rng.below(200) as u16 + 1;
                    assert_eq!(gate.check(&to(client, 80), at(0)), Verdict::Allow, "both allow it");
                    assert_eq!(gate.check(&to(client, 25), at(0)), Verdict::Deny, "neither allows it");
                    for port in [22, 443] {
                        match gate.check(&to(client, port), at(0)) {
                            Verdict::Allow => passed.fetch_add(1, Ordering::Relaxed),
                            Verdict::Deny => refused.fetch_add(1, Ordering::Relaxed),
                        };
                    }
                    assert!(gate.len() <= CAPACITY);
                }
            });
        }
        let enough = || passed.load(Ordering::Relaxed) > 1000 && refused.load(Ordering::Relaxed) > 1000;
        let mut swap = 0;
        while swap < SWAPS || !(enough() || over.load(Ordering::Relaxed)) {
            swap += 1;
            gate.swap(policies[swap % 2].clone(), at(0));
            let (open, shut) = if swap % 2 == 0 { (22, 443) } else { (443, 22) };
            // Who asks behind a swap is answered by the new policy, whatever was let in before.
            assert_eq!(gate.check(&to(1, open), at(0)), Verdict::Allow);
            assert_eq!(gate.check(&to(1, shut), at(0)), Verdict::Deny);
            assert!((1..=200).all(|client| !gate.is_live(&to(client, shut), at(0))));
        }
        over.store(true, Ordering::Relaxed);
    });
    gate.swap(web(&[], 910), at(0));
    assert!(gate.is_empty());
}
