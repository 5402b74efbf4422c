//! The reader on texts that emit never wrote: what it refuses, and what nft's words mean.

use palisade_ir::{
    Artifact, ArtifactFile, ConnState, Lifted, Packet, PacketPorts, Protocol, Traversal, Verdict,
};
use palisade_nftables::read;

use crate::build::ifname;

fn artifact(text: &str) -> Artifact {
    Artifact { files: vec![ArtifactFile::text("nft", text.to_owned())] }
}

/// A ruleset of one input chain with policy accept, more chains behind it.
fn input(rules: &str, chains: &str) -> String {
    format!(
        "table inet t {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy accept;\n{rules}\n\t}}\n{chains}\n}}\n"
    )
}

fn tcp(from: &str, to: &str, ports: Option<(u16, u16)>) -> Packet {
    let ports = ports.map(|(source, destination)| PacketPorts { source, destination });
    Packet::new(from.parse().unwrap(), to.parse().unwrap(), Protocol::TCP, ports).unwrap()
}

fn dropped(text: &str, packet: &Packet) -> bool {
    let ruleset = read(&artifact(text)).unwrap_or_else(|error| panic!("{error}\n{text}"));
    ruleset.decide(packet, &Traversal::input(ifname("eth0"))).verdict == Verdict::Deny
}

#[test]
fn understands_or_refuses() {
    let rule = |rule: &str| (input(rule, ""), 4);
    let cases = [
        rule("accept drop"),
        rule("ip protocol tcp accept"),
        rule("ip6 nexthdr tcp accept"),
        rule("tcp flags syn accept"),
        rule("th dport 22 accept"),
        rule("meta l4proto { tcp, icmp } th dport 22 accept"),
        rule("meta l4proto != tcp th dport 22 accept"),
        rule("tcp dport ssh accept"),
        rule("tcp dport 022 accept"),
        rule("tcp dport 70000 accept"),
        rule("tcp dport { } accept"),
        rule("tcp dport { 20-30, 25 } accept"),
        rule("ip saddr 10.0.0.1/8 accept"),
        rule("ip saddr ::1 accept"),
        rule("ip saddr @nothing accept"),
        rule("iifname \"eth*\" accept"),
        rule("iifname eth0 accept"),
        rule("iifname . ip saddr { \"eth0\" . 10.0.0.0/8, \"eth0\" . 10.1.0.0/16 } accept"),
        rule("ct state != established,related accept"),
        rule("ct timeout set \"nothing\""),
        rule("jump nothing"),
        rule("jump input"),
        rule("limit rate 10/second accept"),
        rule("limit rate 10/fortnight log prefix \"x\""),
        rule("log prefix \"$x\" level info"),
        rule("log level loud"),
        rule("meta mark set 1 accept"),
        rule("reject"),
        rule("queue"),
        rule("accept comment no-quotes"),
        rule("accept comment \"a\" drop"),
        rule("comment no-quotes"),
        rule("accept \\"),
        ("table ip t {\n}\n".to_owned(), 1),
        ("flush ruleset\n".to_owned(), 1),
        ("delete table inet t\n".to_owned(), 1),
        ("\nflush table inet t\n".to_owned(), 2),
        ("include \"x\"\n".to_owned(), 1),
        ("table inet t {\n\tset s {\n\t\ttype mark\n\t}\n}\n".to_owned(), 3),
        (
            "table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.0/8 }\n\t}\n}\n"
                .to_owned(),
            5,
        ),
        ("table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t}\n}\n".to_owned(), 4),
        (
            "table inet t {\n\tchain c {\n\t\ttype nat hook input priority 0; policy accept;\n\t}\n}\n"
                .to_owned(),
            3,
        ),
        (
            "table inet t {\n\tchain c {\n\t\ttype filter hook ingress priority 0; policy accept;\n\t}\n}\n"
                .to_owned(),
            3,
        ),
        ("table inet t {\n\tct timeout x {\n\t\tprotocol icmp\n\t}\n}\n".to_owned(), 3),
        (input("jump a", "chain a {\njump b\n}\nchain b {\njump a\n}"), 7),
        (input("accept", "") + &input("accept", "").replace("priority filter", "priority 5"), 9),
    ];
    for (text, line) in cases {
        match read(&artifact(&text)) {
            Ok(_) => panic!("taken:\n{text}"),
            Err(error) => assert_eq!(error.line, line, "{error}\n{text}"),
        }
    }
    let odd = Artifact { files: vec![ArtifactFile::text("json", String::new())] };
    assert!(read(&odd).is_err());
}

