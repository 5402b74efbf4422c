//! The compiled form: the same bytes for the same policy, and no damage or malice goes unnoticed.

use std::sync::Arc;

use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, Plan, PortMatch, PrefixSet,
    Protocol, ProtocolSet, Ranges, Rank, Rule, RuleId, Verdict,
};
use palisade_matcher::{FORMAT, LoadError, Matcher};
use serde_json::{Value, json};

use crate::plans::{self, Rng};

/// Magic, format, length, checksum.
const HEADER: usize = 24;

/// A plan of two NICs with a dozen rules.
fn small() -> Plan {
    let rules = |plan: &Plan| plans::chains(plan).map(|chain| chain.rules().len()).sum::<usize>();
    (0..).map(plans::random).find(|plan| plan.nics().count() == 2 && rules(plan) == 12).unwrap()
}

/// Puts a sound frame around a body.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut covered = FORMAT.to_le_bytes().to_vec();
    covered.extend((body.len() as u64).to_le_bytes());
    let sum = crc32fast::hash(&[&covered, body].concat());
    [b"\x89PLSD\r\n\x1a", covered.as_slice(), &sum.to_le_bytes(), body].concat()
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    for seed in 0..50 {
        let bytes = Matcher::new(&plans::random(seed)).to_bytes();
        assert_eq!(Matcher::new(&plans::random(seed)).to_bytes(), bytes);
        assert_eq!(Matcher::from_bytes(&bytes).unwrap().to_bytes(), bytes, "loading loses nothing");
        assert_eq!(framed(&bytes[HEADER..]), bytes);
    }
}

/// When this fails the format has changed: old files would be misread. Raise `FORMAT`, then pin the new bytes.
#[test]
fn the_format_is_pinned() {
    let body = &Matcher::new(&small()).to_bytes()[HEADER..];
    assert_eq!((FORMAT, body.len(), crc32fast::hash(body)), (6, 39_679, 918_806_159));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = Matcher::new(&small()).to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(Matcher::from_bytes(&bytes[..length]).unwrap_err(), LoadError::Truncated, "{length}");
    }
    assert_eq!(Matcher::from_bytes(&[&bytes[..], b"\n"].concat()).unwrap_err(), LoadError::Trailing(1));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut bytes = Matcher::new(&small()).to_bytes();
    for at in 0..bytes.len() * 8 {
        bytes[at / 8] ^= 1 << (at % 8);
        let error = Matcher::from_bytes(&bytes).unwrap_err();
        let expected: &[&str] = match at / 8 {
            0..8 => &["palisade::matcher::foreign"],
            8..12 => &["palisade::matcher::format"],
            12..20 => &["palisade::matcher::truncated", "palisade::matcher::trailing-bytes"],
            _ => &["palisade::matcher::damaged"],
        };
        assert!(expected.contains(&error.code()), "bit {at}: {error}");
        bytes[at / 8] ^= 1 << (at % 8);
    }
}

/// As above for a file of which not every bit can be tried.
#[test]
fn damage_of_a_large_file_is_noticed() {
    let mut plan = small();
    let nic = &mut plan.instances[0].nics[0];
    let rule = |at: u32| {
        let host = Ranges::span(u128::from(at << 7), u128::from((at << 7) + at % 90));
        let matches = Match::new(MatchParts {
            source: Addresses::unnamed(PrefixSet::from_ranges(Family::V4, &host)),
            destination: Addresses::any(Family::V4),
            protocols: ProtocolSet::only(Protocol::UDP),
            source_ports: PortMatch::Any,
            destination_ports: PortMatch::Any,
        });
        let verdict = if at & 1 == 0 { Verdict::Allow } else { Verdict::Deny };
        let (outcome, origin) = (Outcome::silent(verdict), Origin::one(RuleId(0)));
        Rule { matches: matches.unwrap(), outcome, rank: Rank::INNER_ACCESS, origin }
    };
    nic.ingress = Chain::from_ordered((0..3000).map(rule).collect(), Verdict::Deny, RuleId(0)).into();
    let mut bytes = Matcher::new(&plan).to_bytes();
    assert!(bytes.len() > 200_000, "{}", bytes.len());
    let mut rng = Rng::new(5);
    for _ in 0..500 {
        let (at, bit) = (rng.below(bytes.len()), rng.below(8));
        bytes[at] ^= 1 << bit;
        Matcher::from_bytes(&bytes).expect_err("a flipped bit");
        bytes[at] ^= 1 << bit;
        Matcher::from_bytes(&bytes[..at]).expect_err("a cut file");
    }
    assert_eq!(Matcher::from_bytes(&bytes).unwrap().to_bytes(), bytes);
}

