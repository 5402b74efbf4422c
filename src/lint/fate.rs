//! What becomes of every rule: whether it decides a packet in some chain it stands in.
//!
//! Exact for all packets of every chain, the sources and addresses of other networks included. A question that the
//! budget does not suffice for is answered "undecided", never guessed.

use std::collections::BTreeMap;
use std::ops::Range;

use palisade_ir::decide::{Budget, BudgetExceeded, RuleBits};
use palisade_ir::{Chain, Plan, Rank, Region, Rule, RuleId, Tier};

use super::chains::{Standing, standings};
use super::deciders::{Decider, Deciders, Spot, divide, volume};
use super::exposure::{self, Exposure};
use super::ground::{Ground, is_set};
use crate::policy::Policy;

/// The most steps for one question about one rule; 100,000 is the hardest seen in 100,000 real-looking rules.
const MOST: u64 = 1_000_000;
/// What becomes of a rule, over all chains it stands in.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fate {
    /// It stands in no chain: it has peers without addresses only.
    #[default]
    Absent,
    /// Somewhere it decides packets that no other rule of its verdict and priority would decide the same way.
    Live,
    /// Nowhere does it decide a packet. Who decides them instead.
    Dead(Deciders),
    /// Wherever it decides packets, rules that stand later, of its own verdict and priority, match the same ones.
    Covered(Deciders),
    /// The budget did not suffice to know.
    Undecided,
}

impl Fate {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Fate::Absent, fate) | (fate, Fate::Absent) => fate,
            (Fate::Live, _) | (_, Fate::Live) => Fate::Live,
            (Fate::Undecided, _) | (_, Fate::Undecided) => Fate::Undecided,
            (Fate::Dead(mut all), Fate::Dead(more)) => {
                all.join(more);
                Fate::Dead(all)
            }
            (Fate::Dead(mut all) | Fate::Covered(mut all), Fate::Dead(more) | Fate::Covered(more)) => {
                all.join(more);
                Fate::Covered(all)
            }
        }
    }
}

/// What is known of all rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// By rule id; rules of groups only.
    pub fates: Vec<Fate>,
    /// Rules that decide packets, each on its own as everything weaker would anyway; empty unless asked for.
    pub idle: Vec<RuleId>,
    /// Rules that let anyone in to what is better kept closed.
    pub exposed: BTreeMap<RuleId, Exposure>,
}

/// Judges every rule of a policy. Rules that only repeat what is weaker are looked for when `idle` is set.
pub fn judge(policy: &Policy, plan: &Plan, idle: bool, budget: &mut Budget) -> Judgement {
    let rules: usize = policy.groups.iter().map(|group| group.rules.len()).sum();
    let mut all = Judging {
        fates: vec![Fate::Absent; rules],
        idle: if idle { vec![None; rules] } else { Vec::new() },
        exposed: BTreeMap::new(),
    };
    for standing in standings(policy, plan) {
        all.chain(&standing, budget);
    }
    let Judging { mut fates, idle, exposed } = all;
    let mut found = Vec::new();
    for (id, (fate, idle)) in fates.iter_mut().zip(idle).enumerate() {
        match idle {
            Some(Ok(true)) if *fate == Fate::Live => found.push(RuleId(id as u32)),
            Some(Err(BudgetExceeded)) if *fate == Fate::Live => *fate = Fate::Undecided,
            Some(Ok(_) | Err(BudgetExceeded)) | None => {}
        }
    }
    Judgement { fates, idle: found, exposed }
}

/// What becomes of `rules` rules in these chains alone.
pub(super) fn judge_standing(rules: usize, standings: &[Standing<'_>], budget: &mut Budget) -> Vec<Fate> {
    let mut all = Judging { fates: vec![Fate::Absent; rules], idle: Vec::new(), exposed: BTreeMap::new() };
    standings.iter().for_each(|standing| all.chain(standing, budget));
    all.fates
}

struct Judging {
    fates: Vec<Fate>,
    /// Per rule whether it is idle in all chains so far; empty when that is not asked.
    idle: Vec<Option<Result<bool, BudgetExceeded>>>,
    exposed: BTreeMap<RuleId, Exposure>,
}

/// The lines of a chain that one rule of a group became: they stand together.
struct Run {
    id: RuleId,
    rank: Rank,
    places: Range<usize>,
}

impl Judging {
    fn chain(&mut self, standing: &Standing<'_>, budget: &mut Budget) {
        let chain: &Chain = &standing.chain;
        let runs = runs(chain);
        if budget.spend(Ground::cost(chain.rules().len())).is_err() {
            for run in runs {
                self.settle(run.id, Fate::Undecided);
            }
            return;
        }
        let ground = Ground::new(chain);
        let spot = Spot { direction: standing.direction, nic: standing.nic };
        let mut live = RuleBits::repeat(false, chain.rules().len());
        let mut alive = Vec::new();
        for run in runs {
            let open = open(&ground, &run, &live, budget);
            if run.rank.tier == Tier::User && open.places.is_empty() {
                let fate = Fate::Dead(killers(&ground, &run, &live, &spot, budget));
                self.settle(run.id, fate);
                continue;
            }
            if run.rank.tier == Tier::User && !open.sure {
                self.settle(run.id, Fate::Undecided);
            } else if run.rank.tier == Tier::User {
                let exposure = exposure::examine(&ground, run.places.clone(), &live, &spot, budget);
                self.exposed.entry(run.id).or_default().join(exposure);
                alive.push(run);
            }
            open.places.into_iter().for_each(|place| live.set(place, true));
        }
        for run in alive {
            let fate = match covered(&ground, &run, &live, budget) {
                Ok(Some(by)) => Fate::Covered(by),
                Ok(None) => Fate::Live,
                Err(BudgetExceeded) => Fate::Undecided,
            };
            self.idle_too(&ground, &run, budget);
            self.settle(run.id, fate);
        }
    }

    fn settle(&mut self, id: RuleId, fate: Fate) {
        if let Some(known) = self.fates.get_mut(id.0 as usize) {
            *known = std::mem::take(known).join(fate);
        }
    }

    fn idle_too(&mut self, ground: &Ground<'_>, run: &Run, budget: &mut Budget) {
        let Some(known) = self.idle.get_mut(run.id.0 as usize) else { return };
        // One chain in which the rule is needed is enough.
        if *known != Some(Ok(false)) {
            *known = Some(is_idle(ground, run, budget));
        }
    }
}

fn runs(chain: &Chain) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, rule) in chain.rules().iter().enumerate() {
        let Some(id) = rule.origin.ids().first() else { continue };
        match runs.last_mut() {
            Some(run) if run.id == *id => run.places.end = place + 1,
            Some(_) | None => runs.push(Run { id: *id, rank: rule.rank, places: place..place + 1 }),
        }
    }
    runs
}

