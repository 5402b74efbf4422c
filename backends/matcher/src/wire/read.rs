//! From the wire form to a matcher, checking everything: whatever the file says, no look-up panics later.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

use palisade_ir::{
    Addresses, Chain, Family, Match, MatchError, MatchParts, Origin, PortMatch, PortSet, PrefixSet, Protocol,
    Ranges, Rule, RuleId, RuleInfo, Verdict,
};

use super::{Head, Policy, Wire, WireAddresses, WireChain, WireGuard, WireNic, WirePorts, WireRule};
use crate::file::LoadError;
use crate::indexed::IndexedChain;
use crate::later::{Chained, Known, Section, Wording};
use crate::layout::Budget;
use crate::matcher::Matcher;
use crate::nic::{Guard, Nic};
use crate::prepared::Prepared;

/// A promise that a decoded policy breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Rule ids repeat or stand in another order.
    #[error("rule ids are not ascending")]
    RuleOrder,
    /// A chain names a rule that is not described.
    #[error("a chain names an unknown rule")]
    UnknownRule,
    /// A rule of a chain comes from nowhere, or lists its sources in another order.
    #[error("the origin of a rule is empty or not ascending")]
    Origin,
    /// Ranges are reversed, overlap, touch or stand in another order.
    #[error("ranges of addresses, ports or protocols are not in their one form")]
    Ranges,
    /// A rule names a set of addresses that is not there.
    #[error("a rule names an unknown set of addresses")]
    UnknownAddresses,
    /// A rule tests what cannot be tested.
    #[error("a rule cannot match: {0}")]
    Match(MatchError),
    /// A NIC names a chain that is not there.
    #[error("a NIC names an unknown chain")]
    UnknownChain,
    /// The look-up structures are cut short, too many, or none at all.
    #[error("the look-up structures cannot be read")]
    Structures,
    /// NICs repeat or stand in another order.
    #[error("NICs are not ascending by instance and interface")]
    NicOrder,
}

impl Wire {
    /// The matcher, with structures built anew, if every promise holds.
    pub(crate) fn matcher(self) -> Result<Matcher, Invalid> {
        let (Head { session_timeout, ends: _, nics }, policy) = self.split();
        let Known { words, chains } = policy.known()?;
        let chains = chains.into_iter().map(Chained::Ready).collect();
        let (nics, _) = Guards::new(chains, None).nics(nics)?;
        Ok(Matcher::assemble(session_timeout, Wording::Ready(words), nics))
    }
}

impl Head {
    /// The matcher with structures as they are written, if every promise of this part holds.
    ///
    /// Rules are decoded now only if look-ups will ask for them.
    pub(crate) fn matcher(self, policy: &[u8], written: &[u8]) -> Result<Matcher, LoadError> {
        let Self { session_timeout, ends, nics } = self;
        let section = Arc::new(Section::new(policy));
        let chain = |(place, (verdict, id)): (u32, (Verdict, RuleId))| {
            let end = Arc::new(Chain::from_ordered(Vec::new(), verdict, id));
            Chained::Later { section: Arc::clone(&section), place, end }
        };
        let guards = Guards::new((0..).zip(ends).map(chain).collect(), Some(written));
        let (nics, rest) = guards.nics(nics).map_err(LoadError::Invalid)?;
        if rest.is_some_and(|rest| !rest.is_empty()) {
            return Err(LoadError::Invalid(Invalid::Structures));
        }
        if nics.iter().flat_map(|nic| [&nic.ingress, &nic.egress]).any(Guard::asks_for_rules) {
            section.known().map_err(Clone::clone)?;
        }
        Ok(Matcher::assemble(session_timeout, Wording::Later(section), nics))
    }
}

impl Policy {
    /// The rules of a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Known, LoadError> {
        let (policy, rest) = postcard::take_from_bytes::<Policy>(bytes).map_err(LoadError::malformed)?;
        if !rest.is_empty() {
            return Err(LoadError::Malformed("the policy has more bytes than it needs".to_owned()));
        }
        policy.known().map_err(LoadError::Invalid)
    }

    /// The rules, if every promise holds.
    fn known(self) -> Result<Known, Invalid> {
        let Self { rules, addresses, chains } = self;
        if !rules.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(Invalid::RuleOrder);
        }
        let rules: BTreeMap<RuleId, RuleInfo> = rules.into_iter().collect();
        let addresses = addresses.into_iter().map(read_addresses).collect::<Result<_, _>>()?;
        let reader = Reader { rules: &rules, addresses };
        let chains = chains.into_iter().map(|chain| reader.chain(chain).map(Arc::new));
        let chains = chains.collect::<Result<_, _>>()?;
        Ok(Known { words: rules.into(), chains })
    }
}

/// What rules refer to.
struct Reader<'a> {
    rules: &'a BTreeMap<RuleId, RuleInfo>,
    addresses: Vec<Arc<PrefixSet>>,
}

