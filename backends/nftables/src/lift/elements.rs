//! Lists of values: what stands between `{` and `}`.

use std::collections::BTreeSet;

use palisade_ir::{LiftError, Ranges};

use super::ast::{Elements, Entry, Kind};
use super::cursor::Cursor;
use super::lexer::Token;
use super::{rule, values};

/// One value, or one of several fields joined by ` . `.
pub(super) fn single(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Elements, LiftError> {
    let line = cursor.line();
    let key = key(cursor, kinds)?;
    collect(vec![(line, key)])
}

/// `{ value, value }`
pub(super) fn braced(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Elements, LiftError> {
    let mut keys = Vec::new();
    list(cursor, |cursor| {
        let line = cursor.line();
        keys.push((line, key(cursor, kinds)?));
        Ok(())
    })?;
    collect(keys)
}

/// `{ value : verdict, value : verdict }`
pub(super) fn entries(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Vec<Entry>, LiftError> {
    let mut entries = Vec::new();
    let mut keys = Vec::new();
    list(cursor, |cursor| {
        let line = cursor.line();
        let key = key(cursor, kinds)?;
        cursor.need_word(":")?;
        keys.push((line, key.clone()));
        entries.push(Entry { key, action: rule::action(cursor)? });
        Ok(())
    })?;
    collect(keys)?;
    entries.sort();
    Ok(entries)
}

fn list(
    cursor: &mut Cursor,
    mut element: impl FnMut(&mut Cursor) -> Result<(), LiftError>,
) -> Result<(), LiftError> {
    cursor.need_mark('{')?;
    cursor.skip_newlines();
    loop {
        element(cursor)?;
        cursor.skip_newlines();
        if !cursor.take_mark(',') {
            break;
        }
        cursor.skip_newlines();
        if cursor.at_mark('}') {
            break;
        }
    }
    cursor.need_mark('}')
}

/// The values of the fields, joined by ` . `.
fn key(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Vec<(u128, u128)>, LiftError> {
    let mut key = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        if at > 0 {
            cursor.need_word(".")?;
        }
        let token = cursor.peek().cloned().unwrap_or(Token::Newline);
        let span = values::span(*kind, &token).map_err(|message| cursor.error(message))?;
        cursor.next();
        key.push(span);
    }
    Ok(key)
}

/// The elements as a set. The kernel refuses some overlaps and lets the first inserted win in others; none is read.
fn collect(keys: Vec<(usize, Vec<(u128, u128)>)>) -> Result<Elements, LiftError> {
    let error = |line: usize, message: &str| LiftError {
        file: super::cursor::FILE,
        line,
        message: message.to_owned(),
    };
    if keys.iter().all(|(_, key)| key.len() == 1) {
        let mut spans: Vec<((u128, u128), usize)> =
            keys.iter().flat_map(|(line, key)| key.iter().map(move |span| (*span, *line))).collect();
        spans.sort_unstable();
        for pair in spans.windows(2) {
            if let [(one, _), (two, line)] = pair
                && two.0 <= one.1
            {
                return Err(error(*line, "an element overlaps another"));
            }
        }
        return Ok(Elements::Ranges(spans.into_iter().map(|(span, _)| span).collect::<Ranges>()));
    }
    let mut tuples = BTreeSet::new();
    for (line, key) in keys {
        if key.iter().any(|(first, last)| first != last) {
            return Err(error(line, "ranges in elements of several fields are not read"));
        }
        if !tuples.insert(key.iter().map(|(first, _)| *first).collect()) {
            return Err(error(line, "an element stands twice"));
        }
    }
    Ok(Elements::Tuples(tuples))
}
