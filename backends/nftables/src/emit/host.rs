//! The ruleset of one instance, at its own input and output hooks.
//!
//! A packet belongs to the NIC that owns its local address, else to the NIC whose interface it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{
    Chain, Direction, EmitError, Family, InstancePlan, NicPlan, Plan, Prelude, Style, Verdict,
};

use super::dispatch::{Dispatcher, Way};
use super::file::{ChainText, Ruleset};
use super::names::{self, Taken};
use super::rule::Writer;
use super::sets::Sets;
use super::{Settings, errors, maps, session, text};

const NDP_TYPES: &str = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert";
const MLD_TYPES: &str = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report";

/// The ruleset of an instance.
pub(super) fn ruleset(
    plan: &Plan,
    instance: &InstancePlan,
    settings: &Settings<'_>,
) -> Result<Ruleset, EmitError> {
    let InstancePlan { name, description, nics } = instance;
    if let Some(nic) = nics.iter().find(|nic| nic.interface.as_str() == "lo")
        && settings.prelude.contains(&Prelude::Loopback)
    {
        return Err(errors::loopback_interface(&nic.interface));
    }
    let mut taken = Taken::default();
    let mut writer = Writer { plan, sets: Sets::new(plan), counters: settings.counters };
    let mut dispatcher = Dispatcher::default();
    let mut chains: Vec<ChainText> = [Direction::In, Direction::Out]
        .map(|direction| base_chain(&mut dispatcher, instance, direction, settings))
        .into();
    for (at, nic) in nics.iter().enumerate() {
        for direction in [Direction::In, Direction::Out] {
            for chain in nic_chains(&mut writer, &mut dispatcher, nic, direction, settings.layout)? {
                taken.claim(&chain.name, &format!("{at} {direction} {}", chain.name))?;
                chains.push(chain);
            }
        }
    }
    let mut title = vec![format!("palisade: the rules of instance {name}, for the host itself")];
    title.extend(description.as_deref().map(text::clean).filter(|text| !text.is_empty()).map(Into::into));
    let unmanaged = match settings.unmanaged {
        Verdict::Allow => "Interfaces that the policy does not name are left alone.",
        Verdict::Deny => "Everything on interfaces that the policy does not name is dropped.",
    };
    let (sets, services) = writer.sets.into_used();
    Ok(Ruleset {
        table: settings.table.to_owned(),
        title,
        notes: vec![unmanaged.to_owned(), session::note(plan.session_timeout)],
        session_timeout: plan.session_timeout,
        sets,
        services,
        maps: dispatcher.maps,
        chains,
    })
}

fn base_chain(
    dispatcher: &mut Dispatcher,
    instance: &InstancePlan,
    direction: Direction,
    settings: &Settings<'_>,
) -> ChainText {
    let (hook, note) = match direction {
        Direction::In => ("input", "Packets to this host."),
        Direction::Out => ("output", "Packets from this host."),
    };
    let mut blocks = Vec::new();
    if settings.prelude.contains(&Prelude::Loopback) {
        blocks.push(prelude(Prelude::Loopback, direction));
    }
    blocks.push(block("sessions: their first packet was judged", session::pass()));
    for wanted in settings.prelude.iter().filter(|wanted| **wanted != Prelude::Loopback) {
        blocks.push(prelude(*wanted, direction));
    }
    blocks.push(dispatch(dispatcher, instance, direction));
    let (end, verdict) = match settings.unmanaged {
        Verdict::Allow => ("other interfaces are left alone", "accept"),
        Verdict::Deny => ("other interfaces are closed", "drop"),
    };
    // Said although the policy says it too: a new policy takes effect a moment after the new rules.
    blocks.push(block(end, vec![verdict.to_owned()]));
    let lines = blocks.into_iter().flat_map(|block| std::iter::once(String::new()).chain(block)).collect();
    ChainText {
        note: Some(note.to_owned()),
        name: hook.to_owned(),
        base: Some((hook, settings.unmanaged)),
        lines,
    }
}

fn block(title: &str, rules: Vec<String>) -> Vec<String> {
    std::iter::once(format!("# {title}")).chain(rules).collect()
}

