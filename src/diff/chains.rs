//! Comparing the chains of all NICs, equal pairs of chains only once.

use std::collections::BTreeMap;

use palisade_ir::decide::{self, Budget, BudgetExceeded, Decider};
use palisade_ir::{Chain, Direction, Match, Packet, RuleId, Verdict};

use super::{ChainChange, Change, End, Kind, Nics, Unknown, whole};

/// Steps to list the changes of one pair of chains: two seconds or so.
const MOST: u64 = 20_000_000;

/// NICs whose chains were equal and are equal now.
struct Alike<'a> {
    ends: Vec<&'a End>,
    direction: Direction,
    old: Option<&'a Chain>,
    new: &'a Chain,
}

/// Every chain of `after` against its counterpart.
pub(super) fn compare(
    before: &Nics<'_>,
    after: &Nics<'_>,
    budget: &mut Budget,
) -> Result<Vec<ChainChange>, Unknown> {
    let mut found = Vec::new();
    for Alike { ends, direction, old, new } in alike(before, after) {
        // Half is left for the question whether they differ at all.
        let most = MOST.min(budget.left() / 2);
        let listed = match old {
            Some(old) if same(old, new) => Ok(Vec::new()),
            Some(old) => budget.share(most, |share| changes(old, new, share)),
            None => budget.share(most, |share| allowed(new, share)),
        };
        let changes = match (listed, old) {
            (Ok(changes), _) => changes,
            (Err(BudgetExceeded), None) => return Err(unknown(&ends, direction, None)),
            // How they differ takes too long; whether they do may not.
            (Err(BudgetExceeded), Some(old)) => match whole::packet(old, new, budget) {
                Ok(None) => Vec::new(),
                Ok(Some(packet)) => {
                    let own =
                        ends.first().and_then(|end| after.get(*end)).map(|nic| nic.addresses.as_slice());
                    let packet = whole::likelier(packet, old, new, direction, own.unwrap_or_default());
                    return Err(unknown(&ends, direction, Some(packet)));
                }
                Err(BudgetExceeded) => return Err(unknown(&ends, direction, None)),
            },
        };
        if !changes.is_empty() {
            let ends = ends.into_iter().cloned().collect();
            found.push(ChainChange { ends, direction, changes });
        }
    }
    Ok(found)
}

fn unknown(ends: &[&End], direction: Direction, packet: Option<Packet>) -> Unknown {
    Unknown { ends: ends.iter().map(|end| (*end).clone()).collect(), direction, packet }
}

/// The rules' ids of a pair of chains.
type Ids = (Direction, Option<Vec<RuleId>>, Vec<RuleId>);

/// The NICs by pair of chains. Pairs are first told apart by their rules' ids, which settles nearly all.
fn alike<'a>(before: &Nics<'a>, after: &'a Nics<'a>) -> Vec<Alike<'a>> {
    let mut groups: Vec<Alike<'a>> = Vec::new();
    let mut known: BTreeMap<Ids, Vec<usize>> = BTreeMap::new();
    for (end, now) in after {
        let was = before.get(end);
        for direction in [Direction::In, Direction::Out] {
            let (old, new) = match direction {
                Direction::In => (was.map(|nic| nic.ingress.as_ref()), now.ingress.as_ref()),
                Direction::Out => (was.map(|nic| nic.egress.as_ref()), now.egress.as_ref()),
            };
            let places = known.entry((direction, old.map(ids), ids(new))).or_default();
            let equal = |at: &&usize| groups.get(**at).is_some_and(|it| it.old == old && it.new == new);
            match places.iter().find(equal).and_then(|at| groups.get_mut(*at)) {
                Some(group) => group.ends.push(end),
                None => {
                    places.push(groups.len());
                    groups.push(Alike { ends: vec![end], direction, old, new });
                }
            }
        }
    }
    groups
}

fn ids(chain: &Chain) -> Vec<RuleId> {
    chain.rules().iter().filter_map(|rule| rule.origin.ids().first().copied()).collect()
}

/// Whether two chains have the same rules in the same order, whatever these are called.
pub(super) fn same(old: &Chain, new: &Chain) -> bool {
    let tests = |a: &Match, b: &Match| {
        a.source().prefixes == b.source().prefixes
            && a.destination().prefixes == b.destination().prefixes
            && a.protocols() == b.protocols()
            && a.source_ports() == b.source_ports()
            && a.destination_ports() == b.destination_ports()
    };
    old.default() == new.default()
        && old.rules().len() == new.rules().len()
        && old
            .rules()
            .iter()
            .zip(new.rules())
            .all(|(a, b)| a.outcome == b.outcome && tests(&a.matches, &b.matches))
}

fn changes(old: &Chain, new: &Chain, budget: &mut Budget) -> Result<Vec<Change>, BudgetExceeded> {
    let found = decide::changes(old, new, budget)?;
    let mut changes: Vec<Change> = found
        .into_iter()
        .map(|decide::Change { old, new, regions }| {
            let kind = match (old.outcome.verdict, new.outcome.verdict) {
                (Verdict::Deny, Verdict::Allow) => Kind::Allowed,
                (Verdict::Allow, Verdict::Deny) => Kind::Denied,
                (Verdict::Allow, Verdict::Allow) | (Verdict::Deny, Verdict::Deny) => Kind::Logging,
            };
            Change { kind, old: Some(old), new, regions }
        })
        .collect();
    changes.sort_by_key(|change| (change.kind, change.new, change.old));
    Ok(changes)
}

/// What the chain of a new NIC allows.
fn allowed(new: &Chain, budget: &mut Budget) -> Result<Vec<Change>, BudgetExceeded> {
    let nothing = Chain::from_ordered(Vec::new(), Verdict::Deny, new.default_id());
    let mut found = changes(&nothing, new, budget)?;
    found.retain(|change| change.kind == Kind::Allowed);
    found.iter_mut().for_each(|change| change.old = None);
    Ok(found)
}

/// How a chain's decision is told.
pub(super) fn decider(chain: &Chain, place: Option<usize>) -> Decider {
    let decision = chain.decided_by(place);
    Decider { id: decision.id, outcome: decision.outcome }
}
