//! Identifiers from names: upper case, ASCII, the same for the same name.

use palisade_ir::{Ifname, NamedSet, SetKind};

/// The statics of NICs, in their order. They read like the interfaces' names; where two of them would be alike, all are
/// spelled out letter by letter.
pub(super) fn nics<'a>(interfaces: impl Iterator<Item = &'a Ifname> + Clone) -> Vec<String> {
    let mut short: Vec<String> = interfaces.clone().map(|name| readable(name.as_str())).collect();
    let names = short.clone();
    short.sort();
    short.dedup();
    if short.len() == names.len() { names } else { interfaces.map(|name| exact(name.as_str())).collect() }
}

fn readable(name: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(upper).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("NIC_{name}") }
}

/// Small letters and digits stand for themselves, all others as `_2E_`: no two names are alike.
fn exact(name: &str) -> String {
    let spelled = name.chars().map(|c| {
        let plain = c.is_ascii_lowercase() || c.is_ascii_digit();
        if plain { c.to_ascii_uppercase().to_string() } else { format!("_{:02X}_", u32::from(c)) }
    });
    format!("NIC_{}", spelled.collect::<String>())
}

/// The static of a named set. Names have single `-` and `.` between words, so no two sets get the same.
pub(super) fn set(set: &NamedSet, suffix: &str) -> String {
    let kind = match set.kind {
        SetKind::Set => "SET",
        SetKind::Group => "GROUP",
    };
    let name = set.name.as_str().replace('-', "_").replace('.', "__").to_ascii_uppercase();
    format!("{kind}_{name}_{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(interfaces: &[&str]) -> Vec<String> {
        let names: Vec<Ifname> = interfaces.iter().map(|name| Ifname::new(*name).unwrap()).collect();
        nics(names.iter())
    }

    #[test]
    fn names_read_like_interfaces() {
        assert_eq!(named(&["eth0", "br-lan.7", "7a", "@"]), ["ETH0", "BR_LAN_7", "NIC_7A", "NIC__"]);
    }

    #[test]
    fn no_two_are_alike() {
        assert_eq!(named(&["eth0", "Eth0"]), ["NIC_ETH0", "NIC__45_TH0"]);
        assert_eq!(named(&["a.1", "a-1", "b"]), ["NIC_A_2E_1", "NIC_A_2D_1", "NIC_B"]);
        assert_eq!(named(&["@", "nic__"]), ["NIC__40_", "NIC_NIC_5F__5F_"]);
    }
}
