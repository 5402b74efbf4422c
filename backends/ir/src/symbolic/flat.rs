//! A block that depends on the packet alone, as one ordered chain.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Act, Program, Step};
use crate::decide::{Budget, BudgetExceeded};
use crate::{Chain, Origin, Outcome, Rank, Region, Rule, RuleId, Traversal, Verdict};

/// How packets come out of a block, the first that matches deciding; the last clause matches all.
#[derive(Clone, Debug)]
struct Clause {
    region: Region,
    /// `None` for back to the caller.
    exit: Option<Verdict>,
    logged: bool,
}

/// A block as a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat {
    /// Its rules; what comes back from the block has the verdict it was given for that.
    pub chain: Chain,
    /// Whether some rule allows without coming back.
    pub accepts: bool,
}

/// The chain of a pure block, where packets that come back get the verdict `returned`. `None` where a rule of it would
/// ask for tcp or udp without ports, which no match can say.
pub fn flatten(
    program: &Program,
    block: usize,
    returned: Verdict,
    budget: &mut Budget,
) -> Result<Option<Flat>, BudgetExceeded> {
    let mut flattener = Flattener { program, at: None, done: BTreeMap::new() };
    let mut clauses = flattener.block(block, budget)?;
    let full = Region::full(program.family);
    let accepts = clauses.iter().any(|clause| clause.exit == Some(Verdict::Allow));
    let verdict = |clause: &Clause| clause.exit.unwrap_or(returned);
    let mut default = returned;
    if let Some(last) = clauses.pop_if(|last| last.region == full && !last.logged) {
        default = verdict(&last);
    }
    let rules = rules(&clauses, returned);
    Ok(rules.map(|rules| Flat { chain: Chain::from_ordered(rules, default, RuleId(0)), accepts }))
}

/// The chain of a whole program for the packets of a region on one way; it allows what is outside the region. `None`
/// as for [`flatten`].
pub fn flatten_way(
    program: &Program,
    at: &Traversal,
    region: &Region,
    budget: &mut Budget,
) -> Result<Option<Chain>, BudgetExceeded> {
    let mut flattener = Flattener { program, at: Some(at), done: BTreeMap::new() };
    let mut clauses = Vec::new();
    let entry = program.entry(at.hook).and_then(|entry| program.blocks.get(entry));
    flattener.steps(entry.map_or(&[][..], |block| &block.steps), region, false, &mut clauses, budget)?;
    let rules = rules(&clauses, Verdict::Allow);
    Ok(rules.map(|rules| Chain::from_ordered(rules, Verdict::Allow, RuleId(0))))
}

fn rules(clauses: &[Clause], returned: Verdict) -> Option<Vec<Rule>> {
    let mut rules = Vec::new();
    for Clause { region, exit, logged } in clauses {
        let outcome = Outcome { verdict: exit.unwrap_or(returned), log: *logged };
        rules.extend(region.matches()?.into_iter().map(|matches| Rule {
            matches,
            outcome,
            rank: Rank::INNER_ACCESS,
            origin: Origin::one(RuleId(0)),
        }));
    }
    Some(rules)
}

struct Flattener<'a> {
    program: &'a Program,
    /// The way; without one, no step has conditions.
    at: Option<&'a Traversal>,
    done: BTreeMap<usize, Vec<Clause>>,
}

impl Flattener<'_> {
    fn block(&mut self, at: usize, budget: &mut Budget) -> Result<Vec<Clause>, BudgetExceeded> {
        if let Some(done) = self.done.get(&at) {
            budget.spend(done.len())?;
            return Ok(done.clone());
        }
        let mut clauses = Vec::new();
        let steps = self.program.blocks.get(at).map_or(&[][..], |block| &block.steps);
        self.steps(steps, &Region::full(self.program.family), false, &mut clauses, budget)?;
        self.done.insert(at, clauses.clone());
        Ok(clauses)
    }

    /// The clauses for the packets of a region that stand before the first of the steps; together they match it all.
    fn steps(
        &mut self,
        steps: &[Step],
        region: &Region,
        logged: bool,
        out: &mut Vec<Clause>,
        budget: &mut Budget,
    ) -> Result<(), BudgetExceeded> {
        let mut rest = steps;
        while let [step, after @ ..] = rest {
            rest = after;
            budget.spend(1)?;
            if self.at.is_some_and(|at| !step.applies(at)) {
                continue;
            }
            let Some(here) = step.guard.intersect(region) else { continue };
            let whole = here == *region;
            match step.act {
                Act::Decide(verdict) => out.push(Clause { region: here, exit: Some(verdict), logged }),
                Act::Return => out.push(Clause { region: here, exit: None, logged }),
                Act::Log if logged => continue,
                Act::Log => self.steps(after, &here, true, out, budget)?,
                Act::Goto(to) => {
                    for Clause { region, exit, logged: there } in self.block(to, budget)? {
                        let region = region.intersect(&here);
                        out.extend(region.map(|region| Clause { region, exit, logged: logged || there }));
                    }
                }
                Act::Call(to) => {
                    self.call(to, after, &here, logged, out, budget)?;
                    continue;
                }
            }
            if whole {
                return Ok(());
            }
        }
        out.push(Clause { region: region.clone(), exit: None, logged });
        Ok(())
    }

    /// What a called block decides. What comes back goes on with the caller. Where it can be cut out of the later
    /// clauses in one piece, it needs no clause here; else the caller's steps behind the call stand here for it.
    fn call(
        &mut self,
        to: usize,
        after: &[Step],
        here: &Region,
        logged: bool,
        out: &mut Vec<Clause>,
        budget: &mut Budget,
    ) -> Result<(), BudgetExceeded> {
        let mut returned: Vec<Region> = Vec::new();
        for Clause { region, exit, logged: there } in self.block(to, budget)? {
            let Some(region) = region.intersect(here) else { continue };
            let mut pieces = vec![region.clone()];
            for gone in &returned {
                budget.spend(pieces.len())?;
                pieces = pieces.iter().flat_map(|piece| piece.subtract(gone)).collect();
            }
            match exit {
                Some(_) => {
                    let clause = |region| Clause { region, exit, logged: logged || there };
                    out.extend(pieces.into_iter().map(clause));
                }
                None if (!there || logged) && cuts_out(&region, here) => returned.push(region),
                None => {
                    for piece in pieces {
                        self.steps(after, &piece, logged || there, out, budget)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a region is the other but for its protocols.
fn cuts_out(region: &Region, other: &Region) -> bool {
    let fields = region.fields().iter().zip(other.fields()).enumerate();
    fields.filter(|(at, _)| *at != 2).all(|(_, (one, other))| one == other)
}
