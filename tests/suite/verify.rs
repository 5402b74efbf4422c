//! The proof of emitted rulesets: true of everything that is emitted, and false of whatever changes its meaning.
//!
//! What it does not prove: that the kernel reads the text as the lift does; the kernel suites do.

mod bytes;
mod edges;
mod faults;
mod judge;
mod mutation;

use palisade::compile::{Emitted, Selection, emit};
use palisade::front::read_text;
use palisade::lower::lower;
use palisade::optimize::for_layout;
use palisade::targets::Target;
use palisade::verify::verify;
use palisade_ir::decide::Budget;
use palisade_ir::{Artifact, ArtifactFile, InstanceId, Options, Placement, Plan, Prelude, Style, Verdict};
use palisade_matcher::{Layout, Matcher};
use palisade_testkit::sample::random_policy;

use crate::case;

/// How to emit: target and options; the placement is set later.
pub fn layouts() -> Vec<(Target, Options)> {
    let host = || Options::at(Placement::Gateway);
    let bare = || Options { prelude: Default::default(), ..host() };
    vec![
        (Target::Nftables, host()),
        (Target::Nftables, Options { unmanaged: Verdict::Deny, counters: true, ..bare() }),
        (Target::Nftables, Options { layout: Style::Maps, ..host() }),
        (Target::Nftables, Options { layout: Style::Rules, ..host() }),
        (Target::Iptables, host()),
        (Target::Iptables, Options { ipset: true, unmanaged: Verdict::Deny, ..bare() }),
        (Target::Iptables, Options { layout: Style::Maps, ipset: true, ..bare() }),
        (Target::Iptables, Options { chains_only: true, layout: Style::Maps, ..host() }),
        (Target::Iptables, Options { prelude: [Prelude::Dhcp, Prelude::Invalid].into(), ..host() }),
        // Only the rules, whatever prelude is asked for.
        (Target::Rust, host()),
        (Target::Rust, Options { unmanaged: Verdict::Deny, ..bare() }),
        (Target::Matcher, host()),
    ]
}

pub fn plan(title: &str, text: &str) -> Plan {
    let front = read_text("policy.sg", text);
    lower(front.policy.as_ref().unwrap_or_else(|| panic!("{title}: {:#?}", front.diagnostics)))
}

/// Everything that can be emitted for a plan in a layout.
pub fn emitted(plan: &Plan, target: Target, options: &Options) -> Vec<Emitted> {
    let optimized = for_layout(plan.clone(), options.layout, target.joining());
    let optimized = if target.explains() { plan } else { &optimized };
    let hosts = emit(optimized, target, &Selection::Instances, options).unwrap_or_default();
    let mut emitted: Vec<Emitted> = hosts.into_iter().chain(gateway(optimized, target, options)).collect();
    if target == Target::Matcher {
        let layouts = [Layout::Bitsets, Layout::Tables, Layout::List];
        let forced = emitted.iter().flat_map(|one| layouts.map(|layout| with_layout(plan, one, layout)));
        emitted.extend(forced.collect::<Vec<_>>());
    }
    emitted
}

/// The same matcher with structures that it would not choose for so few rules.
fn with_layout(plan: &Plan, emitted: &Emitted, layout: Layout) -> Emitted {
    let Emitted { stem, options, artifact } = emitted;
    let mut plan = plan.clone();
    if let Placement::Host(InstanceId(at)) = options.placement {
        plan.instances = vec![plan.instances.swap_remove(at as usize)];
    }
    let contents = Matcher::with_layout(&plan, layout).to_bytes();
    let [file] = artifact.files.as_slice() else { panic!("a matcher is one file") };
    let artifact = Artifact { files: vec![ArtifactFile { suffix: file.suffix, contents }] };
    Emitted { stem: format!("{stem} {layout:?}"), options: options.clone(), artifact }
}

/// The gateway's, unless it refuses addresses that it cannot tell apart.
fn gateway(plan: &Plan, target: Target, options: &Options) -> Vec<Emitted> {
    let options = Options { prelude: Default::default(), unmanaged: Verdict::Allow, ..options.clone() };
    emit(plan, target, &Selection::Gateway, &options).unwrap_or_default()
}

/// Steps for one proof here: a hard one ends soon.
const STEPS: u64 = 3_000_000;

