//! Inputs on which fuzzing found something, and the property of their target that they once broke.

use std::path::Path;

use palisade::lower::lower;
use palisade::targets::Target;
use palisade_ir::{InstanceId, Options, Placement};

use crate::command::root;

#[path = "../fuzz/properties.rs"]
mod properties;

/// Target, file, and what it once did.
const STORIES: &[(&str, &str, &str)] = &[];

#[test]
fn what_once_failed_holds() {
    for (target, name, _) in STORIES {
        let path = root().join("tests/fuzz/regressions").join(target).join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("{target}/{name}");
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
