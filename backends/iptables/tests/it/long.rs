//! Long chains: trees and sets decide as the list does, stay within their size, and are short ways.

use palisade_iptables::Iptables;
use palisade_iptables::lift::{self, AddressSet, Asks, Target};
use palisade_ir::{Backend, Direction, Family, Ifname, Options, Placement, Plan, Style, Traversal, Verdict};

use crate::common::plans::{self, Words, instance, nic};
use crate::common::random::Random;
use crate::common::{self, judge, packets};

/// A policy of one instance whose chains are long: prefixes of many lengths with ports, some ranges, some rules for
/// everybody or for a source port, in both families.
fn long_plan(seed: u64, rules: usize, most_ports: usize, log: bool) -> Plan {
    let mut random = Random::new(seed);
    // With few ports rules meet a lot.
    let meeting = most_ports < 100;
    let mut plan = plans::empty();
    let mut chains = [Vec::new(), Vec::new()];
    for at in 0..rules {
        let direction = if at % 3 == 0 { Direction::Out } else { Direction::In };
        let peer = match random.below(12) {
            0 if meeting => String::new(),
            0..8 => {
                let length = *random.pick(&[9, 16, 20, 24, 28, 32]);
                format!(
                    "{}.{}.{}.{}/{length}",
                    10 + random.below(4),
                    random.below(8),
                    random.below(8),
                    random.below(256)
                )
            }
            _ => format!("2001:db8:{:x}::/{}", random.below(64), *random.pick(&[33, 48, 60])),
        };
        let port = 1 + random.below(most_ports);
        let ports = match random.below(8) {
            0 => format!("{port} {}", 100 + random.below(2000)),
            1 if meeting => format!("{port}-{}", port + random.below(1000)),
            2 => format!("{port}-{}", port + random.below(30)),
            _ => port.to_string(),
        };
        let words = Words {
            priority: 1 + random.below(100) as u32,
            verdict: *random.pick(&[Verdict::Deny, Verdict::Allow]),
            log: log && random.one_in(10),
            protocols: random.pick::<&[u8]>(&[&[6], &[6], &[6], &[17], &[6, 17]]),
            source: if direction == Direction::In { &peer } else { "" },
            destination: if direction == Direction::Out { &peer } else { "" },
            source_ports: if random.one_in(20) { "53 1024-65535" } else { "" },
            ports: if meeting && random.one_in(20) { "" } else { &ports },
            ..Words::default()
        };
        let chain = if direction == Direction::In { &mut chains[0] } else { &mut chains[1] };
        chain.extend(plans::rules(&mut plan, direction, &words));
    }
    let [ingress, egress] = chains;
    plan.instances
        .push(instance("web1", vec![nic("eth0", None, "10.9.1.1 2001:db8:fff::1", ingress, egress)]));
    plan
}

fn options(placement: Placement, layout: Style, ipset: bool) -> Options {
    Options { layout, ipset, ..common::bare(placement) }
}

#[test]
fn decides_as_the_list_does() {
    let eth0 = Ifname::new("eth0").unwrap();
    for seed in 0..12 {
        let plan = long_plan(seed, 60 + 40 * (seed as usize % 4), 40, seed % 2 == 0);
        for (layout, ipset) in [Style::Auto, Style::Maps].into_iter().flat_map(|it| [(it, false), (it, true)])
        {
            let host = Iptables.lift(&common::emit(&plan, &options(common::HOST, layout, ipset))).unwrap();
            let files = common::emit(&plan, &options(Placement::Gateway, layout, ipset));
            let gateway = Iptables.lift(&files).unwrap();
            for packet in packets::at_edges(&plan, seed, 400) {
                for incoming in [true, false] {
                    let at = if incoming {
                        Traversal::input(eth0.clone())
                    } else {
                        Traversal::output(eth0.clone())
                    };
                    let wanted = judge::host(&plan, palisade_ir::InstanceId(0), incoming, &eth0, &packet);
                    let found = host.decide(&packet, &at);
                    let title = format!("seed {seed} {layout:?} {ipset} {packet:?} {at:?}: {found:?}");
                    assert_eq!((found.verdict, found.logged), (wanted.verdict, wanted.logged), "{title}");
                }
                let wanted = judge::gateway(&plan, &eth0, &eth0, &packet);
                let found = gateway.decide(&packet, &Traversal::forward(eth0.clone(), eth0.clone()));
                let title = format!("gateway, seed {seed} {layout:?} {ipset} {packet:?}: {found:?}");
                assert_eq!((found.verdict, found.logged), (wanted.verdict, wanted.logged), "{title}");
            }
        }
    }
}

