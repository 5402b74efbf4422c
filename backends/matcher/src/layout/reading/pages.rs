//! The runs of a table of two levels: every number up to the last, each with its name.

use alloc::vec::Vec;

use super::super::pages::{PAGE, Pages};
use super::trie::Intervals;

impl Pages {
    /// All runs; `None` where numbers have no page or pages no names.
    pub(crate) fn intervals(&self, last: u32) -> Option<Intervals> {
        let mut found: Intervals = Vec::new();
        // The page before, when it is all one name.
        let mut uniform = None;
        for (page, first) in self.pages.iter().zip((0..=last).step_by(PAGE)) {
            if uniform == Some(*page) {
                continue;
            }
            let start = usize::from(*page) * PAGE;
            let names = self.names.get(start..start + PAGE)?;
            for (name, number) in names.iter().zip(first..=last) {
                if found.last().is_none_or(|run| run.1 != u32::from(*name)) {
                    found.push((number.into(), (*name).into()));
                }
            }
            uniform = names.iter().all(|name| Some(name) == names.first()).then_some(*page);
        }
        (self.pages.len() * PAGE > last as usize).then_some(found)
    }
}
