//! The table of a gateway: every forwarded packet passes one egress chain, then one ingress chain, where it has them.
//!
//! Sources that do not belong where they come from are dropped before all else, within sessions too. An egress chain
//! returns what it allows, so that the receiver still judges it; only ingress chains accept.

mod dispatch;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{Direction, EmitError, Family, Ifname, InstancePlan, NicPlan, NicRef, Plan, Verdict};

use self::dispatch::Way;
use super::rule::Exits;
use super::sets::Sets;
use super::table::{ChainId, Table, Target};
use super::{Context, error, matching, nic, prelude};

/// The own chain of `FORWARD`.
pub(super) const ENTRY: &str = "PALISADE-FWD";

/// The NICs behind each `via` interface.
type Vias<'a> = BTreeMap<&'a Ifname, Vec<(NicRef, &'a NicPlan)>>;
/// The chains of each NIC in one direction.
type Chains = BTreeMap<NicRef, ChainId>;

/// Refuses plans a gateway cannot tell apart.
pub(super) fn check(plan: &Plan, unmanaged: Verdict) -> Result<(), EmitError> {
    if unmanaged == Verdict::Deny {
        return Err(error::unmanaged_on_gateway());
    }
    for instance in &plan.instances {
        let mut seen = BTreeSet::new();
        if let Some(twice) = instance.nics.iter().find(|nic| !seen.insert(&nic.interface)) {
            return Err(error::same_interface(&instance.name, &twice.interface));
        }
    }
    for (address, owners) in plan.owners() {
        let vias: Vec<Option<&Ifname>> =
            owners.iter().map(|at| plan.nic(*at).and_then(|nic| nic.via.as_ref())).collect();
        let distinct: BTreeSet<_> = vias.iter().flatten().collect();
        if owners.len() > 1 && distinct.len() < owners.len() {
            let name = |at: &NicRef| plan.instances.get(at.instance.0 as usize).map(|owner| &owner.name);
            return Err(error::ambiguous_address(
                address,
                &owners.iter().filter_map(name).collect::<Vec<_>>(),
            ));
        }
    }
    Ok(())
}

/// The filter table of one family.
pub(super) fn table(context: &Context<'_>, sets: &mut Sets) -> Result<Table, EmitError> {
    let mut table = Table::new();
    let mut forward = None;
    if !context.options.chains_only {
        for name in ["INPUT", "FORWARD", "OUTPUT"] {
            let chain = table.built_in(name, Verdict::Allow);
            forward = forward.or((name == "FORWARD").then_some(chain));
        }
    }
    let entry = table.chain(ENTRY)?;
    if let Some(forward) = forward {
        table.rule::<&str>(forward, &[], "palisade", Target::Jump(entry));
    }
    let vias = vias(context.plan);
    let spoofed = if vias.is_empty() { None } else { Some(table.chain("PALISADE-SPOOF")?) };
    if let Some(spoofed) = spoofed {
        table.rule::<&str>(entry, &[], "sources that belong elsewhere", Target::Jump(spoofed));
    }
    prelude::sessions(context, &mut table, entry);
    let (from, to) = (table.chain("PALISADE-FROM")?, table.chain("PALISADE-TO")?);
    table.rule::<&str>(entry, &[], "the sender's rules", Target::Jump(from));
    table.rule::<&str>(entry, &[], "then the receiver's", Target::Jump(to));
    let finish = finish(context, &mut table, to)?;
    if let Some(spoofed) = spoofed {
        drop_spoofed(context, &mut table, spoofed, &vias)?;
    }
    for (direction, at) in [(Direction::Out, from), (Direction::In, to)] {
        let chains = declare_nics(&mut table, context.plan, direction)?;
        let interfaces = by_interface(context, &mut table, &vias, &chains, direction)?;
        let addresses = by_address(context, &chains, direction);
        dispatch::write_both(&mut table, at, direction, &interfaces, &addresses)?;
        for (at, _, nic) in context.plan.nics() {
            let Some(chain) = chains.get(&at) else { continue };
            let exits = match direction {
                Direction::Out => Exits::Returning { finish },
                Direction::In => Exits::Final,
            };
            nic::fill(context, sets, &mut table, *chain, nic::rules(nic, direction), exits)?;
        }
    }
    Ok(table)
}

/// The chain for what an egress sub-chain allows, if one is needed: the receiver decides, else it is accepted. Beside
/// other tools there is none: it would accept what flat rules leave to them.
fn finish(context: &Context<'_>, table: &mut Table, to: ChainId) -> Result<Option<ChainId>, EmitError> {
    let mut rules = context.plan.nics().flat_map(|(_, _, nic)| nic.egress.rules());
    let needed = rules.any(|rule| {
        rule.matches.family() == context.family
            && rule.outcome.verdict == Verdict::Allow
            && matching::needs_exceptions(&rule.matches)
    });
    if context.options.chains_only || !needed {
        return Ok(None);
    }
    let chain = table.chain("PALISADE-SENT")?;
    table.rule::<&str>(chain, &[], "allowed by the sender: the receiver's rules", Target::Jump(to));
    table.rule::<&str>(chain, &[], "no receiver", Target::Accept);
    Ok(Some(chain))
}

fn vias(plan: &Plan) -> Vias<'_> {
    let mut vias = Vias::new();
    for (at, _, nic) in plan.nics() {
        if let Some(via) = &nic.via {
            vias.entry(via).or_default().push((at, nic));
        }
    }
    vias
}

