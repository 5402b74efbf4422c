//! Where to go on after a mistake: the ends of statements, elements and blocks.
//!
//! Everything here runs forward over the tokens without recursion.

use super::input::Input;
use crate::lex::{Kind, Token};

/// Which block a statement belongs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    File,
    Group,
    Rules,
    Instance,
}

impl Level {
    /// Whether blocks of this level stand somewhere inside a statement of `other`'s level.
    pub(crate) fn is_inside(self, other: Level) -> bool {
        match self {
            Level::File => false,
            Level::Group | Level::Instance => other == Level::File,
            Level::Rules => matches!(other, Level::File | Level::Group),
        }
    }
}

/// The level of the statement that surely begins here. Looks ahead, because every keyword may be a name.
pub(crate) fn level(input: Input<'_>) -> Option<Level> {
    let kind = |ahead: usize| input.tokens.get(input.at + ahead).map_or(&Kind::End, |token| &token.kind);
    let word = |ahead: usize| match kind(ahead) {
        Kind::Word(word) => Some(word.as_ref()),
        _ => None,
    };
    if matches!((kind(0), word(1)), (Kind::Number(_), Some("allow" | "deny"))) {
        return Some(Level::Rules);
    }
    let then_equals = matches!(kind(2), Kind::Equals | Kind::Text(_));
    let then_block = matches!(kind(2), Kind::OpenBrace | Kind::Text(_));
    match (word(0)?, word(1)) {
        ("include", None) if matches!(kind(1), Kind::Text(_)) => Some(Level::File),
        ("session", Some("timeout")) | ("inner", Some("scope")) => Some(Level::File),
        ("expect", Some("allow" | "deny")) => Some(Level::File),
        ("set" | "service" | "network", Some(_)) if then_equals => Some(Level::File),
        ("group", Some(_)) if then_block || matches!(word(2), Some("clone" | "default")) => Some(Level::File),
        ("instance", Some(_)) if then_block => Some(Level::File),
        ("kind" | "network" | "inner", Some(_)) | ("remove", Some("in" | "out")) => Some(Level::Group),
        ("in" | "out", Some("public" | "internal")) => Some(Level::Group),
        ("in" | "out", None) if matches!(kind(1), Kind::OpenBrace) => Some(Level::Group),
        ("nic", Some(_)) => Some(Level::Instance),
        ("nic", None) if matches!(kind(1), Kind::Text(_)) => Some(Level::Instance),
        _ => None,
    }
}

/// Behind the statement that begins here, before its line end. Always passes one token at least, unless at the end.
pub(crate) fn skip_statement<'t>(input: Input<'t>) -> Input<'t> {
    let mut depth = 0_usize;
    let mut at = input.in_list(false);
    loop {
        match at.kind() {
            Kind::End => return at,
            Kind::Newline { .. } | Kind::CloseBrace if at.at > input.at && (depth == 0 || ends_list(at)) => {
                return at;
            }
            Kind::OpenBracket => depth += 1,
            Kind::CloseBracket => depth = depth.saturating_sub(1),
            Kind::OpenBrace => {
                at = skip_block(at);
                continue;
            }
            _ => {}
        }
        at = at.next();
    }
}

/// Behind the `}` that belongs to the `{` here, or before the first statement that can stand in no block.
fn skip_block(input: Input<'_>) -> Input<'_> {
    let mut depth = 0_usize;
    let mut at = input;
    loop {
        match at.kind() {
            Kind::End => return at,
            Kind::Newline { .. } if level(at.next()) == Some(Level::File) => return at,
            Kind::OpenBrace => depth += 1,
            Kind::CloseBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = at.next();
        if depth == 0 {
            return at;
        }
    }
}

/// Before the comma or bracket that ends the list element here, or before what ends the whole list.
pub(crate) fn skip_element<'t>(input: Input<'t>) -> Input<'t> {
    let mut depth = 0_usize;
    let mut at = input.in_list(false);
    loop {
        match at.kind() {
            Kind::Comma | Kind::CloseBracket if depth == 0 => return at,
            _ if ends_list(at) => return at,
            Kind::OpenBracket => depth += 1,
            Kind::CloseBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = at.next();
    }
}

/// Whether no list can go on here: the file ends, a block opens or closes, or a line begins a statement.
pub(crate) fn ends_list(input: Input<'_>) -> bool {
    match input.tokens.get(input.at).map(|token| &token.kind) {
        None | Some(Kind::End | Kind::OpenBrace | Kind::CloseBrace) => true,
        Some(Kind::Newline { .. }) => level(input.goto(input.at + 1)).is_some(),
        Some(_) => false,
    }
}

/// How far the line that begins here is indented; nothing in the middle of a line.
pub(crate) fn indent(input: Input<'_>) -> Option<usize> {
    let start = input.tokens.get(input.at)?.span.start;
    match input.last() {
        None => Some(start),
        Some(Token { kind: Kind::Newline { .. }, span, .. }) => Some(start - span.end),
        Some(_) => None,
    }
}
