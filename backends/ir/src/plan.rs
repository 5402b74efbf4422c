//! The whole policy as backends see it: per instance and NIC two chains, plus the names they share.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Chain, ChainDecision, Family, Ifname, Name, Packet, PortSet, PrefixSet, Protocol, RuleId, RuleInfo,
    Verdict,
};

/// The direction of a session's first packet, seen from the managed NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// `in`: towards the NIC.
    In,
    /// `out`: from the NIC.
    Out,
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Direction::In => "in",
            Direction::Out => "out",
        })
    }
}

/// The side of a classic network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The public NIC and its rules.
    Public,
    /// The internal NIC and its rules.
    Internal,
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Side::Public => "public",
            Side::Internal => "internal",
        })
    }
}

/// Index into [`Plan::sets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetId(pub u32);

/// Index into [`Plan::instances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceId(pub u32);

/// Index into [`Plan::networks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NetworkId(pub u32);

/// A NIC of the plan: instance and index into its [`InstancePlan::nics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NicRef {
    /// The instance.
    pub instance: InstanceId,
    /// The index of the NIC.
    pub nic: u32,
}

/// What a named set stands for. Sets and groups have names of their own, so both may be called the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SetKind {
    /// A prefix set.
    Set,
    /// The private addresses of a group's members.
    Group,
}

/// Addresses with a name that rules refer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSet {
    /// What it stands for.
    pub kind: SetKind,
    /// Its name.
    pub name: Name,
    /// Its description. Hostile text.
    pub description: Option<String>,
    /// Its IPv4 addresses; may be empty.
    pub v4: Arc<PrefixSet>,
    /// Its IPv6 addresses; may be empty.
    pub v6: Arc<PrefixSet>,
}

impl NamedSet {
    /// The addresses of one family.
    pub const fn family(&self, family: Family) -> &Arc<PrefixSet> {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

/// One managed NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicPlan {
    /// The interface on the instance.
    pub interface: Ifname,
    /// The interface on a gateway that leads to this NIC.
    pub via: Option<Ifname>,
    /// Its network.
    pub network: NetworkId,
    /// Its side in a classic network.
    pub side: Option<Side>,
    /// Its private addresses, at least one, in the author's order.
    pub addresses: Vec<IpAddr>,
    /// What may come in. NICs with equal chains share them: a fleet holds each once.
    pub ingress: Arc<Chain>,
    /// What may go out; shared likewise.
    pub egress: Arc<Chain>,
}

/// Ports of one protocol with a name that rules refer to: a service, or its half for one protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPorts {
    /// The name of the service.
    pub name: Name,
    /// The protocol.
    pub protocol: Protocol,
    /// Its destination ports.
    pub ports: PortSet,
}

/// One managed instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancePlan {
    /// Its name.
    pub name: Name,
    /// Its description. Hostile text.
    pub description: Option<String>,
    /// Its NICs, at least one, in the author's order.
    pub nics: Vec<NicPlan>,
}

/// The whole policy, lowered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Idle seconds after which a session ends.
    pub session_timeout: u32,
    /// Names of the networks.
    pub networks: Vec<Name>,
    /// Named sets, sorted by kind and name.
    pub sets: Vec<NamedSet>,
    /// Services that ask for ports, sorted by name and protocol. Matches hold the ports; these are words for them.
    pub services: Vec<NamedPorts>,
    /// What each [`RuleId`] stands for.
    pub rules: Vec<RuleInfo>,
    /// The instances, sorted by name.
    pub instances: Vec<InstancePlan>,
}

/// Why an address does not lead to one NIC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// Several networks use the address.
    #[error("`{address}` belongs to several instances ({}): name the one you mean", names(.instances))]
    Ambiguous {
        /// The address.
        address: IpAddr,
        /// Whose it could be.
        instances: Vec<Name>,
    },
    /// The instance named does not have the address.
    #[error("instance `{instance}` does not own `{address}`")]
    NotOwned {
        /// The instance named.
        instance: Name,
        /// The address.
        address: IpAddr,
    },
    /// No instance has that name.
    #[error("there is no instance `{0}`")]
    UnknownInstance(String),
}

