//! The commands of a file: table blocks and flushes, in order (nft(8), TABLES, CHAINS, SETS, CT TIMEOUT).

use std::collections::BTreeMap;

use palisade_ir::{LiftError, PacketHook, Protocol, Verdict};

use super::ast::{Base, Elements, Kind, Map, Rule, Set, Timeout};
use super::cursor::Cursor;
use super::kinds::Declared;
use super::lexer::Token;
use super::{elements, rule};

/// A command.
pub(super) enum Command {
    /// `table inet NAME { ... }`
    Table(Block),
    /// `flush table inet NAME`
    FlushTable(usize, String),
    /// `flush set inet TABLE NAME`
    FlushSet(usize, String, String),
    /// `flush map inet TABLE NAME`
    FlushMap(usize, String, String),
}

/// What a table block adds, with the line of each thing.
pub(super) struct Block {
    pub(super) name: String,
    pub(super) timeouts: Vec<(usize, String, Timeout)>,
    pub(super) sets: Vec<(usize, String, Set)>,
    pub(super) maps: Vec<(usize, String, Map)>,
    pub(super) chains: Vec<(usize, String, Option<Base>, Vec<Rule>)>,
}

/// All commands of a file.
pub(super) fn commands(cursor: &mut Cursor) -> Result<Vec<Command>, LiftError> {
    let mut commands = Vec::new();
    cursor.skip_ends();
    while cursor.peek().is_some() {
        commands.push(command(cursor)?);
        cursor.need_end()?;
        cursor.skip_ends();
    }
    Ok(commands)
}

fn command(cursor: &mut Cursor) -> Result<Command, LiftError> {
    let line = cursor.line();
    if cursor.take_word("table") {
        return Ok(Command::Table(block(cursor)?));
    }
    if cursor.take_word("flush") {
        if cursor.take_word("table") {
            cursor.need_word("inet")?;
            return Ok(Command::FlushTable(line, cursor.word("a table")?));
        }
        if cursor.take_word("map") {
            cursor.need_word("inet")?;
            return Ok(Command::FlushMap(line, cursor.word("a table")?, cursor.word("a map")?));
        }
        cursor.need_word("set")?;
        cursor.need_word("inet")?;
        return Ok(Command::FlushSet(line, cursor.word("a table")?, cursor.word("a set")?));
    }
    Err(cursor.expected("`table` or `flush`"))
}

/// The body of something in braces: calls `item` until the brace closes.
fn body(
    cursor: &mut Cursor,
    mut item: impl FnMut(&mut Cursor) -> Result<(), LiftError>,
) -> Result<(), LiftError> {
    cursor.need_mark('{')?;
    cursor.skip_ends();
    while !cursor.at_mark('}') {
        item(cursor)?;
        cursor.skip_ends();
    }
    cursor.need_mark('}')
}

fn block(cursor: &mut Cursor) -> Result<Block, LiftError> {
    cursor.need_word("inet")?;
    let name = cursor.word("the name of a table")?;
    let mut block =
        Block { name, timeouts: Vec::new(), sets: Vec::new(), maps: Vec::new(), chains: Vec::new() };
    body(cursor, |cursor| {
        let line = cursor.line();
        if cursor.take_word("comment") {
            cursor.text()?;
        } else if cursor.take_word("ct") {
            cursor.need_word("timeout")?;
            let name = cursor.word("a name")?;
            block.timeouts.push((line, name, timeout(cursor)?));
        } else if cursor.take_word("set") {
            let name = cursor.word("the name of a set")?;
            block.sets.push((line, name, set(cursor)?));
        } else if cursor.take_word("map") {
            let name = cursor.word("the name of a map")?;
            block.maps.push((line, name, map(cursor)?));
        } else if cursor.take_word("chain") {
            let name = cursor.word("the name of a chain")?;
            let (base, rules) = chain(cursor)?;
            block.chains.push((line, name, base, rules));
        } else if cursor.at_word("flags") {
            // `dormant`: the kernel takes its base chains out; `owner` binds it to a process. Neither guards a host.
            return Err(cursor.error(
                "a table with flags: a dormant one guards nothing, an owned one ends with a process",
            ));
        } else {
            return Err(cursor.expected("`ct timeout`, `set`, `map` or `chain`"));
        }
        cursor.need_end()
    })?;
    Ok(block)
}

pub(super) fn timeout(cursor: &mut Cursor) -> Result<Timeout, LiftError> {
    let mut protocol = None;
    let mut policy = BTreeMap::new();
    body(cursor, |cursor| {
        if cursor.take_word("protocol") {
            let error = cursor.expected("`tcp` or `udp`");
            protocol = match cursor.word("a protocol")?.as_str() {
                "tcp" => Some(Protocol::TCP),
                "udp" => Some(Protocol::UDP),
                _ => return Err(error),
            };
        } else if cursor.take_word("l3proto") {
            // One object serves both families; nft lists it so.
            cursor.need_word("inet")?;
        } else {
            cursor.need_word("policy")?;
            cursor.need_mark('=')?;
            cursor.need_mark('{')?;
            loop {
                let state = cursor.word("a state")?;
                // nft 1.0.6 lists a blank before the colon; the manual of later ones has none.
                let state = match state.strip_suffix(':') {
                    Some(state) => state.to_owned(),
                    None => {
                        cursor.need_word(":")?;
                        state
                    }
                };
                policy.insert(state, cursor.seconds()?);
                if !cursor.take_mark(',') {
                    break;
                }
            }
            cursor.need_mark('}')?;
        }
        cursor.need_end()
    })?;
    let protocol = protocol.ok_or_else(|| cursor.error("a `ct timeout` without a protocol"))?;
    Ok(Timeout { protocol, policy })
}

