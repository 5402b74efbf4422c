//! JSON that remembers where everything stands.
//!
//! Values are read one level at a time, as deep as the caller asks, so deep nesting costs nothing. It knows nothing
//! about clouds.

use std::collections::BTreeSet;
use std::fmt;

use palisade_grammar::Span;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::report::quote;
use crate::diagnostic::{FileId, Location};

/// A value, its place in the file and its path from the top.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    raw: &'t str,
    file: FileId,
    text: &'t str,
    path: String,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Value<'t> {
    Null,
    Flag,
    /// The digits as written.
    Number(&'t str),
    Text(String),
    List(Vec<Node<'t>>),
    Object(Object<'t>),
}

/// Named values in the order of the file.
#[derive(Debug)]
pub(super) struct Object<'t> {
    pub(super) node: Node<'t>,
    fields: Vec<(String, Node<'t>)>,
}

/// Why a text is no JSON, and where.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) reason: String,
    pub(super) at: Location,
}

impl<'t> Node<'t> {
    /// The only value of a text.
    pub(super) fn whole(text: &'t str, file: FileId) -> Result<Self, Broken> {
        // Editors and consoles on Windows put a byte order mark first.
        let json = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str::<&RawValue>(json) {
            Ok(raw) => Ok(Self { raw: raw.get(), file, text, path: String::new() }),
            Err(error) => Err(broken(&error, json, text, file)),
        }
    }

    /// What the value is. A value inside a checked text can still hold a string that is no Unicode.
    pub(super) fn value(&self) -> Result<Value<'t>, Broken> {
        let here = |error: serde_json::Error| broken(&error, self.raw, self.text, self.file);
        Ok(match self.raw.bytes().next() {
            Some(b'{') => {
                let Fields(fields) = serde_json::from_str(self.raw).map_err(here)?;
                let fields = fields.into_iter().map(|(key, raw)| {
                    let dot = if self.path.is_empty() { "" } else { "." };
                    let node = self.child(raw, format!("{}{dot}{key}", self.path));
                    (key, node)
                });
                Value::Object(Object { fields: fields.collect(), node: self.clone() })
            }
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(self.raw).map_err(here)?;
                let nodes = elements.into_iter().enumerate();
                Value::List(nodes.map(|(at, raw)| self.child(raw, format!("{}[{at}]", self.path))).collect())
            }
            Some(b'"') => Value::Text(serde_json::from_str(self.raw).map_err(here)?),
            Some(b't' | b'f') => Value::Flag,
            Some(b'n') | None => Value::Null,
            Some(_) => Value::Number(self.raw),
        })
    }

    fn child(&self, raw: &'t RawValue, path: String) -> Self {
        Self { raw: raw.get(), path, ..self.clone() }
    }

    /// The place in the file; of a list or object only the first character.
    pub(super) fn location(&self) -> Location {
        let start = offset(self.raw, self.text);
        let many = self.raw.starts_with(['{', '[']);
        let length = if many { 1 } else { self.raw.len() };
        Location { file: self.file, span: Span::new(start, start + length) }
    }

    /// Whether the value is an object.
    pub(super) fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// The path in words: `Permissions.Permission[2].PortRange`, in backticks.
    pub(super) fn label(&self) -> String {
        if self.path.is_empty() { "this file".to_owned() } else { quote(&self.path) }
    }
}

impl<'t> Object<'t> {
    /// The value of a key; the first, if there are several.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'t>> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Whether a key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// All keys with their values.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Node<'t>)> {
        self.fields.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// Keys that were there before, with the value they are given again.
    pub(super) fn repeated(&self) -> impl Iterator<Item = (&str, &Node<'t>)> {
        let mut seen = BTreeSet::new();
        self.fields().filter(move |(key, _)| !seen.insert(*key))
    }
}

/// Where in the whole text a part of it did not parse. serde_json counts lines, and bytes in a line, from 1.
fn broken(error: &serde_json::Error, part: &str, text: &str, file: FileId) -> Broken {
    let line_start = match error.line().checked_sub(2) {
        None => 0,
        Some(breaks) => part.match_indices('\n').nth(breaks).map_or(part.len(), |(at, _)| at + 1),
    };
    let mut at = (line_start + error.column().saturating_sub(1)).min(part.len());
    while !part.is_char_boundary(at) {
        at -= 1;
    }
    let length = part.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let start = at + offset(part, text);
    let before = text.get(..start).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.chars().rev().take_while(|character| *character != '\n').count();
    let whole = error.to_string();
    let what = whole.split(" at line ").next().unwrap_or(&whole);
    let reason = format!("{what} at line {line}, column {column}");
    Broken { reason, at: Location { file, span: Span::new(start, start + length) } }
}

/// Where a part of a text begins in it.
fn offset(part: &str, text: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

struct Fields<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Fields(pairs))
            }
        }
        from.deserialize_map(Pairs)
    }
}
