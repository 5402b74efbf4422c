//! Sets: the commands of ipset(8) that make up a restore file, run on sets in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{Family, PrefixSet, Protocol};

use super::ast::AddressSet;
use super::services::{Member, Services};
use super::{BadLine, words};

/// A set under construction.
struct Set {
    kind: Kind,
    family: Family,
    /// How many members fit; one more is refused.
    limit: usize,
    /// The members, by what makes them the same member, and whether they are exceptions.
    members: BTreeMap<(IpNet, Option<(Protocol, u16)>), bool>,
}

/// The type of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `hash:net`
    Net,
    /// `hash:net,port`
    NetPort,
}

/// The sets after the last command.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, AddressSet>, BadLine> {
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
    Ok(sets.into_iter().map(|(name, set)| (name, set.read())).collect())
}

impl Set {
    fn read(&self) -> AddressSet {
        match self.kind {
            Kind::Net => {
                let nets = self.members.keys().map(|(net, _)| net);
                AddressSet::Addresses(Arc::new(PrefixSet::from_prefixes(self.family, nets)))
            }
            Kind::NetPort => AddressSet::Services(Arc::new(Services::new(self.family, &self.services()))),
        }
    }

    /// The members with ports; those of consecutive ports as one.
    fn services(&self) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        for ((prefix, service), except) in &self.members {
            let Some((protocol, port)) = *service else { continue };
            let new = Member { prefix: *prefix, protocol, ports: (port, port), except: *except };
            match members.last_mut() {
                Some(last)
                    if (last.prefix, last.protocol, last.except) == (new.prefix, protocol, *except)
                        && last.ports.1.checked_add(1) == Some(port) =>
                {
                    last.ports.1 = port;
                }
                _ => members.push(new),
            }
        }
        members
    }
}

fn run(words: &[&str], sets: &mut BTreeMap<String, Set>) -> Result<(), String> {
    let exist = words.iter().any(|word| ["-exist", "-!"].contains(word));
    let words: Vec<&str> = words.iter().copied().filter(|word| !["-exist", "-!"].contains(word)).collect();
    let unknown = |name: &str| format!("there is no set `{name}`");
    match words.as_slice() {
        ["create", name, kind @ ("hash:net" | "hash:net,port"), options @ ..] => {
            let new = empty(if *kind == "hash:net" { Kind::Net } else { Kind::NetPort }, options)?;
            let shape = |set: &Set| (set.kind, set.family, set.limit);
            match sets.get(*name) {
                Some(there) if !exist || shape(there) != shape(&new) => {
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
            add(set, member, false, exist)
        }
        ["add", name, member, "nomatch"] => {
            let set = sets.get_mut(*name).ok_or_else(|| unknown(name))?;
            add(set, member, true, exist)
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
fn empty(kind: Kind, options: &[&str]) -> Result<Set, String> {
    let mut set = Set { kind, family: Family::V4, limit: 65_536, members: BTreeMap::new() };
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

fn add(set: &mut Set, member: &str, except: bool, exist: bool) -> Result<(), String> {
    let bad = || format!("not a member of such a set: `{member}`");
    let (net, service) = match (set.kind, member.split_once(',')) {
        (Kind::Net, None) => (member, None),
        (Kind::NetPort, Some((net, service))) => (net, Some(ports(service).ok_or_else(bad)?)),
        (Kind::Net, Some(_)) | (Kind::NetPort, None) => return Err(bad()),
    };
    let net: IpNet = if net.contains('/') {
        net.parse().map_err(|_| bad())?
    } else {
        IpNet::from(net.parse::<std::net::IpAddr>().map_err(|_| bad())?)
    };
    let net = net.trunc();
    // `nomatch` in a set without ports is not read: nothing here writes it.
    if Family::of(&net.addr()) != set.family || net.prefix_len() == 0 || (except && service.is_none()) {
        return Err(bad());
    }
    let each: Vec<Option<(Protocol, u16)>> = match service {
        None => vec![None],
        // The kernel makes a member of each port.
        Some((protocol, first, last)) => (first..=last).map(|port| Some((protocol, port))).collect(),
    };
    for service in each {
        match set.members.insert((net, service), except) {
            Some(_) if !exist => return Err(format!("`{member}` is in the set already")),
            Some(_) | None => {}
        }
    }
    if set.members.len() > set.limit { Err(format!("the set is full at {}", set.limit)) } else { Ok(()) }
}

/// `tcp:22` or `udp:1000-2000`.
fn ports(text: &str) -> Option<(Protocol, u16, u16)> {
    let (protocol, ports) = text.split_once(':')?;
    let protocol = match protocol {
        "tcp" => Protocol::TCP,
        "udp" => Protocol::UDP,
        _ => return None,
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((protocol, first, last))
}

fn swap(sets: &mut BTreeMap<String, Set>, one: &str, two: &str) -> Result<(), String> {
    let missing = [one, two].into_iter().find(|name| !sets.contains_key(*name));
    let (Some(first), Some(second)) = (sets.remove(one), sets.remove(two)) else {
        return Err(format!("there is no set `{}`", missing.unwrap_or(one)));
    };
    if (first.kind, first.family) != (second.kind, second.family) {
        return Err(format!("sets `{one}` and `{two}` differ in type or family"));
    }
    sets.insert(one.to_owned(), second);
    sets.insert(two.to_owned(), first);
    Ok(())
}
