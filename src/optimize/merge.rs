//! Rules of one outcome that differ in one field only, joined by the union of that field.
//!
//! A rule may move up to another one, past rules of its own outcome and past rules that it does not meet; or down. All
//! moves of one sweep go the same way: so of two rules whose order matters the lower one, which may not pass the upper
//! one's place, stays below it wherever that one goes. A sweep needs no index but the one of the rules as they stood
//! before it.

use palisade_ir::decide::{Boxes, Budget, BudgetExceeded, RuleBits};
use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, PortMatch, PortSet, PrefixSet, Ranges, Rule,
};

use super::Passed;
use super::covered::MOST;
use super::likeness::{FIELDS, Field, Rest, numbers};

/// Which way rules move to the one that they join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Joins rules of one outcome that differ in one field only, where no rule stands between them that conflicts with the
/// one that moves. Three things keep rules apart: addresses that have a name are not joined with others; inner access
/// stays above all; and rules that log are joined within one priority only, because the log line names a rule.
pub fn merge(chain: Chain, budget: &mut Budget) -> Passed {
    let (default, default_id) = (chain.default(), chain.default_id());
    let mut lineup = Lineup::new(chain.into_rules());
    loop {
        let before = lineup.rules.len();
        let mut undecided = 0;
        for (at, field) in FIELDS.into_iter().enumerate() {
            for way in [Way::Up, Way::Down] {
                let (joined, open) = lineup.sweep(at, field, way, budget);
                undecided += open;
                if !joined.is_empty() {
                    lineup = lineup.join(field, joined);
                }
            }
        }
        if lineup.rules.len() == before {
            return Passed { chain: Chain::from_ordered(lineup.rules, default, default_id), undecided };
        }
    }
}

/// Rules as they stand, and what sweeps over them need.
struct Lineup {
    rules: Vec<Rule>,
    /// Per rule its [`numbers`].
    numbers: Vec<[u64; 5]>,
    /// Per rule how often the outcome changes up to it.
    turns: Vec<u32>,
    /// Made when it is first needed.
    boxes: Option<Boxes>,
}

impl Lineup {
    fn new(rules: Vec<Rule>) -> Self {
        let numbers = rules.iter().map(numbers).collect();
        Self::numbered(rules, numbers)
    }

    fn numbered(rules: Vec<Rule>, numbers: Vec<[u64; 5]>) -> Self {
        let (mut turn, mut last) = (0, None);
        let count = |rule: &Rule| {
            turn += u32::from(last.replace(rule.outcome) != Some(rule.outcome));
            turn
        };
        let turns = rules.iter().map(count).collect();
        Self { rules, numbers, turns, boxes: None }
    }

    /// Which rules can be joined in one field, the one of that number, by moving one way: the places of each lot, the
    /// one to move to first. Also how many questions the budget left open.
    fn sweep(&mut self, at: usize, field: Field, way: Way, budget: &mut Budget) -> (Vec<Vec<usize>>, usize) {
        let (mut joined, mut undecided) = (Vec::new(), 0);
        for mut places in self.alike(at, field) {
            if way == Way::Down {
                places.reverse();
            }
            let mut lots: Vec<Vec<usize>> = Vec::new();
            for place in places {
                let first = lots.last().and_then(|lot| lot.first());
                let free = first.map(|first| self.may_join(place, *first, budget));
                undecided += usize::from(matches!(free, Some(Err(_))));
                match lots.last_mut().filter(|_| free == Some(Ok(true))) {
                    Some(lot) => lot.push(place),
                    None => lots.push(vec![place]),
                }
            }
            joined.extend(lots.into_iter().filter(|lot| lot.len() > 1));
        }
        (joined, undecided)
    }

