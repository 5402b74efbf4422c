//! Address sets for ipset: which the rules use, what they are called, and the file that refills them.
//!
//! A set is filled beside the live one and swapped in: flushing and refilling the live set lets denied packets
//! through (or stops allowed ones) meanwhile.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use palisade_ir::{EmitError, Family, NamedSet, PrefixSet, SetId, SetKind};

use super::name::{Names, hash};
use super::services::Member;
use super::{Context, cost, error, matching};

/// Bytes of a set's name (`IPSET_MAXNAMELEN` is 32 with the closing NUL).
const NAME_BYTES: usize = 31;
/// Fixed, since `create -exist` fails when a set of that name has another `maxelem`.
const MAXELEM: usize = 1 << 20;

/// The sets of an artifact.
pub(super) struct Sets {
    enabled: bool,
    names: Names,
    used: BTreeMap<String, PrefixSet>,
    /// Prefixes with ports.
    services: BTreeMap<String, (Family, Vec<Member>)>,
}

impl Sets {
    /// No sets yet; none ever, unless enabled.
    pub(super) const fn new(enabled: bool) -> Self {
        Self { enabled, names: Names::within(NAME_BYTES), used: BTreeMap::new(), services: BTreeMap::new() }
    }

    /// The name of the set to test these addresses with; `None` where the rules list them.
    ///
    /// A set with a name of the policy keeps it, so that a new member is one new line. A list without a name is called
    /// after its content: such a set never changes under a rule of the ruleset before.
    pub(super) fn name_for(
        &mut self,
        context: &Context<'_>,
        prefixes: &PrefixSet,
        set: Option<SetId>,
    ) -> Result<Option<String>, EmitError> {
        if !self.enabled {
            return Ok(None);
        }
        let family = context.family;
        let digit = match family {
            Family::V4 => '4',
            Family::V6 => '6',
        };
        let named = set
            .and_then(|id| context.plan.sets.get(id.0 as usize))
            .filter(|set| set.family(family).as_ref() == prefixes);
        let full = match named {
            Some(NamedSet { kind, name, description: _, v4: _, v6: _ }) => {
                let kind = match kind {
                    SetKind::Set => 's',
                    SetKind::Group => 'g',
                };
                format!("PAL-{kind}{digit}-{name}")
            }
            // A list without a name reads no worse in the rules.
            None if cost::list(prefixes.prefixes().len()) <= cost::set(prefixes.prefixes()) => {
                return Ok(None);
            }
            None => format!("PAL-l{digit}-{:016x}", hash(members(prefixes).join(" ").as_bytes())),
        };
        let name = self.names.claim(&full)?;
        match self.used.get(&name) {
            Some(other) if other != prefixes => return Err(error::name_collision(&name, &full, &full)),
            Some(_) => {}
            None => {
                if prefixes.prefixes().len() > MAXELEM {
                    return Err(error::set_too_large(&full, MAXELEM));
                }
                self.used.insert(name.clone(), prefixes.clone());
            }
        }
        Ok(Some(name))
    }

    /// The name of a set of prefixes with ports. It is called after its content: such a set never changes under a rule
    /// of the ruleset before, which may say the same in another way.
    pub(super) fn services(&mut self, family: Family, members: Vec<Member>) -> Result<String, EmitError> {
        let digit = match family {
            Family::V4 => '4',
            Family::V6 => '6',
        };
        let lines: Vec<String> = members.iter().map(line).collect();
        let name = self.names.claim(&format!("PAL-p{digit}-{:016x}", hash(lines.join(" ").as_bytes())))?;
        match self.services.insert(name.clone(), (family, members.clone())) {
            Some((_, other)) if other != members => Err(error::name_collision(&name, &name, &name)),
            Some(_) | None => Ok(name),
        }
    }

    /// The file for `ipset restore`.
    pub(super) fn text(&self, header: &str) -> String {
        let mut text = header.to_owned();
        for (name, prefixes) in &self.used {
            write_set(&mut text, name, "hash:net", prefixes.family(), &members(prefixes));
        }
        for (name, (family, members)) in &self.services {
            let lines: Vec<String> = members.iter().map(line).collect();
            write_set(&mut text, name, "hash:net,port", *family, &lines);
        }
        text
    }
}

/// Fills a set beside the live one and swaps them.
fn write_set(text: &mut String, name: &str, kind: &str, family: Family, members: &[String]) {
    let (family, digit) = match family {
        Family::V4 => ("inet", '4'),
        Family::V6 => ("inet6", '6'),
    };
    let beside = format!("PAL-tmp{digit}{}", if kind == "hash:net" { "" } else { "p" });
    let shape = format!("{kind} family {family} hashsize 1024 maxelem {MAXELEM}");
    let _ = write!(text, "\ncreate -exist {name} {shape}\ncreate -exist {beside} {shape}\nflush {beside}\n");
    for member in members {
        let _ = writeln!(text, "add {beside} {member}");
    }
    let _ = write!(text, "swap {beside} {name}\ndestroy {beside}\n");
}

/// A member as `hash:net,port` takes it.
fn line(member: &Member) -> String {
    let Member { prefix, protocol, ports: (first, last), except } = member;
    let protocol = matching::word(*protocol);
    let ports = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let except = if *except { " nomatch" } else { "" };
    format!("{prefix},{protocol}:{ports}{except}")
}

/// The prefixes as `hash:net` takes them. It refuses length 0, but a set of every address is never asked for: a rule
/// without a test says the same.
fn members(prefixes: &PrefixSet) -> Vec<String> {
    prefixes.prefixes().iter().map(ToString::to_string).collect()
}
