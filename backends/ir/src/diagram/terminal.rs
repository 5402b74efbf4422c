//! What becomes of packets at the end of a block or of a part of it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::nodes::{Id, terminal, terminal_number};
use crate::Verdict;

/// Where packets go from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// On to the next step.
    Pass,
    /// Back to where the block was called.
    Return,
    /// Nowhere: their way ends.
    End(Verdict),
}

/// Packets neither logged nor stopped.
pub(super) const PASS: Id = plain(false, Exit::Pass);
/// Outside a guard; no outcome.
pub(super) const OUTSIDE: Id = terminal(8);
/// The first terminal with calls.
const LISTS: u32 = 9;

/// An outcome without calls.
pub(super) const fn plain(logged: bool, exit: Exit) -> Id {
    let exit = match exit {
        Exit::Pass => 0,
        Exit::Return => 1,
        Exit::End(Verdict::Allow) => 2,
        Exit::End(Verdict::Deny) => 3,
    };
    terminal(exit + if logged { 4 } else { 0 })
}

/// Whether the packets of an outcome without calls are logged, and where they go.
pub(super) const fn outcome(id: Id) -> Option<(bool, Exit)> {
    let Some(number) = terminal_number(id) else { return None };
    let exit = match number & 3 {
        0 => Exit::Pass,
        1 => Exit::Return,
        2 => Exit::End(Verdict::Allow),
        _ => Exit::End(Verdict::Deny),
    };
    if number < 8 { Some((number & 4 != 0, exit)) } else { None }
}

/// Blocks met one after the other, as far as packets come back from them, by their place among the sealed ones; the
/// exit is that of the packets that come back from the last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Calls {
    pub(super) blocks: Vec<u32>,
    pub(super) exit: Exit,
}

/// The terminals with calls.
#[derive(Default)]
pub(super) struct Lists {
    lists: Vec<Calls>,
    known: BTreeMap<Calls, Id>,
}

impl Lists {
    /// The terminal of some calls.
    pub(super) fn id(&mut self, calls: Calls) -> Id {
        let next = terminal(LISTS + self.lists.len() as u32);
        let lists = &mut self.lists;
        *self.known.entry(calls).or_insert_with_key(|calls| {
            lists.push(calls.clone());
            next
        })
    }

    /// The calls of a terminal that has any.
    pub(super) fn get(&self, id: Id) -> Option<&Calls> {
        let number = terminal_number(id)?;
        self.lists.get(number.checked_sub(LISTS)? as usize)
    }
}