/// What the cloud does outside the rules.
fn prelude(which: Prelude, direction: Direction) -> Vec<String> {
    let rules = match (which, direction) {
        (Prelude::Loopback, Direction::In) => vec!["iifname \"lo\" accept".to_owned()],
        (Prelude::Loopback, Direction::Out) => vec!["oifname \"lo\" accept".to_owned()],
        (Prelude::Invalid, _) => vec!["ct state invalid drop".to_owned()],
        // Connection tracking leaves both kinds untracked, so they are neither new nor established. Only a hop limit
        // of 255 proves that a packet of neighbour discovery comes from this link (RFC 4861).
        (Prelude::Ndp, _) => vec![
            format!("ip6 hoplimit 255 icmpv6 type {{ {NDP_TYPES} }} accept"),
            format!("icmpv6 type {{ {MLD_TYPES} }} accept"),
        ],
        // Replies of DHCPv6 come from another address than the request went to: no session would match them.
        (Prelude::Dhcp, Direction::In) => vec![
            "meta nfproto ipv4 udp sport 67 udp dport 68 accept".to_owned(),
            "meta nfproto ipv6 udp sport 547 udp dport 546 accept".to_owned(),
        ],
        (Prelude::Dhcp, Direction::Out) => vec![
            "meta nfproto ipv4 udp sport 68 udp dport 67 accept".to_owned(),
            "meta nfproto ipv6 udp sport 546 udp dport 547 accept".to_owned(),
        ],
        (Prelude::Igmp, _) => vec!["meta l4proto igmp meta nfproto ipv4 accept".to_owned()],
    };
    block(&format!("prelude: {}", which.name()), rules)
}

/// By local address, then by interface.
fn dispatch(dispatcher: &mut Dispatcher, instance: &InstancePlan, direction: Direction) -> Vec<String> {
    let (field, interface, title) = match direction {
        Direction::In => {
            ("daddr", "iifname", "to the nic that owns the address, else to that of the interface")
        }
        Direction::Out => {
            ("saddr", "oifname", "from the nic that owns the address, else from that of the interface")
        }
    };
    let goto = |nic: &NicPlan| format!("goto {}", chain_of(nic, direction));
    let owners = owners(instance);
    let mut rules = Vec::new();
    for (header, number, family) in [("ip", "4", Family::V4), ("ip6", "6", Family::V6)] {
        let ways: Vec<Way> = owners
            .iter()
            .filter(|(address, _)| Family::of(address) == family)
            .map(|(address, nic)| Way { values: vec![address.to_string()], action: goto(nic) })
            .collect();
        let (name, kind) = (format!("{direction}_v{number}"), format!("ipv{number}_addr"));
        rules.extend(dispatcher.rules(&name, &kind, &[&format!("{header} {field}")], &ways));
    }
    let ways: Vec<Way> = instance
        .nics
        .iter()
        .map(|nic| Way { values: vec![format!("\"{}\"", nic.interface)], action: goto(nic) })
        .collect();
    rules.extend(dispatcher.rules(&format!("{direction}_interface"), "ifname", &[interface], &ways));
    block(title, rules)
}

/// The addresses that exactly one NIC of the instance owns. One that two NICs own in different networks says nothing
/// about the NIC; the interface does.
fn owners(instance: &InstancePlan) -> BTreeMap<IpAddr, &NicPlan> {
    let mut owners = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for nic in &instance.nics {
        for address in nic.addresses.iter().collect::<BTreeSet<_>>() {
            if owners.insert(*address, nic).is_some() {
                shared.insert(*address);
            }
        }
    }
    owners.retain(|address, _| !shared.contains(address));
    owners
}

fn chain_of(nic: &NicPlan, direction: Direction) -> String {
    names::host_chain(&nic.interface, direction)
}

/// The chain of a NIC, and those it leads to.
fn nic_chains(
    writer: &mut Writer<'_>,
    dispatcher: &mut Dispatcher,
    nic: &NicPlan,
    direction: Direction,
    style: Style,
) -> Result<Vec<ChainText>, EmitError> {
    let (chain, words): (&Chain, &str) = match direction {
        Direction::In => (&nic.ingress, "What may come in by"),
        Direction::Out => (&nic.egress, "What may go out by"),
    };
    let note = format!("{words} {}.", nic.interface);
    maps::chains(writer, &mut dispatcher.maps, style, note, chain_of(nic, direction), chain, "accept")
}
