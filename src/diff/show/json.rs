//! JSON: everything, nothing left out.

use palisade_ir::decide::Decider;
use palisade_ir::{Direction, Family, Packet, PrefixSet, Protocol, Ranges, Region};
use serde_json::{Value, json};

use super::{FileChange, Report, Side};
use crate::diff::{ChainChange, Change, End, Kind, NicChange, NicEvent, Outside, Reach, Unknown, Why};
use crate::report::words;

/// For programs: one object.
pub fn json(report: &Report<'_>) -> String {
    let Report { old, new, difference, within, generated, all: _ } = report;
    let pair = |(old, new): (Value, Value)| json!({ "old": old, "new": new });
    let timeout = difference.session_timeout.map(|(old, new)| pair((old.into(), new.into())));
    let scope = report.inner_scope().map(|(old, new)| pair((old.into(), new.into())));
    let chains = difference.chains.iter().map(|it| chain(old, new, it));
    let within = within.map(|(envelope, outside)| {
        json!({
            "holds": outside.is_empty(),
            "outside": outside.iter().map(|it| self::outside(&envelope, it)).collect::<Vec<_>>(),
        })
    });
    let value = json!({
        "same": difference.is_empty(),
        "widens": difference.widens(),
        "narrows": difference.narrows(),
        "compared_chains": difference.compared,
        "session_timeout": timeout,
        "inner_scope": scope,
        "nics": difference.nics.iter().map(nic).collect::<Vec<_>>(),
        "chains": chains.collect::<Vec<_>>(),
        "within": within,
        "generated": generated.map(|files| files.iter().map(file).collect::<Vec<_>>()),
        "unknown": null,
    });
    format!("{value:#}\n")
}

