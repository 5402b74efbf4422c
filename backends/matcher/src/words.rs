//! What rule ids stand for, in words.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use palisade_ir::{RuleId, RuleInfo};

/// The words of rules.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// Ascending by id.
    rules: Vec<(RuleId, RuleInfo)>,
    places: Places,
}

/// Where ids stand in the words.
#[derive(Clone, Debug)]
enum Places {
    /// One after the other without a gap.
    Dense,
    /// At the place given here, from the first id on.
    Listed(Vec<u32>),
    /// Somewhere: the ids are far apart.
    Scattered,
}

impl Words {
    /// The words of a rule.
    #[inline]
    pub(crate) fn of(&self, id: RuleId) -> Option<&RuleInfo> {
        let first = self.rules.first()?.0.0;
        let at = match &self.places {
            Places::Dense => id.0.checked_sub(first)? as usize,
            Places::Listed(places) => *places.get(id.0.checked_sub(first)? as usize)? as usize,
            Places::Scattered => self.rules.binary_search_by_key(&id, |(id, _)| *id).ok()?,
        };
        self.rules.get(at).map(|(_, words)| words)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(RuleId, RuleInfo)> {
        self.rules.iter()
    }
}

impl From<BTreeMap<RuleId, RuleInfo>> for Words {
    fn from(rules: BTreeMap<RuleId, RuleInfo>) -> Self {
        let rules: Vec<(RuleId, RuleInfo)> = rules.into_iter().collect();
        let ids = || rules.iter().map(|(id, _)| id.0);
        let (first, last) = (ids().next().unwrap_or_default(), ids().next_back().unwrap_or_default());
        let span = (last - first) as usize;
        let places = if span + 1 == rules.len() {
            Places::Dense
        } else if span <= 8 * rules.len() {
            let mut places = vec![u32::MAX; span + 1];
            for (at, id) in (0..).zip(ids()) {
                if let Some(place) = places.get_mut((id - first) as usize) {
                    *place = at;
                }
            }
            Places::Listed(places)
        } else {
            Places::Scattered
        };
        Self { rules, places }
    }
}
