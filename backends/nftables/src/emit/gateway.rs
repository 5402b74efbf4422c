//! The ruleset of a gateway that forwards for many instances: the sender's out rules, then the receiver's in rules.
//!
//! A NIC is known by the interface that leads to it (`via`), else by its address. What an out chain allows returns to
//! the base chain and goes on to the receiver; only an in chain accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{Chain, Direction, EmitError, Family, Ifname, Name, NicPlan, Plan, Style, Verdict};

use super::dispatch::{Dispatcher, Way};
use super::file::{ChainText, Ruleset, braces};
use super::names::{self, Taken};
use super::rule::Writer;
use super::sets::Sets;
use super::{Settings, errors, maps, session};

/// The chain that drops sources which do not belong where they come from.
const SPOOFED: &str = "spoofed";

/// A NIC and the instance it belongs to.
#[derive(Clone, Copy)]
struct Port<'a> {
    instance: &'a Name,
    nic: &'a NicPlan,
}

impl Port<'_> {
    fn chain(&self, direction: Direction) -> String {
        names::gateway_chain(self.instance, &self.nic.interface, direction)
    }
}

/// The ruleset of the whole plan.
pub(super) fn ruleset(plan: &Plan, settings: &Settings<'_>) -> Result<Ruleset, EmitError> {
    if settings.unmanaged == Verdict::Deny {
        return Err(errors::unmanaged_on_gateway());
    }
    let ports: Vec<Port<'_>> =
        plan.nics().map(|(_, instance, nic)| Port { instance: &instance.name, nic }).collect();
    let owners = owners(&ports)?;
    let mut writer = Writer { plan, sets: Sets::new(plan), counters: settings.counters };
    let mut dispatcher = Dispatcher::default();
    let mut chains = vec![forward(&mut dispatcher, &ports, &owners)];
    chains.extend(spoofed(&ports, &owners));
    let mut taken = Taken::default();
    for (at, port) in ports.iter().enumerate() {
        for direction in [Direction::In, Direction::Out] {
            for chain in port_chains(&mut writer, &mut dispatcher, *port, direction, settings.layout)? {
                taken.claim(&chain.name, &format!("{at} {direction} {}", chain.name))?;
                chains.push(chain);
            }
        }
    }
    let (sets, services) = writer.sets.into_used();
    Ok(Ruleset {
        table: settings.table.to_owned(),
        title: vec!["palisade: the rules of all instances, for a gateway that forwards for them".to_owned()],
        notes: vec![
            "Traffic between two ends that the policy does not name is left alone. Traffic to and from the gateway".to_owned(),
            "itself does not pass here, and neither do frames that a bridge switches.".to_owned(),
            session::note(plan.session_timeout),
        ],
        session_timeout: plan.session_timeout,
        sets,
        services,
        maps: dispatcher.maps,
        chains,
    })
}

/// The NICs of each address; several only where each has its own `via`.
fn owners<'a>(ports: &[Port<'a>]) -> Result<BTreeMap<IpAddr, Vec<Port<'a>>>, EmitError> {
    let mut owners: BTreeMap<IpAddr, Vec<Port<'a>>> = BTreeMap::new();
    for port in ports {
        for address in port.nic.addresses.iter().collect::<BTreeSet<_>>() {
            owners.entry(*address).or_default().push(*port);
        }
    }
    for (address, ports) in &owners {
        let vias: BTreeSet<&Ifname> = ports.iter().filter_map(|port| port.nic.via.as_ref()).collect();
        if ports.len() > 1 && vias.len() < ports.len() {
            return Err(errors::ambiguous_address(*address));
        }
    }
    Ok(owners)
}