    /// The places of rules that differ in one field only, ascending.
    fn alike(&self, at: usize, field: Field) -> Vec<Vec<usize>> {
        let rest = |place: usize| self.rules.get(place).and_then(|rule| Rest::of(field, rule));
        let mut order = self.numbered_alike(at);
        order.sort_unstable();
        let same = order.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1);
        let alike = same.flat_map(|same| {
            same.chunk_by(|one, other| {
                let rest = rest(one.1).zip(rest(other.1));
                rest.is_some_and(|(one, other)| one == other)
            })
        });
        let places = alike.filter(|alike| alike.len() > 1);
        places.map(|alike| alike.iter().map(|(_, place)| *place).collect()).collect()
    }

    /// The numbers in one field with their places, without most of those that stand alone: there are few others as a
    /// rule, and sorting all takes longer than all else here.
    fn numbered_alike(&self, at: usize) -> Vec<(u64, usize)> {
        let twice = Twice::of(&self.numbers, at, 4);
        let places = self.numbers.iter().enumerate();
        let numbered = places.filter_map(|(place, numbers)| Some((*numbers.get(at)?, place)));
        numbered.filter(|(number, _)| twice.may_hold(*number)).collect()
    }

    /// Whether a rule may move to the place of another one of its outcome.
    fn may_join(&mut self, place: usize, to: usize, budget: &mut Budget) -> Result<bool, BudgetExceeded> {
        if self.turns.get(place) == self.turns.get(to) {
            return Ok(true);
        }
        let Some(rule) = self.rules.get(place) else { return Ok(false) };
        let boxes = self.boxes.get_or_insert_with(|| Boxes::new(&self.rules, |_| true));
        let between = to.min(place) + 1..to.max(place);
        budget.share(MOST, |share| boxes.is_barred(rule, between, share)).map(|barred| !barred)
    }

    /// The rules with each lot joined at the place of the first one in it.
    fn join(self, field: Field, joined: Vec<Vec<usize>>) -> Self {
        let mut lines: Vec<Option<(Rule, [u64; 5])>> =
            self.rules.into_iter().zip(self.numbers).map(Some).collect();
        for lot in joined {
            let members = lot.iter().filter_map(|place| lines.get_mut(*place).and_then(Option::take));
            let members: Vec<Rule> = members.map(|(rule, _)| rule).collect();
            if let Some(line) = lot.first().and_then(|first| lines.get_mut(*first)) {
                *line = union(field, &members).map(|union| {
                    let numbers = numbers(&union);
                    (union, numbers)
                });
            }
        }
        let (rules, numbers) = lines.into_iter().flatten().unzip();
        Self::numbered(rules, numbers)
    }
}

/// At least so many rules differ in two fields or more from each other one.
pub(super) fn alone(rules: &[Rule]) -> usize {
    let numbers: Vec<[u64; 5]> = rules.iter().map(numbers).collect();
    let mut alike = RuleBits::repeat(false, rules.len());
    for at in 0..FIELDS.len() {
        let twice = Twice::of(&numbers, at, 32);
        for (place, numbers) in numbers.iter().enumerate() {
            if numbers.get(at).is_some_and(|number| twice.may_hold(*number)) {
                alike.set(place, true);
            }
        }
    }
    alike.count_zeros()
}

/// Which numbers of one field several rules have, and by chance a few more.
struct Twice {
    slots: RuleBits,
    mask: usize,
}

impl Twice {
    /// By so many slots for each rule: the more, the fewer by chance.
    fn of(numbers: &[[u64; 5]], at: usize, slots: usize) -> Self {
        let size = (slots * numbers.len()).next_power_of_two();
        let mask = size - 1;
        let (mut once, mut twice) = (RuleBits::repeat(false, size), RuleBits::repeat(false, size));
        for number in numbers.iter().filter_map(|numbers| numbers.get(at)) {
            // The numbers are hashes, so any bits of theirs will do.
            let slot = *number as usize & mask;
            if once.replace(slot, true) {
                twice.set(slot, true);
            }
        }
        Self { slots: twice, mask }
    }

    fn may_hold(&self, number: u64) -> bool {
        self.slots.get(number as usize & self.mask).is_some_and(|bit| *bit)
    }
}

/// One rule of the packets of all, which differ in one field, in the place of the first.
fn union(field: Field, members: &[Rule]) -> Option<Rule> {
    let Rule { matches, outcome, rank, origin: _ } = members.first()?;
    let MatchParts { mut source, mut destination, mut protocols, mut source_ports, mut destination_ports } =
        matches.parts();
    let all = || members.iter().map(|rule| &rule.matches);
    match field {
        Field::Source => source = addresses(matches.family(), all().map(Match::source)),
        Field::Destination => destination = addresses(matches.family(), all().map(Match::destination)),
        Field::Protocols => protocols = all().fold(protocols, |set, rule| set.union(rule.protocols())),
        Field::SourcePorts => source_ports = ports(all().map(Match::source_ports)),
        Field::DestinationPorts => destination_ports = ports(all().map(Match::destination_ports)),
    }
    let parts = MatchParts { source, destination, protocols, source_ports, destination_ports };
    let origin = Origin::new(members.iter().flat_map(|rule| rule.origin.ids()).copied().collect())?;
    Some(Rule { matches: Match::new(parts).ok()?, outcome: *outcome, rank: *rank, origin })
}

fn addresses<'a>(family: Family, all: impl Iterator<Item = &'a Addresses>) -> Addresses {
    let ranges: Ranges = all.flat_map(|one| one.prefixes.ranges().iter()).collect();
    Addresses::unnamed(PrefixSet::from_ranges(family, &ranges))
}

fn ports<'a>(all: impl Iterator<Item = &'a PortMatch>) -> PortMatch {
    let mut numbers = Vec::new();
    for ports in all {
        match ports {
            PortMatch::Any => return PortMatch::Any,
            PortMatch::In(set) => numbers.extend(set.ranges()),
        }
    }
    PortMatch::In(PortSet::from_ranges(numbers))
}
