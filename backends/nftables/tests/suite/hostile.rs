//! Nothing an author writes can end a comment, a name or a line, or look like something else.

use palisade_ir::{
    Backend, Family, InstanceId, InstancePlan, Lifted, Options, Origin, Packet, Placement, Plan, Protocol,
    RuleSource, SetKind, Traversal, Verdict,
};
use palisade_nftables::{Nftables, read};

use crate::build::*;
use crate::kernel;
use crate::snapshots::file;

/// A plan with the text wherever authors write some.
fn poisoned(text: &str) -> Plan {
    let mut plan = plan();
    let office = add_set(&mut plan, SetKind::Set, "office", "10.0.0.0/8");
    plan.sets[0].description = Some(text.to_owned());
    let source = source(&mut plan, "web in 20 ssh", Some(text));
    let ingress = vec![rule(source, 20, logged(DENY), any(Family::V4).members(&plan, office))];
    let nics = vec![nic("eth0", "10.0.1.10", ingress, Vec::new())];
    plan.instances.push(InstancePlan { name: name("web1"), description: Some(text.to_owned()), nics });
    plan
}

fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "\"",
        "\\",
        "\\\"",
        "\n",
        "a\nflush ruleset",
        "a\r\nflush ruleset",
        "\"; accept; #",
        "} } flush ruleset",
        "a\" accept\n\t\tdrop comment \"",
        "\u{202e}tpecca\u{2066}",
        "\u{0}",
        "\u{1b}]0;x\u{7}",
        "\u{2028}accept",
        "# x",
        "$office",
        "*",
        "a\\",
        "\u{85}\u{b}\u{c}",
        "\u{200b}",
        " ",
        "\u{e0041}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend(["a".repeat(1000), "é".repeat(500), "漢".repeat(333), "\"".repeat(512), "😀".repeat(250)]);
    texts.extend((100..130).map(|length| format!("{}é漢", "a".repeat(length))));
    texts
}

#[test]
fn text_changes_comments_only() {
    let options = Options::at(Placement::Host(InstanceId(0)));
    let skeleton = |text: &str| {
        let line = |line: &str| match line.split_once(" comment \"") {
            Some((rule, comment)) => {
                let comment = comment.strip_suffix('"').expect("a comment ends its line");
                assert!(comment.len() <= 128 && !comment.contains('"'), "{line}");
                rule.to_owned()
            }
            None => line.to_owned(),
        };
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.map(line).collect::<Vec<_>>().join("\n")
    };
    let plain = skeleton(&file(&poisoned("plain"), &options, "nft"));
    for text in hostile() {
        let emitted = file(&poisoned(&text), &options, "nft");
        assert_eq!(skeleton(&emitted), plain, "{text:?}");
        let odd = emitted.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        assert_eq!(odd, None, "{text:?}");
        assert!(!emitted.contains(['\u{202e}', '\u{2066}', '\u{2028}', '\u{200b}', '\u{e0041}']), "{text:?}");
        let lifted = read(&Nftables.emit(&poisoned(&text), &options).unwrap()).unwrap();
        let packet =
            Packet::new("10.0.0.1".parse().unwrap(), "10.0.1.10".parse().unwrap(), Protocol::TCP, None)
                .unwrap();
        let decision = lifted.decide(&packet, &Traversal::input(ifname("eth0")));
        assert_eq!((decision.verdict, decision.logged), (Verdict::Deny, true));
        assert!(decision.comment.unwrap().starts_with("web in 20 ssh"));
    }
}

#[test]
fn the_kernel_takes_every_text() {
    if kernel::missing().is_some() {
        return;
    }
    let options = Options::at(Placement::Host(InstanceId(0)));
    for text in hostile() {
        let emitted = file(&poisoned(&text), &options, "nft");
        let listing =
            kernel::load(&[&emitted], "list").unwrap_or_else(|error| panic!("{text:?}: {error}\n{emitted}"));
        assert!(listing.contains("comment \"web in 20 ssh"), "{text:?}");
    }
}

#[test]
fn comments_name_every_origin_that_fits() {
    let mut plan = plan();
    let ids: Vec<_> =
        (1..=9).map(|n| source(&mut plan, &format!("group-number-{n} in 20 label"), Some("why"))).collect();
    let comment = |plan: &Plan, ids: &[palisade_ir::RuleId]| {
        let origin = ids.iter().fold(Origin::one(ids[0]), |all, id| all.join(&Origin::one(*id)));
        let mut rule = rule(ids[0], 20, ALLOW, any(Family::V4).from("10.0.0.0/8"));
        rule.origin = origin;
        let mut plan = plan.clone();
        add_instance(&mut plan, "web1", vec![nic("eth0", "10.0.1.10", vec![rule], Vec::new())]);
        let text = file(&plan, &Options::at(Placement::Host(InstanceId(0))), "nft");
        let line = text.lines().find(|line| line.contains("ip saddr 10.0.0.0/8")).unwrap().to_owned();
        line.split_once("comment ").unwrap().1.to_owned()
    };
    assert_eq!(comment(&plan, &ids[..1]), "\"group-number-1 in 20 label: why\"");
    assert_eq!(comment(&plan, &ids[..2]), "\"group-number-1 in 20 label, group-number-2 in 20 label: why\"");
    let many = comment(&plan, &ids);
    assert_eq!(
        many,
        "\"group-number-1 in 20 label, group-number-2 in 20 label, group-number-3 in 20 label and 6 more: why\""
    );
}

#[test]
fn long_names_fit_and_stay_apart() {
    let mut plan = plan();
    let (one, two) = (format!("{}a", "g".repeat(400)), format!("{}b", "g".repeat(400)));
    let sets = [
        add_set(&mut plan, SetKind::Group, &one, "10.0.0.1"),
        add_set(&mut plan, SetKind::Group, &two, "10.0.0.2"),
        add_set(&mut plan, SetKind::Set, "input", "10.0.0.3"),
        add_set(&mut plan, SetKind::Group, "input", "10.0.0.4"),
    ];
    let id = add_info(&mut plan, RuleSource::InnerAccess { group: name(&one) }, None);
    let many: String = (0..20).map(|n| format!("192.0.2.{} ", n * 3)).collect();
    let mut ingress: Vec<_> =
        sets.iter().map(|set| rule(id, 1, ALLOW, any(Family::V4).members(&plan, *set))).collect();
    ingress.push(rule(id, 2, ALLOW, any(Family::V4).from(&many)));
    add_instance(&mut plan, &one, vec![nic("eth0", "10.0.1.10", ingress.clone(), Vec::new())]);
    add_instance(&mut plan, &two, vec![nic("eth0", "10.0.1.11", ingress, Vec::new())]);
    for options in [Options::at(Placement::Host(InstanceId(0))), Options::at(Placement::Gateway)] {
        let text = file(&plan, &options, "nft");
        let ruleset = kernel::lift(&text);
        let table = ruleset.tables.values().next().unwrap();
        assert_eq!(table.sets.len(), 5);
        assert!(table.sets.keys().chain(table.chains.keys()).all(|name| name.len() <= 255));
        if kernel::missing().is_none() {
            kernel::load(&[&text], "list").unwrap();
        }
    }
}
