//! How long an idle session lives: timeout objects for tcp and udp, sysctls for the other protocols.
//!
//! Only tcp and udp have `ct timeout` objects in nft 1.0.6. An object that exists keeps its old content when it is
//! declared again, silently; so the value is part of the name.

use palisade_ir::EmitError;

use super::errors;

/// Connection tracking compares times as signed 32-bit ticks, up to 1000 a second (nf_ct_is_expired).
const LONGEST: u32 = i32::MAX as u32 / 1000;

/// The states of tcp in which a session lives. `unack` and `retrans` stand in for `established` while data is unacknowledged.
const TCP_LIVE: [&str; 3] = ["established", "unack", "retrans"];
/// The states of tcp on the way in and out, with the kernel's seconds (nf_conntrack_proto_tcp.c).
const TCP_PASSING: [(&str, u32); 8] = [
    ("syn_sent", 120),
    ("syn_recv", 60),
    ("fin_wait", 120),
    ("close_wait", 60),
    ("last_ack", 30),
    ("time_wait", 120),
    ("close", 10),
    ("syn_sent2", 120),
];

/// Keys below net.netfilter that are the lifetime of a session.
const KEYS_LIVE: [&str; 7] = [
    "nf_conntrack_generic_timeout",
    "nf_conntrack_icmp_timeout",
    "nf_conntrack_icmpv6_timeout",
    "nf_conntrack_gre_timeout",
    "nf_conntrack_gre_timeout_stream",
    "nf_conntrack_sctp_timeout_established",
    "nf_conntrack_dccp_timeout_open",
];
/// Keys for passing states, with the kernel's seconds (nf_conntrack_proto_sctp.c, nf_conntrack_proto_dccp.c).
const KEYS_PASSING: [(&str, u32); 13] = [
    ("nf_conntrack_sctp_timeout_closed", 10),
    ("nf_conntrack_sctp_timeout_cookie_wait", 3),
    ("nf_conntrack_sctp_timeout_cookie_echoed", 3),
    ("nf_conntrack_sctp_timeout_heartbeat_sent", 30),
    ("nf_conntrack_sctp_timeout_shutdown_sent", 3),
    ("nf_conntrack_sctp_timeout_shutdown_recd", 3),
    ("nf_conntrack_sctp_timeout_shutdown_ack_sent", 3),
    ("nf_conntrack_dccp_timeout_request", 240),
    ("nf_conntrack_dccp_timeout_respond", 480),
    ("nf_conntrack_dccp_timeout_partopen", 480),
    ("nf_conntrack_dccp_timeout_closereq", 64),
    ("nf_conntrack_dccp_timeout_closing", 64),
    ("nf_conntrack_dccp_timeout_timewait", 240),
];

/// Refuses what connection tracking cannot count; it would wrap around and end sessions at once.
pub(super) fn check(seconds: u32) -> Result<(), EmitError> {
    if (1..=LONGEST).contains(&seconds) { Ok(()) } else { Err(errors::session_timeout(seconds)) }
}

/// What the header says about it.
pub(super) fn note(seconds: u32) -> String {
    format!("Sessions of the policy's nics end after {seconds} idle seconds.")
}

/// The states that need a value: all live ones, and those passing ones that would outlast a session.
fn states<'a>(live: &[&'a str], passing: &[(&'a str, u32)], seconds: u32) -> Vec<&'a str> {
    let outlast = passing.iter().filter(|(_, kernel)| *kernel > seconds).map(|(name, _)| *name);
    live.iter().copied().chain(outlast).collect()
}

/// The lines that declare the timeout objects.
pub(super) fn objects(seconds: u32) -> Vec<String> {
    let tcp = states(&TCP_LIVE, &TCP_PASSING, seconds);
    let mut lines = Vec::new();
    for (protocol, states) in [("tcp", tcp), ("udp", vec!["unreplied", "replied"])] {
        let policy: Vec<String> = states.iter().map(|state| format!("{state} : {seconds}")).collect();
        lines.push(format!("ct timeout {protocol}_{seconds} {{"));
        lines.push(format!("\tprotocol {protocol}"));
        lines.push(format!("\tpolicy = {{ {} }}", policy.join(", ")));
        lines.push("}".to_owned());
    }
    lines
}

/// The rules that give a session its timeout, for the top of every chain of a NIC: they work on the first packet only,
/// and traffic that no NIC of the policy is part of keeps its own.
pub(super) fn rules(seconds: u32) -> Vec<String> {
    ["tcp", "udp"]
        .iter()
        .map(|protocol| format!("meta l4proto {protocol} ct timeout set \"{protocol}_{seconds}\""))
        .collect()
}

/// The rules that let the packets of a session pass, at the top of a base chain. Of the packets that connection
/// tracking calls related, only icmp errors: a helper loaded by somebody else must not widen the policy.
pub(super) fn pass() -> Vec<String> {
    vec![
        "ct state established accept".to_owned(),
        "ct state related meta l4proto { icmp, icmpv6 } accept".to_owned(),
    ]
}

/// The sysctl file.
pub(super) fn sysctl(stem: &str, seconds: u32) -> String {
    let mut text = format!(
        "# palisade: the session timeout of protocols that have no timeout object in nftables
#
# load:  sysctl -e -p {stem}.sysctl    (after the ruleset, which brings connection tracking)
#
# These keys rule every connection of the network namespace, also those the policy does not name.
# `-e`, and the `-` in front where systemd reads the file, pass over keys that this kernel does not have.
"
    );
    for key in states(&KEYS_LIVE, &KEYS_PASSING, seconds) {
        text += &format!("-net.netfilter.{key} = {seconds}\n");
    }
    text
}
