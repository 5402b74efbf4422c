//! The kernel's word: files load, load again, replace each other, and list as what they are.
//!
//! Each case runs in a network namespace of its own that ends with the command. Where that or nft is missing, tests
//! say so and pass; with PALISADE_KERNEL_TESTS=required they fail.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use palisade_ir::{
    Artifact, ArtifactFile, Backend, Family, InstanceId, Options, Placement, Plan, SetKind, Style, Verdict,
};
use palisade_nftables::{Nftables, ast, read};

use crate::build;
use crate::plans;
use crate::random::{Random, random_plan};
use crate::snapshots::file;

/// Why the kernel cannot be asked, if it cannot.
pub(crate) fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let missing = MISSING.get_or_init(|| {
        let probe = Command::new("unshare").args(["--net", "nft", "list", "tables"]).output();
        let reason = match probe {
            Ok(output) if output.status.success() => return None,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let required = std::env::var("PALISADE_KERNEL_TESTS").is_ok_and(|value| value == "required");
        assert!(!required, "no network namespace with nft: {reason}");
        eprintln!("skipped: no network namespace with nft: {reason}");
        Some(reason)
    });
    missing.as_deref()
}

/// Rulesets as files, gone at the end.
struct Files(Vec<PathBuf>);

impl Files {
    fn new(texts: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let write = |text: &&str| {
            let name = format!("{}-{}.nft", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self(texts.iter().map(write).collect())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The ways in which nft lists.
pub(crate) const LISTS: [&str; 6] = ["list", "-n list", "-s list", "-j list", "-nj list", "-sj list"];

/// Loads rulesets one after the other in a fresh namespace; the listing of what they leave.
pub(crate) fn load(texts: &[&str], list: &str) -> Result<String, String> {
    let files = Files::new(texts);
    let mut script: Vec<String> = files.0.iter().map(|path| format!("nft -f '{}'", path.display())).collect();
    script.push(format!("nft {list} ruleset"));
    let output = Command::new("unshare").args(["--net", "sh", "-c", &script.join(" && ")]).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

pub(crate) fn lift(text: &str) -> ast::Ruleset {
    let artifact = Artifact { files: vec![ArtifactFile::text("nft", text.to_owned())] };
    read(&artifact).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A ruleset without lines, which a listing numbers otherwise, and without timeouts of passing states: a listing leaves
/// out values that are the kernel's own.
pub(crate) fn bare(mut ruleset: ast::Ruleset) -> ast::Ruleset {
    for table in ruleset.tables.values_mut() {
        for chain in table.chains.values_mut() {
            chain.rules.iter_mut().for_each(|rule| rule.line = 0);
            if let Some(base) = &mut chain.base {
                base.line = 0;
            }
        }
        table.timeouts.values_mut().for_each(|timeout| timeout.policy.clear());
    }
    ruleset.base_chains.sort();
    ruleset
}

fn host(plan: &Plan, id: usize, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut options = Options::at(Placement::Host(InstanceId(id as u32)));
    options.prelude.retain(|_| random.chance(50));
    options.counters = random.chance(30);
    options.layout = random.pick(&Style::ALL);
    options.unmanaged = if random.chance(50) { Verdict::Allow } else { Verdict::Deny };
    file(plan, &options, "nft")
}

/// Host rulesets of plans by hand and at random, and gateway rulesets of plans without ambiguous addresses.
fn corpus(seeds: u64) -> Vec<String> {
    let mut texts = vec![host(&plans::web(), 0, 1), host(&plans::odd(), 0, 2)];
    let gateway = Options::at(Placement::Gateway);
    texts.push(file(&plans::fleet(), &gateway, "nft"));
    for seed in 0..seeds {
        let plan = random_plan(seed);
        let gateway = Options { layout: Style::ALL[seed as usize % Style::ALL.len()], ..gateway.clone() };
        texts.push(host(&plan, 0, seed));
        if Nftables.emit(&plan, &gateway).is_ok() {
            texts.push(file(&plan, &gateway, "nft"));
        }
    }
    texts
}

#[test]
fn every_file_loads_and_its_listing_means_the_same() {
    if missing().is_some() {
        return;
    }
    let corpus = corpus(80);
    for shape in ["\ndefine service_", " vmap @", "_service"] {
        assert!(corpus.iter().any(|text| text.contains(shape)), "{shape:?}");
    }
    for (at, text) in corpus.iter().enumerate() {
        let list = LISTS[at % LISTS.len()];
        let listing = load(&[text], list).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(bare(lift(&listing)), bare(lift(text)), "{list}\n{listing}\n{text}");
    }
}

#[test]
fn loading_twice_is_loading_once() {
    if missing().is_some() {
        return;
    }
    for text in corpus(20) {
        let [twice, once] =
            [&[&*text, &*text][..], &[&*text]].map(|texts| blocks(&load(texts, "-n list").unwrap()));
        assert_eq!(twice, once, "{text}");
    }
}

/// The blocks of a listing of one table: sets, chains, objects.
fn blocks(listing: &str) -> BTreeSet<String> {
    let (_, body) = listing.split_once('\n').unwrap();
    body.strip_suffix("}\n").unwrap().split("\n\n").map(|block| in_order(block.trim())).collect()
}

/// The kernel lists the elements of a map in the order of its hash table, which differs from load to load.
fn in_order(block: &str) -> String {
    if !block.starts_with("map ") {
        return block.to_owned();
    }
    let mut elements: Vec<&str> = block.split([',', '\n']).map(str::trim).collect();
    elements.sort_unstable();
    format!("map {}", elements.join(" "))
}

/// Whether a block that an older ruleset left behind can do nothing: no hook, no rule.
fn is_inert(block: &str) -> bool {
    block.starts_with("set ")
        || block.starts_with("map ")
        || block.starts_with("ct timeout ")
        || block.starts_with("chain ") && block.split_whitespace().collect::<Vec<_>>().len() == 4
}

#[test]
fn loading_b_over_a_decides_as_b_alone() {
    if missing().is_some() {
        return;
    }
    let table = |text: &str| text.lines().find(|line| line.starts_with("table")).unwrap().to_owned();
    let texts = corpus(6);
    for b in &texts {
        let alone = blocks(&load(&[b], "-n list").unwrap());
        for a in texts.iter().filter(|a| table(a) == table(b)) {
            let after = blocks(&load(&[a, b], "-n list").unwrap());
            let left: Vec<&String> = after.difference(&alone).filter(|block| !is_inert(block)).collect();
            let lost: Vec<&String> = alone.difference(&after).collect();
            assert!(left.is_empty() && lost.is_empty(), "left {left:?}, lost {lost:?}\n{b}\n\nafter\n{a}");
        }
    }
}

/// A host's and a gateway's ruleset stand side by side.
#[test]
fn host_and_gateway_leave_each_other_alone() {
    if missing().is_some() {
        return;
    }
    let (host, gateway) =
        (host(&plans::web(), 0, 1), file(&plans::fleet(), &Options::at(Placement::Gateway), "nft"));
    let both = load(&[&host, &gateway, &host], "list").unwrap();
    let apart = [load(&[&host], "list").unwrap(), load(&[&gateway], "list").unwrap()].concat();
    assert_eq!(both, apart);
}

/// No word that nft takes for a keyword gets past the check, and ordinary names load.
#[test]
fn table_names() {
    if missing().is_some() {
        return;
    }
    let words = "accept add all auto-merge chain comment counter ct dup ecn eq ether exists flags flow fwd gc-interval \
                 hook icmpv6 igmp index inet ip6 iif iifname last limit list log map mark meta meter missing monitor \
                 netdev not numgen offload or osf policy position priority quota random reset rt0 rule set size \
                 socket srh symhash table th time timeout tproxy type typeof udplite update vlan vmap xor xt \
                 palisade fw_1 Input filter mangle input second group saddr state protocol name level";
    for word in words.split_whitespace() {
        let mut options = Options::at(Placement::Host(InstanceId(0)));
        options.table = Some(word.to_owned());
        let plain = load(&[&format!("table inet {word} {{\n}}\n")], "list").is_ok();
        let emitted = Nftables.emit(&plans::web(), &options);
        assert!(plain || emitted.is_err(), "nft does not take `{word}`");
        if emitted.is_ok() {
            load(&[&file(&plans::web(), &options, "nft")], "list").unwrap();
        }
    }
}

/// Every way an IPv6 address is abbreviated means the same to nft, to the reader and to the plan.
#[test]
fn abbreviated_addresses() {
    let mut random = Random::new(1);
    let group = |random: &mut Random| if random.chance(60) { 0 } else { random.below(65536) as u16 };
    let addresses: Vec<String> = (0..400)
        .map(|_| {
            std::net::Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(|_| group(&mut random))).to_string()
        })
        .chain(["::".to_owned(), "::ffff:1.2.3.4".to_owned(), "::1.2.3.4".to_owned()])
        .collect();
    let mut plan = build::plan();
    let set = build::add_set(&mut plan, SetKind::Set, "all", &addresses.join(" "));
    let id = build::source(&mut plan, "web in 1", None);
    let rule = build::rule(id, 1, build::ALLOW, build::any(Family::V6).members(&plan, set));
    build::add_instance(&mut plan, "web1", vec![build::nic("eth0", "10.0.0.1", vec![rule], Vec::new())]);
    let text = file(&plan, &Options::at(Placement::Host(InstanceId(0))), "nft");
    let elements = |text: &str| lift(text).tables["palisade"].sets["set_all_v6"].elements.clone();
    assert_eq!(elements(&text), ast::Elements::Ranges(plan.sets[0].v6.ranges().clone()));
    if missing().is_none() {
        assert_eq!(elements(&load(&[&text], "list").unwrap()), elements(&text));
    }
}

/// A small system has neither /etc/protocols nor /etc/services; no name in a file may come from there.
#[test]
fn loads_without_the_name_files() {
    if missing().is_some() {
        return;
    }
    let texts = corpus(6);
    let files = Files::new(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    for path in &files.0 {
        let script = format!(
            "mount --bind /dev/null /etc/protocols && mount --bind /dev/null /etc/services && nft -f '{}'",
            path.display()
        );
        let output =
            Command::new("unshare").args(["--net", "--mount", "sh", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