impl Reader<'_> {
    fn chain(&self, chain: WireChain) -> Result<Chain, Invalid> {
        let WireChain { rules, default, default_id } = chain;
        let default_id = self.known(default_id)?;
        let rules = rules.into_iter().map(|rule| self.rule(rule)).collect::<Result<_, _>>()?;
        Ok(Chain::from_ordered(rules, default, default_id))
    }

    fn rule(&self, rule: WireRule) -> Result<Rule, Invalid> {
        let WireRule {
            source,
            destination,
            protocols,
            source_ports,
            destination_ports,
            outcome,
            rank,
            origin,
        } = rule;
        let parts = MatchParts {
            source: self.addresses(source)?,
            destination: self.addresses(destination)?,
            protocols: ranges(&protocols)?.iter().flat_map(span).collect(),
            source_ports: read_ports(source_ports)?,
            destination_ports: read_ports(destination_ports)?,
        };
        Ok(Rule {
            matches: Match::new(parts).map_err(Invalid::Match)?,
            outcome,
            rank,
            origin: self.origin(origin)?,
        })
    }

    fn addresses(&self, at: u32) -> Result<Addresses, Invalid> {
        let prefixes = self.addresses.get(at as usize).ok_or(Invalid::UnknownAddresses)?;
        Ok(Addresses { prefixes: Arc::clone(prefixes), set: None })
    }

    fn origin(&self, ids: Vec<RuleId>) -> Result<Origin, Invalid> {
        if !ids.is_sorted_by(|a, b| a < b) {
            return Err(Invalid::Origin);
        }
        let ids = ids.into_iter().map(|id| self.known(id)).collect::<Result<_, _>>()?;
        Origin::new(ids).ok_or(Invalid::Origin)
    }

    fn known(&self, id: RuleId) -> Result<RuleId, Invalid> {
        if self.rules.contains_key(&id) { Ok(id) } else { Err(Invalid::UnknownRule) }
    }
}

/// What NICs refer to; each chain is prepared for look-ups once, however many NICs share it.
struct Guards<'a> {
    chains: Vec<Chained>,
    prepared: Prepared,
    budget: Budget,
    /// What is left to read.
    written: Option<&'a [u8]>,
}

impl<'a> Guards<'a> {
    fn new(chains: Vec<Chained>, written: Option<&'a [u8]>) -> Self {
        Self { chains, prepared: Prepared::default(), budget: Budget::default(), written }
    }

    /// All NICs, and what is left of the written structures.
    fn nics(mut self, nics: Vec<WireNic>) -> Result<(Vec<Nic>, Option<&'a [u8]>), Invalid> {
        let nics = nics.into_iter().map(|nic| self.nic(nic)).collect::<Result<Vec<_>, _>>()?;
        if !nics.is_sorted_by(|a, b| a.key() < b.key()) {
            return Err(Invalid::NicOrder);
        }
        Ok((nics, self.written))
    }

    fn nic(&mut self, nic: WireNic) -> Result<Nic, Invalid> {
        let WireNic { instance, interface, via, addresses, ingress, egress } = nic;
        let (ingress, egress) = (self.guard(ingress)?, self.guard(egress)?);
        Ok(Nic { instance, interface, via, addresses, ingress, egress })
    }

    fn guard(&mut self, guard: WireGuard) -> Result<Guard, Invalid> {
        let WireGuard { decide, plain } = guard;
        let chain = |at: u32| {
            let chain = self.chains.get(at as usize).ok_or(Invalid::UnknownChain)?;
            Ok((chain.clone(), at))
        };
        let (decide, plain) = (chain(decide)?, chain(plain)?);
        self.prepared.guard(decide, plain, |chain, purpose| match &mut self.written {
            Some(written) => IndexedChain::read(chain, written).ok_or(Invalid::Structures),
            None => Ok(IndexedChain::new(chain, purpose, &mut self.budget)),
        })
    }
}

/// Ranges of one field in their one form, at least one.
fn ranges<T: Copy + Into<u128>>(pairs: &[(T, T)]) -> Result<Ranges, Invalid> {
    let pairs = || pairs.iter().map(|&(first, last)| (first.into(), last.into()));
    let ranges: Ranges = pairs().collect();
    if ranges.is_empty() || !ranges.iter().eq(pairs()) { Err(Invalid::Ranges) } else { Ok(ranges) }
}

fn read_addresses(addresses: WireAddresses) -> Result<Arc<PrefixSet>, Invalid> {
    let (family, pairs): (Family, Vec<(u128, u128)>) = match addresses {
        WireAddresses::V4(pairs) => (Family::V4, numbers(&pairs)),
        WireAddresses::V6(pairs) => (Family::V6, numbers(&pairs)),
    };
    Ok(Arc::new(PrefixSet::from_ranges(family, &ranges(&pairs)?)))
}

fn numbers<T: Copy + Into<IpAddr>>(pairs: &[(T, T)]) -> Vec<(u128, u128)> {
    let number = |address: T| Family::number(address.into());
    pairs.iter().map(|&(first, last)| (number(first), number(last))).collect()
}

fn read_ports(ports: WirePorts) -> Result<PortMatch, Invalid> {
    match ports {
        None => Ok(PortMatch::Any),
        Some(pairs) => Ok(PortMatch::In(PortSet::from_numbers(&ranges(&pairs)?))),
    }
}

fn span((first, last): (u128, u128)) -> impl Iterator<Item = Protocol> {
    (first..=last).map(|number| Protocol(number as u8))
}
