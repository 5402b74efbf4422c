//! The proof without a diagram, for what a diagram would be too large for: on every way where each packet goes, and
//! whether the chains it meets there are alike, one pair of opposite rules after the other.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::decide::{Budget, BudgetExceeded, equivalent};
use palisade_ir::symbolic::{Act, Flat, Leaf, Program, Step, Ways, flatten, flatten_way, run};
use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, PortMatch, ProtocolSet, Rank,
    Region, Rule, RuleId, Traversal, Verdict,
};

use super::policy::Policy;

/// Steps by block and place.
type Steps = Vec<(usize, usize)>;

/// Whether a block of the ruleset does what a chain of the policy says.
#[derive(Clone)]
enum Alike {
    Yes,
    /// Not on this packet.
    No(Packet),
    /// They cannot be compared as chains.
    Unknown,
}

/// What happens behind a block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    /// What comes back has this verdict.
    End(Verdict),
    /// What comes back meets another block.
    More,
}

/// A packet that is asked about and to which both do different things, and its way.
pub(super) fn difference(
    policy: &Policy<'_>,
    found: &Program,
    ways: &Ways,
    budget: &mut Budget,
) -> Result<Option<(Packet, Traversal)>, BudgetExceeded> {
    let unasked = policy.unasked();
    let mut prover = Prover::new(policy, found, budget);
    for at in ways.all() {
        let here = unasked.iter().filter(|(hook, _)| *hook == at.hook).flat_map(|(_, steps)| steps);
        for asked in asked(policy.program.family, here, &at) {
            if let Some(packet) = prover.way(&at, &asked)? {
                return Ok(Some((packet, at)));
            }
        }
    }
    Ok(None)
}

/// The packets on a way that none of the steps is for.
fn asked<'s>(family: Family, unasked: impl Iterator<Item = &'s Step>, at: &Traversal) -> Vec<Region> {
    unasked.filter(|step| step.applies(at)).fold(vec![Region::full(family)], |asked, step| {
        asked.iter().flat_map(|region| region.subtract(&step.guard)).collect()
    })
}

/// A proof under way, for packets of one family.
struct Prover<'a> {
    policy: &'a Policy<'a>,
    found: &'a Program,
    budget: &'a mut Budget,
    /// The blocks that are not entered, of the policy and of the ruleset.
    closed: [Vec<bool>; 2],
    /// Steps of ways that were compared already: ways on which the same steps apply are alike.
    seen: BTreeSet<(usize, Region, [Steps; 2])>,
    alike: BTreeMap<(usize, usize, Behind), Alike>,
}

impl<'a> Prover<'a> {
    fn new(policy: &'a Policy<'a>, found: &'a Program, budget: &'a mut Budget) -> Self {
        let closed = [policy.closed(), found.pure()];
        Self { policy, found, budget, closed, seen: BTreeSet::new(), alike: BTreeMap::new() }
    }

