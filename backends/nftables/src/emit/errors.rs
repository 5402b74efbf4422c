//! Why a plan cannot be said in nft's language.

use std::net::IpAddr;

use palisade_ir::{EmitError, Ifname};

fn error(code: &'static str, message: String, help: &str) -> EmitError {
    EmitError { code, message, help: Some(help.to_owned()) }
}

pub(super) fn iptables_only(option: &str) -> EmitError {
    let message = format!("the option `{option}` means nothing to nftables");
    error("palisade::emit::unsupported-option", message, "leave it out, or emit for iptables")
}

pub(super) fn unmanaged_on_gateway() -> EmitError {
    let message = "a gateway leaves traffic between unmanaged ends alone; it cannot deny it".to_owned();
    error("palisade::emit::unsupported-option", message, "leave out `--unmanaged deny`")
}

pub(super) fn table_name(name: &str) -> EmitError {
    let message = format!("`{name}` cannot be the name of an nftables table");
    let help = "take letters, digits, `_`, `-` and `.`, a letter or `_` first, and no keyword of nft";
    error("palisade::emit::table-name", message, help)
}

pub(super) fn others_table(name: &str, own: &str) -> EmitError {
    let message = format!("the table `{name}` is the default of the other placement");
    let help = format!("take another name; the default here is `{own}`");
    error("palisade::emit::table-name", message, &help)
}

pub(super) fn unknown_instance(number: u32) -> EmitError {
    let message = format!("the plan has no instance number {number}");
    error("palisade::emit::unknown-instance", message, "name an instance of the policy")
}

pub(super) fn session_timeout(seconds: u32) -> EmitError {
    let message =
        format!("a session timeout of {seconds} seconds is beyond what connection tracking can count");
    error("palisade::emit::session-timeout", message, "take 1 to 2147483 seconds")
}

pub(super) fn ambiguous_address(address: IpAddr) -> EmitError {
    let message = format!("`{address}` belongs to several nics, and a gateway cannot tell them apart");
    let help = "give every nic with this address a `via` of its own";
    error("palisade::emit::ambiguous-address", message, help)
}

pub(super) fn loopback_interface(interface: &Ifname) -> EmitError {
    let message = format!("the prelude `loopback` would let everything on the nic `{interface}` pass");
    error("palisade::emit::loopback-interface", message, "leave `loopback` out of the prelude")
}

pub(super) fn overlap(name: &str) -> EmitError {
    let message = format!("keys of `{name}` would overlap");
    error(
        "palisade::emit::overlap",
        message,
        "this is a fault of palisade; `--layout rules` goes without such maps",
    )
}

pub(super) fn unknown_rule(place: usize) -> EmitError {
    let message = format!("a tree has a rule {place} that its chain does not have");
    let help = "this is a fault of palisade; `--layout rules` goes without trees";
    error("palisade::emit::unknown-rule", message, help)
}

pub(super) fn name_taken(name: &str) -> EmitError {
    let message = format!("two different things would be called `{name}`");
    error("palisade::emit::name-taken", message, "rename one of the entities it is made from")
}
