//! One random rule line that its group may have.

use super::Dice;
use super::world::{Families, World, description, list, ports, remote};

/// What the place of a rule allows it to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) world: &'a World,
    /// Whether it stands in an `in` section.
    pub(super) inward: bool,
    /// Whether it may name sets.
    pub(super) sets: bool,
    /// The groups that it may name.
    pub(super) groups: &'a [String],
}

/// A rule; `label` is its label if it gets one.
pub(super) fn rule(dice: &mut Dice, place: &Place<'_>, label: Option<&str>) -> String {
    let (protocol, needs, has_ports) = protocol(dice, place.world);
    let (peers, known) = peers(dice, place, needs);
    let local = local(dice, place, needs, known);
    let source_ports = (has_ports && dice.percent(20)).then(|| format!(" port {}", ports(dice)));
    let destination_ports = (has_ports && dice.percent(75)).then(|| format!(" port {}", ports(dice)));
    let (from, to) = match place.inward {
        true => (Some(peers), local),
        false => (local, Some(peers)),
    };
    let mut line =
        format!("{} {} {protocol}", priority(dice), if dice.percent(55) { "allow" } else { "deny" });
    line += &end("from", from, source_ports);
    line += &end("to", to, destination_ports);
    if let Some(label) = label {
        line += &format!(" as {label}");
    }
    if dice.percent(20) {
        line += " log";
    }
    line + &description(dice, 25)
}

/// Few numbers, so that many rules tie.
fn priority(dice: &mut Dice) -> &'static str {
    dice.word(&["1", "1", "2", "10", "10", "50", "99", "100", "100"])
}

fn end(word: &str, peers: Option<String>, ports: Option<String>) -> String {
    match (peers, ports) {
        (None, None) => String::new(),
        (peers, ports) => {
            let peers = peers.map(|peers| format!(" {peers}")).unwrap_or_default();
            format!(" {word}{peers}{}", ports.unwrap_or_default())
        }
    }
}

/// A protocol, the families it needs, and whether ports may follow.
fn protocol(dice: &mut Dice, world: &World) -> (String, Families, bool) {
    let none = Families::default();
    let plain = |word: &str, needs, ports| (word.to_owned(), needs, ports);
    match dice.below(15) {
        0..4 => plain("tcp", none, true),
        4 | 5 => plain("udp", none, true),
        6 | 7 => plain("all", none, false),
        8 => plain("icmp", Families { v4: true, v6: false }, false),
        9 => plain("icmpv6", Families { v4: false, v6: true }, false),
        10 => plain("gre", none, false),
        11 => plain(dice.word(&["proto 6", "proto 17"]), none, true),
        12 => plain(
            dice.word(&["proto 132", "proto 253", "proto 0", "proto 47", "proto 2", "proto 255"]),
            none,
            false,
        ),
        _ => match dice.pick(&world.services) {
            Some(service) => (format!("service {}", service.name), service.families, false),
            None => plain("tcp", none, true),
        },
    }
}

/// The far end, and the families that it certainly has.
fn peers(dice: &mut Dice, place: &Place<'_>, needs: Families) -> (String, Families) {
    if dice.percent(30) {
        return ("any".to_owned(), Families::BOTH);
    }
    let mut families = Families::default();
    let mut peers = Vec::new();
    for _ in 0..dice.between(1, 4) {
        let set = dice.pick(&place.world.sets).filter(|_| place.sets && dice.percent(30));
        let group = dice.pick(place.groups).filter(|_| dice.percent(40));
        match (set, group) {
            (Some(set), _) => {
                families = families.or(set.families);
                peers.push(format!("set {}", set.name));
            }
            // Membership changes, so the language takes a group to have both families.
            (None, Some(group)) => {
                families = Families::BOTH;
                peers.push(format!("group {group}"));
            }
            (None, None) => {
                let address = remote(dice);
                families = families.or(Families::of(&address));
                peers.push(address);
            }
        }
    }
    for (missing, address) in
        [(needs.v4 && !families.v4, "10.0.0.0/9"), (needs.v6 && !families.v6, "fd00::/9")]
    {
        if missing {
            families = families.or(Families::of(address));
            peers.push(address.to_owned());
        }
    }
    (list(&peers), families)
}

/// The rule's own end: mostly nothing, else addresses that share a family with the rest.
///
/// Its prefix lengths are such as no peer has: two ends of equal value are an error.
fn local(dice: &mut Dice, place: &Place<'_>, needs: Families, peers: Families) -> Option<String> {
    if !dice.percent(25) {
        return dice.percent(10).then(|| "any".to_owned());
    }
    let network = dice.between(1, 3);
    let v4 = format!("10.{network}.0.{}/25", dice.word(&["0", "128"]));
    let v6 = format!("fd00:{network}::{}/121", dice.word(&["", "80"]));
    let set = dice.pick(&place.world.local_sets).filter(|_| place.sets && dice.percent(50));
    let only_v4 = peers.v4 && !needs.v6 && dice.percent(25);
    let only_v6 = peers.v6 && !needs.v4 && dice.percent(25);
    Some(match (set, only_v4, only_v6) {
        (Some(set), ..) => format!("set {set}"),
        (None, true, _) => list(&[v4, format!("10.{network}.0.{}", dice.between(1, 40))]),
        (None, false, true) => v6,
        (None, false, false) => list(&[v4, v6]),
    })
}