    /// A packet of a region to which both do different things on a way.
    fn way(&mut self, at: &Traversal, asked: &Region) -> Result<Option<Packet>, BudgetExceeded> {
        let [policy_closed, found_closed] = &self.closed;
        let steps = [
            applying(&self.policy.program, policy_closed, at, self.budget)?,
            applying(self.found, found_closed, at, self.budget)?,
        ];
        if !self.seen.insert((at.hook as usize, asked.clone(), steps)) {
            return Ok(None);
        }
        let expected = run(&self.policy.program, at, asked, policy_closed, self.budget)?;
        let found = run(self.found, at, asked, found_closed, self.budget)?;
        for (expected, found, region) in pairs(&expected, &found, self.budget)? {
            if let Some(packet) = self.pair(at, &region, expected, found)? {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// A packet of the region, part of both leaves, to which both do different things.
    fn pair(
        &mut self,
        at: &Traversal,
        region: &Region,
        expected: &Leaf,
        found: &Leaf,
    ) -> Result<Option<Packet>, BudgetExceeded> {
        if expected.calls.is_empty() && found.calls.is_empty() {
            let differ = (expected.end, expected.logged) != (found.end, found.logged);
            return Ok(region.witness().filter(|_| differ));
        }
        if expected.calls.len() != found.calls.len() || expected.logged != found.logged {
            return self.exactly(at, region);
        }
        let mut all = true;
        for (place, (ours, theirs)) in expected.calls.iter().zip(&found.calls).enumerate() {
            // The policy's chains decide every packet; what the last of them allows is allowed.
            let last = place + 1 == expected.calls.len();
            let behind = if last { Behind::End(found.end) } else { Behind::More };
            match self.alike(*ours, *theirs, behind)? {
                Alike::Yes => {}
                Alike::No(packet) => {
                    all = false;
                    let inside = Region::point(&packet).is_subset(region);
                    if inside && expected_else(self.policy, self.found, at, &packet, self.budget)?.is_some() {
                        return Ok(Some(packet));
                    }
                }
                Alike::Unknown => all = false,
            }
        }
        if all { Ok(None) } else { self.exactly(at, region) }
    }

    /// The same question with every block entered.
    fn exactly(&mut self, at: &Traversal, region: &Region) -> Result<Option<Packet>, BudgetExceeded> {
        let expected = flatten_way(&self.policy.program, at, region, self.budget)?;
        let found = flatten_way(self.found, at, region, self.budget)?;
        if let (Some(expected), Some(found)) = (expected, found) {
            return equivalent(&expected, &found, self.budget);
        }
        let expected = run(&self.policy.program, at, region, &[], self.budget)?;
        let found = run(self.found, at, region, &[], self.budget)?;
        let differ = |(ours, theirs, common): (&Leaf, &Leaf, Region)| {
            common.witness().filter(|_| (ours.end, ours.logged) != (theirs.end, theirs.logged))
        };
        Ok(pairs(&expected, &found, self.budget)?.into_iter().find_map(differ))
    }

    fn alike(&mut self, ours: usize, theirs: usize, behind: Behind) -> Result<Alike, BudgetExceeded> {
        let key = (ours, theirs, behind);
        if let Some(known) = self.alike.get(&key) {
            return Ok(known.clone());
        }
        let alike = self.compare(ours, theirs, behind)?;
        self.alike.insert(key, alike.clone());
        Ok(alike)
    }

    fn compare(&mut self, ours: usize, theirs: usize, behind: Behind) -> Result<Alike, BudgetExceeded> {
        let returned = match behind {
            Behind::End(verdict) => verdict,
            Behind::More => Verdict::Allow,
        };
        let flat = flatten(self.found, theirs, returned, self.budget)?;
        let (Some(expected), Some(Flat { chain: found, accepts })) = (self.policy.chain(ours), flat) else {
            return Ok(Alike::Unknown);
        };
        if accepts && behind == Behind::More {
            return Ok(Alike::Unknown);
        }
        if same(&expected, &found) {
            return Ok(Alike::Yes);
        }
        let family = self.policy.program.family;
        let (expected, found) = (closed_by_rule(&expected, family), closed_by_rule(&found, family));
        Ok(equivalent(&expected, &found, self.budget)?.map_or(Alike::Yes, Alike::No))
    }
}

/// What the policy does to a packet on a way, if the ruleset does something else.
pub(super) fn expected_else(
    policy: &Policy<'_>,
    found: &Program,
    at: &Traversal,
    packet: &Packet,
    budget: &mut Budget,
) -> Result<Option<Outcome>, BudgetExceeded> {
    let point = Region::point(packet);
    let expected = run(&policy.program, at, &point, &[], budget)?;
    let found = run(found, at, &point, &[], budget)?;
    let ([expected], [found]) = (expected.as_slice(), found.as_slice()) else { return Ok(None) };
    let outcome = |leaf: &Leaf| Outcome { verdict: leaf.end, log: leaf.logged };
    Ok(Some(outcome(expected)).filter(|expected| *expected != outcome(found)))
}

/// The steps that apply on a way, in the blocks that are entered, as far as packets can come.
fn applying(
    program: &Program,
    closed: &[bool],
    at: &Traversal,
    budget: &mut Budget,
) -> Result<Steps, BudgetExceeded> {
    let full = Region::full(program.family);
    let mut steps = Vec::new();
    for (block, _) in closed.iter().enumerate().filter(|(_, closed)| !**closed) {
        let all = program.blocks.get(block).map_or(&[][..], |block| &block.steps);
        budget.spend(all.len())?;
        for (place, step) in all.iter().enumerate().filter(|(_, step)| step.applies(at)) {
            steps.push((block, place));
            let ends = match step.act {
                Act::Decide(_) | Act::Goto(_) | Act::Return => true,
                Act::Call(_) | Act::Log => false,
            };
            if ends && step.guard == full {
                break;
            }
        }
    }
    Ok(steps)
}

/// Leaves of both that share packets, and these.
fn pairs<'l>(
    ours: &'l [Leaf],
    theirs: &'l [Leaf],
    budget: &mut Budget,
) -> Result<Vec<(&'l Leaf, &'l Leaf, Region)>, BudgetExceeded> {
    let same: BTreeMap<&Region, &Leaf> = theirs.iter().map(|leaf| (&leaf.region, leaf)).collect();
    let mut pairs = Vec::new();
    for one in ours {
        if let Some(other) = same.get(&one.region) {
            pairs.push((one, *other, one.region.clone()));
            continue;
        }
        budget.spend(20 * theirs.len())?;
        let meet = |other: &'l Leaf| Some((one, other, one.region.intersect(&other.region)?));
        pairs.extend(theirs.iter().filter_map(meet));
    }
    Ok(pairs)
}

/// Whether two chains are the same rule by rule.
fn same(one: &Chain, other: &Chain) -> bool {
    let alike = |(one, other): (&Rule, &Rule)| {
        one.outcome == other.outcome && one.matches.same_packets(&other.matches)
    };
    one.default() == other.default()
        && one.rules().len() == other.rules().len()
        && one.rules().iter().zip(other.rules()).all(alike)
}

/// The chain with its default as a rule of one family, so that the other family is alike in all chains.
fn closed_by_rule(chain: &Chain, family: Family) -> Chain {
    let parts = MatchParts {
        source: Addresses::any(family),
        destination: Addresses::any(family),
        protocols: ProtocolSet::all(),
        source_ports: PortMatch::Any,
        destination_ports: PortMatch::Any,
    };
    let last = Match::new(parts).ok().map(|matches| Rule {
        matches,
        outcome: Outcome::silent(chain.default()),
        rank: Rank::INNER_ACCESS,
        origin: Origin::one(RuleId(0)),
    });
    let rules = chain.rules().iter().cloned().chain(last).collect();
    Chain::from_ordered(rules, Verdict::Allow, chain.default_id())
}
