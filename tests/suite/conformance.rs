//! Every case of `tests/policies` through every engine.

use palisade::engine::{Engine, EngineKind};
use palisade_ir::Packet;

use crate::case::{self, Case};

fn check(case: &Case) {
    let Case { title, policy, packets, refused } = case;
    let loaded = palisade::front::read_text("policy.sg", policy);
    if let Some(code) = refused {
        let codes: Vec<&str> =
            loaded.diagnostics.iter().filter(|found| found.is_error()).map(|found| found.code).collect();
        assert_eq!(codes, [code.as_str()], "{title}");
        return;
    }
    let resolved = loaded.policy.as_ref().unwrap_or_else(|| panic!("{title}: {:#?}", loaded.diagnostics));
    assert!(!packets.is_empty(), "{title}: nothing to check");
    for kind in EngineKind::ALL {
        let mut engine = Engine::new(resolved, kind);
        for line in packets {
            let (verdict, packet): (_, Packet) = case::packet(resolved, line);
            let answer =
                engine.decide(&packet, None, None).unwrap_or_else(|error| panic!("{title}: {error}"));
            assert_eq!(answer.verdict, verdict, "{title}: {} on `{line}`: {answer:#?}", kind.name());
        }
    }
}

#[test]
fn worked_examples() {
    let cases = case::read("conformance.md");
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    cases.iter().for_each(check);
}

#[test]
fn language_features() {
    case::read("language.md").iter().for_each(check);
}

#[test]
fn faults_of_other_tools() {
    case::read("widening.md").iter().for_each(check);
}