fn forward(
    dispatcher: &mut Dispatcher,
    ports: &[Port<'_>],
    owners: &BTreeMap<IpAddr, Vec<Port<'_>>>,
) -> ChainText {
    let mut lines = Vec::new();
    let mut block = |title: &str, rules: Vec<String>| {
        if !rules.is_empty() {
            lines.extend([String::new(), format!("# {title}")]);
            lines.extend(rules);
        }
    };
    if ports.iter().any(|port| port.nic.via.is_some()) {
        block(
            "a source must belong where it comes from, also within a session",
            vec![format!("jump {SPOOFED}")],
        );
    }
    block("sessions: their first packet was judged", session::pass());
    block("from a nic of the policy: what its out rules allow goes on", senders(dispatcher, owners));
    block("to a nic of the policy", receivers(dispatcher, ports, owners));
    block("the rest is left alone", vec!["accept".to_owned()]);
    ChainText {
        note: Some("Packets routed through.".to_owned()),
        name: "forward".to_owned(),
        base: Some(("forward", Verdict::Allow)),
        lines,
    }
}

/// Every address with each of its NICs.
fn pairs<'a, 'b>(
    owners: &'b BTreeMap<IpAddr, Vec<Port<'a>>>,
) -> impl Iterator<Item = (&'b IpAddr, Port<'a>)> {
    owners.iter().flat_map(|(address, ports)| ports.iter().map(move |port| (address, *port)))
}

/// For both families: the lines of `prefix` with the elements whose address is of that family.
fn by_family(template: impl Fn(&str) -> String, elements: &[(IpAddr, String)], suffix: &str) -> Vec<String> {
    [("ip", Family::V4), ("ip6", Family::V6)]
        .into_iter()
        .flat_map(|(header, family)| {
            let own: Vec<String> = elements
                .iter()
                .filter(|(address, _)| Family::of(address) == family)
                .map(|(_, element)| element.clone())
                .collect();
            braces(&template(header), &own, suffix)
        })
        .collect()
}

/// The ways of one family, each with its address.
type Ways = Vec<(IpAddr, Way)>;

/// Sends packets of both families their ways, by an address and, with `via`, by an interface before it.
fn by_address(
    dispatcher: &mut Dispatcher,
    name: &str,
    via: Option<&str>,
    field: &str,
    ways: Ways,
) -> Vec<String> {
    let (four, six): (Ways, Ways) = ways.into_iter().partition(|(address, _)| address.is_ipv4());
    let mut rules = Vec::new();
    for (header, number, ways) in [("ip", "4", four), ("ip6", "6", six)] {
        let address = format!("{header} {field}");
        let (mut kind, mut fields) = (format!("ipv{number}_addr"), vec![address.as_str()]);
        if let Some(interface) = via {
            kind = format!("ifname . {kind}");
            fields.insert(0, interface);
        }
        let ways: Vec<Way> = ways.into_iter().map(|(_, way)| way).collect();
        rules.extend(dispatcher.rules(&format!("{name}_v{number}"), &kind, &fields, &ways));
    }
    rules
}

fn senders(dispatcher: &mut Dispatcher, owners: &BTreeMap<IpAddr, Vec<Port<'_>>>) -> Vec<String> {
    let (mut behind, mut elsewhere) = (Ways::new(), Ways::new());
    for (address, port) in pairs(owners) {
        let action = format!("jump {}", port.chain(Direction::Out));
        match &port.nic.via {
            Some(via) => {
                behind.push((*address, Way { values: vec![quoted(via), address.to_string()], action }));
            }
            None => elsewhere.push((*address, Way { values: vec![address.to_string()], action })),
        }
    }
    let mut rules = by_address(dispatcher, "from_via", Some("iifname"), "saddr", behind);
    rules.extend(by_address(dispatcher, "from", None, "saddr", elsewhere));
    rules
}

fn receivers(
    dispatcher: &mut Dispatcher,
    ports: &[Port<'_>],
    owners: &BTreeMap<IpAddr, Vec<Port<'_>>>,
) -> Vec<String> {
    let mut behind: BTreeMap<&Ifname, Vec<Port<'_>>> = BTreeMap::new();
    for port in ports {
        if let Some(via) = &port.nic.via {
            behind.entry(via).or_default().push(*port);
        }
    }
    let goto = |port: &Port<'_>| format!("goto {}", port.chain(Direction::In));
    let own: Vec<Way> = behind
        .iter()
        .filter_map(|(via, ports)| match ports.as_slice() {
            [port] => Some(Way { values: vec![quoted(via)], action: goto(port) }),
            _ => None,
        })
        .collect();
    let is_shared = |via: &Ifname| behind.get(via).is_some_and(|ports| ports.len() > 1);
    let shared: Vec<String> = behind.keys().filter(|via| is_shared(via)).map(|via| quoted(via)).collect();
    let (mut by_via, mut by_owner) = (Ways::new(), Ways::new());
    for (address, port) in pairs(owners) {
        if let Some(via) = port.nic.via.as_ref().filter(|via| is_shared(via)) {
            by_via.push((
                *address,
                Way { values: vec![quoted(via), address.to_string()], action: goto(&port) },
            ));
        }
        if owners.get(address).is_some_and(|owners| owners.len() == 1) {
            by_owner.push((*address, Way { values: vec![address.to_string()], action: goto(&port) }));
        }
    }
    let mut rules = dispatcher.rules("to_interface", "ifname", &["oifname"], &own);
    rules.extend(by_address(dispatcher, "to_via", Some("oifname"), "daddr", by_via));
    rules.extend(any_of("oifname", &shared, "drop comment \"no nic has this address\""));
    rules.extend(by_address(dispatcher, "to", None, "daddr", by_owner));
    rules
}

fn quoted(interface: &Ifname) -> String {
    format!("\"{interface}\"")
}

/// A test for one of several values; one alone needs no braces.
fn any_of(field: &str, values: &[String], verdict: &str) -> Vec<String> {
    match values {
        [only] => vec![format!("{field} {only} {verdict}")],
        many => braces(field, many, verdict),
    }
}

/// Spoofing would gain inner access: an interface of the policy carries the addresses of its own NICs only, and these
/// come by no other interface.
fn spoofed(ports: &[Port<'_>], owners: &BTreeMap<IpAddr, Vec<Port<'_>>>) -> Option<ChainText> {
    let vias: BTreeSet<&Ifname> = ports.iter().filter_map(|port| port.nic.via.as_ref()).collect();
    if vias.is_empty() {
        return None;
    }
    let own: Vec<(IpAddr, String)> = pairs(owners)
        .filter_map(|(address, port)| {
            port.nic.via.as_ref().map(|via| (*address, format!("\"{via}\" . {address}")))
        })
        .collect();
    let elsewhere: Vec<(IpAddr, String)> = owners
        .iter()
        .filter(|(_, ports)| ports.iter().all(|port| port.nic.via.is_some()))
        .map(|(address, _)| (*address, address.to_string()))
        .collect();
    let vias: Vec<String> = vias.into_iter().map(|via| format!("\"{via}\"")).collect();
    let drop = "drop comment \"spoofed source\"";
    let mut lines = by_family(|ip| format!("iifname . {ip} saddr"), &own, "return");
    lines.extend(any_of("iifname", &vias, drop));
    lines.extend(by_family(|ip| format!("{ip} saddr"), &elsewhere, drop));
    Some(ChainText {
        note: Some("Sources that do not belong where they come from.".to_owned()),
        name: SPOOFED.to_owned(),
        base: None,
        lines,
    })
}

/// The chain of a NIC, and those it leads to.
fn port_chains(
    writer: &mut Writer<'_>,
    dispatcher: &mut Dispatcher,
    port: Port<'_>,
    direction: Direction,
    style: Style,
) -> Result<Vec<ChainText>, EmitError> {
    let (chain, allow, words): (&Chain, &str, &str) = match direction {
        Direction::In => (&port.nic.ingress, "accept", "What may reach"),
        Direction::Out => (&port.nic.egress, "return", "What may leave"),
    };
    let note = format!("{words} {} of {}.", port.nic.interface, port.instance);
    maps::chains(writer, &mut dispatcher.maps, style, note, port.chain(direction), chain, allow)
}