#[test]
fn other_files_are_refused() {
    let refused = |bytes: &[u8]| Matcher::from_bytes(bytes).unwrap_err();
    assert_eq!(refused(b"table inet palisade {}\n"), LoadError::Foreign);
    assert_eq!(refused(b""), LoadError::Truncated);
    let mut newer = Matcher::new(&small()).to_bytes();
    newer[8] = 1;
    assert_eq!(refused(&newer), LoadError::Format { found: 1 });
    let body = &newer[HEADER..];
    assert_eq!(refused(&framed(&body[..body.len() - 1])).code(), "palisade::matcher::invalid");
    assert_eq!(refused(&framed(&body[..9])).code(), "palisade::matcher::malformed");
    assert_eq!(refused(&framed(&[body, b"\0"].concat())).code(), "palisade::matcher::invalid");
    assert_eq!(refused(&framed(b"")).code(), "palisade::matcher::malformed");
}

#[test]
fn no_forged_file_makes_a_look_up_panic() {
    let plan = small();
    let body = Matcher::new(&plan).to_bytes().split_off(HEADER);
    let packets = plans::boundary_packets(&plan, 1);
    let mut rng = Rng::new(7);
    let mut loaded = 0;
    for _ in 0..10_000 {
        let mut forged = body.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(forged.len());
            match rng.below(4) {
                0 => forged[at] = rng.next() as u8,
                1 => forged[at] ^= 1 << rng.below(8),
                2 => drop(forged.splice(at..at, [rng.next() as u8])),
                _ => drop(forged.remove(at)),
            }
        }
        let Ok(matcher) = Matcher::from_bytes(&framed(&forged)) else { continue };
        loaded += 1;
        // The forger may have given rules and structures different meanings: only look-ups have to end.
        let mut verdicts = vec![Verdict::Deny; packets.len()];
        matcher.decide_batch(&packets, &mut verdicts);
        for (packet, verdict) in packets.iter().zip(verdicts) {
            assert_eq!(matcher.decide(packet), verdict);
            matcher.explain(packet);
        }
        let again =
            Matcher::from_bytes(&matcher.to_bytes()).expect("what was accepted can be written and read");
        assert_eq!(again.to_bytes(), matcher.to_bytes());
    }
    assert!(loaded > 500, "only {loaded} forged files were accepted: the forger is too clumsy to test much");
}

/// Rules are decoded when somebody asks. Where a forger broke them, look-ups go on and `validate` tells.
#[test]
fn rules_wait_until_they_are_asked_for() {
    let plan = small();
    let bytes = Matcher::new(&plan).to_bytes();
    assert_eq!(Matcher::from_bytes(&bytes).unwrap().validate(), Ok(()));
    let mut body = bytes[HEADER..].to_vec();
    let head = u64::from_le_bytes(body[..8].try_into().unwrap()) as usize;
    // The first rule in words gets a number that no `u32` has.
    body[8 + head + 8..][..6].fill(0xff);
    let (sound, forged) = (Matcher::new(&plan), Matcher::from_bytes(&framed(&body)).unwrap());
    for packet in plans::boundary_packets(&plan, 1) {
        assert_eq!(forged.decide(&packet), sound.decide(&packet));
        let (forged, sound) = (forged.explain(&packet), sound.explain(&packet));
        let ids = |decision: &palisade_matcher::Decision<'_>| {
            [decision.egress, decision.ingress].map(|end| end.map(|end| (end.outcome, end.id)))
        };
        assert_eq!(ids(&forged), ids(&sound));
    }
    assert_eq!(forged.validate().unwrap_err().code(), "palisade::matcher::malformed");
}

