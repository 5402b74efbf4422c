//! Addresses, ports and protocols as Rust writes them.

use ipnet::{Ipv4Subnets, Ipv6Subnets};
use palisade_ir::{Family, Ranges};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The end of a static's name.
pub(super) const fn version(family: Family) -> &'static str {
    match family {
        Family::V4 => "V4",
        Family::V6 => "V6",
    }
}

/// The type of an address.
pub(super) const fn kind(family: Family) -> &'static str {
    match family {
        Family::V4 => "u32",
        Family::V6 => "u128",
    }
}

/// `ip(10, 0, 0, 1)`
pub(super) fn address(family: Family, number: u128) -> String {
    match family.address(number) {
        IpAddr::V4(v4) => format!("ip({})", octets(v4)),
        IpAddr::V6(v6) => format!("ip6({})", segments(v6)),
    }
}

/// `net(10, 0, 0, 0, 8)`, or both ends where that is no prefix.
pub(super) fn range(family: Family, first: u128, last: u128) -> String {
    let prefix = match (family.address(first), family.address(last)) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let mut nets = Ipv4Subnets::new(first, last, 0);
            let net = nets.next().filter(|_| nets.next().is_none());
            net.map(|net| format!("net({}, {})", octets(net.network()), net.prefix_len()))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let mut nets = Ipv6Subnets::new(first, last, 0);
            let net = nets.next().filter(|_| nets.next().is_none());
            net.map(|net| format!("net6({}, {})", segments(net.network()), net.prefix_len()))
        }
        _ => None,
    };
    prefix.unwrap_or_else(|| format!("({}, {})", address(family, first), address(family, last)))
}

fn octets(v4: Ipv4Addr) -> String {
    let [a, b, c, d] = v4.octets();
    format!("{a}, {b}, {c}, {d}")
}

fn segments(v6: Ipv6Addr) -> String {
    let hex = |segment: u16| if segment < 10 { segment.to_string() } else { format!("{segment:#x}") };
    v6.segments().map(hex).join(", ")
}

/// `(6, 80, 443)`: a protocol with ports.
pub(super) fn ports(protocol: u8, first: u16, last: u16) -> String {
    format!("({protocol}, {first}, {last})")
}

/// `(6, 6), (17, 17)`
pub(super) fn pairs(numbers: &Ranges) -> Vec<String> {
    numbers.iter().map(|(first, last)| format!("({first}, {last})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_as_prefixes_where_they_are() {
        assert_eq!(range(Family::V4, 0, u32::MAX.into()), "net(0, 0, 0, 0, 0)");
        assert_eq!(range(Family::V4, 0x0a00_0001, 0x0a00_0001), "net(10, 0, 0, 1, 32)");
        assert_eq!(range(Family::V4, 0x0a00_0001, 0x0a00_0002), "(ip(10, 0, 0, 1), ip(10, 0, 0, 2))");
        assert_eq!(range(Family::V6, 0, u128::MAX), "net6(0, 0, 0, 0, 0, 0, 0, 0, 0)");
        let first = 0x2001_0db8_0040_u128 << 80;
        assert_eq!(
            range(Family::V6, first, first + (1 << 80) - 1),
            "net6(0x2001, 0xdb8, 0x40, 0, 0, 0, 0, 0, 48)"
        );
    }
}