fn names(names: &[Name]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// How both ends decide a packet; an end without a managed NIC has no say.
#[derive(Clone, Copy, Debug)]
pub struct PlanDecision<'a> {
    /// Allow when no end denies.
    pub verdict: Verdict,
    /// The sender's decision.
    pub egress: Option<ChainDecision<'a>>,
    /// The receiver's decision; asked even when the sender denies.
    pub ingress: Option<ChainDecision<'a>>,
}

impl Plan {
    /// The NIC behind a reference.
    pub fn nic(&self, at: NicRef) -> Option<&NicPlan> {
        self.instances.get(at.instance.0 as usize)?.nics.get(at.nic as usize)
    }

    /// The instance of that name.
    pub fn instance(&self, name: &str) -> Option<(InstanceId, &InstancePlan)> {
        let at = self.instances.iter().position(|instance| instance.name.as_str() == name)?;
        Some((InstanceId(at as u32), self.instances.get(at)?))
    }

    /// The words for a rule id.
    pub fn rule(&self, id: RuleId) -> Option<&RuleInfo> {
        self.rules.get(id.0 as usize)
    }

    /// Every NIC with its reference, in order.
    pub fn nics(&self) -> impl Iterator<Item = (NicRef, &InstancePlan, &NicPlan)> {
        self.instances.iter().enumerate().flat_map(|(at, instance)| {
            instance.nics.iter().enumerate().map(move |(nic, plan)| {
                (NicRef { instance: InstanceId(at as u32), nic: nic as u32 }, instance, plan)
            })
        })
    }

    /// Which NICs own each address; more than one where networks reuse it.
    pub fn owners(&self) -> BTreeMap<IpAddr, Vec<NicRef>> {
        let mut owners: BTreeMap<IpAddr, Vec<NicRef>> = BTreeMap::new();
        for (at, _, nic) in self.nics() {
            for address in &nic.addresses {
                owners.entry(*address).or_default().push(at);
            }
        }
        owners
    }

    /// The NIC that owns an address, if any; `instance` settles which where networks reuse it.
    pub fn owner(&self, address: IpAddr, instance: Option<&str>) -> Result<Option<NicRef>, OwnerError> {
        if let Some(name) = instance
            && self.instance(name).is_none()
        {
            return Err(OwnerError::UnknownInstance(name.to_owned()));
        }
        let owners: Vec<(NicRef, &Name)> = self
            .nics()
            .filter(|(_, owner, nic)| {
                nic.addresses.contains(&address) && instance.is_none_or(|name| owner.name.as_str() == name)
            })
            .map(|(at, owner, _)| (at, &owner.name))
            .collect();
        match (owners.as_slice(), instance) {
            ([], None) => Ok(None),
            ([], Some(name)) => match Name::new(name) {
                Ok(instance) => Err(OwnerError::NotOwned { instance, address }),
                Err(_) => Err(OwnerError::UnknownInstance(name.to_owned())),
            },
            ([(at, _)], _) => Ok(Some(*at)),
            (many, _) => {
                let instances = many.iter().map(|(_, name)| (*name).clone()).collect();
                Err(OwnerError::Ambiguous { address, instances })
            }
        }
    }

    /// Decides a packet at the given ends by reading chains in order.
    pub fn decide(
        &self,
        packet: &Packet,
        sender: Option<NicRef>,
        receiver: Option<NicRef>,
    ) -> PlanDecision<'_> {
        let egress = sender.and_then(|at| self.nic(at)).map(|nic| nic.egress.decide(packet));
        let ingress = receiver.and_then(|at| self.nic(at)).map(|nic| nic.ingress.decide(packet));
        let denies =
            |end: &Option<ChainDecision<'_>>| end.is_some_and(|end| end.outcome.verdict == Verdict::Deny);
        let verdict = if denies(&egress) || denies(&ingress) { Verdict::Deny } else { Verdict::Allow };
        PlanDecision { verdict, egress, ingress }
    }
}
