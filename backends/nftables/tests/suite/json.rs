//! Listings of `nft -j`: the same ruleset as its text, and nothing in one that can be changed unnoticed.

use std::collections::BTreeMap;

use palisade_ir::{Artifact, ArtifactFile, LiftError};
use palisade_nftables::{ast, line, read};
use serde_json::{Value, json};

use crate::kernel::{bare, lift};
use crate::listing::TEXT;

/// What nft 1.0.6 lists as JSON for [`TEXT`], an object a line.
const LISTING: &str = include_str!("listing.json");

fn listed(json: &Value) -> Result<ast::Ruleset, LiftError> {
    read(&Artifact { files: vec![ArtifactFile::text("nft", json.to_string())] })
}

fn listing() -> Value {
    serde_json::from_str(LISTING).unwrap()
}

#[test]
fn means_what_the_text_means() {
    assert_eq!(bare(lift(LISTING)), bare(lift(TEXT)));
}

#[test]
fn lines_are_objects() {
    let ruleset = lift(&listing().to_string());
    let drop = ruleset.tables["palisade"].chains["web"].rules[0].line;
    assert!(line(LISTING, drop).unwrap().contains("\"sport\""));
    assert_eq!(line(LISTING, 0), None);
}

/// Every place of a JSON value, as the steps that lead there.
fn places(json: &Value, here: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    all.push(here.clone());
    let mut go = |step: String, inside: &Value| {
        here.push(step);
        places(inside, here, all);
        here.pop();
    };
    match json {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| go(at.to_string(), item)),
        Value::Object(members) => members.iter().for_each(|(name, inside)| go(name.clone(), inside)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn pointer(steps: &[String]) -> String {
    steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

/// Members that say nothing about what happens to a packet, or that another load numbers otherwise.
fn is_idle(place: &[String]) -> bool {
    let idle = [
        "handle",
        "packets",
        "bytes",
        "burst",
        "rate",
        "per",
        "level",
        "size",
        "version",
        "release_name",
        "stmt",
    ];
    // The first object names the program that listed. A comment is kept with its rule only; a flag for ranges matters only where there is one.
    place.len() == 1
        || place.iter().any(|step| idle.contains(&step.as_str()))
        || place.iter().any(|step| step == "comment")
}

/// A member under another name is something this reader does not know: none is passed over.
#[test]
fn every_member_is_read() {
    let whole = listing();
    let mut all = Vec::new();
    places(&whole, &mut Vec::new(), &mut all);
    let mut tried = 0;
    for place in &all {
        let Some((name, parent)) = place.split_last() else { continue };
        let mut changed = whole.clone();
        let Some(Value::Object(members)) = changed.pointer_mut(&pointer(parent)) else { continue };
        let inside = members.remove(name).unwrap();
        members.insert(format!("{name}x"), inside);
        let error = listed(&changed).map(|_| ()).unwrap_err();
        assert!(error.line >= 1 && !error.message.is_empty(), "{place:?}: {error}");
        tried += 1;
    }
    assert!(tried > 500, "{tried}");
}

/// A place without the numbers of items.
fn kind(place: &[String]) -> String {
    let named: Vec<&str> =
        place.iter().map(String::as_str).filter(|step| step.parse::<usize>().is_err()).collect();
    named.join("/")
}

/// Where another value is read and means something else, and how many such values the test below finds there. Most
/// values are refused wherever they stand; a reader that refuses more than it did is noticed by its place here.
const OTHER: &[(&str, usize)] = &[
    ("nftables", 1),
    ("nftables/chain/policy", 1),
    ("nftables/chain/prio", 2),
    ("nftables/map/elem", 12),
    ("nftables/map/elem/concat", 1),
    ("nftables/map/elem/concat/range", 2),
    ("nftables/map/elem/elem/val/concat", 2),
    ("nftables/map/elem/elem/val/concat/prefix/len", 3),
    ("nftables/map/elem/elem/val/concat/range", 3),
    ("nftables/map/elem/prefix/len", 1),
    ("nftables/map/elem/range", 1),
    ("nftables/rule/comment", 3),
    ("nftables/rule/expr", 16),
    ("nftables/rule/expr/log", 1),
    ("nftables/rule/expr/log/prefix", 3),
    ("nftables/rule/expr/match/right", 9),
    ("nftables/rule/expr/match/right/prefix/len", 1),
    ("nftables/rule/expr/match/right/range", 5),
    ("nftables/rule/expr/match/right/set", 6),
    ("nftables/rule/expr/match/right/set/concat", 3),
    ("nftables/rule/expr/match/right/set/concat/range", 2),
    ("nftables/rule/expr/match/right/set/range", 2),
    ("nftables/rule/expr/vmap/data/set", 4),
    ("nftables/set/elem", 2),
    ("nftables/set/elem/concat", 2),
    ("nftables/set/elem/concat/prefix/len", 1),
    ("nftables/set/elem/concat/range", 2),
    ("nftables/set/elem/prefix/len", 1),
];

/// Any other value is refused or means something else.
#[test]
fn every_value_counts() {
    let whole = listing();
    let meant = bare(listed(&whole).unwrap());
    let mut all = Vec::new();
    places(&whole, &mut Vec::new(), &mut all);
    let (mut refused, mut other) = (0, BTreeMap::<String, usize>::new());
    for place in &all {
        let others: Vec<Value> = match whole.pointer(&pointer(place)).unwrap() {
            Value::Number(number) => {
                vec![json!(number.as_i64().unwrap() + 1), json!(-1), json!("x"), json!(0.5)]
            }
            Value::String(text) => {
                vec![json!(format!("{text}1")), json!("accept"), json!(7), json!("@nets"), Value::Null]
            }
            Value::Array(items) if items.len() > 1 => vec![json!(items[1..]), json!([]), json!([items])],
            Value::Null => vec![json!({}), json!(0)],
            Value::Object(members) => {
                let mut more = members.clone();
                more.insert("more".to_owned(), Value::Null);
                vec![json!(more), json!({}), json!([members])]
            }
            Value::Array(_) | Value::Bool(_) => Vec::new(),
        };
        let was = whole.pointer(&pointer(place));
        for value in others.into_iter().filter(|value| Some(value) != was) {
            let mut changed = whole.clone();
            *changed.pointer_mut(&pointer(place)).unwrap() = value.clone();
            match listed(&changed).map(bare) {
                Err(error) => {
                    assert!(error.line >= 1, "{error}");
                    refused += 1;
                }
                Ok(found) if found != meant => *other.entry(kind(place)).or_default() += 1,
                // `log` without words is listed as nothing, and may be as an object without members.
                Ok(_) if place.last().is_some_and(|step| step == "log") => {
                    assert_eq!((was, &value), (Some(&Value::Null), &json!({})), "{place:?}");
                }
                Ok(_) => assert!(is_idle(place), "{place:?} = {value}"),
            }
        }
    }
    assert!(refused > 1_500, "{refused}");
    let other: Vec<(&str, usize)> = other.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(other, OTHER);
}

#[test]
fn refuses_by_place_what_it_could_misread() {
    let rule = |expr: Value| {
        let mut whole = listing();
        let first = whole["nftables"].as_array_mut().unwrap();
        first.push(json!({"rule": {"family": "inet", "table": "palisade", "chain": "web", "expr": expr}}));
        whole
    };
    let matches =
        |op: &str, left: Value, right: Value| json!([{"match": {"op": op, "left": left, "right": right}}]);
    let state = json!({"ct": {"key": "state"}});
    let source = json!({"payload": {"protocol": "ip", "field": "saddr"}});
    for (expr, why) in [
        (json!([{"quota": {"val": 1}}]), "expr[0].quota: a statement"),
        (json!([{"accept": null}, {"log": null}]), "nothing but a comment"),
        (json!([{"accept": null, "drop": null}]), "expr[0]: expected an object with one member"),
        (matches("!", state.clone(), json!("new")), "a comparison"),
        (matches("!=", state.clone(), json!(["new", "related"])), "right: a value"),
        (matches("in", source.clone(), json!("10.0.0.1")), "a comparison"),
        (matches("==", source.clone(), json!("10.0.0.0/8")), "expected one value"),
        (matches("==", source.clone(), json!("10.0.0.1-10.0.0.9")), "expected one value"),
        (
            matches("==", json!({"payload": {"protocol": "ip6", "field": "saddr"}}), json!("::a-::b")),
            "expected one value",
        ),
        (matches("==", json!({"meta": {"key": "iifname"}}), json!("@doors")), "does not tell them apart"),
        (matches("==", json!({"meta": {"key": "iifname"}}), json!("eth*")), "a pattern"),
        (matches("==", json!({"payload": {"protocol": "log", "field": "prefix"}}), json!("x")), "a header"),
        (
            matches("==", json!({"payload": {"base": "nh", "offset": 96, "len": 32}}), json!(7)),
            "a part of the packet",
        ),
        (matches("==", json!({"ct": {"key": "timeout"}}), json!("set")), "a field of sessions"),
        (matches("==", json!({"&": [source, "255.0.255.0"]}), json!("10.0.0.0")), "a mask of leading bits"),
        (json!([{"counter": "named"}]), "expected an object, found a string"),
        (json!([{"limit": {"rate": 1, "per": "second", "inv": true}}]), "inv: this reader does not know"),
    ] {
        match listed(&rule(expr)) {
            Ok(_) => panic!("taken: {why}"),
            Err(error) => assert!(
                error.message.contains(why) && error.message.contains(".nftables[4"),
                "{why}: {error}"
            ),
        }
    }
    let object = |object: Value| json!({"nftables": [object]});
    for (listing, why) in [
        (object(json!({"table": {"family": "ip", "name": "filter"}})), "another family"),
        (
            object(json!({"metainfo": {"version": "2", "release_name": "", "json_schema_version": 2}})),
            "another version",
        ),
        (object(json!({"flush": {"ruleset": null}})), "an object this reader does not know"),
        (
            object(json!({"table": {"family": "inet", "name": "x", "flags": "dormant"}})),
            "flags: this reader does not know",
        ),
        (json!({"nftables": [], "more": 1}), "unknown field"),
        (json!({"other": []}), "unknown field"),
    ] {
        let error = listed(&listing).map(|_| ()).unwrap_err();
        assert!(error.message.contains(why), "{why}: {error}");
    }
}
