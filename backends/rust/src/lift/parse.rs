//! The items of a module: statics of NICs, the module of sets, and the functions that the code below asks.

use std::collections::BTreeMap;

use palisade_ir::{Artifact, Family, LiftError, Ranges, Verdict};

use super::ast::{List, Module, Nic};
use super::tables::{self, outcome};
use super::tokens::{Token, Tokens, error};
use crate::{CODE, SUFFIX};

/// Reads the one file of an artifact.
pub(super) fn artifact(artifact: &Artifact) -> Result<Module, LiftError> {
    let [file] = artifact.files.as_slice() else { return Err(error(1, "the artifact is one file")) };
    if file.suffix != SUFFIX {
        return Err(error(1, format!("`{}` is no Rust module", file.suffix)));
    }
    let text = std::str::from_utf8(&file.contents).map_err(|_| error(1, "not UTF-8"))?;
    let line = || 1 + text.find("\nuse core::").map_or(0, |at| text.split_at(at + 1).0.matches('\n').count());
    let tables = text.strip_suffix(CODE).ok_or_else(|| {
        error(line(), "the code below the tables is not what this version of palisade writes")
    })?;
    module(&mut Tokens::of(tables)?)
}

#[derive(Default)]
struct Items {
    nics: BTreeMap<String, Nic>,
    order: Option<Vec<String>>,
    unmanaged: Option<Verdict>,
    sets: Option<BTreeMap<String, (Family, Ranges)>>,
    timeout: bool,
}

fn module(tokens: &mut Tokens<'_>) -> Result<Module, LiftError> {
    let mut items = Items::default();
    while tokens.peek().is_some() {
        attributes(tokens)?;
        item(tokens, &mut items)?;
    }
    let Items { mut nics, order, unmanaged, sets, timeout } = items;
    let (sets, line) = (sets.unwrap_or_default(), tokens.line());
    let (Some(order), Some(unmanaged), true) = (order, unmanaged, timeout) else {
        return Err(error(line, "one of the functions `nics`, `unmanaged` and `session_timeout` is missing"));
    };
    let mut listed: Vec<Nic> = Vec::new();
    for name in order {
        let mut nic =
            nics.remove(&name).ok_or_else(|| error(line, format!("there is no NIC `{name}`, or twice")))?;
        if listed.iter().any(|other| other.interface == nic.interface) {
            return Err(error(line, format!("two NICs have the interface `{}`", nic.interface)));
        }
        resolve(&mut nic, &sets)?;
        listed.push(nic);
    }
    match nics.keys().next() {
        Some(name) => Err(error(line, format!("the NIC `{name}` is not among `nics()`"))),
        None => Ok(Module { nics: listed, unmanaged }),
    }
}

/// Attributes that change nothing; others might.
fn attributes(tokens: &mut Tokens<'_>) -> Result<(), LiftError> {
    while tokens.has(Token::Sign('#')) {
        tokens.sign('[')?;
        match tokens.word()? {
            "rustfmt" => tokens.exactly("::skip]")?,
            "allow" => {
                tokens.sign('(')?;
                tokens.word()?;
                tokens.exactly(")]")?;
            }
            other => return Err(error(tokens.line(), format!("the attribute `{other}` is not known"))),
        }
    }
    Ok(())
}

fn item(tokens: &mut Tokens<'_>, items: &mut Items) -> Result<(), LiftError> {
    let line = tokens.line();
    let public = tokens.has(Token::Word("pub"));
    let fresh = |fresh: bool| if fresh { Ok(()) } else { Err(error(line, "this stands here twice")) };
    match (public, tokens.word()?) {
        (true, "static") => {
            let name = tokens.word()?.to_owned();
            tokens.exactly(": Nic =")?;
            let nic = tables::nic(tokens)?;
            tokens.sign(';')?;
            fresh(items.nics.insert(name, nic).is_none())
        }
        (true, "fn") => {
            tokens.exactly("nics() -> [&'static Nic;")?;
            let count = tokens.number(u16::MAX.into())?;
            tokens.exactly("] {")?;
            let names = tables::list(tokens, "[", "]", |tokens| {
                tokens.sign('&')?;
                tokens.word().map(str::to_owned)
            })?;
            tokens.sign('}')?;
            if names.len() as u128 != count {
                return Err(error(line, format!("there are {} NICs and not {count}", names.len())));
            }
            fresh(items.order.replace(names).is_none())
        }
        (true, "const") => {
            tokens.exactly("fn session_timeout() -> u32 {")?;
            tokens.number(u32::MAX.into())?;
            tokens.sign('}')?;
            fresh(!std::mem::replace(&mut items.timeout, true))
        }
        (false, "const") => {
            tokens.exactly("fn unmanaged() -> Act {")?;
            let word = tokens.word()?;
            let verdict =
                outcome(word).flatten().filter(|outcome| !outcome.log).map(|outcome| outcome.verdict);
            let verdict = verdict.ok_or_else(|| error(line, format!("`{word}` is no verdict here")))?;
            tokens.sign('}')?;
            fresh(items.unmanaged.replace(verdict).is_none())
        }
        (false, "mod") => {
            let sets = sets(tokens)?;
            fresh(items.sets.replace(sets).is_none())
        }
        (_, other) => Err(error(line, format!("`{other}` is not what a module of tables has here"))),
    }
}

fn sets(tokens: &mut Tokens<'_>) -> Result<BTreeMap<String, (Family, Ranges)>, LiftError> {
    tokens.exactly("sets {")?;
    attributes(tokens)?;
    tokens.exactly("use super::{ip, ip6, net, net6};")?;
    let mut sets = BTreeMap::new();
    while !tokens.has(Token::Sign('}')) {
        let line = tokens.line();
        tokens.exactly("pub(super) static")?;
        let name = tokens.word()?.to_owned();
        tokens.exactly(": &[(")?;
        let family = match tokens.word()? {
            "u32" => Family::V4,
            "u128" => Family::V6,
            other => return Err(error(line, format!("`{other}` is no address"))),
        };
        tokens.exactly(if family == Family::V4 { ", u32)] =" } else { ", u128)] =" })?;
        let ranges = tables::addresses(tokens, family)?;
        tokens.sign(';')?;
        if sets.insert(name, (family, ranges)).is_some() {
            return Err(error(line, "this stands here twice"));
        }
    }
    Ok(sets)
}

/// Puts the addresses of sets where their names stand.
fn resolve(nic: &mut Nic, sets: &BTreeMap<String, (Family, Ranges)>) -> Result<(), LiftError> {
    for (family, rules) in [(Family::V4, &mut nic.v4), (Family::V6, &mut nic.v6)] {
        let known = |list: &mut List| -> Result<(), LiftError> {
            if let List::Set(name, line) = list {
                let found = sets.get(name).filter(|(of, _)| *of == family);
                let (_, ranges) =
                    found.ok_or_else(|| error(*line, format!("there is no set `{name}` of {family}")))?;
                *list = List::Here(ranges.clone());
            }
            Ok(())
        };
        for step in [&mut rules.ingress, &mut rules.egress].into_iter().flat_map(|chain| &mut chain.steps) {
            step.lists().try_for_each(known)?;
            for test in step.targets().flatten() {
                test.lists().try_for_each(known)?;
            }
        }
    }
    Ok(())
}