fn declare_nics(table: &mut Table, plan: &Plan, direction: Direction) -> Result<Chains, EmitError> {
    let declared = plan.nics().map(|(at, instance, nic)| {
        let chain = table.chain(&format!("PGW-{direction}-{}", label(instance, nic)))?;
        Ok((at, chain))
    });
    declared.collect()
}

/// `/` stands in no name of an instance or interface, so a label names one NIC.
fn label(instance: &InstancePlan, nic: &NicPlan) -> String {
    format!("{}/{}", instance.name, nic.interface)
}

fn nic_label(plan: &Plan, at: NicRef) -> String {
    let instance = plan.instances.get(at.instance.0 as usize);
    instance.zip(plan.nic(at)).map_or_else(String::new, |(instance, nic)| label(instance, nic))
}

/// An interface that leads to NICs carries their addresses only, and these come by no other: what is spoofed would gain
/// inner access.
fn drop_spoofed(
    context: &Context<'_>,
    table: &mut Table,
    at: ChainId,
    vias: &Vias<'_>,
) -> Result<(), EmitError> {
    let direction = Direction::Out;
    let mut interfaces = Vec::new();
    let mut own = Vec::new();
    for (via, nics) in vias {
        let chain = table.chain(&format!("PGW-own/{via}"))?;
        let way = |(address, _): (IpAddr, NicRef)| Way {
            key: address,
            comment: "its own".to_owned(),
            target: Target::Return,
        };
        let mut ways: Vec<Way<IpAddr>> = addresses_of(context, nics).into_iter().map(way).collect();
        ways.dedup_by_key(|way| way.key);
        own.push((chain, *via, ways));
        interfaces.push(Way { key: *via, comment: format!("interface {via}"), target: Target::Goto(chain) });
    }
    let far = owners(context).filter(|(_, owners)| !owners.iter().any(|at| is_free(context, *at)));
    let far = far.map(|(address, _)| Way {
        key: address,
        comment: "spoofed source: lives behind another interface".to_owned(),
        target: Target::Drop,
    });
    dispatch::write_both(table, at, direction, &interfaces, &far.collect::<Vec<_>>())?;
    for (chain, via, ways) in own {
        let otherwise = Some((format!("spoofed source at {via}"), Target::Drop));
        dispatch::write(
            table,
            chain,
            direction,
            &ways,
            otherwise.as_ref().map(|(words, to)| (words.as_str(), *to)),
        )?;
    }
    Ok(())
}

