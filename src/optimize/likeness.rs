//! Which rules differ in one field only.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::{FixedState, FoldHasher};

use palisade_ir::{Addresses, Family, Origin, Outcome, PortMatch, ProtocolSet, Rank, Rule, Tier};

/// The fields of a match, in the order in which they are joined: first what a service was taken apart into, addresses
/// last.
pub(super) const FIELDS: [Field; 5] =
    [Field::Protocols, Field::DestinationPorts, Field::SourcePorts, Field::Source, Field::Destination];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Protocols,
    DestinationPorts,
    SourcePorts,
    Source,
    Destination,
}

/// What rules must have in common to be joined in a field; that field itself is left out.
#[derive(PartialEq, Eq)]
pub(super) struct Rest<'a> {
    outcome: Outcome,
    tier: Tier,
    family: Family,
    /// Of a rule that logs.
    rank: Option<Rank>,
    /// Protocols of different source rules stay apart: a rule that reads `tcp` should not become `tcp, icmp`.
    origin: Option<&'a Origin>,
    source: Option<&'a Addresses>,
    destination: Option<&'a Addresses>,
    protocols: Option<&'a ProtocolSet>,
    source_ports: Option<&'a PortMatch>,
    destination_ports: Option<&'a PortMatch>,
}

impl<'a> Rest<'a> {
    /// `None` when the rule may not be joined with others in this field.
    pub(super) fn of(field: Field, rule: &'a Rule) -> Option<Self> {
        let Rule { matches, outcome, rank, origin } = rule;
        let open = match field {
            Field::Source => matches.source().set.is_none(),
            Field::Destination => matches.destination().set.is_none(),
            Field::Protocols => true,
            Field::SourcePorts => !matches.source_ports().is_any(),
            Field::DestinationPorts => !matches.destination_ports().is_any(),
        };
        open.then(|| Self {
            outcome: *outcome,
            tier: rank.tier,
            family: matches.family(),
            rank: outcome.log.then_some(*rank),
            origin: (field == Field::Protocols).then_some(origin),
            source: (field != Field::Source).then_some(matches.source()),
            destination: (field != Field::Destination).then_some(matches.destination()),
            protocols: (field != Field::Protocols).then_some(matches.protocols()),
            source_ports: (field != Field::SourcePorts).then_some(matches.source_ports()),
            destination_ports: (field != Field::DestinationPorts).then_some(matches.destination_ports()),
        })
    }
}

/// A number per field, in the order of [`FIELDS`]: rules with different numbers do not have the same [`Rest`].
pub(super) fn numbers(rule: &Rule) -> [u64; 5] {
    let Rule { matches, outcome, rank, origin } = rule;
    let state = FixedState::default();
    let number = |part: &dyn Fn(&mut FoldHasher<'_>)| {
        let mut hasher = state.build_hasher();
        part(&mut hasher);
        hasher.finish()
    };
    let common = (outcome, rank.tier, matches.family(), outcome.log.then_some(rank));
    let fields: [u64; 5] = [
        number(&|hasher| (0, matches.protocols()).hash(hasher)),
        number(&|hasher| (1, matches.destination_ports()).hash(hasher)),
        number(&|hasher| (2, matches.source_ports()).hash(hasher)),
        number(&|hasher| (3, matches.source()).hash(hasher)),
        number(&|hasher| (4, matches.destination()).hash(hasher)),
    ];
    let all =
        fields.iter().fold(number(&|hasher| common.hash(hasher)), |all, field| all.wrapping_add(*field));
    let mut rests = fields.map(|field| all.wrapping_sub(field));
    if let Some(protocols) = rests.first_mut() {
        *protocols = protocols.wrapping_add(number(&|hasher| origin.hash(hasher)));
    }
    rests
}
