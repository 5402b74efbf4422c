//! Lists of values: what stands between `{` and `}`.

use palisade_ir::{LiftError, Ranges};

use super::ast::{Elements, Entry, Kind};
use super::cursor::Cursor;
use super::lexer::Token;
use super::{boxes, rule, values};

/// One value, or one of several fields joined by ` . `.
pub(super) fn single(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Elements, LiftError> {
    let line = cursor.line();
    let key = key(cursor, kinds)?;
    collect(vec![(line, key)])
}

/// `value,value`
pub(super) fn joined(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Elements, LiftError> {
    let mut keys = Vec::new();
    loop {
        keys.push((cursor.line(), key(cursor, kinds)?));
        if !cursor.take_mark(',') {
            return collect(keys);
        }
    }
}

/// `{ value, value }`
pub(super) fn braced(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Elements, LiftError> {
    let mut keys = Vec::new();
    list(cursor, |cursor| {
        let line = cursor.line();
        keys.push((line, key(cursor, kinds)?));
        extras(cursor)
    })?;
    collect(keys)
}

/// `{ value : verdict, value : verdict }`
pub(super) fn entries(cursor: &mut Cursor, kinds: &[Kind]) -> Result<Vec<Entry>, LiftError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut lines = Vec::new();
    list(cursor, |cursor| {
        let line = cursor.line();
        let key = key(cursor, kinds)?;
        extras(cursor)?;
        cursor.need_word(":")?;
        lines.push(line);
        entries.push(Entry { key, action: rule::action(cursor)? });
        Ok(())
    })?;
    let keys: Vec<&boxes::Key> = entries.iter().map(|entry| &entry.key).collect();
    refuse_overlap(&lines, &keys)?;
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

/// What a listing says about an element beside its key: its counter and its comment.
fn extras(cursor: &mut Cursor) -> Result<(), LiftError> {
    loop {
        if cursor.at_word("counter") {
            rule::counter(cursor)?;
        } else if cursor.take_word("comment") {
            cursor.text()?;
        } else {
            return Ok(());
        }
    }
}

/// The elements as a set.
fn collect(keys: Vec<(usize, boxes::Key)>) -> Result<Elements, LiftError> {
    let (lines, mut keys): (Vec<usize>, Vec<boxes::Key>) = keys.into_iter().unzip();
    refuse_overlap(&lines, &keys.iter().collect::<Vec<_>>())?;
    if keys.iter().all(|key| key.len() == 1) {
        return Ok(Elements::Ranges(keys.into_iter().flatten().collect::<Ranges>()));
    }
    keys.sort();
    Ok(Elements::Boxes(keys))
}

/// The kernel refuses some overlaps and lets the first inserted win in others; none is read.
fn refuse_overlap(lines: &[usize], keys: &[&boxes::Key]) -> Result<(), LiftError> {
    let Some(at) = boxes::overlap(keys) else { return Ok(()) };
    let line = lines.get(at).copied().unwrap_or(1);
    Err(LiftError { file: super::cursor::FILE, line, message: "an element overlaps another".to_owned() })
}
