//! What the emitted files look like.

use std::collections::BTreeSet;

use palisade_ir::{Backend, InstanceId, Options, Placement, Plan, Verdict};
use palisade_nftables::Nftables;

use crate::plans;

pub(crate) fn file(plan: &Plan, options: &Options, suffix: &str) -> String {
    let artifact = Nftables.emit(plan, options).unwrap();
    String::from_utf8(artifact.file(suffix).unwrap().contents.clone()).unwrap()
}

#[test]
fn host() {
    let options = Options::at(Placement::Host(InstanceId(0)));
    insta::assert_snapshot!("host", file(&plans::web(), &options, "nft"));
    insta::assert_snapshot!("host_sysctl", file(&plans::web(), &options, "sysctl"));
}

#[test]
fn host_with_every_option() {
    let mut options = Options::at(Placement::Host(InstanceId(0)));
    options.prelude = BTreeSet::new();
    options.unmanaged = Verdict::Deny;
    options.counters = true;
    options.table = Some("fw_ops".to_owned());
    insta::assert_snapshot!("host_odd", file(&plans::odd(), &options, "nft"));
    insta::assert_snapshot!("host_odd_sysctl", file(&plans::odd(), &options, "sysctl"));
}

#[test]
fn gateway() {
    let options = Options::at(Placement::Gateway);
    insta::assert_snapshot!("gateway", file(&plans::fleet(), &options, "nft"));
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let options = Options::at(Placement::Gateway);
    assert_eq!(Nftables.emit(&plans::fleet(), &options), Nftables.emit(&plans::fleet(), &options));
}
