//! Loading one policy's file after another's: the second decides as if it stood alone, and twice is once.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::{Artifact, Direction, InstanceId, Options, Placement, Style, Verdict};
use palisade_testkit::lab::{Lab, Variant};
use palisade_testkit::probe::Probe;
use palisade_testkit::require_kernel;

use crate::expected;
use crate::firewall::{Firewall, bare};
use crate::packets;
use crate::subject::{Subject, all};
use crate::verdicts::{check, fates};

const FIRST: InstanceId = InstanceId(0);
/// Packets per hook in a sample of a policy.
const SAMPLE: usize = 150;

/// Ways to emit for a host that differ in all that options can change.
fn options(at: InstanceId) -> [Options; 3] {
    let host = Placement::Host(at);
    let other =
        Options { unmanaged: Verdict::Deny, counters: true, layout: Style::Maps, ..Options::at(host) };
    let tree = Options { layout: Style::Tree, ..bare(host) };
    [bare(host), other, tree]
}

#[test]
fn nft_after_any_other_policy_is_as_nft_alone() {
    require_kernel!();
    any_after_any("palisade", &["chain input {", "chain output {"], &options(FIRST));
}

#[test]
fn an_nft_gateway_after_any_other_is_as_one_alone() {
    require_kernel!();
    let plain = Options::at(Placement::Gateway);
    let counting = Options { counters: true, ..plain.clone() };
    let tree = Options { layout: Style::Tree, ..plain.clone() };
    any_after_any("palisade_gateway", &["chain forward {"], &[plain, counting, tree]);
}

/// For every ordered pair, and the pair of a policy with itself.
fn any_after_any(table: &str, hooked: &[&str], options: &[Options; 3]) {
    let subjects = all();
    let lab = Lab::host(&[]).unwrap();
    let emit = |subject: &Subject, number: usize| {
        Firewall::Nft.emit(&subject.optimized, &options[number % options.len()])
    };
    let load = |artifact: &Artifact| {
        Firewall::Nft.load(&lab, artifact);
        lab.center().run("nft", &["-n", "list", "table", "inet", table], "").unwrap()
    };
    let mut pairs = 0;
    for (number, b) in subjects.iter().enumerate() {
        let file = emit(b, number);
        let once = load(&file);
        assert_eq!(load(&file), once, "{} twice", b.name);
        let alone = in_use(&once, hooked);
        assert_eq!(alone.len(), blocks(&once).len(), "{} brings nothing that it does not use", b.name);
        Firewall::Nft.unload(&lab);
        for (other, a) in subjects.iter().enumerate() {
            load(&emit(a, number + other + 1));
            assert_eq!(in_use(&load(&file), hooked), alone, "{} after {}", b.name, a.name);
            Firewall::Nft.unload(&lab);
            pairs += 1;
        }
    }
    println!("{table}: {pairs} pairs of policies");
}