#[test]
fn verdicts_walk_as_in_the_kernel() {
    let packet = tcp("192.0.2.1", "10.0.0.1", Some((1000, 22)));
    let cases = [
        ("accept\ndrop", "", false),
        ("drop", "", true),
        ("return\ndrop", "", false),
        ("jump a\ndrop", "chain a {\nreturn\naccept\n}", true),
        ("jump a\ndrop", "chain a {\naccept\n}", false),
        ("goto a\ndrop", "chain a {\n}", false),
        ("jump a\naccept", "chain a {\ngoto b\ndrop\n}\nchain b {\n}", false),
        ("jump a\ndrop", "chain a {\ngoto b\naccept\n}\nchain b {\nreturn\n}", true),
        ("ip daddr vmap { 10.0.0.1 : goto a, 10.0.0.2 : accept }\naccept", "chain a {\ndrop\n}", true),
        ("ip daddr vmap { 10.0.0.0/24 : drop, 10.0.1.0/24 : accept }", "", true),
        ("ip daddr vmap { 10.0.0.2-10.0.0.9 : drop }", "", false),
        ("ip6 daddr vmap { ::/0 : drop }", "", false),
        ("iifname . ip daddr vmap { \"eth0\" . 10.0.0.1 : drop, \"eth00\" . 10.0.0.1 : accept }", "", true),
        ("iifname . ip daddr { \"eth1\" . 10.0.0.1 } drop", "", false),
        ("tcp dport != 22 drop", "", false),
        ("tcp dport != { 23, 80 } drop", "", true),
        ("@th,0,32 0x3e80016 drop", "", false),
        ("meta l4proto tcp @th,0,32 0x3e80016 drop", "", true),
        ("meta l4proto tcp @th,0,32 0x3e80017 drop", "", false),
        ("limit rate 1/second burst 5 packets log prefix \"x \" level info\ndrop", "", true),
        ("counter packets 5 bytes 300 drop", "", true),
        ("ct state { new, untracked } drop", "", true),
    ];
    for (rules, chains, expected) in cases {
        if rules.starts_with('@') {
            assert!(read(&artifact(&input(rules, chains))).is_err());
            continue;
        }
        assert_eq!(dropped(&input(rules, chains), &packet), expected, "{rules}\n{chains}");
    }
}

/// What nft adds by itself, and what a packet lacks, narrows a rule and never widens it.
#[test]
fn tests_imply_what_they_need() {
    let (four, six) = (tcp("192.0.2.1", "10.0.0.1", Some((9, 22))), tcp("2001:db8::1", "::1", Some((9, 22))));
    let fragment = tcp("192.0.2.1", "10.0.0.1", None);
    let udp = Packet::new(four.source(), four.destination(), Protocol::UDP, four.ports()).unwrap();
    let cases = [
        ("ip saddr 0.0.0.0/0 drop", [true, false, true, true]),
        ("ip6 saddr ::/0 drop", [false, true, false, false]),
        ("meta nfproto 2 drop", [true, false, true, true]),
        ("tcp dport 0-65535 drop", [true, true, false, false]),
        ("tcp sport != 10 drop", [true, true, false, false]),
        ("meta l4proto 6 drop", [true, true, true, false]),
        ("meta l4proto { tcp, udp } th dport 22 drop", [true, true, false, true]),
        ("icmp type echo-request drop", [false; 4]),
        ("ip6 hoplimit 255 drop", [false; 4]),
        ("drop", [true; 4]),
    ];
    for (rules, expected) in cases {
        let text = input(rules, "");
        let got = [&four, &six, &fragment, &udp].map(|packet| dropped(&text, packet));
        assert_eq!(got, expected, "{rules}");
    }
}

#[test]
fn commands_run_in_order() {
    let packet = tcp("192.0.2.1", "10.0.0.1", Some((1000, 22)));
    let set = |elements: &str| {
        format!("table inet t {{\nset s {{\ntype ipv4_addr; flags interval; {elements};\n}}\n}}\n")
    };
    let rule = input("ip daddr @s drop", "");
    let one = set("elements = { 10.0.0.1 }");
    let flush = "flush set inet t s\n";
    assert!(dropped(&format!("{one}{rule}"), &packet));
    assert!(!dropped(&format!("{one}{rule}{flush}"), &packet));
    assert!(dropped(&format!("{one}{rule}{flush}{one}"), &packet));
    assert!(!dropped(&format!("{one}{rule}flush table inet t\n"), &packet));
    assert!(dropped(&format!("{one}{rule}flush table inet t\n{rule}"), &packet));
    // An element twice, and a rule before its set, do not load.
    assert!(read(&artifact(&format!("{one}{one}"))).is_err());
    assert!(read(&artifact(&format!("{rule}{one}"))).is_err());
    // The policy of the last declaration holds.
    let closed = input("", "").replace("policy accept", "policy drop");
    assert!(dropped(&format!("{}{closed}", input("", "")), &packet));
}

/// A drop is final; an accept is for its own base chain. An earlier chain's log counts.
#[test]
fn base_chains_follow_one_another() {
    let chain = |table: &str, priority: &str, rules: &str| {
        input(rules, "")
            .replace("inet t", &format!("inet {table}"))
            .replace("priority filter", &format!("priority {priority}"))
    };
    let packet = tcp("192.0.2.1", "10.0.0.1", Some((1000, 22)));
    let text = chain("late", "10", "accept comment \"late\"")
        + &chain("early", "-5", "log prefix \"x\"\naccept comment \"early\"");
    let decide = |text: &str| {
        let at = Traversal { state: ConnState::New, ..Traversal::input(ifname("eth0")) };
        read(&artifact(text)).unwrap().decide(&packet, &at)
    };
    let decision = decide(&text);
    assert_eq!((decision.verdict, decision.logged), (Verdict::Allow, true));
    assert_eq!((decision.comment.as_deref(), decision.line), (Some("late"), Some(4)));
    let decision = decide(&text.replace("accept comment \"early\"", "drop"));
    assert_eq!((decision.verdict, decision.comment, decision.line), (Verdict::Deny, None, Some(12)));
    let nothing = read(&artifact(&text)).unwrap().decide(&packet, &Traversal::output(ifname("eth0")));
    assert_eq!((nothing.verdict, nothing.line), (Verdict::Allow, None));
}