#[test]
fn contradictions_are_named() {
    let plan = small();
    let sound = serde_json::to_value(Matcher::new(&plan)).unwrap();
    let rule = "/chains/0/rules/0";
    let at = |field: &str| format!("{rule}/{field}");
    let swapped = |pointer: &str| {
        let mut values = sound.pointer(pointer).unwrap().as_array().unwrap().clone();
        values.swap(0, 1);
        Value::from(values)
    };
    let v4 = |pairs: Value| json!({ "V4": pairs });
    for (place, value, message) in [
        ("/rules".to_owned(), swapped("/rules"), "rule ids are not ascending"),
        ("/nics".to_owned(), swapped("/nics"), "NICs are not ascending by instance and interface"),
        ("/nics/0/ingress/decide".to_owned(), json!(99), "a NIC names an unknown chain"),
        ("/nics/0/egress/plain".to_owned(), json!(99), "a NIC names an unknown chain"),
        ("/nics/0/instance".to_owned(), json!("We b"), "`We b` is not a name"),
        ("/nics/0/interface".to_owned(), json!("eth*"), "`eth*` is not an interface name"),
        ("/chains/0/default_id".to_owned(), json!(9999), "a chain names an unknown rule"),
        (at("origin"), json!([9999]), "a chain names an unknown rule"),
        (at("origin"), json!([]), "the origin of a rule is empty or not ascending"),
        (at("origin"), json!([1, 0]), "the origin of a rule is empty or not ascending"),
        (at("source"), json!(99), "a rule names an unknown set of addresses"),
        (at("destination"), json!(99), "a rule names an unknown set of addresses"),
        (at("protocols"), json!([]), "in their one form"),
        (at("protocols"), json!([[6, 6], [6, 7]]), "in their one form"),
        (at("protocols"), json!([[6, 256]]), "256"),
        (at("source_ports"), json!([]), "in their one form"),
        (at("destination_ports"), json!([[22, 22], [23, 23]]), "in their one form"),
        (at("destination_ports"), json!([[23, 22]]), "in their one form"),
        (at("rank/verdict"), json!("maybe"), "maybe"),
        ("/addresses/0".to_owned(), v4(json!([])), "in their one form"),
        ("/addresses/0".to_owned(), v4(json!([["10.0.0.2", "10.0.0.1"]])), "in their one form"),
        ("/addresses/0".to_owned(), v4(json!([["fd00::1", "fd00::1"]])), "IPv4"),
        ("/rules/0/1/source/Group/priority".to_owned(), json!(101), "`101` is not a priority"),
    ] {
        let mut forged = sound.clone();
        *forged.pointer_mut(&place).unwrap_or_else(|| panic!("no {place} in {sound:#}")) = value;
        let error = serde_json::from_value::<Matcher>(forged).unwrap_err().to_string();
        assert!(error.contains(message), "{place}: {error}");
    }
    let loaded: Matcher = serde_json::from_value(sound).unwrap();
    assert_eq!(loaded.to_bytes(), Matcher::new(&plan).to_bytes());
}

/// A rule that tests ports of all protocols and one that mixes families: decodable, and matched by no packet.
#[test]
fn impossible_matches_are_refused() {
    let mut sound = serde_json::to_value(Matcher::new(&small())).unwrap();
    sound["addresses"] = json!([{ "V4": [["10.0.0.1", "10.0.0.1"]] }, { "V6": [["fd00::1", "fd00::1"]] }]);
    let rule = sound["chains"][0]["rules"][0].clone();
    for chain in sound["chains"].as_array_mut().unwrap() {
        chain["rules"] = json!([]);
    }
    for (source, destination, protocols, message) in
        [(0, 1, json!([[6, 6]]), "different address families"), (0, 0, json!([[0, 255]]), "tcp and udp only")]
    {
        let mut rule = rule.clone();
        rule["source"] = json!(source);
        rule["destination"] = json!(destination);
        rule["protocols"] = protocols;
        rule["destination_ports"] = json!([[22, 22]]);
        sound["chains"][0]["rules"] = json!([rule]);
        let error = serde_json::from_value::<Matcher>(sound.clone()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Rules whose bitsets would take terabytes: each asks for the same scattered addresses.
#[test]
fn a_small_file_cannot_ask_for_all_memory() {
    const MANY: u32 = 20_000;
    let scattered: Ranges = (0..MANY).map(|at| (u128::from(2 * at), u128::from(2 * at))).collect();
    let prefixes = Arc::new(PrefixSet::from_ranges(Family::V4, &scattered));
    let addresses = || Addresses { prefixes: Arc::clone(&prefixes), set: None };
    let matches = Match::new(MatchParts {
        source: addresses(),
        destination: addresses(),
        protocols: ProtocolSet::only(Protocol::TCP),
        source_ports: PortMatch::Any,
        destination_ports: PortMatch::Any,
    })
    .unwrap();
    let outcome = Outcome::silent(Verdict::Deny);
    let rule = |_| Rule {
        matches: matches.clone(),
        outcome,
        rank: Rank::INNER_ACCESS,
        origin: Origin::one(RuleId(0)),
    };
    let mut plan = plans::random(3);
    plan.instances.truncate(1);
    for nic in &mut plan.instances[0].nics {
        nic.egress = Chain::from_ordered((0..MANY).map(rule).collect(), Verdict::Allow, RuleId(0)).into();
    }
    let bytes = Matcher::new(&plan).to_bytes();
    assert!(bytes.len() < 4 << 20, "{}", bytes.len());
    let matcher = Matcher::from_bytes(&bytes).unwrap();
    let nic = matcher.nics().next().unwrap();
    for (destination, expected) in [("0.0.0.2", Verdict::Deny), ("0.0.0.3", Verdict::Allow)] {
        let ends = ["0.0.0.4", destination].map(|address| address.parse().unwrap());
        let packet = Packet::new(ends[0], ends[1], Protocol::TCP, None).unwrap();
        assert_eq!(nic.egress(&packet).verdict, expected);
    }
}
