//! The parser: tokens to a syntax tree, with every mistake reported in one run.
//!
//! Each statement kind has its file below. Names are not looked up and numbers are not range-checked here.
//!
//! A parser answers nom's `Error` where something else may still be tried, and `Failure` with
//! [`input::Mistake::Reported`] where its statement is given up; the module `body` then goes on behind that statement. A mistake
//! that leaves no doubt what was meant is reported without giving up.

mod body;
mod clauses;
mod expect;
mod group;
mod input;
mod instance;
mod known;
mod list;
mod recover;
mod rule;
mod seen;
mod statements;
mod trivia;
mod values;
mod words;

use std::cell::RefCell;

use self::body::{Line, Owner, body};
use self::input::{Input, Parsed, must, otherwise, refuse};
use self::known::Known;
use self::recover::Level;
pub use self::words::KEYWORDS;
use crate::ast::{File, Item, ItemKind};
use crate::codes;
use crate::error::{Errors, SyntaxError};
use crate::lex::lex;

/// What a parse yields: always a tree of all that could be read, and every mistake found on the way.
#[derive(Clone, Debug, Default)]
pub struct Parse {
    /// The statements that could be read.
    pub file: File,
    /// The mistakes, in the order of the text. Empty exactly when the text is in the language.
    pub errors: Vec<SyntaxError>,
}

/// Reads a policy. Never panics, never stops at the first mistake, and takes time in proportion to the text.
pub fn parse(text: &str) -> Parse {
    let (tokens, lexical) = lex(text);
    let errors = RefCell::new(Errors::default());
    let start = Input::new(text, &tokens, &errors);
    let (_, read) = body(start, Owner::new(Level::File, start), item);
    let items = read
        .lines
        .into_iter()
        .map(|Line { value, span, trivia }| Item { kind: value, span, trivia })
        .collect();
    let file = File { items, dangling: read.dangling };
    Parse { file, errors: lexical.merge(errors.into_inner()) }
}

const STATEMENTS: Known = Known {
    words: &["include", "session", "inner", "network", "set", "service", "group", "instance", "expect"],
    others: &[
        ("import", "include"),
        ("source", "include"),
        ("timeout", "session"),
        ("vpc", "network"),
        ("ipset", "set"),
        ("table", "set"),
        ("list", "set"),
        ("security-group", "group"),
        ("host", "instance"),
        ("server", "instance"),
        ("assert", "expect"),
        ("test", "expect"),
    ],
    advice: "a file has `include`, `session timeout`, `inner scope`, `network`, `set`, `service`, `group`, `instance` and `expect`",
};

/// One statement at the top of a file.
fn item(input: Input<'_>) -> Parsed<'_, ItemKind> {
    let Some(word) = input.word() else { return otherwise("a statement") };
    STATEMENTS.statement(input, word).map_or_else(input::reported, |known| known_item(input, known))
}

fn known_item<'t>(input: Input<'t>, keyword: &'static str) -> Parsed<'t, ItemKind> {
    let after = input.next();
    match keyword {
        "include" => statements::include(after),
        "session" => statements::session(after),
        "inner" => statements::inner_scope(after),
        "network" => statements::network(after),
        "set" => statements::set(after),
        "service" => statements::service(after),
        "group" => group::group(input, after),
        "instance" => instance::instance(input, after),
        "expect" => expect::expect(after),
        _ => otherwise("a statement"),
    }
}

/// A statement of any level, for its mistakes only.
fn any_statement(input: Input<'_>, level: Level) -> Parsed<'_, ()> {
    match level {
        Level::File => must(item)(input).map(|(rest, _)| (rest, ())),
        Level::Group => must(group::item)(input).map(|(rest, _)| (rest, ())),
        Level::Rules => must(rule::rule)(input).map(|(rest, _)| (rest, ())),
        Level::Instance => must(instance::nic)(input).map(|(rest, _)| (rest, ())),
    }
}

/// Reports a description that stands behind what it describes.
fn no_late_description(input: Input<'_>) -> Parsed<'_, ()> {
    match input::text(input) {
        Ok((rest, description)) => {
            input.report(
                SyntaxError::new(
                    codes::CLAUSE_ORDER,
                    "description behind the value",
                    description.span,
                    "this description",
                )
                .help("the description stands right behind the name, before `=`"),
            );
            Ok((rest, ()))
        }
        Err(_) => Ok((input, ())),
    }
}

/// Reports a clause that stands where no clause of that kind can.
fn misplaced_clause<'t, T>(input: Input<'t>, message: String, help: &str) -> Parsed<'t, T> {
    refuse(input, SyntaxError::new(codes::MISPLACED_CLAUSE, message, input.span(), "this clause").help(help))
}
