//! Look-ups: which map leads to which leaf, and what it is called.

use palisade_ir::layout::{Key, Leaf, Lookup, PeerEnd, PortEnd};
use palisade_ir::{EmitError, Family, Ranges};

use super::super::dispatch::MapText;
use super::super::rule::join;
use super::super::sets::range;
use super::super::{errors, names};
use super::words::{
    address_kind, addresses, keys_of, label, protocol_name, protocol_word, service_tests, span, version,
};
use super::{Arranger, Step, WAYS};

impl Arranger<'_, '_> {
    pub(super) fn look_up(
        &mut self,
        step: &Step<'_>,
        lookup: Lookup,
        ways: Vec<(&Leaf, String)>,
    ) -> Result<Vec<String>, EmitError> {
        let (field, kind, interval) = self.field(lookup);
        if ways.len() <= WAYS || matches!(lookup, Lookup::Service | Lookup::Nothing) {
            let line = |(leaf, action): &(&Leaf, String)| match (&leaf.key, lookup) {
                (Key::Service(service), _) => vec![join(&[&service_tests(service), action])],
                (Key::All, _) => vec![action.clone()],
                (Key::Prefix(family, ..), _) => addresses(leaf, lookup)
                    .iter()
                    .map(|(first, last)| {
                        let key = span(*family, *first, *last);
                        join(&[&self.peer(*family), &key, action])
                    })
                    .collect(),
            };
            return Ok(ways.iter().flat_map(line).collect());
        }
        let mut elements: Vec<(u128, u128, String)> = Vec::new();
        for (leaf, action) in ways {
            match &leaf.key {
                Key::Service(service) => {
                    let (first, last) = keys_of(service, lookup);
                    let key = match lookup {
                        Lookup::Port(_) => format!("{} . {first}", protocol_word(service)),
                        _ => range(first, last),
                    };
                    let number = service.only().map_or(0, |protocol| u128::from(protocol.0) << 16);
                    let (first, last) = (number | u128::from(first), number | u128::from(last));
                    elements.push((first, last, element(&key, &action)));
                }
                Key::Prefix(family, first, _) => {
                    if let Lookup::Prefix(..) = lookup {
                        elements.push((*first, *first, element(&span(*family, *first, *first), &action)));
                        continue;
                    }
                    elements.extend(
                        addresses(leaf, lookup).into_iter().map(|(first, last)| {
                            (first, last, element(&span(*family, first, last), &action))
                        }),
                    );
                }
                Key::All => {}
            }
        }
        elements.sort_unstable();
        let name = names::shorten(format!("{}/{}", self.base, self.label(step)));
        if !elements.windows(2).all(|pair| matches!(pair, [one, two] if one.1 < two.0)) {
            return Err(errors::overlap(&name));
        }
        self.taken.claim(&name, "map")?;
        let elements = elements.into_iter().map(|(_, _, element)| element).collect();
        self.out.maps.insert(name.clone(), MapText { kind, interval, elements });
        Ok(vec![format!("{field} vmap @{name}")])
    }

    fn peer(&self, family: Family) -> String {
        let header = match family {
            Family::V4 => "ip",
            Family::V6 => "ip6",
        };
        match self.end {
            PeerEnd::Source => format!("{header} saddr"),
            PeerEnd::Destination => format!("{header} daddr"),
        }
    }

    /// What is looked up, its type, and whether keys are ranges.
    fn field(&self, lookup: Lookup) -> (String, String, bool) {
        let port = |end: PortEnd| match end {
            PortEnd::Source => "sport",
            PortEnd::Destination => "dport",
        };
        match lookup {
            Lookup::Nothing | Lookup::Service => (String::new(), String::new(), false),
            Lookup::Port(end) => {
                (format!("meta l4proto . th {}", port(end)), "inet_proto . inet_service".to_owned(), false)
            }
            Lookup::PortRange(protocol, end) => {
                let header = protocol.name().unwrap_or("th");
                (format!("{header} {}", port(end)), "inet_service".to_owned(), true)
            }
            Lookup::Prefix(family, length) => {
                let mask = Ranges::span(0, family.last());
                let bits = match family {
                    Family::V4 => 32,
                    Family::V6 => 128,
                };
                let peer = self.peer(family);
                let kind = address_kind(family).to_owned();
                if u32::from(length) == bits {
                    return (peer, kind, false);
                }
                let hosts = (1_u128 << (bits - u32::from(length))) - 1;
                let mask = family.address(mask.last().unwrap_or(0) & !hosts);
                (format!("{peer} & {mask}"), kind, false)
            }
            Lookup::Address(family) => (self.peer(family), address_kind(family).to_owned(), true),
        }
    }

    /// What a step looks up, in a word or two.
    pub(super) fn label(&self, step: &Step<'_>) -> String {
        let Step { front, lookup, layer, leaves } = step;
        let word = match lookup {
            Lookup::Nothing => "all".to_owned(),
            Lookup::Service => leaves.first().map_or_else(String::new, |leaf| label(leaf, self.end)),
            Lookup::Port(PortEnd::Destination) => "services".to_owned(),
            Lookup::Port(PortEnd::Source) => "source-services".to_owned(),
            Lookup::PortRange(protocol, end) => {
                let side = if *end == PortEnd::Source { "source-" } else { "" };
                let number = if *layer > 1 { format!("-{layer}") } else { String::new() };
                format!("{}-{side}ranges{number}", protocol_name(*protocol))
            }
            Lookup::Prefix(family, length) => format!("{}-{}-{length}", self.side(), version(*family)),
            Lookup::Address(family) => format!("{}-{}", self.side(), version(*family)),
        };
        if *front { format!("first-{word}") } else { word }
    }

    const fn side(&self) -> &'static str {
        match self.end {
            PeerEnd::Source => "from",
            PeerEnd::Destination => "to",
        }
    }

    pub(super) fn name(&self, step: &Step<'_>, leaf: &Leaf) -> String {
        let first = if step.front { "first-" } else { "" };
        names::shorten([self.base, "/", first, &label(leaf, self.end)].concat())
    }
}

fn element(key: &str, action: &str) -> String {
    [key, " : ", action].concat()
}
