//! Work that a budget bounds: the answer is "unknown", with a packet where one is found, and never "no change".

use palisade::diff::show::unknown_json;
use palisade::diff::{Both, Outside, Unknown, Why, diff, outside_unlisted};
use palisade::front::read_text;
use palisade::lower::lower;
use palisade_ir::decide::Budget;
use palisade_ir::{Direction, Plan, Verdict};

/// Rules that ask for one field each, the worst neighbours of rules that ask for another one.
fn plan(rules: impl Iterator<Item = String>) -> Plan {
    let rules: String = rules.map(|rule| format!("    10 allow tcp {rule}\n")).collect();
    let text = format!(
        "network prod = vpc\ngroup web {{\n  kind basic\n  network prod\n  inner deny\n  in {{\n{rules}  }}\n}}\n\
         instance web-1 {{\n  nic eth0 address 10.0.1.1 groups web\n}}\n"
    );
    lower(&read_text("policy.sg", &text).policy.expect("a policy"))
}

fn by_source(bits: u8) -> Plan {
    let half = |at: u32| match bits {
        24 => vec![format!("from 172.{}.{}.0/24", 16 + at / 256, 2 * (at % 128))],
        _ => ["0/25", "128/25"]
            .map(|end| format!("from 172.{}.{}.{end}", 16 + at / 256, 2 * (at % 128)))
            .to_vec(),
    };
    plan((0..128).chain(256..384).flat_map(half))
}

fn by_port() -> Plan {
    plan((0..256).map(|at| format!("from any to port {}", 2 * at + 1)))
}

/// Enough for what is asked of whole chains, too few to list what differs between `by_source` and `by_port`.
const STEPS: u64 = 1_000_000;

#[test]
fn crossed_lists_are_unknown_with_a_packet() {
    let (old, new) = (by_source(24), by_port());
    let Unknown { ends, direction, packet } =
        diff(&old, &new, &mut Budget::new(STEPS)).expect_err("more than the budget allows");
    assert_eq!((ends[0].instance.as_str(), direction), ("web-1", Direction::In));
    let packet = packet.expect("a packet");
    assert_eq!(
        packet.destination().to_string(),
        "10.0.1.1",
        "the NIC's own address, where that shows it as well"
    );
    let decide = |plan: &Plan| plan.nics().next().expect("a NIC").2.ingress.decide(&packet).outcome;
    assert_ne!(decide(&old), decide(&new), "{packet:?}");
}

#[test]
fn equal_meaning_in_other_rules_is_proved() {
    let difference = diff(&by_source(24), &by_source(25), &mut Budget::new(STEPS)).expect("enough steps");
    assert!(difference.is_empty());
}

#[test]
fn without_steps_nothing_is_said() {
    let unknown = diff(&by_source(24), &by_port(), &mut Budget::new(100)).expect_err("no steps");
    assert_eq!(unknown.packet, None);
}

/// Too many differences to list, and yet an envelope can be asked about all of them.
#[test]
fn an_envelope_decides_what_is_unknown() {
    let (old, new) = (by_source(24), by_port());
    let both = Both { old: &old, new: &new };
    let outside =
        |envelope: &Plan| outside_unlisted(both, envelope, &mut Budget::new(STEPS)).expect("enough steps");
    assert_eq!(outside(&new), []);
    let found = outside(&old);
    let [Outside { ends, why: Why::DeniesSome { direction: Direction::In, packet } }] = found.as_slice()
    else {
        panic!("{found:?}");
    };
    assert_eq!(ends[0].instance.as_str(), "web-1");
    let decide = |plan: &Plan| plan.nics().next().expect("a NIC").2.ingress.decide(packet).outcome.verdict;
    assert_eq!((decide(&old), decide(&new)), (Verdict::Deny, Verdict::Allow));
    assert!(outside_unlisted(both, &old, &mut Budget::new(10)).is_err());
}

#[test]
fn unknown_is_a_document_too() {
    let unknown =
        diff(&by_source(24), &by_port(), &mut Budget::new(STEPS)).expect_err("more than the budget");
    let document: serde_json::Value = serde_json::from_str(&unknown_json(&unknown, None)).expect("JSON");
    assert_eq!(document["same"], false);
    assert!(document["chains"].is_null() && document["widens"].is_null(), "{document}");
    assert_eq!(document["unknown"]["packet"]["destination"], "10.0.1.1");
    assert_eq!(document["unknown"]["nics"][0]["instance"], "web-1");
    let packet = Unknown { packet: None, ..unknown };
    let document: serde_json::Value = serde_json::from_str(&unknown_json(&packet, None)).expect("JSON");
    assert!(document["same"].is_null() && document["unknown"]["packet"].is_null(), "{document}");
}
