//! What is emitted loads into the kernel, twice is once, and what the kernel then lists is read back to the same
//! verdicts. With both builds of iptables, with and without sets, whole tables and own chains.

use palisade_iptables::Iptables;
use palisade_ir::{Backend, Ifname, Options, Placement, Plan, Traversal};

use crate::common::loading::{VARIANTS, load, save};
use crate::common::netns::Namespace;
use crate::common::{self, judge, packets, plans};

const TOOLS: [&str; 7] = [
    "iptables-nft-restore",
    "iptables-legacy-restore",
    "ip6tables-nft-restore",
    "ip6tables-legacy-restore",
    "ipset",
    "conntrack",
    "sysctl",
];

fn every_option(placement: Placement) -> Vec<Options> {
    let mut all = Vec::new();
    for (ipset, chains_only) in [(false, false), (false, true), (true, false), (true, true)] {
        all.push(Options { ipset, chains_only, ..Options::at(placement) });
    }
    all
}

/// The traversals that matter at a placement.
fn traversals(plan: &Plan, placement: Placement) -> Vec<Traversal> {
    let host = ["eth0", "eth1", "wan0"].map(|name| Ifname::new(name).unwrap());
    match placement {
        Placement::Host(_) => host
            .into_iter()
            .flat_map(|name| [Traversal::input(name.clone()), Traversal::output(name)])
            .collect(),
        Placement::Gateway => {
            let names = judge::gateway_interfaces(plan);
            names
                .iter()
                .flat_map(|iif| names.iter().map(|oif| Traversal::forward(iif.clone(), oif.clone())))
                .collect()
        }
    }
}

fn check(namespace: &Namespace, variant: &str, plan: &Plan, options: &Options, seed: u64) {
    let artifact = match Iptables.emit(plan, options) {
        Ok(artifact) => artifact,
        Err(error) => {
            let known = ["palisade::emit::ambiguous-address", "palisade::emit::protocol-zero"];
            return assert!(seed > 1 && known.contains(&error.code), "{error}");
        }
    };
    load(namespace, variant, &artifact);
    let once = save(namespace, variant);
    load(namespace, variant, &artifact);
    let twice = save(namespace, variant);
    assert_eq!(once, twice, "{variant} {options:?}");

    let emitted = Iptables.lift(&artifact).unwrap();
    let saved = Iptables.lift(&once).unwrap_or_else(|error| {
        let file = common::text(&once, error.file).to_owned();
        panic!("{variant} {error}: {:?}", file.lines().nth(error.line - 1))
    });
    for packet in packets::at_edges(plan, seed, 60) {
        for at in traversals(plan, options.placement) {
            let (mut there, mut here) = (saved.decide(&packet, &at), emitted.decide(&packet, &at));
            (there.line, here.line) = (None, None);
            assert_eq!(there, here, "{variant} {options:?} {packet:?} {at:?}");
        }
    }
}

/// Each plan is loaded over the one before, so what an earlier one leaves behind would show.
#[test]
fn loads_twice_as_once_and_reads_back() {
    for variant in VARIANTS {
        let Some(namespace) = Namespace::new(&TOOLS) else { return };
        let mut all = vec![plans::shop(), plans::odd_names()];
        all.extend((0..8).map(plans::some_plan));
        for (seed, plan) in all.iter().enumerate() {
            for placement in [common::HOST, Placement::Gateway] {
                for options in every_option(placement) {
                    check(&namespace, variant, plan, &options, seed as u64);
                }
            }
        }
    }
}

/// Own chains leave the rules of others where they are, and have one jump however often they are loaded.
#[test]
fn own_chains_stand_beside_others() {
    for variant in VARIANTS {
        let Some(namespace) = Namespace::new(&TOOLS) else { return };
        let others = "*filter\n:INPUT DROP [0:0]\n:OTHER - [0:0]\n-A INPUT -j OTHER\n-A OTHER -p tcp -j DROP\nCOMMIT\n";
        namespace.must(&[&format!("iptables-{variant}-restore")], others);
        let options = Options { chains_only: true, ipset: true, ..Options::at(common::HOST) };
        for plan in [plans::shop(), plans::some_plan(1), plans::shop()] {
            load(&namespace, variant, &common::emit(&plan, &options));
        }
        let saved = save(&namespace, variant);
        let input: Vec<&str> = common::text(&saved, "rules.v4")
            .lines()
            .filter(|line| ["-A INPUT", "-A OTHER", ":INPUT"].iter().any(|start| line.starts_with(start)))
            .collect();
        let expected =
            [":INPUT DROP", "-A INPUT -j PALISADE-IN", "-A INPUT -j OTHER", "-A OTHER -p tcp -j DROP"];
        assert_eq!(input, expected);
    }
}

/// A set that shrinks and grows between loads has the members of the last one.
#[test]
fn sets_follow_the_policy() {
    let Some(namespace) = Namespace::new(&TOOLS) else { return };
    let options = Options { ipset: true, ..Options::at(common::HOST) };
    let host = palisade_ir::InstanceId(1);
    let options = Options { placement: Placement::Host(host), ..options };
    for members in
        ["192.0.2.0/24 2001:db8::/32", "192.0.2.0/25 198.51.100.1 10.0.0.0/8 ::1", "192.0.2.0/24 ::2"]
    {
        let mut plan = plans::shop();
        let wanted = plans::named_set(palisade_ir::SetKind::Set, "office", members);
        for nic in plan.instances.iter_mut().flat_map(|instance| &mut instance.nics) {
            nic.ingress = plans::with_set_content(&nic.ingress, &wanted).into();
        }
        plan.sets = vec![wanted];
        load(&namespace, "nft", &common::emit(&plan, &options));
        let saved = save(&namespace, "nft");
        let mut found: Vec<&str> = common::text(&saved, "ipset")
            .lines()
            .filter_map(|line| {
                line.strip_prefix("add PAL-s4-office ").or(line.strip_prefix("add PAL-s6-office "))
            })
            .collect();
        let mut expected: Vec<&str> = members.split(' ').collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

/// The sysctl file sets every timer this kernel has.
#[test]
fn timers_are_set() {
    let Some(namespace) = Namespace::new(&TOOLS) else { return };
    for timeout in [910, 7, 100_000] {
        let mut plan = plans::shop();
        plan.session_timeout = timeout;
        let artifact = common::emit(&plan, &Options::at(common::HOST));
        load(&namespace, "nft", &artifact);
        namespace.must(&["sysctl", "-q", "-e", "-p", "/dev/stdin"], common::text(&artifact, "sysctl"));
        let mut seen = 0;
        for (key, seconds) in palisade_iptables::lift::read(&artifact).unwrap().settings {
            let found = namespace.run(&["sysctl", "-n", &key], "");
            if found.success {
                assert_eq!(found.out.trim(), seconds.to_string(), "{key}");
                seen += 1;
            }
        }
        assert!(seen >= 15, "only {seen} timers");
    }
}
