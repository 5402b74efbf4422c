//! The table of a gateway: every forwarded packet passes one egress chain, then one ingress chain, where it has them.
//!
//! An egress chain returns what it allows, so that the receiver still judges it; only ingress chains accept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::{Direction, EmitError, Family, Ifname, InstancePlan, NicPlan, NicRef, Plan, Verdict};

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
    prelude::sessions(context, &mut table, entry);
    let (from, to) = (table.chain("PALISADE-FROM")?, table.chain("PALISADE-TO")?);
    table.rule::<&str>(entry, &[], "the sender's rules", Target::Jump(from));
    table.rule::<&str>(entry, &[], "then the receiver's", Target::Jump(to));
    let finish = finish(context, &mut table, to)?;
    let vias = vias(context.plan);
    for (direction, dispatch) in [(Direction::Out, from), (Direction::In, to)] {
        let via_chains = declare_vias(&mut table, &vias, direction)?;
        let chains = declare_nics(&mut table, context.plan, direction)?;
        by_interface(context, &mut table, dispatch, &vias, &via_chains, &chains, direction);
        match direction {
            Direction::Out => sender_by_address(context, &mut table, dispatch, &chains),
            Direction::In => receiver_by_address(context, &mut table, dispatch, &chains),
        }
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

/// A chain per `via` interface where addresses must be told apart or checked.
fn declare_vias<'a>(
    table: &mut Table,
    vias: &Vias<'a>,
    direction: Direction,
) -> Result<BTreeMap<&'a Ifname, ChainId>, EmitError> {
    let mut chains = BTreeMap::new();
    for (via, nics) in vias {
        let name = match direction {
            Direction::Out => format!("PGW-from/{via}"),
            Direction::In if nics.len() > 1 => format!("PGW-to/{via}"),
            Direction::In => continue,
        };
        chains.insert(*via, table.chain(&name)?);
    }
    Ok(chains)
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

/// Packets from or to a `via` interface. A source that no NIC there owns would gain inner access: dropped.
fn by_interface(
    context: &Context<'_>,
    table: &mut Table,
    dispatch: ChainId,
    vias: &Vias<'_>,
    via_chains: &BTreeMap<&Ifname, ChainId>,
    chains: &Chains,
    direction: Direction,
) {
    let (interface_option, address_option, side, stray) = match direction {
        Direction::Out => ("-i", "-s", "sender", "spoofed source"),
        Direction::In => ("-o", "-d", "receiver", "unknown destination"),
    };
    for (via, nics) in vias {
        let test = [format!("{interface_option} {via}")];
        let comment = format!("interface {via}");
        match (via_chains.get(via), nics.as_slice()) {
            (Some(chain), _) => table.rule(dispatch, &test, &comment, Target::Goto(*chain)),
            (None, nics) => {
                for chain in nics.iter().filter_map(|(at, _)| chains.get(at)) {
                    table.rule(dispatch, &test, &comment, Target::Goto(*chain));
                }
            }
        }
    }
    for (via, nics) in vias {
        let Some(via_chain) = via_chains.get(via) else { continue };
        for (at, nic) in nics {
            let Some(chain) = chains.get(at) else { continue };
            for address in nic.addresses.iter().filter(|address| Family::of(address) == context.family) {
                let test = [address_test(address_option, *address)];
                let comment = format!("{side} {}", nic_label(context.plan, *at));
                table.rule(*via_chain, &test, &comment, Target::Goto(*chain));
            }
        }
        table.rule::<&str>(*via_chain, &[], &format!("{stray} at {via}"), Target::Drop);
    }
}

fn address_test(option: &str, address: IpAddr) -> String {
    format!("{option} {}", ipnet::IpNet::from(address))
}

/// From other interfaces: an address that lives behind `via` interfaces only is spoofed there.
fn sender_by_address(context: &Context<'_>, table: &mut Table, dispatch: ChainId, chains: &Chains) {
    for (address, owners) in owners(context) {
        let free = |at: &&NicRef| context.plan.nic(**at).is_some_and(|nic| nic.via.is_none());
        let test = [address_test("-s", address)];
        match owners.iter().find(free).and_then(|at| Some((at, chains.get(at)?))) {
            Some((at, chain)) => {
                let comment = format!("sender {}", nic_label(context.plan, *at));
                table.rule(dispatch, &test, &comment, Target::Goto(*chain));
            }
            None => {
                table.rule(dispatch, &test, "spoofed source: lives behind another interface", Target::Drop);
            }
        }
    }
}

/// To other interfaces: the one NIC that owns the address; what several own is somebody else's there.
fn receiver_by_address(context: &Context<'_>, table: &mut Table, dispatch: ChainId, chains: &Chains) {
    for (address, owners) in owners(context) {
        if let [at] = owners.as_slice()
            && let Some(chain) = chains.get(at)
        {
            let comment = format!("receiver {}", nic_label(context.plan, *at));
            table.rule(dispatch, &[address_test("-d", address)], &comment, Target::Goto(*chain));
        }
    }
}

fn owners(context: &Context<'_>) -> impl Iterator<Item = (IpAddr, Vec<NicRef>)> {
    let family = context.family;
    context.plan.owners().into_iter().filter(move |(address, _)| Family::of(address) == family)
}
