//! What rule ids stand for, in words.

use std::collections::BTreeMap;

use palisade_ir::{RuleId, RuleInfo};

/// The words of rules.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// Ascending by id.
    rules: Vec<(RuleId, RuleInfo)>,
    /// The places of ids in `rules`, from the first id on; empty when the ids are too scattered.
    places: Vec<u32>,
}

impl Words {
    /// The words of a rule.
    pub(crate) fn of(&self, id: RuleId) -> Option<&RuleInfo> {
        let first = self.rules.first()?.0.0;
        let at = if self.places.is_empty() {
            self.rules.binary_search_by_key(&id, |(id, _)| *id).ok()?
        } else {
            *self.places.get(id.0.checked_sub(first)? as usize)? as usize
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
        let mut places = Vec::new();
        if span <= 8 * rules.len() {
            places.resize(span + 1, u32::MAX);
            for (at, id) in (0..).zip(ids()) {
                if let Some(place) = places.get_mut((id - first) as usize) {
                    *place = at;
                }
            }
        }
        Self { rules, places }
    }
}
