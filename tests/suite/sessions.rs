//! Replies, idle timeout and revalidation, from policy text to the matcher's session table (E12 and E13).

use std::time::Duration;

use palisade::lower::lower;
use palisade_ir::{Packet, PacketPorts, Protocol, Verdict};
use palisade_matcher::{Matcher, SessionTable};

const POLICY: &str = r#"network prod = vpc

group web {
  kind basic
  network prod
  inner allow
}

instance web-1 {
  nic eth0 address 10.0.1.1 groups web
}
"#;

fn matcher(policy: &str) -> Matcher {
    let front = palisade::front::read_text("policy.sg", policy);
    Matcher::new(&lower(front.policy.as_ref().unwrap_or_else(|| panic!("{:#?}", front.diagnostics))))
}

fn https_from_web_1() -> Packet {
    let (from, to) = ("10.0.1.1".parse().unwrap(), "203.0.113.9".parse().unwrap());
    let ports = PacketPorts { source: 40_000, destination: 443 };
    Packet::new(from, to, Protocol::TCP, Some(ports)).unwrap()
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn e12_a_reply_passes_and_the_same_packet_without_a_session_does_not() {
    let (matcher, mut sessions) = (matcher(POLICY), SessionTable::new(100));
    let ask = https_from_web_1();
    assert_eq!(sessions.check(&matcher, &ask.reply(), at(0)), Verdict::Deny);
    assert_eq!(sessions.check(&matcher, &ask, at(1)), Verdict::Allow);
    assert_eq!(sessions.check(&matcher, &ask.reply(), at(2)), Verdict::Allow);
}

#[test]
fn e13_an_idle_session_ends_after_the_default_of_910_seconds() {
    let (matcher, mut sessions) = (matcher(POLICY), SessionTable::new(100));
    let ask = https_from_web_1();
    assert_eq!(sessions.check(&matcher, &ask, at(0)), Verdict::Allow);
    assert_eq!(sessions.check(&matcher, &ask.reply(), at(910)), Verdict::Allow, "still alive, and refreshed");
    assert_eq!(sessions.check(&matcher, &ask.reply(), at(910 + 911)), Verdict::Deny, "judged anew");
}

#[test]
fn the_policy_sets_the_timeout() {
    let short = format!("session timeout 2m\n\n{POLICY}");
    let (matcher, mut sessions) = (matcher(&short), SessionTable::new(100));
    let ask = https_from_web_1();
    assert_eq!(sessions.check(&matcher, &ask, at(0)), Verdict::Allow);
    assert_eq!(sessions.check(&matcher, &ask.reply(), at(121)), Verdict::Deny);
}

#[test]
fn after_a_change_a_session_stays_only_if_its_first_packet_would_still_be_allowed() {
    let closed =
        POLICY.replace("  inner allow\n", "  inner allow\n\n  out {\n    10 deny tcp to any port 443\n  }\n");
    let (open, closed) = (matcher(POLICY), matcher(&closed));
    let mut sessions = SessionTable::new(100);
    let ask = https_from_web_1();
    assert_eq!(sessions.check(&open, &ask, at(0)), Verdict::Allow);
    assert_eq!(sessions.revalidate(&open), 0);
    assert_eq!(sessions.check(&open, &ask.reply(), at(1)), Verdict::Allow);
    assert_eq!(sessions.revalidate(&closed), 1);
    assert_eq!(sessions.check(&closed, &ask.reply(), at(2)), Verdict::Deny);
}