pub(super) fn set(cursor: &mut Cursor) -> Result<Set, LiftError> {
    let (Declared { kinds, interval }, found) = declaration(cursor, false, elements::braced)?;
    let none = match kinds.as_slice() {
        [_] => Elements::Ranges(palisade_ir::Ranges::empty()),
        _ => Elements::Boxes(Vec::new()),
    };
    let elements = found.unwrap_or(none);
    let is_range = |(first, last): (u128, u128)| first != last;
    let has_ranges = match &elements {
        // Neighbouring values have become ranges already; only a set without the flag can hold them as such.
        Elements::Ranges(ranges) => ranges.iter().any(is_range),
        Elements::Boxes(boxes) => boxes.iter().flatten().copied().any(is_range),
    };
    if has_ranges && !interval {
        return Err(cursor.error("a set without `flags interval` is read only without ranges and neighbours"));
    }
    Ok(Set { kinds, interval, elements })
}

/// A map of verdicts; other maps are not read.
pub(super) fn map(cursor: &mut Cursor) -> Result<Map, LiftError> {
    let (Declared { kinds, interval }, found) = declaration(cursor, true, elements::entries)?;
    let entries = found.unwrap_or_default();
    let mut spans = entries.iter().flat_map(|entry| &entry.key);
    if !interval && spans.any(|(first, last)| first != last) {
        return Err(cursor.error("ranges in a map without `flags interval`"));
    }
    Ok(Map { kinds, interval, entries })
}

/// The body of a set or a map of verdicts: what it declares, and its elements.
fn declaration<T>(
    cursor: &mut Cursor,
    verdicts: bool,
    read: fn(&mut Cursor, &[Kind]) -> Result<T, LiftError>,
) -> Result<(Declared, Option<T>), LiftError> {
    let mut declared = Declared::default();
    let mut found = None;
    body(cursor, |cursor| {
        let types = cursor.at_word("type") || cursor.at_word("typeof");
        if declared.line(cursor)? {
            if types && verdicts {
                cursor.need_word(":")?;
                cursor.need_word("verdict")?;
            }
        } else {
            cursor.need_word("elements")?;
            cursor.need_mark('=')?;
            if declared.kinds.is_empty() || found.is_some() {
                return Err(cursor.error("elements before the type, or twice"));
            }
            found = Some(read(cursor, &declared.kinds)?);
        }
        cursor.need_end()
    })?;
    if declared.kinds.is_empty() {
        return Err(cursor.error("a set or map without a type"));
    }
    Ok((declared, found))
}

fn chain(cursor: &mut Cursor) -> Result<(Option<Base>, Vec<Rule>), LiftError> {
    let mut base = None;
    let mut rules = Vec::new();
    body(cursor, |cursor| {
        if cursor.at_word("type") {
            if base.is_some() || !rules.is_empty() {
                return Err(cursor.error("the hook of a chain stands first, and once"));
            }
            base = Some(hook(cursor)?);
        } else if cursor.take_word("comment") {
            cursor.text()?;
            cursor.need_end()?;
        } else {
            rules.push(rule::rule(cursor)?);
        }
        Ok(())
    })?;
    Ok((base, rules))
}

/// `type filter hook HOOK priority PRIORITY; policy VERDICT;`
pub(super) fn hook(cursor: &mut Cursor) -> Result<Base, LiftError> {
    let line = cursor.line();
    cursor.need_word("type")?;
    cursor.need_word("filter")?;
    cursor.need_word("hook")?;
    let error = cursor.expected("`input`, `output` or `forward`");
    let hook = match cursor.word("a hook")?.as_str() {
        "input" => PacketHook::Input,
        "output" => PacketHook::Output,
        "forward" => PacketHook::Forward,
        _ => return Err(error),
    };
    cursor.need_word("priority")?;
    let priority = priority(cursor)?;
    cursor.need_mark(';')?;
    cursor.need_word("policy")?;
    let error = cursor.expected("`accept` or `drop`");
    let policy = match cursor.word("a policy")?.as_str() {
        "accept" => Verdict::Allow,
        "drop" => Verdict::Deny,
        _ => return Err(error),
    };
    cursor.need_end()?;
    Ok(Base { hook, priority, policy, line })
}

/// `filter` is 0 (nft(8), STANDARD PRIORITY NAMES).
fn priority(cursor: &mut Cursor) -> Result<i32, LiftError> {
    let error = cursor.expected("`filter` or a number");
    let number = match cursor.next() {
        Some(Token::Word(word)) if word == "filter" => Some(0),
        Some(Token::Word(word)) => word.parse().ok(),
        _ => None,
    };
    number.ok_or(error)
}
