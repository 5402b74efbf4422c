//! The files themselves, as a reader meets them.

use palisade_ir::{Artifact, Options, Placement, Plan, Style};

use crate::common::{self, plans};

/// All files in load order, one after the other.
fn print(artifact: &Artifact) -> String {
    let mut all = String::new();
    for file in &artifact.files {
        all.push_str(&format!("==> {} <==\n{}\n", file.suffix, common::text(artifact, file.suffix)));
    }
    all
}

fn check(name: &str, plan: &Plan, options: &Options) {
    insta::assert_snapshot!(name, print(&common::emit(plan, options)));
}

/// The web server of the shop: the second instance by name.
const WEB: Placement = Placement::Host(palisade_ir::InstanceId(1));
const DB: Placement = common::HOST;

#[test]
fn host() {
    check("host", &plans::shop(), &Options::at(WEB));
}

#[test]
fn host_with_many_combinations() {
    check("host_sub_chains", &plans::shop(), &common::bare(DB));
}

#[test]
fn host_own_chains_and_sets() {
    let options = Options { chains_only: true, ipset: true, ..Options::at(WEB) };
    check("host_own_chains_and_sets", &plans::shop(), &options);
}

#[test]
fn host_that_denies_the_unmanaged() {
    let options = Options { unmanaged: palisade_ir::Verdict::Deny, ..common::bare(DB) };
    check("host_unmanaged_denied", &plans::shop(), &options);
}

#[test]
fn gateway() {
    check("gateway", &plans::shop(), &Options::at(Placement::Gateway));
}

/// A set in use is never emptied: only the spare one is flushed, filled and destroyed.
#[test]
fn live_sets_are_only_swapped() {
    for seed in 0..20 {
        let layout = if seed % 2 == 0 { Style::Maps } else { Style::Rules };
        let options = Options { ipset: true, layout, ..Options::at(Placement::Gateway) };
        let Ok(artifact) =
            palisade_ir::Backend::emit(&palisade_iptables::Iptables, &plans::some_plan(seed), &options)
        else {
            continue;
        };
        for line in common::text(&artifact, "ipset").lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            let spare = |name: &str| ["PAL-tmp4", "PAL-tmp6", "PAL-tmp4p", "PAL-tmp6p"].contains(&name);
            match words.as_slice() {
                ["flush" | "destroy", name] | ["add", name, _] | ["add", name, _, "nomatch"] => {
                    assert!(spare(name), "{line}")
                }
                ["create", "-exist", ..] | [""] => {}
                ["swap", from, to] => assert!(spare(from) && !spare(to), "{line}"),
                _ => panic!("{line}"),
            }
        }
    }
}
