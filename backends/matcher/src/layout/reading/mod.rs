//! What structures answer, for all packets at once, read from the structures alone: for proofs.
//!
//! Every layout has one method that says in pieces what its look-ups say packet by packet. Where a look-up would leave
//! its table there is no reading: nothing that palisade wrote has such places, and taking a default for them would
//! hide that the table is not what it should be. Shares no code with what builds structures, nor with look-ups.
//!
//! # The reader of a new structure
//!
//! 1. Write from the look-up, not from what builds the structure: the question is what a packet would be told, whatever
//!    stands in the file. Destructure the structure, so that a field added later cannot be forgotten here.
//! 2. Turn each field's search into [`Intervals`](trie::Intervals), every value with the name it leads to; `Trie` and
//!    `Pages` have a method for that. A look-up that goes around the end of numbers, skips a row or stops early does
//!    so here too. An order that look-ups take for granted is checked; where it does not hold, [`Unread::Broken`].
//! 3. Say what the names lead to in pieces, the first of which that holds a packet decides: rules one by one where a
//!    look-up finds the smallest number (`bitsets`, `list`), else values with the same answer together (`tables`). How
//!    many pieces come out decides what a proof costs. Names and places come from a file: reach them with `get`, add with
//!    `checked_add`, and count what a forged file could multiply, with [`Unread::TooLarge`] at a stated limit.
//! 4. Call it from [`Finder`] or [`Engine`] below. Where outcomes and deciding rules are found by different
//!    structures, [`Engine::answers_once`] is false, and both are read and proved.
//!
//! Three tests find what is wrong, each with other files. `tests` beside this compares what is read of a search with what
//! the search finds, also after words were changed. `a_file_is_read_for_all_packets_as_packet_by_packet` (the crate's
//! tests) does so for whole files of every layout; add the layout there. The mutation suite of the workspace (`suite
//! mutation`) changes bytes of files whose checksum is mended, and needs the layout in its list: every change of meaning
//! must be found, with a packet, and nothing else called one. The fuzz target `matcher_file` does that without end.

mod bitsets;
mod list;
mod pages;
mod piece;
mod rest;
mod runs;
mod tables;
#[cfg(test)]
mod tests;
mod trie;

use alloc::vec::Vec;

use palisade_ir::{Chain, Family, Region};

use piece::Piece;

use super::cells::Outcomes;
use super::finder::{Finder, Kind};
use super::number::Number;
use super::tables::Tables;
use super::{Engine, code};
use crate::later::Chained;

/// Why a structure cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// A way leads out of its tables, or their order is not what look-ups take for granted.
    #[error("its look-up structures lead nowhere, or are out of order")]
    Broken,
    /// It would take too long.
    #[error("its look-up structures are too large to be read for all packets")]
    TooLarge,
}

/// What was read: the first piece that holds a packet says what happens to it, and the last one holds all.
pub(crate) type Reading = Result<Vec<Piece>, Unread>;

impl<T: Number> Engine<T> {
    /// What look-ups of outcomes say.
    pub(crate) fn outcomes(&self, family: Family, chain: &Chained) -> Reading {
        match &self.tables {
            Some(tables) => read_outcomes(tables, family),
            None => self.deciders(family, chain),
        }
    }

    /// The outcomes that look-ups of deciding rules say.
    pub(crate) fn deciders(&self, family: Family, chain: &Chained) -> Reading {
        match &self.finder {
            Some(finder) => finder.read(family, chain),
            None => Ok(of_chain(chain.get(), family)),
        }
    }

    /// Whether both look-ups go the same way.
    pub(crate) const fn answers_once(&self) -> bool {
        self.tables.is_none()
    }
}

fn read_outcomes<T: Number>(tables: &Tables<T, Outcomes>, family: Family) -> Reading {
    tables.classes.read(family, |at| tables.cells.word(at))
}

impl<T: Number> Finder<T> {
    fn read(&self, family: Family, chain: &Chained) -> Reading {
        // The first decider is the end of the chain, and numbers that no rule has stand for it too.
        let (_, end) = *self.deciders.first().ok_or(Unread::Broken)?;
        // Codes are packed two bits each below: another bit would be read as one of the next code.
        if self.deciders.iter().any(|(_, code)| *code > 3) {
            return Err(Unread::Broken);
        }
        let known = |number: u32| self.deciders.get(number as usize + 1).map(|(_, code)| *code);
        let code = |number: u32| known(number).unwrap_or(end);
        let mut pieces = match &self.kind {
            Kind::Tables(tables) => {
                let words = tables.cells.words(|number| number.checked_sub(1).map_or(end, code))?;
                return tables.classes.read(family, |at| tables.cells.page(at, &words));
            }
            Kind::Bitsets(bitsets) => bitsets.read(family, code)?,
            Kind::List(list) => list.read(family, known, |number| {
                let rule = chain.get().rules().get(self.place(number))?;
                Some(Region::of(&rule.matches))
            })?,
        };
        pieces.push(Piece::all(end));
        Ok(pieces)
    }
}

/// A chain without structures is read in order.
fn of_chain(chain: &Chain, family: Family) -> Vec<Piece> {
    let own = chain.rules().iter().filter(|rule| rule.matches.family() == family);
    let piece = |rule: &palisade_ir::Rule| Piece {
        within: Some(Region::of(&rule.matches)),
        ..Piece::all(code(rule.outcome))
    };
    let end = Piece::all(code(palisade_ir::Outcome::silent(chain.default())));
    own.map(piece).chain([end]).collect()
}
