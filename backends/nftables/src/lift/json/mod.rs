//! What `nft -j list table` prints, as the commands that the text of the same table would be (libnftables-json(5)).
//!
//! Objects are translated to tokens, each on the number of its object as its line, and read as text is. What has no
//! translation is an error with its place: no member of any object is passed over.

mod expression;
mod place;
mod value;

use palisade_ir::LiftError;
use serde_json::value::RawValue;

use self::expression::{Kind, Tokens};
use self::place::{Members, Place};
use self::value::Json;
use super::ast::Base;
use super::cursor::{Cursor, FILE};
use super::lexer::Token;
use super::rule;
use super::table::{self, Block, Command};

/// Whether a text is JSON: no text in nft's own language begins with a brace.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The objects of a listing as they stand in it.
pub(super) fn objects(text: &str) -> Result<Vec<&str>, LiftError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listing<'a> {
        #[serde(borrow)]
        nftables: Vec<&'a RawValue>,
    }
    let listing: Listing<'_> = serde_json::from_str(text).map_err(|error| {
        let message = format!("not a listing of `nft -j`: {}", error.to_string().to_lowercase());
        LiftError { file: FILE, line: error.line().max(1), message }
    })?;
    Ok(listing.nftables.into_iter().map(RawValue::get).collect())
}

/// The commands that a listing stands for.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, LiftError> {
    let mut blocks: Vec<Block> = Vec::new();
    for (at, object) in objects(text)?.into_iter().enumerate() {
        let place = Place::object(at + 1);
        let json: Json = serde_json::from_str(object).map_err(|error| place.error(&error.to_string()))?;
        let (name, place, inside) = place.only(json)?;
        let members = place.members(inside)?;
        match name.as_str() {
            "metainfo" => metainfo(members)?,
            "table" => {
                let block = table_object(members)?;
                if blocks.iter().any(|known| known.name == block.name) {
                    return Err(place.error("a table of that name stands before"));
                }
                blocks.push(block);
            }
            "ct timeout" => timeout(&mut blocks, members)?,
            "set" => set(&mut blocks, members)?,
            "map" => map(&mut blocks, members)?,
            "chain" => chain(&mut blocks, members)?,
            "rule" => rule_object(&mut blocks, members)?,
            _ => return Err(place.error("an object this reader does not know")),
        }
    }
    Ok(blocks.into_iter().map(Command::Table).collect())
}

fn metainfo(mut members: Members) -> Result<(), LiftError> {
    members.text("version")?;
    members.text("release_name")?;
    // The one version there is, and whatever comes after it may mean something else.
    if members.number("json_schema_version")? != 1 {
        return Err(members.place.error("another version of nft's JSON"));
    }
    members.end()
}

fn table_object(mut members: Members) -> Result<Block, LiftError> {
    members.inet()?;
    let name = members.text("name")?;
    comment(&mut members)?;
    members.end()?;
    Ok(Block { name, timeouts: Vec::new(), sets: Vec::new(), maps: Vec::new(), chains: Vec::new() })
}

/// A comment, which means nothing here.
fn comment(members: &mut Members) -> Result<(), LiftError> {
    members.take("comment").map_or(Ok(()), |(place, text)| place.text(text).map(drop))
}

/// The table an object belongs to, and the object's name.
fn named<'b>(blocks: &'b mut [Block], members: &mut Members) -> Result<(&'b mut Block, String), LiftError> {
    members.inet()?;
    let table = members.text("table")?;
    let name = members.text("name")?;
    let missing = || members.place.error("it belongs to a table that does not stand before it");
    Ok((blocks.iter_mut().find(|block| block.name == table).ok_or_else(missing)?, name))
}

/// Reads tokens to their end, as text is read.
fn read<T>(
    place: &Place,
    tokens: Tokens,
    read: impl FnOnce(&mut Cursor) -> Result<T, LiftError>,
) -> Result<T, LiftError> {
    let mut cursor = Cursor::of(tokens.tokens);
    let found = read(&mut cursor).map_err(|error| place.error(&error.message))?;
    cursor.skip_ends();
    if cursor.peek().is_some() { Err(place.error("more than can be read")) } else { Ok(found) }
}

fn timeout(blocks: &mut [Block], mut members: Members) -> Result<(), LiftError> {
    let (block, name) = named(blocks, &mut members)?;
    let place = members.place.clone();
    let mut tokens = Tokens::new(place.line);
    tokens.mark('{');
    for key in ["protocol", "l3proto"] {
        tokens.word(key);
        tokens.word(members.text(key)?);
        tokens.mark(';');
    }
    let (policy_place, policy) = members.need("policy")?;
    let mut seconds = Vec::new();
    if let Json::Object(states) = policy {
        for (state, number) in states {
            let number = policy_place.member(&state).number(&number)?;
            seconds.push((state, number));
        }
    } else {
        return Err(policy_place.error("expected seconds by state"));
    }
    tokens.words(&["policy"]);
    tokens.mark('=');
    tokens.mark('{');
    for (at, (state, number)) in seconds.into_iter().enumerate() {
        if at > 0 {
            tokens.mark(',');
        }
        tokens.word(state);
        tokens.word(":");
        tokens.word(number.to_string());
    }
    tokens.mark('}');
    tokens.mark(';');
    tokens.mark('}');
    members.end()?;
    block.timeouts.push((place.line, name, read(&place, tokens, table::timeout)?));
    Ok(())
}

