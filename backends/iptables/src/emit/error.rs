//! Everything the emitter refuses, with its code and remedy.

use std::net::IpAddr;

use palisade_ir::{EmitError, Ifname, Name};

fn error(code: &'static str, message: String, help: impl Into<String>) -> EmitError {
    EmitError { code, message, help: Some(help.into()) }
}

/// A table name makes no sense here.
pub(super) fn table_name(table: &str) -> EmitError {
    error(
        "palisade::emit::unsupported-option",
        format!("iptables has fixed tables; it cannot use the table name `{table}`"),
        "leave the table name out, or emit for nftables",
    )
}

/// `unmanaged deny` at a gateway.
pub(super) fn unmanaged_on_gateway() -> EmitError {
    error(
        "palisade::emit::unsupported-option",
        "a gateway leaves traffic between unmanaged ends alone; it cannot deny it".to_owned(),
        "use `unmanaged deny` on hosts only",
    )
}

/// The instance does not exist.
pub(super) fn no_such_instance(number: u32) -> EmitError {
    error(
        "palisade::emit::unknown-instance",
        format!("the plan has no instance number {number}"),
        "name an instance of the policy",
    )
}

/// Two NICs of an instance on one interface.
pub(super) fn same_interface(instance: &Name, interface: &Ifname) -> EmitError {
    error(
        "palisade::emit::duplicate-interface",
        format!("instance `{instance}` has two NICs on the interface `{interface}`"),
        "give each NIC an interface of its own",
    )
}

/// An address that leads to several NICs.
pub(super) fn ambiguous_address(address: IpAddr, owners: &[&Name]) -> EmitError {
    let owners = owners.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    error(
        "palisade::emit::ambiguous-address",
        format!("a gateway cannot tell whose `{address}` is: NICs of {owners} own it"),
        "give each of these NICs a `via` interface of its own",
    )
}

/// Two things want one name.
pub(super) fn name_collision(name: &str, first: &str, second: &str) -> EmitError {
    error(
        "palisade::emit::name-collision",
        format!("`{first}` and `{second}` would both be shortened to `{name}`"),
        "rename one of them",
    )
}

/// An egress allow that needs `-p 0`.
pub(super) fn protocol_zero(origin: &str) -> EmitError {
    error(
        "palisade::emit::protocol-zero",
        format!(
            "`{origin}` allows protocol 0 but not every protocol; an egress rule on a gateway cannot say that beside other tools"
        ),
        "iptables reads `-p 0` as every protocol; leave protocol 0 out, or emit the whole table (no chains only)",
    )
}

/// A product that is too large.
pub(super) fn too_many_rules(origin: &str, count: usize) -> EmitError {
    error(
        "palisade::emit::too-many-rules",
        format!("`{origin}` would become {count} rules"),
        "emit with address sets (ipset)",
    )
}

/// A set that is too large for its fixed size.
pub(super) fn set_too_large(name: &str, limit: usize) -> EmitError {
    error(
        "palisade::emit::set-too-large",
        format!("the set `{name}` has more than {limit} prefixes"),
        "split the set",
    )
}

/// A timeout sysctls cannot hold.
pub(super) fn session_timeout(seconds: u32, limit: u32) -> EmitError {
    error(
        "palisade::emit::session-timeout",
        format!("a session timeout of {seconds} s does not fit into the kernel's timers"),
        format!("use at most {limit} s"),
    )
}
