//! Ranges of numbers divided, so that each part has less of what is asked.

use alloc::vec::Vec;

use crate::Family;

/// Parts of a node at most where they are tested in turn. A test costs less than a jump; more parts mean more tests,
/// fewer more jumps.
pub(super) const FAN_OUT: usize = 8;
/// How often a range may be looked at, on average, until it is given up: ranges that all overlap are in every part.
const LOOKS: usize = 64;

/// A range of numbers that some rule asks for, and the lines of that rule.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) lines: usize,
    /// Where the rule stands.
    pub(super) item: usize,
}

/// A part to be: its numbers, and what is asked there.
pub(super) struct Part {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) asked: Vec<Asked>,
}

/// Divides the heaviest part again and again; `None` when nothing could be divided or left out.
pub(super) fn divide(whole: Part, cut: impl Fn(&Part) -> Option<Vec<Part>>) -> Option<Vec<Part>> {
    if whole.asked.is_empty() {
        return None;
    }
    let mut parts = vec![whole];
    let mut whole_ones = Vec::new();
    while parts.len() + whole_ones.len() < FAN_OUT {
        let heaviest = (0..parts.len()).max_by_key(|at| parts.get(*at).map_or(0, Part::lines));
        let Some(heaviest) = heaviest else { break };
        let part = parts.swap_remove(heaviest);
        match cut(&part) {
            Some(cut) => parts.extend(cut),
            None => whole_ones.push(part),
        }
    }
    parts.append(&mut whole_ones);
    parts.sort_by_key(|part| part.first);
    Some(parts)
}

/// Divides at every edge, but for parts where no more than `stop` lines are asked; `None` when there is no edge, or when
/// that takes too long.
pub(super) fn divide_all(whole: Part, stop: usize) -> Option<Vec<Part>> {
    let mut looks = whole.asked.len() * LOOKS;
    let mut open = vec![whole];
    let mut done = Vec::new();
    while let Some(part) = open.pop() {
        looks = looks.checked_sub(part.asked.len())?;
        match Some(&part).filter(|part| part.lines() > stop).and_then(at_an_edge) {
            Some(cut) => open.extend(cut),
            None => done.push(part),
        }
    }
    done.sort_unstable_by_key(|part| part.first);
    (done.len() > 1).then_some(done)
}

impl Part {
    fn lines(&self) -> usize {
        self.asked.iter().map(|asked| asked.lines).sum()
    }

    fn between(&self, first: u128, last: u128) -> Self {
        let here = |asked: &&Asked| asked.first <= last && first <= asked.last;
        let clip =
            |asked: &Asked| Asked { first: asked.first.max(first), last: asked.last.min(last), ..*asked };
        Self { first, last, asked: self.asked.iter().filter(here).map(clip).collect() }
    }
}

/// Divides at the edge of some range, such that the heavier side is as light as can be.
pub(super) fn at_an_edge(part: &Part) -> Option<Vec<Part>> {
    let mut starts: Vec<(u128, usize)> = part.asked.iter().map(|it| (it.first, it.lines)).collect();
    let mut ends: Vec<(u128, usize)> = part.asked.iter().map(|it| (it.last, it.lines)).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let sums = |list: &[(u128, usize)]| {
        let mut sum = 0;
        let add = |(at, lines): &(u128, usize)| {
            sum += lines;
            (*at, sum)
        };
        list.iter().map(add).collect::<Vec<_>>()
    };
    let (starts, ends) = (sums(&starts), sums(&ends));
    let below = |sums: &[(u128, usize)], at: u128| {
        let count = sums.partition_point(|(number, _)| *number < at);
        count.checked_sub(1).and_then(|last| sums.get(last)).map_or(0, |(_, sum)| *sum)
    };
    let all = part.lines();
    // Behind the last address of all there is no edge.
    let behind = ends.iter().filter_map(|(at, _)| at.checked_add(1));
    let edges = starts.iter().map(|(at, _)| *at).chain(behind);
    let inside = edges.filter(|at| part.first < *at && *at <= part.last);
    // What begins before the edge is left of it, what does not end before it is right of it.
    let heavier = |at: &u128| below(&starts, *at).max(all - below(&ends, *at));
    let at = inside.min_by_key(|at| (heavier(at), *at))?;
    Some(vec![part.between(part.first, at - 1), part.between(at, part.last)])
}

/// Divides a prefix into its halves, each cut down to what is asked there.
pub(super) fn halve(family: Family, part: &Part) -> Option<Vec<Part>> {
    let divides = |asked: &Asked| part.first < asked.first || asked.last < part.last;
    if part.first == part.last || !part.asked.iter().any(divides) {
        return None;
    }
    let middle = part.first + (part.last - part.first) / 2;
    let halves = [part.between(part.first, middle), part.between(middle + 1, part.last)];
    // What is asked nowhere goes with the rest.
    let halves = halves.into_iter().filter_map(|half| hull(family, half));
    Some(halves.collect())
}

/// The smallest prefix that holds all that is asked in a part.
pub(super) fn hull(family: Family, part: Part) -> Option<Part> {
    let first = part.asked.iter().map(|asked| asked.first).min()?;
    let last = part.asked.iter().map(|asked| asked.last).max()?;
    let (mut low, mut high) = (0, family.last());
    while low < high {
        let middle = low + (high - low) / 2;
        if last <= middle {
            high = middle;
        } else if first > middle {
            low = middle + 1;
        } else {
            break;
        }
    }
    Some(Part { first: low.max(part.first), last: high.min(part.last), ..part })
}
