use super::sample::{Random, chain, is_in, packet, packets, region, to_port};
use crate::decide::Index;
use crate::{Chain, Family, PacketPorts, Region, RuleId, Verdict};

#[test]
fn decides_every_packet_as_the_chain_does() {
    let mut random = Random(1);
    for _ in 0..60 {
        let chain = chain(&mut random, 12);
        let index = Index::new(&chain);
        for packet in Family::ALL.iter().flat_map(|family| packets(*family)) {
            assert_eq!(index.decide(&packet), chain.decide(&packet), "{packet:?}");
        }
    }
}

#[test]
fn reads_rows_longer_than_a_chunk_of_words() {
    let port = |place: usize| 1000 + place as u16;
    let rules: Vec<_> = (0..1500).map(|place| to_port(port(place), RuleId(place as u32))).collect();
    let index = Index::new(&Chain::from_ordered(rules, Verdict::Deny, RuleId(1500)));
    let packet = |port| packet(Family::V6, Some(PacketPorts { source: 1, destination: port }));
    for place in [0, 63, 64, 511, 512, 1023, 1024, 1499] {
        assert_eq!(index.first_match(&packet(port(place))), Some(place));
    }
    assert_eq!(index.first_match(&packet(999)), None);
}

/// Without rows every candidate is tested by itself.
#[test]
fn answers_stay_the_same_without_room_for_rows() {
    let mut random = Random(5);
    for limit in [0, 8 * 5, 8 * 10] {
        for _ in 0..20 {
            let chain = chain(&mut random, 12);
            let (index, poor) = (Index::new(&chain), Index::within(limit, &chain));
            for packet in Family::ALL.iter().flat_map(|family| packets(*family)) {
                assert_eq!(poor.first_match(&packet), index.first_match(&packet), "{packet:?}");
            }
            let family = random.family();
            let region = region(&mut random, family);
            assert_eq!(poor.overlapping(&region), index.overlapping(&region), "{region:?}");
        }
    }
}

#[test]
fn finds_exactly_the_rules_that_meet_a_region() {
    let mut random = Random(3);
    for _ in 0..200 {
        let chain = chain(&mut random, 12);
        let index = Index::new(&chain);
        let family = random.family();
        let region = region(&mut random, family);
        let found = index.overlapping(&region);
        for (rule, found) in chain.rules().iter().zip(found.iter().by_vals()) {
            assert_eq!(found, Region::of(&rule.matches).intersect(&region).is_some(), "{rule:?} {region:?}");
        }
    }
}

#[test]
fn an_empty_chain_has_one_class_per_axis_and_no_match() {
    let chain = Chain::new(Vec::new(), Verdict::Deny, RuleId(0));
    let index = Index::new(&chain);
    for family in Family::ALL {
        assert!(index.axes(family).iter().all(|axis| axis.class_count() == 1));
        assert!(packets(family).iter().all(|packet| index.first_match(packet).is_none()));
    }
}

#[test]
fn tests_here_see_the_packets_of_a_region() {
    let mut random = Random(4);
    for _ in 0..50 {
        let family = random.family();
        let region = region(&mut random, family);
        assert_eq!(region.holds_packets(), packets(family).iter().any(|packet| is_in(&region, packet)));
    }
}