/// The same object where the difference is not known: what is open is `null`.
pub fn unknown_json(unknown: &Unknown, within: Option<(Side<'_>, Option<&[Outside]>)>) -> String {
    let Unknown { ends, direction, packet } = unknown;
    let within = within.map(|(envelope, outside)| {
        json!({
            "holds": outside.map(<[Outside]>::is_empty),
            "outside": outside.map(|all| all.iter().map(|it| self::outside(&envelope, it)).collect::<Vec<_>>()),
        })
    });
    let value = json!({
        "same": packet.map(|_| false),
        "widens": null,
        "narrows": null,
        "compared_chains": null,
        "session_timeout": null,
        "inner_scope": null,
        "nics": null,
        "chains": null,
        "within": within,
        "generated": null,
        "unknown": {
            "why": unknown.to_string(),
            "nics": self::ends(ends),
            "direction": direction.to_string(),
            "packet": packet.as_ref().map(self::packet),
        },
    });
    format!("{value:#}\n")
}

fn packet(packet: &Packet) -> Value {
    json!({
        "words": words::packet(packet),
        "source": packet.source(),
        "destination": packet.destination(),
        "protocol": packet.protocol().0,
        "source_port": packet.ports().map(|ports| ports.source),
        "destination_port": packet.ports().map(|ports| ports.destination),
    })
}

fn file(FileChange { name, diff }: &FileChange) -> Value {
    json!({ "file": name, "diff": diff })
}

fn nic(change: &NicChange) -> Value {
    let NicChange { end, event } = change;
    let (event, old, new) = match event {
        NicEvent::Added => ("added", None, None),
        NicEvent::Removed => ("removed", None, None),
        NicEvent::Moved { old, new } => ("moved", Some(reach(old)), Some(reach(new))),
    };
    json!({ "nic": self::end(end), "change": event, "old": old, "new": new })
}

fn reach(Reach { addresses, via }: &Reach) -> Value {
    json!({ "addresses": addresses, "via": via.as_ref().map(|via| via.as_str()) })
}

fn end(End { instance, interface }: &End) -> Value {
    json!({ "instance": instance.as_str(), "interface": interface.as_str() })
}

fn ends(ends: &[End]) -> Vec<Value> {
    ends.iter().map(end).collect()
}

fn chain(old: &Side<'_>, new: &Side<'_>, chain: &ChainChange) -> Value {
    let ChainChange { ends, direction, changes } = chain;
    let change = |change: &Change| {
        let Change { kind, old: was, new: now, regions } = change;
        let kind = match kind {
            Kind::Allowed => "allowed",
            Kind::Denied => "denied",
            Kind::Logging => "logging",
        };
        json!({
            "change": kind,
            "old": was.map(|was| decider(old, was)),
            "new": decider(new, *now),
            "regions": regions.iter().map(|it| region(it, *direction)).collect::<Vec<_>>(),
        })
    };
    json!({
        "nics": self::ends(ends),
        "direction": direction.to_string(),
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn decider(side: &Side<'_>, decider: Decider) -> Value {
    let named = side.name(decider);
    json!({
        "verdict": decider.outcome.verdict.to_string(),
        "logged": decider.outcome.log,
        "rule": named.words,
        "file": named.place.map(|(path, _)| path),
        "line": named.place.map(|(_, line)| line),
    })
}

fn outside(envelope: &Side<'_>, outside: &Outside) -> Value {
    let Outside { ends, why } = outside;
    let mut value = match why {
        Why::SessionTimeout { new, envelope } => {
            json!({ "why": "session_timeout", "new": new, "envelope": envelope })
        }
        Why::Unknown => json!({ "why": "unknown" }),
        Why::Removed => json!({ "why": "removed" }),
        Why::Moved => json!({ "why": "moved" }),
        Why::DeniesSome { direction, packet } => json!({
            "why": "denied_for_one",
            "direction": direction.to_string(),
            "packet": self::packet(packet),
        }),
        Why::Denied { direction, by, regions } => json!({
            "why": "denied",
            "direction": direction.to_string(),
            "by": decider(envelope, *by),
            "regions": regions.iter().map(|it| region(it, *direction)).collect::<Vec<_>>(),
        }),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("nics".to_owned(), self::ends(ends).into());
    }
    value
}

/// A region field by field; `null` where a port is not tested.
fn region(region: &Region, direction: Direction) -> Value {
    let [source, destination, protocols, source_ports, destination_ports] = region.fields();
    let prefixes = |ranges: &Ranges| -> Vec<String> {
        PrefixSet::from_ranges(region.family(), ranges).prefixes().iter().map(words::prefix).collect()
    };
    let numbers = protocols.iter().flat_map(|(first, last)| first..=last);
    let untested = Ranges::span(0, 65_536);
    let ports = |ports: &Ranges| (*ports != untested).then(|| words::port_ranges(ports));
    json!({
        "family": match region.family() {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        },
        "words": words::region_of_family(region, direction),
        "source": prefixes(source),
        "destination": prefixes(destination),
        "protocols": (*protocols != Ranges::span(0, 255))
            .then(|| numbers.map(|number| Protocol(number as u8).to_string()).collect::<Vec<_>>()),
        "source_ports": ports(source_ports),
        "destination_ports": ports(destination_ports),
        // As a string: IPv6 has more addresses than a number of JSON can count.
        "addresses": addresses(region, direction).map(|count| count.to_string()),
        "ports": self::ports(region).map(|count| count as u64),
    })
}

/// How many addresses of the other end there are; `None` for all of the family.
pub(super) fn addresses(region: &Region, direction: Direction) -> Option<u128> {
    let [source, destination, ..] = region.fields();
    let other = match direction {
        Direction::In => source,
        Direction::Out => destination,
    };
    let all = Ranges::span(0, region.family().last());
    (*other != all).then(|| other.iter().map(|(first, last)| last - first + 1).sum())
}

/// How many destination ports there are; `None` where ports do not matter.
pub(super) fn ports(region: &Region) -> Option<u128> {
    let [.., source_ports, destination_ports] = region.fields();
    let untested = Ranges::span(0, 65_536);
    let real = destination_ports.intersect(&Ranges::span(0, 65_535));
    let tested = *source_ports != untested || *destination_ports != untested;
    tested.then(|| real.iter().map(|(first, last)| last - first + 1).sum())
}
