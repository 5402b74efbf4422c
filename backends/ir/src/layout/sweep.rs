//! The strongest rule at each value of one field.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Ranges of a rule, by its place in the chain.
pub(super) struct Spread {
    pub(super) rule: usize,
    pub(super) own: bool,
    pub(super) ranges: Vec<(u128, u128)>,
}

/// A stretch of values at which the same two rules are the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: u128,
    pub(super) last: u128,
    /// The strongest of the leaf's own rules.
    pub(super) own: Option<usize>,
    /// The strongest rule of a later block.
    pub(super) later: Option<usize>,
}

/// All stretches at which some rule is, ascending. `axis` is the last value of the field.
pub(super) fn sweep(spreads: &[Spread], axis: u128) -> Vec<Stretch> {
    // (value, whether ranges begin there, own, rule); ends are noted one behind the last value, past the axis none.
    let mut events: Vec<(u128, bool, bool, usize)> = Vec::new();
    for Spread { rule, own, ranges } in spreads {
        for (first, last) in ranges {
            events.push((*first, true, *own, *rule));
            if *last < axis {
                events.push((last + 1, false, *own, *rule));
            }
        }
    }
    events.sort_unstable();
    let mut active: [BTreeSet<usize>; 2] = Default::default();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut rest = events.as_slice();
    while let [(at, ..), ..] = rest {
        let at = *at;
        let here = rest.iter().take_while(|event| event.0 == at).count();
        let (now, after) = rest.split_at(here);
        // A rule's ranges are disjoint, but one may begin where another ends: ends first.
        for begins in [false, true] {
            for (_, _, own, rule) in now.iter().filter(|event| event.1 == begins) {
                let [others, owned] = &mut active;
                let set = if *own { owned } else { others };
                if begins {
                    set.insert(*rule);
                } else {
                    set.remove(rule);
                }
            }
        }
        let last = after.first().map_or(axis, |next| next.0 - 1);
        let [later, own] = active.each_ref().map(|set| set.first().copied());
        if own.is_some() || later.is_some() {
            stretches.push(Stretch { first: at, last, own, later });
        }
        rest = after;
    }
    stretches
}
