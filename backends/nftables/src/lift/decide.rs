//! What a ruleset does to a packet, as nf_tables_core.c walks it.

use palisade_ir::symbolic::Program;
use palisade_ir::{
    ConnState, Family, LiftError, Lifted, LiftedDecision, Packet, PacketHook, Protocol, Traversal, Verdict,
};

use super::ast::{
    Action, Base, Elements, Field, Rule, Ruleset, Statement, Table, Values, family_number, interface_number,
    masked,
};
use super::boxes;

/// A packet on its way through one table.
struct Walk<'a> {
    table: &'a Table,
    packet: &'a Packet,
    at: &'a Traversal,
    logged: bool,
}

/// Where a verdict fell.
struct Decision<'a> {
    verdict: Verdict,
    line: usize,
    comment: Option<&'a str>,
}

impl Lifted for Ruleset {
    fn decide(&self, packet: &Packet, at: &Traversal) -> LiftedDecision {
        let mut last = LiftedDecision { verdict: Verdict::Allow, logged: false, line: None, comment: None };
        for (table, name, base) in self.chains_at(at.hook) {
            let mut walk = Walk { table, packet, at, logged: last.logged };
            let policy = Decision { verdict: base.policy, line: base.line, comment: None };
            let decision = walk.chain(name).unwrap_or(policy);
            last = LiftedDecision {
                verdict: decision.verdict,
                logged: walk.logged,
                line: Some(decision.line),
                comment: decision.comment.map(str::to_owned),
            };
            // An accept is for this base chain only; a drop is final.
            if decision.verdict == Verdict::Deny {
                break;
            }
        }
        last
    }

    fn program(&self, family: Family) -> Result<Program, LiftError> {
        super::program::program(self, family)
    }
}

impl Ruleset {
    /// The base chains of a hook, in the order in which a packet meets them.
    fn chains_at(&self, hook: PacketHook) -> Vec<(&Table, &str, Base)> {
        let mut chains: Vec<(&Table, &str, Base)> = self
            .base_chains
            .iter()
            .filter_map(|(table, name)| {
                let table = self.tables.get(table)?;
                let base = table.chains.get(name)?.base?;
                (base.hook == hook).then_some((table, name.as_str(), base))
            })
            .collect();
        chains.sort_by_key(|(_, _, base)| base.priority);
        chains
    }
}

impl<'a> Walk<'a> {
    /// `None` when the packet comes out of the chain undecided.
    fn chain(&mut self, name: &str) -> Option<Decision<'a>> {
        let chain = self.table.chains.get(name)?;
        for rule in &chain.rules {
            let decision = |verdict| Decision { verdict, line: rule.line, comment: rule.comment.as_deref() };
            match self.rule(rule) {
                None => {}
                Some(Action::Accept) => return Some(decision(Verdict::Allow)),
                Some(Action::Drop) => return Some(decision(Verdict::Deny)),
                Some(Action::Return) => return None,
                Some(Action::Goto(target)) => return self.chain(target),
                Some(Action::Jump(target)) => {
                    if let Some(decision) = self.chain(target) {
                        return Some(decision);
                    }
                }
            }
        }
        None
    }

    /// What the rule says; `None` to go on with the next.
    fn rule(&mut self, rule: &'a Rule) -> Option<&'a Action> {
        for statement in &rule.statements {
            match statement {
                Statement::Test { fields, negated, values } => {
                    let key = self.key(fields)?;
                    if self.holds(values, &key) == *negated {
                        return None;
                    }
                }
                Statement::Dispatch { fields, entries, map: _ } => {
                    let key = self.key(fields)?;
                    if let Some(entry) = boxes::find(entries, |entry| &entry.key, &key) {
                        return Some(&entry.action);
                    }
                }
                Statement::Log { prefix: _ } => self.logged = true,
                // A rate that is kept: whether a line is really written depends on the time.
                Statement::Counter | Statement::Limit | Statement::SetTimeout(_) => {}
                Statement::Act(action) => return Some(action),
            }
        }
        None
    }

    fn holds(&self, values: &Values, key: &[u128]) -> bool {
        let elements = match values {
            Values::Inline(elements) => Some(elements),
            Values::Named(name) => self.table.sets.get(name).map(|set| &set.elements),
        };
        match (elements, key) {
            (Some(Elements::Ranges(ranges)), [value]) => ranges.contains(*value),
            (Some(Elements::Boxes(all)), key) => boxes::find(all, |one| one, key).is_some(),
            _ => false,
        }
    }

    /// The values of all fields; `None` when the packet lacks one, which ends the rule (NFT_BREAK).
    fn key(&self, fields: &[Field]) -> Option<Vec<u128>> {
        fields.iter().map(|field| self.value(*field)).collect()
    }

    fn value(&self, field: Field) -> Option<u128> {
        let (packet, at) = (self.packet, self.at);
        let of = |protocol: Protocol| packet.protocol() == protocol;
        match field {
            Field::Family => Some(family_number(packet.family())),
            Field::Protocol => Some(u128::from(packet.protocol().0)),
            Field::Source(family) => (packet.family() == family).then(|| Family::number(packet.source())),
            Field::Destination(family) => {
                (packet.family() == family).then(|| Family::number(packet.destination()))
            }
            Field::SourcePrefix(family, length) => {
                let address = self.value(Field::Source(family))?;
                Some(masked(family, length, address))
            }
            Field::DestinationPrefix(family, length) => {
                let address = self.value(Field::Destination(family))?;
                Some(masked(family, length, address))
            }
            Field::SourcePort => packet.source_port().map(u128::from),
            Field::DestinationPort => packet.destination_port().map(u128::from),
            // Without a device the kernel compares an empty name (nft_meta_store_ifname).
            Field::InputInterface => Some(at.iif.as_ref().map_or(0, |name| interface_number(name.as_str()))),
            Field::OutputInterface => Some(at.oif.as_ref().map_or(0, |name| interface_number(name.as_str()))),
            Field::State => Some(state_number(at.state)),
            Field::IcmpType => at.icmp_type.filter(|_| of(Protocol::ICMP)).map(u128::from),
            Field::Icmpv6Type => at.icmp_type.filter(|_| of(Protocol::ICMPV6)).map(u128::from),
            Field::HopLimit => at.hop_limit.filter(|_| packet.family() == Family::V6).map(u128::from),
        }
    }
}

/// The bits of nft(8), CONNTRACK EXPRESSIONS.
pub(super) const fn state_number(state: ConnState) -> u128 {
    match state {
        ConnState::Invalid => 1,
        ConnState::Established => 2,
        ConnState::Related => 4,
        ConnState::New => 8,
        ConnState::Untracked => 64,
    }
}
