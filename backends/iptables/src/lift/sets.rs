//! Address sets: the commands of ipset(8) that make up a restore file, run on sets in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{Family, PrefixSet, Ranges};

use super::{BadLine, words};

/// A set of type `hash:net`.
struct Set {
    family: Family,
    /// How many members fit; one more is refused.
    limit: usize,
    members: BTreeSet<IpNet>,
}

/// The sets after the last command.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Arc<PrefixSet>>, BadLine> {
    let mut sets: BTreeMap<String, Set> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let words = words::split(line).map_err(|message| BadLine::new(at + 1, message))?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.first() {
            None => {}
            Some(word) if word.starts_with('#') => {}
            Some(_) => run(&words, &mut sets).map_err(|message| BadLine::new(at + 1, message))?,
        }
    }
    Ok(sets.into_iter().map(|(name, set)| (name, Arc::new(set.addresses()))).collect())
}

impl Set {
    fn addresses(&self) -> PrefixSet {
        let ranges: Ranges = self
            .members
            .iter()
            .map(|net| (Family::number(net.network()), Family::number(net.broadcast())))
            .collect();
        PrefixSet::from_ranges(self.family, &ranges)
    }
}

fn run(words: &[&str], sets: &mut BTreeMap<String, Set>) -> Result<(), String> {
    let exist = words.iter().any(|word| ["-exist", "-!"].contains(word));
    let words: Vec<&str> = words.iter().copied().filter(|word| !["-exist", "-!"].contains(word)).collect();
    let unknown = |name: &str| format!("there is no set `{name}`");
    match words.as_slice() {
        ["create", name, "hash:net", options @ ..] => {
            let new = empty(options)?;
            match sets.get(*name) {
                Some(there) if !exist || (there.family, there.limit) != (new.family, new.limit) => {
                    Err(format!("set `{name}` exists already"))
                }
                Some(_) => Ok(()),
                None => {
                    sets.insert((*name).to_owned(), new);
                    Ok(())
                }
            }
        }
        ["add", name, member] => {
            let set = sets.get_mut(*name).ok_or_else(|| unknown(name))?;
            add(set, member, exist)
        }
        ["flush", name] => {
            sets.get_mut(*name).ok_or_else(|| unknown(name))?.members.clear();
            Ok(())
        }
        ["destroy", name] => sets.remove(*name).map(drop).ok_or_else(|| unknown(name)),
        ["swap", one, two] => swap(sets, one, two),
        other => Err(format!("a command this reader does not know: `{}`", other.join(" "))),
    }
}

/// A new set with these options; `maxelem` is 65536 where it is not said.
fn empty(options: &[&str]) -> Result<Set, String> {
    let mut set = Set { family: Family::V4, limit: 65_536, members: BTreeSet::new() };
    for pair in options.chunks(2) {
        let unknown = || format!("an option this reader does not know: `{}`", pair.join(" "));
        match pair {
            ["family", "inet"] => set.family = Family::V4,
            ["family", "inet6"] => set.family = Family::V6,
            ["maxelem", limit] => set.limit = limit.parse().map_err(|_| unknown())?,
            ["hashsize" | "bucketsize" | "initval", _] => {}
            _ => return Err(unknown()),
        }
    }
    Ok(set)
}

fn add(set: &mut Set, member: &str, exist: bool) -> Result<(), String> {
    let bad = || format!("not a prefix of the set: `{member}`");
    let net: IpNet = if member.contains('/') {
        member.parse().map_err(|_| bad())?
    } else {
        IpNet::from(member.parse::<std::net::IpAddr>().map_err(|_| bad())?)
    };
    let net = net.trunc();
    if Family::of(&net.addr()) != set.family || net.prefix_len() == 0 {
        return Err(bad());
    }
    if !set.members.insert(net) && !exist {
        return Err(format!("`{member}` is in the set already"));
    }
    if set.members.len() > set.limit { Err(format!("the set is full at {}", set.limit)) } else { Ok(()) }
}

fn swap(sets: &mut BTreeMap<String, Set>, one: &str, two: &str) -> Result<(), String> {
    let missing = [one, two].into_iter().find(|name| !sets.contains_key(*name));
    let (Some(first), Some(second)) = (sets.remove(one), sets.remove(two)) else {
        return Err(format!("there is no set `{}`", missing.unwrap_or(one)));
    };
    if first.family != second.family {
        return Err(format!("sets `{one}` and `{two}` differ in family"));
    }
    sets.insert(one.to_owned(), second);
    sets.insert(two.to_owned(), first);
    Ok(())
}
