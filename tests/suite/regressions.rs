//! Inputs on which fuzzing found something, and the property of their target that they once broke.

use std::path::Path;

use palisade::lower::lower;
use palisade::targets::Target;
use palisade_ir::{InstanceId, Options, Placement};

use crate::command::root;

#[path = "../fuzz/properties.rs"]
mod properties;

/// What fuzzing said of these.
const SLOW: &str = "took some ten seconds, on a processor that was taken away";
const FORGED: &str =
    "denied where a way leads out of the tables of outcomes; those of deciding rules, whole, explained allow";
const PACKED: &str =
    "a decider's outcome has three bits; the proof packed it into two and read the third with the next one";
/// Target, file, and what it once did.
const STORIES: &[(&str, &str, &str)] = &[
    ("format", "slow-1", SLOW),
    ("format", "slow-2", SLOW),
    ("lift_iptables", "slow-1", SLOW),
    ("lift_iptables", "slow-2", SLOW),
    ("lift_iptables", "slow-3", SLOW),
    ("lift_nftables", "slow-1", SLOW),
    ("matcher_file", "forged-1", FORGED),
    ("matcher_file", "forged-2", PACKED),
    ("parse", "slow-1", SLOW),
    ("parse", "slow-2", SLOW),
];

#[test]
fn what_once_failed_holds() {
    let folders = std::fs::read_dir(root().join("tests/fuzz/regressions")).expect("the inputs");
    let files =
        folders.flat_map(|folder| std::fs::read_dir(folder.expect("a folder").path()).expect("inputs"));
    assert_eq!(files.count(), STORIES.len(), "every input has a story");
    for (target, name, story) in STORIES {
        let path = root().join("tests/fuzz/regressions").join(target).join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("{target}/{name}: {story}");
        properties::run_target(target, &bytes);
    }
}

/// The files of an example hold too, so that no target passes because it tries nothing.
#[test]
fn ordinary_inputs_hold() {
    let example = root().join("examples/web-tier");
    let read =
        |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let policy = read(&example.join("policy.sg"));
    for target in ["parse", "format", "compile"] {
        properties::run_target(target, &policy);
    }
    properties::run_target("lift_nftables", &read(&example.join("nftables/web-1.nft")));
    let iptables =
        ["rules.v4", "rules.v6", "ipset"].map(|suffix| read(&example.join(format!("ipset/web-1.{suffix}"))));
    properties::run_target("lift_iptables", &iptables.join(properties::BETWEEN.as_bytes()));
    let module = root().join("examples/embed/rust/sensor-7.rs");
    properties::run_target("lift_rust", &read(&module));
    let policy =
        palisade::front::read_text("policy.sg", std::str::from_utf8(&policy).unwrap()).policy.unwrap();
    let options = Options::at(Placement::Host(InstanceId(0)));
    let compiled = Target::Matcher.backend().emit(&lower(&policy), &options).unwrap();
    properties::run_target("matcher_file", &compiled.files[0].contents);
}