/// Where packets from or to `via` interfaces go: to the chain of the NIC behind it, by way of one that asks for the
/// address where there are several.
fn by_interface<'a>(
    context: &Context<'_>,
    table: &mut Table,
    vias: &Vias<'a>,
    chains: &Chains,
    direction: Direction,
) -> Result<Vec<Way<&'a Ifname>>, EmitError> {
    let mut ways = Vec::new();
    for (via, nics) in vias {
        let to = match nics.as_slice() {
            [(only, _)] => chains.get(only).copied(),
            several => Some(among(context, table, via, several, chains, direction)?),
        };
        let way = |to| Way { key: *via, comment: format!("interface {via}"), target: Target::Goto(to) };
        ways.extend(to.map(way));
    }
    Ok(ways)
}

/// The chain that tells the NICs behind one interface apart.
fn among(
    context: &Context<'_>,
    table: &mut Table,
    via: &Ifname,
    nics: &[(NicRef, &NicPlan)],
    chains: &Chains,
    direction: Direction,
) -> Result<ChainId, EmitError> {
    let (name, side) = match direction {
        Direction::Out => ("PGW-from", "sender"),
        Direction::In => ("PGW-to", "receiver"),
    };
    let chain = table.chain(&format!("{name}/{via}"))?;
    let ways = addresses_of(context, nics).into_iter().filter_map(|(address, at)| {
        let comment = format!("{side} {}", nic_label(context.plan, at));
        Some(Way { key: address, comment, target: Target::Goto(*chains.get(&at)?) })
    });
    let unknown = format!("unknown destination at {via}");
    let otherwise = match direction {
        // A source that none of them owns was dropped before.
        Direction::Out => None,
        Direction::In => Some((unknown.as_str(), Target::Drop)),
    };
    dispatch::write(table, chain, direction, &ways.collect::<Vec<_>>(), otherwise)?;
    Ok(chain)
}

/// From or to other interfaces. From there comes only what some NIC without `via` owns; and what several NICs own is
/// somebody else's there.
fn by_address(context: &Context<'_>, chains: &Chains, direction: Direction) -> Vec<Way<IpAddr>> {
    let way = |(address, owners): (IpAddr, Vec<NicRef>)| {
        let (owner, side) = match (direction, owners.as_slice()) {
            (Direction::Out, _) => (owners.iter().find(|at| is_free(context, **at))?, "sender"),
            (Direction::In, [only]) => (only, "receiver"),
            (Direction::In, _) => return None,
        };
        let comment = format!("{side} {}", nic_label(context.plan, *owner));
        Some(Way { key: address, comment, target: Target::Goto(*chains.get(owner)?) })
    };
    owners(context).filter_map(way).collect()
}

/// Whether a NIC lies behind no interface in particular.
fn is_free(context: &Context<'_>, at: NicRef) -> bool {
    context.plan.nic(at).is_some_and(|nic| nic.via.is_none())
}

/// The addresses of some NICs with their owners, ascending.
fn addresses_of(context: &Context<'_>, nics: &[(NicRef, &NicPlan)]) -> Vec<(IpAddr, NicRef)> {
    let mut all: Vec<(IpAddr, NicRef)> = nics
        .iter()
        .flat_map(|(at, nic)| nic.addresses.iter().map(|address| (*address, *at)))
        .filter(|(address, _)| Family::of(address) == context.family)
        .collect();
    all.sort_unstable();
    all
}

/// The addresses of this family with all their owners, ascending.
fn owners(context: &Context<'_>) -> impl Iterator<Item = (IpAddr, Vec<NicRef>)> {
    let family = context.family;
    context.plan.owners().into_iter().filter(move |(address, _)| Family::of(address) == family)
}
