//! The session timeout, as the kernel's own connection tracking timers.
//!
//! Why not `-j CT --timeout`: its policies must be made with `nfct` first or the whole restore fails; a policy in use
//! can neither change nor be deleted, and iptables-save 1.8.9 keeps 4 bytes of its name, so a changed timeout would
//! need ever new names; and a replaced rule leaves live flows behind. The rules guard the whole host, and so do these
//! settings: they always load, hold for both families and survive every reload.

use std::fmt::Write as _;

use palisade_ir::{EmitError, Options, Plan};

use super::{error, header};

/// The kernel counts in an `int` of timer ticks, up to 1000 a second.
const LONGEST: u32 = i32::MAX as u32 / 1000;

/// How long a state may last.
enum Lasts {
    /// As long as a session.
    Session,
    /// As long as the kernel's default says (Documentation/networking/nf_conntrack-sysctl.rst), if a session may.
    AtMost(u32),
}
use Lasts::{AtMost, Session};

/// The timers; the second field says that some kernels are built without them. Those that only old kernels have are
/// not here: sysctl(8) of procps 4 fails on a missing key even behind a `-`.
const TIMERS: [(&str, bool, Lasts); 25] = [
    ("tcp_timeout_established", false, Session),
    // Without these two an established session falls to 300 s while data is unacknowledged or sent again.
    ("tcp_timeout_unacknowledged", false, Session),
    ("tcp_timeout_max_retrans", false, Session),
    ("tcp_timeout_syn_sent", false, AtMost(120)),
    ("tcp_timeout_syn_recv", false, AtMost(60)),
    ("tcp_timeout_fin_wait", false, AtMost(120)),
    ("tcp_timeout_close_wait", false, AtMost(60)),
    ("tcp_timeout_last_ack", false, AtMost(30)),
    ("tcp_timeout_time_wait", false, AtMost(120)),
    ("tcp_timeout_close", false, AtMost(10)),
    ("udp_timeout", false, Session),
    ("udp_timeout_stream", false, Session),
    ("icmp_timeout", false, Session),
    ("icmpv6_timeout", true, Session),
    ("generic_timeout", false, Session),
    ("gre_timeout", true, Session),
    ("gre_timeout_stream", true, Session),
    ("sctp_timeout_established", true, Session),
    ("sctp_timeout_heartbeat_sent", true, AtMost(30)),
    ("sctp_timeout_closed", true, AtMost(10)),
    ("sctp_timeout_cookie_wait", true, AtMost(3)),
    ("sctp_timeout_cookie_echoed", true, AtMost(3)),
    ("sctp_timeout_shutdown_sent", true, AtMost(3)),
    ("sctp_timeout_shutdown_recd", true, AtMost(3)),
    ("sctp_timeout_shutdown_ack_sent", true, AtMost(3)),
];

/// Refuses a timeout the kernel cannot count.
pub(super) fn check(seconds: u32) -> Result<(), EmitError> {
    if seconds > LONGEST { Err(error::session_timeout(seconds, LONGEST)) } else { Ok(()) }
}

/// The file for `sysctl -p`.
pub(super) fn text(plan: &Plan, options: &Options) -> String {
    let mut text = header::sysctl(plan, options);
    for (timer, optional, lasts) in &TIMERS {
        let seconds = match lasts {
            Session => plan.session_timeout,
            AtMost(default) => plan.session_timeout.min(*default),
        };
        // A leading `-` lets systemd-sysctl go on where a key is missing (sysctl.d(5)); sysctl(8) needs `-e`.
        let mark = if *optional { "-" } else { "" };
        let _ = writeln!(text, "{mark}net.netfilter.nf_conntrack_{timer} = {seconds}");
    }
    text
}