/// Lines of a rule that stronger rules do not cover, as far as known.
struct Open {
    places: Vec<usize>,
    /// Whether at least one of them is uncovered for certain.
    sure: bool,
}

fn open(ground: &Ground<'_>, run: &Run, live: &RuleBits, budget: &mut Budget) -> Open {
    let mut open = Open { places: Vec::new(), sure: false };
    for place in run.places.clone() {
        match budget
            .share(MOST, |share| ground.is_covered(place, 0..run.places.start, |by| is_set(live, by), share))
        {
            Ok(true) => continue,
            Ok(false) => open.sure = true,
            Err(BudgetExceeded) => {}
        }
        open.places.push(place);
    }
    open
}

fn killers(
    ground: &Ground<'_>,
    run: &Run,
    live: &RuleBits,
    spot: &Spot<'_>,
    budget: &mut Budget,
) -> Deciders {
    let mut all = Deciders::default();
    for rule in ground.rules().get(run.places.clone()).into_iter().flatten() {
        all.join(divide(ground, rule, live, spot, budget));
    }
    all
}

/// Whether stronger rules and those that stand later in the same block cover the rule, and which of the latter. Only
/// later ones count: of two equal rules one must stay.
fn covered(
    ground: &Ground<'_>,
    run: &Run,
    live: &RuleBits,
    budget: &mut Budget,
) -> Result<Option<Deciders>, BudgetExceeded> {
    let rules = ground.rules();
    let block = rules.partition_point(|rule| rule.rank < run.rank)
        ..rules.partition_point(|rule| rule.rank <= run.rank);
    let Some(outcome) = rules.get(run.places.start).map(|rule| rule.outcome) else { return Ok(None) };
    if run.places.end == block.end {
        return Ok(None);
    }
    let same = |rule: &Rule| rule.outcome == outcome;
    let mixed = rules.get(block.clone()).is_some_and(|block| !block.iter().all(same));
    let mate = |place: usize| run.places.end <= place && rules.get(place).is_some_and(&same);
    let by = |place: usize| is_set(live, place) && (place < block.start || mate(place));
    for place in run.places.clone() {
        if !budget.share(MOST, |share| ground.is_covered(place, 0..block.end, by, share))? {
            return Ok(None);
        }
    }
    let mut deciders = Deciders::default();
    for rule in rules.get(run.places.clone()).into_iter().flatten() {
        let region = Region::of(&rule.matches);
        let meeting =
            budget.share(MOST, |share| ground.meeting(&rule.matches, |at| block.contains(&at), share))?;
        // A block-mate that logs otherwise may come to decide instead.
        if mixed && meeting.iter().any(|place| rules.get(*place).is_some_and(|rule| !same(rule))) {
            return Ok(None);
        }
        for place in meeting.into_iter().filter(|place| by(*place)) {
            let Some(mate) = rules.get(place) else { continue };
            let Some((id, common)) =
                mate.origin.ids().first().zip(Region::of(&mate.matches).intersect(&region))
            else {
                continue;
            };
            deciders.add(*id, Decider { rank: mate.rank, overlap: volume(&common), example: None });
        }
    }
    Ok(Some(deciders))
}

/// Whether every packet has the same outcome in this chain without the rule.
fn is_idle(ground: &Ground<'_>, run: &Run, budget: &mut Budget) -> Result<bool, BudgetExceeded> {
    for place in run.places.clone().rev() {
        // Those of its own lines that were found idle before are gone already.
        let kept = |other: usize| !(place < other && other < run.places.end);
        if !budget.share(MOST, |share| ground.is_redundant(place, kept, share))? {
            return Ok(false);
        }
    }
    Ok(true)
}
