//! The filter on packets written byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Duration;

use example_bare::Filter;
use palisade_matcher::Matcher;

const POLICY: &str = "network prod = vpc

group web {
  kind basic
  network prod
  inner deny

  in {
    10 allow tcp from any to port 443
    20 allow icmpv6 from any
  }
}

instance web-1 {
  nic eth0 address [10.0.0.1, fd00::1] groups web
}
";

const WEB: [u8; 4] = [10, 0, 0, 1];
const CLIENT: [u8; 4] = [203, 0, 113, 9];

fn filter() -> Filter {
    let front = palisade::front::read_text("policy.sg", POLICY);
    let plan = palisade::lower::lower(&front.policy.expect("a policy"));
    Filter::new(&Matcher::new(&plan).to_bytes(), 10).unwrap()
}

/// An IPv4 packet with options of so many words.
fn v4(source: [u8; 4], destination: [u8; 4], protocol: u8, options: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45 + options, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    bytes.extend(source.into_iter().chain(destination));
    bytes.extend(std::iter::repeat_n(1, usize::from(options) * 4));
    bytes.extend(payload);
    bytes
}

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    bytes.extend([0x20; 16]);
    bytes.extend(*b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
    bytes.extend(payload);
    bytes
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

#[test]
fn packets_pass_by_the_rules_and_replies_by_their_session() {
    let mut filter = filter();
    let mut passes = |bytes: &[u8], second| filter.passes(bytes, Duration::from_secs(second));
    let reply = v4(WEB, CLIENT, 17, 0, &ports(40_000, 53));
    assert!(!passes(&v4(CLIENT, WEB, 17, 0, &ports(53, 40_000)), 0), "nobody has asked");
    assert!(passes(&reply, 1), "the default lets out");
    assert!(passes(&v4(CLIENT, WEB, 17, 0, &ports(53, 40_000)), 2), "the answer");
    assert!(!passes(&v4(CLIENT, WEB, 17, 0, &ports(53, 40_000)), 10_000), "much too late");
    assert!(passes(&v4(CLIENT, WEB, 6, 0, &ports(50_000, 443)), 10_000));
    assert!(passes(&v4(CLIENT, WEB, 6, 10, &ports(50_001, 443)), 10_000), "behind options");
    assert!(!passes(&v4(CLIENT, WEB, 6, 0, &ports(50_000, 22)), 10_000));
    assert!(passes(&v6(6, &ports(50_000, 443)), 10_000));
    assert!(passes(&v6(58, &[128, 0]), 10_000), "a ping has no ports");
    assert!(!passes(&v6(17, &ports(50_000, 443)), 10_000));
}

#[test]
fn what_cannot_be_judged_does_not_pass() {
    let mut filter = filter();
    let mut passes = |bytes: &[u8]| filter.passes(bytes, Duration::ZERO);
    let good = v4(CLIENT, WEB, 6, 0, &ports(50_000, 443));
    assert!(passes(&good));
    for length in 0..good.len() {
        assert!(!passes(&good[..length]), "{length} bytes");
    }
    for (byte, value, why) in
        [(0, 0x44, "a short header"), (0, 0x55, "a version"), (6, 0x20, "more"), (7, 1, "a part")]
    {
        let mut bad = good.clone();
        bad[byte] = value;
        assert!(!passes(&bad), "{why}");
    }
    for extension in [0, 43, 44, 51, 60] {
        assert!(!passes(&v6(extension, &ports(50_000, 443))), "extension {extension}");
    }
}

#[test]
fn a_damaged_policy_is_refused() {
    assert!(Filter::new(b"\x89PLSD", 10).is_err());
}
