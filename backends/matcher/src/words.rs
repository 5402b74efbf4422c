//! What rule ids stand for, in words.

use std::collections::BTreeMap;

use palisade_ir::{RuleId, RuleInfo};

/// The words of rules, ascending by id.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    rules: Vec<(RuleId, RuleInfo)>,
}

impl Words {
    /// The words of a rule.
    pub(crate) fn of(&self, id: RuleId) -> Option<&RuleInfo> {
        // A whole policy has every id, so the place is known; a part of it has to be searched.
        let first = self.rules.first()?.0.0;
        let guess = self.rules.get(id.0.wrapping_sub(first) as usize);
        if let Some((_, words)) = guess.filter(|(found, _)| *found == id) {
            return Some(words);
        }
        let at = self.rules.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.rules.get(at).map(|(_, words)| words)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(RuleId, RuleInfo)> {
        self.rules.iter()
    }
}

impl From<BTreeMap<RuleId, RuleInfo>> for Words {
    fn from(rules: BTreeMap<RuleId, RuleInfo>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }
}