/// The objects, sets and chains of a table, each by its first line.
fn blocks(listing: &str) -> BTreeMap<String, String> {
    let mut blocks: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in listing.lines() {
        match (&open, line.strip_prefix('\t')) {
            (_, Some("}")) => open = None,
            (Some(head), _) => blocks.get_mut(head).unwrap().extend([line, "\n"]),
            (None, Some(head)) if head.ends_with(" {") => {
                blocks.insert(head.to_owned(), String::new());
                open = Some(head.to_owned());
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The chains at hooks, which are just these, and what leads on from them.
fn in_use(listing: &str, hooked: &[&str]) -> BTreeMap<String, String> {
    let blocks = blocks(listing);
    let has_hook = |body: &&String| body.contains("type filter hook");
    let mut waiting: Vec<String> =
        blocks.iter().filter(|(_, body)| has_hook(body)).map(|(head, _)| head.clone()).collect();
    assert_eq!(waiting, hooked);
    let mut used = BTreeSet::new();
    while let Some(head) = waiting.pop() {
        if let Some(body) = blocks.get(&head)
            && used.insert(head)
        {
            waiting.extend(references(body));
        }
    }
    blocks.into_iter().filter(|(head, _)| used.contains(head)).collect()
}

/// The first lines of the blocks that a body names.
fn references(body: &str) -> Vec<String> {
    let words: Vec<&str> = body.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
    let after = words.windows(2).filter_map(|pair| match pair {
        ["goto" | "jump", chain] => Some(format!("chain {chain} {{")),
        ["set", timeout] => {
            timeout.strip_prefix('"').map(|name| format!("ct timeout {} {{", name.trim_end_matches('"')))
        }
        _ => None,
    });
    let named = words.iter().filter_map(|word| word.strip_prefix('@'));
    let sets = named.flat_map(|name| ["set", "map"].map(|kind| format!("{kind} {name} {{")));
    after.chain(sets).collect()
}

/// The same by packets, for a sample of the pairs, and for the files of iptables that stand beside others.
#[test]
fn verdicts_after_another_policy() {
    require_kernel!();
    let subjects = all();
    let firewalls = [
        Firewall::Nft,
        Firewall::Chains(Variant::Nft),
        Firewall::Chains(Variant::Legacy),
        Firewall::Ipset(Variant::Nft),
        Firewall::Ipset(Variant::Legacy),
    ];
    let mut count = 0;
    for (number, b) in subjects.iter().enumerate() {
        let lab = b.host_lab(FIRST);
        let probes = [Direction::In, Direction::Out].map(|direction| (direction, sample(b, direction)));
        for (step, firewall) in firewalls.into_iter().enumerate() {
            let a = &subjects[(number + 2 * step + 1) % subjects.len()];
            firewall.load(&lab, &firewall.emit(&a.optimized, &options(FIRST)[1]));
            firewall.load(&lab, &firewall.emit(&b.optimized, &options(FIRST)[0]));
            for (direction, probes) in &probes {
                let verdict =
                    |probe| expected::host(b, FIRST, *direction, probe, options(FIRST)[0].unmanaged);
                let verdicts: Vec<Verdict> = probes.iter().map(verdict).collect();
                let title = format!("{} after {} {direction} {firewall:?}", b.name, a.name);
                check(&title, probes, &verdicts, &fates(&lab, *direction, probes));
                count += probes.len();
            }
            firewall.unload(&lab);
        }
    }
    println!("{count} packets after a reload");
}

fn sample(subject: &Subject, direction: Direction) -> Vec<Probe> {
    let probes = packets::host(subject, FIRST, direction);
    let step = probes.len().div_ceil(SAMPLE);
    probes.into_iter().step_by(step).collect()
}

#[test]
fn iptables_twice_is_once() {
    require_kernel!();
    let lab = Lab::host(&[]).unwrap();
    let beside = Variant::ALL.map(Firewall::Chains);
    for firewall in Firewall::WHOLE.into_iter().skip(1).chain(beside) {
        for subject in all() {
            let file = firewall.emit(&subject.optimized, &options(FIRST)[1]);
            firewall.load(&lab, &file);
            let once = saved(&lab, firewall);
            assert!(once.len() > 10, "{once:?}");
            firewall.load(&lab, &file);
            assert_eq!(saved(&lab, firewall), once, "{} {firewall:?}", subject.name);
            firewall.unload(&lab);
        }
    }
}

/// The rules and sets as the kernel has them, without times and counters.
fn saved(lab: &Lab, firewall: Firewall) -> Vec<String> {
    let (Firewall::Iptables(variant) | Firewall::Ipset(variant) | Firewall::Chains(variant)) = firewall
    else {
        panic!("{firewall:?}")
    };
    let mut lines = Vec::new();
    for tool in ["iptables", "ip6tables"] {
        let text =
            lab.center().run(&format!("{tool}-{}-save", variant.name()), &["-t", "filter"], "").unwrap();
        let told = text.lines().filter(|line| !line.starts_with('#'));
        lines.extend(told.map(|line| line.split(" [").next().unwrap().to_owned()));
    }
    // The kernel lists members in the order of a hash that differs for each set.
    let sets = lab.center().run("ipset", &["save"], "").unwrap();
    let members: BTreeSet<&str> =
        sets.lines().map(|line| line.split(" bucketsize").next().unwrap()).collect();
    lines.extend(members.into_iter().map(str::to_owned));
    lines
}