/// How much was proved.
#[derive(Debug, Default)]
struct Count {
    hosts: usize,
    gateways: usize,
}

/// Proves everything that can be emitted for a policy.
fn all_equal(title: &str, text: &str, count: &mut Count) {
    let plan = plan(title, text);
    let tree = (Target::Nftables, Options { layout: Style::Tree, ..Options::at(Placement::Gateway) });
    for (target, options) in layouts().into_iter().chain([tree]) {
        for Emitted { stem, options, artifact } in emitted(&plan, target, &options) {
            let gateway = options.placement == Placement::Gateway;
            match verify(&plan, target, &options, &artifact, &mut Budget::new(STEPS)) {
                Ok(_) if gateway => count.gateways += 1,
                Ok(_) => count.hosts += 1,
                Err(why) => panic!("{title}: {stem} {target:?} {options:?}: {why:#?}\n{text}"),
            }
        }
    }
}

#[test]
fn every_case_is_proved() {
    let mut count = Count::default();
    for file in ["conformance.md", "language.md"] {
        for case in case::read(file).iter().filter(|case| case.refused.is_none()) {
            all_equal(&case.title, &case.policy, &mut count);
        }
    }
    println!("{count:?}");
    assert!(count.hosts > 300 && count.gateways > 100, "{count:?}");
}

/// Policies in an ordinary run.
///
/// Seed 12 once nested its look-ups on a gateway deeper than nft follows.
const POLICIES: u64 = 100;

#[test]
fn random_policies_are_proved() {
    let wanted = std::env::var("PALISADE_RANDOM_POLICIES").ok();
    let policies = wanted.map_or(POLICIES, |number| number.parse().expect("a number of policies"));
    let mut count = Count::default();
    for seed in 0..policies {
        all_equal(&format!("seed {seed}"), &random_policy(seed), &mut count);
    }
    println!("{policies} policies: {count:?}");
    assert!(count.hosts as u64 > policies * 6 && count.gateways as u64 > policies, "{count:?}");
}

/// A policy of so many instances, each behind an interface of its own if wanted, in groups of some rules; `extra` is one
/// more rule in each group.
fn fleet(instances: usize, via: bool, extra: &str) -> String {
    use std::fmt::Write;
    let mut text = String::from("network prod = vpc\n");
    for group in 0..5 {
        let _ = writeln!(text, "group g{group} {{\n kind basic\n network prod\n inner allow\n in {{");
        for rule in 0..10 {
            let verdict = if rule % 4 == 0 { "deny" } else { "allow" };
            let _ = writeln!(
                text,
                "  {} {verdict} tcp from 10.{group}.{rule}.0/24 to port {}",
                1 + rule * 3,
                100 * group + rule + 1
            );
        }
        let _ = writeln!(text, " }}\n out {{\n  20 deny tcp to 192.168.{group}.0/29 port 25\n{extra} }}\n}}");
    }
    for at in 0..instances {
        let via = if via { format!(" via tap{at}") } else { String::new() };
        let _ = writeln!(
            text,
            "instance i{at} {{\n nic eth0{via} address 10.9.{}.{} groups g{}\n}}",
            at / 250,
            at % 250 + 1,
            at % 5
        );
    }
    text
}

/// Ways through such a gateway are many (in by one, out by another); what it costs must not be their product with the
/// rules. With protocol 0 in iptables the receivers' chains are entered from within the senders'.
#[test]
fn gateways_of_hundreds_of_interfaces_are_proved() {
    for (via, extra) in [(true, ""), (false, ""), (true, "  50 deny proto 0 to any\n")] {
        let plan = plan("fleet", &fleet(120, via, extra));
        for target in [Target::Nftables, Target::Iptables] {
            for layout in [Style::Auto, Style::Maps, Style::Tree] {
                let options = Options { layout, ..Options::at(Placement::Gateway) };
                for Emitted { stem: _, options, artifact } in gateway(&plan, target, &options) {
                    let proof = verify(&plan, target, &options, &artifact, &mut Budget::default());
                    assert_eq!(
                        proof.map(|proof| proof.chains),
                        Ok(480),
                        "{via} {extra} {target:?} {layout:?}"
                    );
                }
            }
        }
    }
}
