//! What cannot be said in nft's language is refused, with a code and a remedy.

use palisade_ir::{Backend, InstanceId, NetworkId, Options, Placement, Plan, Verdict};
use palisade_nftables::Nftables;

use crate::build::*;
use crate::plans;

fn code(plan: &Plan, options: &Options) -> &'static str {
    let error = Nftables.emit(plan, options).unwrap_err();
    assert!(error.help.is_some(), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with(|c: char| c.is_lowercase() || c == '`') && !message.ends_with('.'),
        "{message}"
    );
    error.code
}

#[test]
fn options() {
    let plan = plans::web();
    let host = Options::at(Placement::Host(InstanceId(0)));
    let gateway = Options::at(Placement::Gateway);
    let table = |name: &str, options: &Options| Options { table: Some(name.to_owned()), ..options.clone() };
    let cases = [
        (Options { chains_only: true, ..host.clone() }, "palisade::emit::unsupported-option"),
        (Options { ipset: true, ..host.clone() }, "palisade::emit::unsupported-option"),
        (Options { unmanaged: Verdict::Deny, ..gateway.clone() }, "palisade::emit::unsupported-option"),
        (Options::at(Placement::Host(InstanceId(9))), "palisade::emit::unknown-instance"),
        (table("table", &host), "palisade::emit::table-name"),
        (table("a\"b", &host), "palisade::emit::table-name"),
        (table("palisade_gateway", &host), "palisade::emit::table-name"),
        (table("palisade", &gateway), "palisade::emit::table-name"),
    ];
    for (options, expected) in cases {
        assert_eq!(code(&plan, &options), expected, "{options:?}");
    }
}

#[test]
fn session_timeouts_that_connection_tracking_cannot_count() {
    let mut plan = plans::web();
    let host = Options::at(Placement::Host(InstanceId(0)));
    for (seconds, good) in [(0, false), (1, true), (2_147_483, true), (2_147_484, false), (u32::MAX, false)] {
        plan.session_timeout = seconds;
        assert_eq!(Nftables.emit(&plan, &host).is_ok(), good, "{seconds}");
    }
    assert_eq!(code(&plan, &host), "palisade::emit::session-timeout");
}

#[test]
fn the_loopback_interface_as_a_nic_under_the_loopback_prelude() {
    let mut plan = plan();
    add_instance(&mut plan, "web1", vec![nic("lo", "10.0.1.10", Vec::new(), Vec::new())]);
    let mut options = Options::at(Placement::Host(InstanceId(0)));
    assert_eq!(code(&plan, &options), "palisade::emit::loopback-interface");
    options.prelude.clear();
    assert!(Nftables.emit(&plan, &options).is_ok());
}

#[test]
fn two_nics_of_one_name() {
    let mut plan = plan();
    let nic = |address: &str| nic("eth0", address, Vec::new(), Vec::new());
    add_instance(&mut plan, "web1", vec![nic("10.0.1.10"), nic("10.0.1.11")]);
    assert_eq!(code(&plan, &Options::at(Placement::Host(InstanceId(0)))), "palisade::emit::name-taken");
    assert_eq!(code(&plan, &Options::at(Placement::Gateway)), "palisade::emit::name-taken");
}

#[test]
fn addresses_a_gateway_cannot_tell_apart() {
    let gateway = Options::at(Placement::Gateway);
    let nic = || nic("eth0", "10.0.1.10", Vec::new(), Vec::new());
    let cases: [(_, _, bool); 4] = [
        (nic(), nic(), false),
        (behind("tap0", nic()), nic(), false),
        (behind("br0", nic()), behind("br0", nic()), false),
        (behind("tap0", nic()), behind("tap1", nic()), true),
    ];
    for (one, mut two, good) in cases {
        let mut plan = plan();
        plan.networks.push(name("test"));
        two.network = NetworkId(1);
        add_instance(&mut plan, "a", vec![one]);
        add_instance(&mut plan, "b", vec![two]);
        match good {
            true => assert!(Nftables.emit(&plan, &gateway).is_ok()),
            false => assert_eq!(code(&plan, &gateway), "palisade::emit::ambiguous-address"),
        }
        assert!(Nftables.emit(&plan, &Options::at(Placement::Host(InstanceId(0)))).is_ok());
    }
}