fn set(blocks: &mut [Block], mut members: Members) -> Result<(), LiftError> {
    let (block, name) = named(blocks, &mut members)?;
    let place = members.place.clone();
    let tokens = declaration(members, false)?;
    block.sets.push((place.line, name, read(&place, tokens, table::set)?));
    Ok(())
}

fn map(blocks: &mut [Block], mut members: Members) -> Result<(), LiftError> {
    let (block, name) = named(blocks, &mut members)?;
    let place = members.place.clone();
    if members.text("map")? != "verdict" {
        return Err(place.error("a map of something else than verdicts"));
    }
    let tokens = declaration(members, true)?;
    block.maps.push((place.line, name, read(&place, tokens, table::map)?));
    Ok(())
}

/// The body of a set or of a map of verdicts.
fn declaration(mut members: Members, verdicts: bool) -> Result<Tokens, LiftError> {
    let mut tokens = Tokens::new(members.place.line);
    tokens.mark('{');
    let (types_place, types) = members.need("type")?;
    let types = match types {
        Json::Text(_) => vec![(types_place, types)],
        types => types_place.list(types)?,
    };
    let mut kinds = Vec::new();
    tokens.word("type");
    for (at, (place, name)) in types.into_iter().enumerate() {
        if at > 0 {
            tokens.word(".");
        }
        let name = place.text(name)?;
        kinds.push(if name == "ifname" { Kind::Interface } else { Kind::Other });
        tokens.word(name);
    }
    if verdicts {
        tokens.words(&[":", "verdict"]);
    }
    tokens.mark(';');
    if let Some((place, flags)) = members.take("flags") {
        // Later versions of nft print a single flag without a list.
        let flags = if let Json::Text(_) = flags { vec![(place, flags)] } else { place.list(flags)? };
        for (place, flag) in flags {
            tokens.words(&["flags", &place.text(flag)?]);
            tokens.mark(';');
        }
    }
    if let Some((place, size)) = members.take("size") {
        tokens.words(&["size", &place.number(&size)?.to_string()]);
        tokens.mark(';');
    }
    if let Some((place, merge)) = members.take("auto-merge")
        && !matches!(merge, Json::Bool(_))
    {
        return Err(place.error("expected true or false"));
    }
    if let Some((place, statements)) = members.take("stmt") {
        for (place, statement) in place.list(statements)? {
            match place.only(statement)? {
                (name, place, inside) if name == "counter" => Tokens::new(0).counter(&place, inside)?,
                (_, place, _) => return Err(place.error("elements with more than a counter")),
            }
        }
    }
    comment(&mut members)?;
    if let Some((place, elements)) = members.take("elem") {
        tokens.word("elements");
        tokens.mark('=');
        if verdicts {
            tokens.entries(&place, elements, &kinds)?;
        } else {
            let items = place.list(elements)?.into_iter().map(|(_, item)| item).collect();
            tokens.braced(&place, items, &kinds)?;
        }
        tokens.mark(';');
    }
    tokens.mark('}');
    members.end()?;
    Ok(tokens)
}

fn chain(blocks: &mut [Block], mut members: Members) -> Result<(), LiftError> {
    let (block, name) = named(blocks, &mut members)?;
    let place = members.place.clone();
    let mut base: Option<Base> = None;
    if let Some((_, hook)) = members.take("hook") {
        let mut tokens = Tokens::new(place.line);
        tokens.words(&["type", &members.text("type")?, "hook"]);
        tokens.word(place.member("hook").text(hook)?);
        tokens.words(&["priority", &members.number("prio")?.to_string()]);
        tokens.mark(';');
        tokens.words(&["policy", &members.text("policy")?]);
        tokens.mark(';');
        base = Some(read(&place, tokens, table::hook)?);
    }
    comment(&mut members)?;
    members.end()?;
    if block.chains.iter().any(|(_, known, ..)| *known == name) {
        return Err(place.error("a chain of that name stands before"));
    }
    block.chains.push((place.line, name, base, Vec::new()));
    Ok(())
}

fn rule_object(blocks: &mut [Block], mut members: Members) -> Result<(), LiftError> {
    members.inet()?;
    let place = members.place.clone();
    let (table, chain) = (members.text("table")?, members.text("chain")?);
    let mut tokens = Tokens::new(place.line);
    let (list_place, statements) = members.need("expr")?;
    for (place, statement) in list_place.list(statements)? {
        tokens.statement(&place, statement)?;
    }
    if let Some((place, text)) = members.take("comment") {
        tokens.comment(place.text(text)?);
    }
    tokens.push(Token::Newline);
    members.end()?;
    let rule = read(&place, tokens, rule::rule)?;
    let block = blocks.iter_mut().find(|block| block.name == table);
    let chain = block.and_then(|block| block.chains.iter_mut().find(|(_, known, ..)| *known == chain));
    let (.., rules) =
        chain.ok_or_else(|| place.error("it belongs to a chain that does not stand before it"))?;
    rules.push(rule);
    Ok(())
}
