//! Effects along one address, for rules that look at no other: most security groups. Nothing here grows with the product
//! of rules and classes, so chains of a hundred thousand rules fit.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::axis::ones;
use super::cells::Cells;
use super::effects::{Effects, PAGE};
use super::rules::{Rules, Values};
use super::services::Services;

/// What it costs to note that a rule begins or ceases to match a service, in words.
const TURN: u64 = 16;
/// The most places where rules begin or cease to match.
const TURNS: usize = 1 << 20;

/// The rules that match at some place, by service.
struct Active<'a> {
    rules: &'a Rules<'a>,
    services: &'a Services,
    /// Those that match some addresses only.
    some: Vec<BTreeSet<u32>>,
    /// The first that matches all addresses; as many as there are rules where none does.
    every: Vec<u32>,
}

impl Active<'_> {
    /// The number of the first rule that matches a service, and one more; 0 for none. And its outcome.
    fn first(&self, service: usize) -> Option<(u32, u8)> {
        let every = *self.every.get(service)?;
        let first = self.some.get(service)?.first().map_or(every, |first| every.min(*first));
        let outcome = self.rules.outcomes.get(first as usize);
        Some(outcome.map_or((0, self.rules.default), |outcome| (first + 1, *outcome)))
    }

    /// The services that a rule matches and that no stronger rule decides for all addresses.
    fn concerned(&self, rule: u32) -> impl Iterator<Item = usize> + '_ {
        let weaker = move |service: &usize| self.every.get(*service).is_some_and(|every| *every > rule);
        ones(self.services.of(rule as usize)).filter(weaker)
    }
}

/// Intervals by first value, each with a number.
type Intervals = Vec<(u128, u32)>;

/// Intervals by first address with the number of what happens in them, and what that is; `None` where it takes too much.
pub(super) fn sweep<C: Cells>(
    rules: &Rules<'_>,
    values: &[Values<'_>],
    last: u128,
    services: &Services,
    work: &mut u64,
) -> Option<(Intervals, Effects<C>)> {
    let count = services.words * 64;
    let mut active = Active {
        rules,
        services,
        some: vec![BTreeSet::new(); count],
        every: vec![rules.len() as u32; count],
    };
    for (rule, _) in (0..).zip(values).filter(|(_, values)| values.is_none()) {
        for service in ones(services.of(rule as usize)) {
            let every = active.every.get_mut(service)?;
            *every = rule.min(*every);
        }
    }
    let turns = turns(values, last)?;
    let mut effect = vec![C::Word::default(); count / C::PER];
    let mut pages = vec![0; effect.len().div_ceil(PAGE)];
    let mut effects = Effects::default();
    let mut intervals: Intervals = Vec::new();
    // At the start everything is new.
    let mut changed: BTreeSet<usize> = (0..count).collect();
    let groups = turns.chunk_by(|a, b| a.0 == b.0);
    let start = (turns.first().is_none_or(|turn| turn.0 > 0)).then_some(&[][..]);
    for turns in start.into_iter().chain(groups) {
        for (_, rule) in turns {
            let concerned: Vec<usize> = active.concerned(*rule).collect();
            *work = work.checked_sub(TURN * concerned.len() as u64 + services.words as u64)?;
            for service in concerned {
                let some = active.some.get_mut(service)?;
                // It begins where it did not match before.
                if !some.remove(rule) {
                    some.insert(*rule);
                }
                changed.insert(service);
            }
        }
        let mut page = usize::MAX;
        let dirty = core::mem::take(&mut changed);
        for service in &dirty {
            let (rule, outcome) = active.first(*service)?;
            C::decide(&mut effect, service / 64, 1 << (service % 64), rule, outcome);
        }
        for service in dirty {
            if page != service / C::PER / PAGE {
                page = service / C::PER / PAGE;
                *pages.get_mut(page)? = effects.page(effect.chunks(PAGE).nth(page)?)?;
            }
        }
        *work = work.checked_sub(pages.len() as u64 + PAGE as u64)?;
        let number = effects.row(&pages)?;
        if intervals.last().is_none_or(|last| last.1 != number) {
            intervals.push((turns.first().map_or(0, |turn| turn.0), number));
        }
    }
    Some((intervals, effects))
}

/// Where rules begin or cease to match, ascending; `None` for too many places.
fn turns(values: &[Values<'_>], last: u128) -> Option<Vec<(u128, u32)>> {
    let pieces: usize = values.iter().flatten().map(|ranges| ranges.len()).sum();
    if pieces > TURNS / 2 {
        return None;
    }
    let mut turns = Vec::with_capacity(2 * pieces);
    for (rule, ranges) in (0..).zip(values).filter_map(|(rule, values)| Some((rule, values.as_deref()?))) {
        for (first, end) in ranges.iter() {
            turns.push((first, rule));
            turns.extend((end < last).then(|| (end + 1, rule)));
        }
    }
    turns.sort_unstable();
    Some(turns)
}
