//! The options of a rule, from iptables(8) and iptables-extensions(8).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use palisade_ir::{ConnState, Family, PortSet, Protocol};

use super::ast::{AddressSet, Asks, ChainAt, End, Target, Test};
use super::protocol;

/// What a rule may refer to.
pub(super) struct Surroundings<'a> {
    pub(super) family: Family,
    pub(super) sets: &'a BTreeMap<String, AddressSet>,
    pub(super) chains: &'a BTreeMap<String, ChainAt>,
}

/// Tests, target and comment.
type Parts = (Vec<Test>, Target, Option<String>);

/// A rule's options as far as they are read.
struct Options<'a> {
    around: &'a Surroundings<'a>,
    tests: Vec<Test>,
    comment: Option<String>,
    target: Option<Target>,
    /// Match extensions loaded by `-m`.
    modules: BTreeSet<String>,
    /// Extensions of which an option was given.
    used: BTreeSet<&'static str>,
}

/// Reads everything after the chain's name.
pub(super) fn read(words: &[String], around: &Surroundings<'_>) -> Result<Parts, String> {
    let mut options = Options {
        around,
        tests: Vec::new(),
        comment: None,
        target: None,
        modules: BTreeSet::new(),
        used: BTreeSet::new(),
    };
    let mut words = words.iter().map(String::as_str);
    let mut negated = false;
    while let Some(option) = words.next() {
        if option == "!" {
            if negated {
                return Err("two `!` in a row".to_owned());
            }
            negated = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("`{option}` without a value"))?;
        // The only option with two values.
        let second = if option == "--match-set" { words.next() } else { None };
        options.option(option, value, second, negated)?;
        negated = false;
    }
    if negated { Err("a `!` at the end".to_owned()) } else { options.finish() }
}

fn parse<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not understood: `{text}`"))
}

