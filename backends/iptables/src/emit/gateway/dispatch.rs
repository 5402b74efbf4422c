//! Thousands of interfaces or addresses told apart in a few dozen tests: chains of chains, by the next letter of a name
//! or the next bits of an address. Where letters and bits are cut depends on the keys in a chain alone.

use std::net::IpAddr;

use ipnet::IpNet;
use palisade_ir::{Direction, EmitError, Family, Ifname};

use super::super::table::{ChainId, Table, Target};

/// As many ways stand one below the other.
const FEW: usize = 12;
/// Bits of an address that one chain tells apart: at most 16 ways.
const BITS: u32 = 4;

/// Where packets of an interface or an address go.
pub(super) struct Way<K> {
    pub(super) key: K,
    pub(super) comment: String,
    pub(super) target: Target<'static>,
}

/// What becomes of packets that have none of the ways; without it they go on behind the jump to the chain.
pub(super) type Otherwise<'a> = Option<(&'a str, Target<'static>)>;

/// What packets are told apart by.
pub(super) trait Key: Sized {
    /// The option that asks for it, where packets come from (`Out`) or go to (`In`).
    fn option(direction: Direction) -> &'static str;
    /// As the option's value.
    fn value(&self) -> String;
    /// Ways in ascending order, more than one, in at least two parts; with the value that all keys of a part match, and
    /// those of no other.
    fn parts(ways: &[Way<Self>]) -> Vec<(String, &[Way<Self>])>;
}

impl Key for &Ifname {
    fn option(direction: Direction) -> &'static str {
        match direction {
            Direction::Out => "-i",
            Direction::In => "-o",
        }
    }

    fn value(&self) -> String {
        self.to_string()
    }

    fn parts(ways: &[Way<Self>]) -> Vec<(String, &[Way<Self>])> {
        let name = |way: &Way<Self>| way.key.as_str().to_owned();
        let ends = ways.first().map(name).zip(ways.last().map(name));
        let shared = |(first, last): (String, String)| {
            first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count()
        };
        let shared = ends.map_or(0, shared);
        let start = |way: &Way<Self>| way.key.as_str().chars().take(shared + 1).collect::<String>();
        let parts = ways.chunk_by(|one, other| start(one) == start(other));
        parts.filter_map(|part| Some((format!("{}+", start(part.first()?)), part))).collect()
    }
}

impl Key for IpAddr {
    fn option(direction: Direction) -> &'static str {
        match direction {
            Direction::Out => "-s",
            Direction::In => "-d",
        }
    }

    fn value(&self) -> String {
        IpNet::from(*self).to_string()
    }

    fn parts(ways: &[Way<Self>]) -> Vec<(String, &[Way<Self>])> {
        let (Some(first), Some(last)) = (ways.first(), ways.last()) else { return Vec::new() };
        let family = Family::of(&first.key);
        let width = family.last().count_ones();
        let different = Family::number(first.key) ^ Family::number(last.key);
        let shared = width - (u128::BITS - different.leading_zeros());
        let length = ((shared / BITS + 1) * BITS).min(width);
        let start = |way: &Way<Self>| Family::number(way.key) >> (width - length);
        let parts = ways.chunk_by(|one, other| start(one) == start(other));
        parts.filter_map(|part| Some((prefix(part.first()?.key, length as u8), part))).collect()
    }
}

fn prefix(address: IpAddr, length: u8) -> String {
    IpNet::new(address, length).map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
}

/// Writes ways into a chain, and chains below it where there are many. The ways ascend.
pub(super) fn write<K: Key>(
    table: &mut Table,
    at: ChainId,
    direction: Direction,
    ways: &[Way<K>],
    otherwise: Otherwise<'_>,
) -> Result<(), EmitError> {
    let option = K::option(direction);
    // Chains that are still to be filled.
    let mut open = vec![(at, ways)];
    while let Some((chain, ways)) = open.pop() {
        let parts = match ways.len() > FEW {
            true => K::parts(ways),
            false => ways.iter().map(|way| (way.key.value(), std::slice::from_ref(way))).collect(),
        };
        let mut below = Vec::new();
        for (value, part) in parts {
            match part {
                [way] => {
                    table.rule(chain, &[format!("{option} {}", way.key.value())], &way.comment, way.target);
                }
                many => {
                    let to = table.part(at, &value)?;
                    table.rule(chain, &[format!("{option} {value}")], &value, Target::Goto(to));
                    below.push((to, many));
                }
            }
        }
        if let Some((comment, target)) = otherwise {
            table.rule::<&str>(chain, &[], comment, target);
        }
        open.extend(below.into_iter().rev());
    }
    Ok(())
}

/// Writes ways by interface, and by address for what comes or goes by any other.
pub(super) fn write_both(
    table: &mut Table,
    at: ChainId,
    direction: Direction,
    interfaces: &[Way<&Ifname>],
    addresses: &[Way<IpAddr>],
) -> Result<(), EmitError> {
    if interfaces.len() <= FEW || addresses.is_empty() {
        write(table, at, direction, interfaces, None)?;
        return write(table, at, direction, addresses, None);
    }
    let other = table.part(at, "other")?;
    write(table, at, direction, interfaces, Some(("any other interface", Target::Goto(other))))?;
    write(table, other, direction, addresses, None)
}