/// At most twice the list, and no more than rules were written; the tree's chains are short.
#[test]
fn trees_are_small_and_short() {
    let plan = long_plan(3, 2000, 4000, false);
    let lines = |layout| {
        let artifact = common::emit(&plan, &options(common::HOST, layout, false));
        let ruleset = lift::read(&artifact).unwrap();
        let filter = ruleset.filter(Family::V4).clone();
        (filter.chains.iter().map(|chain| chain.rules.len()).sum::<usize>(), filter)
    };
    let (list, _) = lines(Style::Rules);
    let (tree, filter) = lines(Style::Auto);
    assert!(list > 1000 && tree <= 2 * list + 64, "{tree} lines in trees, {list} in lists");
    let jumps = |chain: &&lift::Chain| chain.rules.iter().any(|rule| matches!(rule.target, Target::Goto(_)));
    let inner = filter.chains.iter().filter(jumps).count();
    assert!(inner > 3, "{inner} chains lead on");
    let longest = filter.chains.iter().map(|chain| chain.rules.len()).max();
    assert!(longest < Some(list / 4), "a chain has {longest:?} rules");
}

/// One look-up says which of many overlapping rules is the strongest.
#[test]
fn a_set_holds_rules_and_exceptions() {
    let mut plan = plans::empty();
    let mut rule = |priority, verdict, source, ports| {
        let words = Words { priority, verdict, source, ports, protocols: &[6], ..Words::default() };
        plans::rules(&mut plan, Direction::In, &words)
    };
    let mut ingress = rule(10, Verdict::Deny, "10.1.0.0/16", "22 80");
    ingress.extend(rule(5, Verdict::Allow, "10.1.2.0/24", "22"));
    ingress.extend(rule(20, Verdict::Allow, "0.0.0.0/0", "20-25 80"));
    let (plan, ingress) = (&mut plan, ingress);
    plan.instances.push(instance("web1", vec![nic("eth0", None, "10.9.1.1", ingress, Vec::new())]));
    let artifact = common::emit(plan, &options(common::HOST, Style::Maps, true));
    let lines: Vec<&str> =
        common::text(&artifact, "ipset").lines().filter(|line| line.starts_with("add")).collect();
    let members = [
        "0.0.0.0/1,tcp:20-25",
        "0.0.0.0/1,tcp:80",
        "10.1.0.0/16,tcp:22 nomatch",
        "10.1.0.0/16,tcp:80 nomatch",
        "10.1.2.0/24,tcp:22",
        "128.0.0.0/1,tcp:20-25",
        "128.0.0.0/1,tcp:80",
    ];
    assert_eq!(lines, members.map(|member| format!("add PAL-tmp4p {member}")));
    let ruleset = lift::read(&artifact).unwrap();
    let [AddressSet::Services(set)] = ruleset.sets.values().collect::<Vec<_>>()[..] else {
        panic!("one set")
    };
    assert_eq!(set.products().len(), 3);
    let tests = |rule: &lift::Rule| rule.tests.iter().any(|test| matches!(test.asks, Asks::InServices(..)));
    let found: Vec<Target> = ruleset
        .v4
        .chains
        .iter()
        .flat_map(|it| &it.rules)
        .filter(|it| tests(it))
        .map(|it| it.target)
        .collect();
    assert_eq!(found, [Target::Accept]);
}

/// One rule of many prefixes is a tree too.
#[test]
fn a_list_of_prefixes_is_divided() {
    let mut plan = plans::empty();
    let list: String = (0..200).map(|at| format!("10.{at}.0.0/24 ")).collect();
    let words = Words { source: &list, protocols: &[6], ports: "22", ..Words::default() };
    let ingress = plans::rules(&mut plan, Direction::In, &words);
    plan.instances.push(instance("web1", vec![nic("eth0", None, "10.9.1.1", ingress, Vec::new())]));
    let artifact = common::emit(&plan, &options(common::HOST, Style::Auto, false));
    let longest = lift::read(&artifact).unwrap().v4.chains.iter().map(|chain| chain.rules.len()).max();
    assert!(longest < Some(30), "a chain has {longest:?} rules");
}