impl Options<'_> {
    fn option(
        &mut self,
        option: &str,
        value: &str,
        second: Option<&str>,
        negated: bool,
    ) -> Result<(), String> {
        let asks = match option {
            "-p" | "--protocol" => match protocol::parse(value) {
                Some(Some(protocol)) => Asks::Protocol(protocol),
                Some(None) if negated => return Err("no protocol could match".to_owned()),
                Some(None) => return Ok(()),
                None => return Err(format!("there is no protocol `{value}`")),
            },
            "-s" | "--source" | "--src" => Asks::Address(End::Source, self.prefix(value)?),
            "-d" | "--destination" | "--dst" => Asks::Address(End::Destination, self.prefix(value)?),
            "-i" | "--in-interface" => Asks::InInterface(value.to_owned()),
            "-o" | "--out-interface" => Asks::OutInterface(value.to_owned()),
            "--sport" | "--source-port" => Asks::Port(End::Source, self.transport_ports(value)?),
            "--dport" | "--destination-port" => Asks::Port(End::Destination, self.transport_ports(value)?),
            "--sports" | "--source-ports" => Asks::Port(End::Source, self.multiport(value)?),
            "--dports" | "--destination-ports" => Asks::Port(End::Destination, self.multiport(value)?),
            "--ctstate" => {
                self.uses("conntrack")?;
                Asks::State(value.split(',').map(state).collect::<Result<_, _>>()?)
            }
            "--icmp-type" => self.icmp_type("icmp", Protocol::ICMP, value)?,
            "--icmpv6-type" => self.icmp_type("icmp6", Protocol::ICMPV6, value)?,
            "--hl-eq" => {
                self.uses("hl")?;
                Asks::HopLimit(parse(value)?)
            }
            "--match-set" => self.match_set(value, second)?,
            _ if negated => return Err(format!("`!` cannot stand before `{option}`")),
            other => return self.plain(other, value),
        };
        self.tests.push(Test { negated, asks });
        Ok(())
    }

    /// Options that are no tests and cannot be negated.
    fn plain(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "-m" | "--match" => self.module(value),
            "--comment" => {
                self.uses("comment")?;
                self.comment = Some(value.to_owned());
                Ok(())
            }
            "--limit" | "--limit-burst" => self.uses("limit"),
            "-j" | "--jump" => self.jump(value),
            "-g" | "--goto" => {
                let chain = self.chain(value)?;
                self.set_target(Target::Goto(chain))
            }
            "--log-prefix" if self.target == Some(Target::Log) => Ok(()),
            other => Err(format!("an option this reader does not know: `{other}`")),
        }
    }

    fn module(&mut self, name: &str) -> Result<(), String> {
        match name {
            "tcp" => self.needs(&[Protocol::TCP])?,
            "udp" => self.needs(&[Protocol::UDP])?,
            "icmp" => self.needs(&[Protocol::ICMP])?,
            "icmp6" => self.needs(&[Protocol::ICMPV6])?,
            "multiport" => self.needs(&[Protocol::TCP, Protocol::UDP])?,
            "conntrack" | "comment" | "limit" | "set" => {}
            "hl" if self.around.family == Family::V6 => {}
            other => return Err(format!("a match this reader does not know: `{other}`")),
        }
        self.modules.insert(name.to_owned());
        Ok(())
    }

    /// Extensions of a protocol work only beside `-p` of that protocol.
    fn needs(&self, protocols: &[Protocol]) -> Result<(), String> {
        let has = self.tests.iter().any(|test| match (&test.asks, test.negated) {
            (Asks::Protocol(protocol), false) => protocols.contains(protocol),
            _ => false,
        });
        if has { Ok(()) } else { Err("a match of a protocol without `-p` of that protocol".to_owned()) }
    }

    fn uses(&mut self, module: &'static str) -> Result<(), String> {
        self.used.insert(module);
        if self.modules.contains(module) {
            Ok(())
        } else {
            Err(format!("an option of `-m {module}` without it"))
        }
    }

    /// `port` or `first:last` or `first:` or `:last`; the extension is loaded by `-p` itself where `-m` is missing.
    fn transport_ports(&mut self, text: &str) -> Result<PortSet, String> {
        self.needs(&[Protocol::TCP, Protocol::UDP])?;
        self.used.extend(["tcp", "udp"]);
        let open = |text: &str, missing: u16| if text.is_empty() { Ok(missing) } else { parse(text) };
        ports(match text.split_once(':') {
            Some((first, last)) => (open(first, 0)?, open(last, u16::MAX)?),
            None => (parse(text)?, parse(text)?),
        })
    }

    /// Up to 15 ports; a range counts as two.
    fn multiport(&mut self, text: &str) -> Result<PortSet, String> {
        self.uses("multiport")?;
        let mut all = PortSet::default();
        let mut slots = 0;
        for item in text.split(',') {
            let (range, size) = match item.split_once(':') {
                Some((first, last)) => ((parse(first)?, parse(last)?), 2),
                None => ((parse(item)?, parse(item)?), 1),
            };
            all = all.union(&ports(range)?);
            slots += size;
        }
        if slots > 15 { Err("more than 15 ports in `multiport`".to_owned()) } else { Ok(all) }
    }

    fn icmp_type(&mut self, module: &'static str, protocol: Protocol, value: &str) -> Result<Asks, String> {
        self.needs(&[protocol])?;
        self.used.insert(module);
        Ok(Asks::IcmpType(parse(value)?))
    }

    /// The sides of a packet go with the fields of the set, one each.
    fn match_set(&mut self, name: &str, sides: Option<&str>) -> Result<Asks, String> {
        self.uses("set")?;
        let sides = sides.unwrap_or_default();
        let end = |side: &str| match side {
            "src" => Ok(End::Source),
            "dst" => Ok(End::Destination),
            _ => Err(format!("not understood: `{sides}`")),
        };
        let set = self.around.sets.get(name).ok_or_else(|| format!("there is no set `{name}`"))?;
        let (family, asks) = match (set, sides.split_once(',')) {
            (AddressSet::Addresses(set), None) => {
                (set.family(), Asks::InSet(end(sides)?, name.to_owned(), Arc::clone(set)))
            }
            (AddressSet::Services(set), Some((address, port))) => {
                let set = Arc::clone(set);
                (set.family(), Asks::InServices(end(address)?, end(port)?, name.to_owned(), set))
            }
            _ => return Err(format!("set `{name}` has other fields than `{sides}`")),
        };
        if family != self.around.family {
            return Err(format!("set `{name}` is of the other address family"));
        }
        Ok(asks)
    }

    /// An address with an optional prefix length; host bits are masked away.
    fn prefix(&self, text: &str) -> Result<IpNet, String> {
        let net: IpNet = if text.contains('/') { parse(text)? } else { parse::<IpAddr>(text)?.into() };
        if Family::of(&net.addr()) == self.around.family {
            Ok(net.trunc())
        } else {
            Err(format!("`{text}` is of the other address family"))
        }
    }

    fn chain(&self, name: &str) -> Result<ChainAt, String> {
        self.around.chains.get(name).copied().ok_or_else(|| format!("chain `{name}` is not declared"))
    }

    fn jump(&mut self, name: &str) -> Result<(), String> {
        let target = match name {
            "ACCEPT" => Target::Accept,
            "DROP" => Target::Drop,
            "RETURN" => Target::Return,
            "LOG" => Target::Log,
            own => Target::Jump(self.chain(own)?),
        };
        self.set_target(target)
    }

    fn set_target(&mut self, target: Target) -> Result<(), String> {
        match self.target.replace(target) {
            Some(_) => Err("two targets".to_owned()),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Parts, String> {
        for module in &self.modules {
            match module.as_str() {
                "tcp" | "udp" if !self.used.contains(module.as_str()) => {
                    self.tests.push(Test { negated: false, asks: Asks::HasPorts });
                }
                "limit" => self.tests.push(Test { negated: false, asks: Asks::RateLimit }),
                used if self.used.contains(used) => {}
                unused => return Err(format!("`-m {unused}` without an option")),
            }
        }
        let target = self.target.unwrap_or(Target::Continue);
        if self.modules.contains("limit") && target != Target::Log {
            return Err("a rate limit on a verdict".to_owned());
        }
        Ok((self.tests, target, self.comment))
    }
}

fn ports((first, last): (u16, u16)) -> Result<PortSet, String> {
    if first > last {
        return Err(format!("the port range {first}:{last} is reversed"));
    }
    Ok(PortSet::from_ranges([(first, last)]))
}

fn state(text: &str) -> Result<ConnState, String> {
    match text {
        "NEW" => Ok(ConnState::New),
        "ESTABLISHED" => Ok(ConnState::Established),
        "RELATED" => Ok(ConnState::Related),
        "INVALID" => Ok(ConnState::Invalid),
        "UNTRACKED" => Ok(ConnState::Untracked),
        other => Err(format!("a state this reader does not know: `{other}`")),
    }
}
