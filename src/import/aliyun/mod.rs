//! Alibaba Cloud ECS: the answers of DescribeSecurityGroupAttribute and DescribeSecurityGroups, and the console's
//! export of a group's rules, as a policy.
//!
//! The data flows one way: text, located JSON (`json`), what the file is (`document`, `permission`), what is known of
//! each group (`groups`), rules that a policy can say (`rules`, `families`, `defaults`), syntax tree (`policy`,
//! `naming`, `statement`), text.
//!
//! What must hold: the policy allows nothing that the listing denies. So of what the listing only names,
//!
//! - a peer group without a listing becomes a group that nobody is in yet, isolated inside;
//! - a prefix list that an allow names becomes an empty set; any other allow that cannot be said is left out;
//! - a deny that cannot be said is an error, and so is a listing that goes on on another page.
//!
//! A value that is missing is read as the API's documented default, with a warning, except where the default of
//! requests and the usual answer differ (`NicType` in the classic network): there it is an error.

mod codes;
mod defaults;
mod document;
mod families;
mod fields;
mod groups;
mod naming;
mod permission;
mod policy;
mod rules;
mod statement;
mod values;

use palisade_grammar::ast::File;
use palisade_grammar::{format_file, parse, same_meaning};

pub use codes::CODES;

use document::Document;
use groups::World;
use policy::Ruled;

use super::json::Node;
use super::report::Report;
use super::{Import, Input};
use crate::diagnostic::{Diagnostic, FileId, Location, Sources};

/// Turns listings into one policy. One bad input is enough for there to be none.
pub fn import(inputs: &[Input]) -> Import {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let files: Vec<FileId> =
        inputs.iter().map(|input| sources.add(input.name.clone(), input.text.clone())).collect();
    let policy = policy(inputs, &files, &mut report);
    Import { policy, sources, diagnostics: report.finish() }
}

fn policy(inputs: &[Input], files: &[FileId], report: &mut Report) -> Option<String> {
    let (mut listings, mut entries) = (Vec::new(), Vec::new());
    for (input, file) in inputs.iter().zip(files) {
        let node = Node::whole(&input.text, *file).map_err(|broken| report.refuse(fields::not_json(&broken)));
        match node.and_then(|node| document::read(&node, report)) {
            Ok(Document::Listing(listing)) => listings.push((input.name.as_str(), *listing)),
            Ok(Document::Catalogue(more)) => entries.extend(more),
            Err(_told) => {}
        }
    }
    if listings.is_empty() && !report.has_errors() {
        report.refuse(no_listing(entries.is_empty()));
    }
    let world = World::new(listings, entries, report);
    let mut ruled = Vec::new();
    for group in &world.groups {
        if let Ok(rules) = rules::rules(group, &world, report) {
            ruled.push(Ruled { group, rules });
        }
    }
    if report.has_errors() {
        return None;
    }
    let file = policy::file(ruled, &world, report);
    written(&file).map_err(|error| report.refuse(*error)).ok()
}

fn no_listing(nothing: bool) -> Diagnostic {
    let reason = if nothing { "no input" } else { "a list of groups has no rules" };
    let label = if nothing { "nothing given" } else { "only lists of groups are given" };
    let message = format!("no rule listing: {reason}");
    Diagnostic::error(codes::NO_LISTING, message, Location::START, label)
        .help("give the groups' answers of DescribeSecurityGroupAttribute too")
}

/// The text of a tree, read back as a check: whatever the cloud's names hold, they are names and nothing else.
fn written(file: &File) -> Result<String, Box<Diagnostic>> {
    let text = format_file(file);
    let again = parse(&text);
    if again.errors.is_empty() && same_meaning(file, &again.file) {
        return Ok(text);
    }
    let message = "the imported policy does not read back as it was meant";
    let help = "this is a mistake of the importer; please report it with the listing";
    Err(Box::new(
        Diagnostic::error(codes::NOT_REPRODUCIBLE, message, Location::START, "this input").help(help),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::build::{item, name, spanned};
    use palisade_grammar::ast::{ItemKind, Network, NetworkKind};

    #[test]
    fn a_tree_that_does_not_read_back_is_an_error() {
        let network = |text| Network { name: name(text), description: None, kind: spanned(NetworkKind::Vpc) };
        let file = |text| File { items: vec![item(ItemKind::Network(network(text)))], dangling: Vec::new() };
        assert_eq!(written(&file("prod")).unwrap(), "network prod = vpc\n");
        for hostile in ["", "Prod", "a = vpc\nnetwork b"] {
            let error = written(&file(hostile)).unwrap_err();
            assert_eq!(error.code, codes::NOT_REPRODUCIBLE, "{hostile}");
        }
    }
}
