//! Good policies by value. What is refused, and how, is tested by the files under `tests/bad`.

use palisade_grammar::ast;
use palisade_ir::PortMatch;

use super::{CODES, resolve};
use crate::diagnostic::{Diagnostic, FileId};
use crate::policy::{End, GroupKind, InnerScope, Policy, Rule, Traffic, Who};
use crate::source::load_text;

fn resolved(text: &str) -> (Option<Policy>, Vec<Diagnostic>) {
    let loaded = load_text("policy.sg", text);
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    resolve(&loaded.files)
}

fn good(text: &str) -> Policy {
    let (policy, found) = resolved(text);
    policy.unwrap_or_else(|| panic!("{found:#?}"))
}

/// The rules of a group, in words.
fn rules(policy: &Policy, group: &str) -> Vec<String> {
    let group = policy.groups.iter().find(|it| it.name.as_str() == group).expect("the group is there");
    group.rules.iter().map(|rule| show(policy, rule)).collect()
}

fn show(policy: &Policy, rule: &Rule) -> String {
    let traffic: Vec<String> = rule.traffic.iter().map(show_traffic).collect();
    let side = rule.side.map_or(String::new(), |side| format!(" {side}"));
    let label = rule.label.as_ref().map_or(String::new(), |label| format!(" as {label}"));
    format!(
        "{}{side} {} {} {} from {} to {}{label}{}",
        rule.direction,
        rule.priority.get(),
        rule.verdict,
        traffic.join("+"),
        show_end(policy, &rule.source),
        show_end(policy, &rule.destination),
        if rule.log { " log" } else { "" },
    )
}

fn show_traffic(traffic: &Traffic) -> String {
    let protocol = traffic.protocol.map_or("all".to_owned(), |protocol| protocol.to_string());
    let ports = |ports: &PortMatch| match ports {
        PortMatch::Any => String::new(),
        PortMatch::In(set) => {
            let parts: Vec<String> = set.ranges().map(|(first, last)| format!("{first}-{last}")).collect();
            parts.join(",")
        }
    };
    match (ports(&traffic.source_ports), ports(&traffic.destination_ports)) {
        (source, destination) if source.is_empty() && destination.is_empty() => protocol,
        (source, destination) => format!("{protocol} {source}>{destination}"),
    }
}

fn show_end(policy: &Policy, end: &End) -> String {
    let End::Peers(peers) = end else { return "any".to_owned() };
    let shown = peers.iter().map(|peer| match peer.who {
        Who::Prefix(net) => net.to_string(),
        Who::Set(id) => format!("set {}", policy.set(id).unwrap().name),
        Who::Group(id) => format!("group {}", policy.group(id).unwrap().name),
        Who::Instance(id) => policy.instance(id).unwrap().name.to_string(),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[test]
fn ports_belong_to_the_end_they_follow() {
    let policy = good(
        "network prod = vpc
group web {
  kind basic
  network prod
  inner allow
  in {
    10 allow tcp from any port 53 to 10.0.1.1 port [80, 79, 443]
    20 allow proto 17 from 10.0.0.0/8 to port 53
    30 deny all from any
    40 allow proto 132 from ::1
  }
  out {
    1 deny tcp from 172.16.1.0/32 port 22 to 10.0.0.1 port 1-65535
    2 deny tcp from any port 25 to any log
  }
}
",
    );
    assert_eq!(
        rules(&policy, "web"),
        [
            "in 10 allow tcp 53-53>79-80,443-443 from any to 10.0.1.1/32",
            "in 20 allow udp >53-53 from 10.0.0.0/8 to any",
            "in 30 deny all from any to any",
            "in 40 allow proto 132 from ::1/128 to any",
            "out 1 deny tcp 22-22>1-65535 from 172.16.1.0/32 to 10.0.0.1/32",
            "out 2 deny tcp 25-25> from any to any log",
        ]
    );
}

#[test]
fn default_groups_have_their_rules() {
    let policy = good(
        "network prod = vpc
network old = classic
group a default {
  network prod
}
group b default with web {
  network old
}
group c clone b {
  in public {
    5 deny all from any
  }
}
instance one {
  nic eth0 address 10.0.0.1 network prod
}
",
    );
    let everyone = "from 0.0.0.0/0 to any";
    assert_eq!(
        rules(&policy, "a"),
        ["icmp", "tcp >22-22", "tcp >3389-3389"].map(|what| format!("in 110 allow {what} {everyone}"))
    );
    let public = ["icmp", "tcp >22-22", "tcp >3389-3389", "tcp >80-80", "tcp >443-443"];
    let sections = |priority: u16| {
        let public = public.iter().map(|what| format!("public {priority} allow {what}"));
        let internal = public.clone().take(3).map(|rule| rule.replace("public", "internal"));
        public.chain(internal).map(|rule| format!("in {rule} {everyone}")).collect::<Vec<_>>()
    };
    assert_eq!(rules(&policy, "b"), sections(110));
    let mut cloned = sections(100);
    cloned.push("in public 5 deny all from any to any".to_owned());
    assert_eq!(rules(&policy, "c"), cloned);
    let is_default: Vec<bool> = policy.groups.iter().map(|group| group.is_default).collect();
    assert_eq!(is_default, [true, true, false]);
    assert_eq!(policy.groups.iter().map(|group| group.members.len()).collect::<Vec<_>>(), [1, 0, 0]);
}

#[test]
fn clones_copy_rules_and_attributes_but_no_members() {
    let policy = good(
        "network prod = vpc
network lab = vpc
group z-base \"the base\" {
  kind basic
  network prod
  inner deny
  in {
    10 allow tcp from any to port 22 as ssh
    10 allow tcp from any to port 22
    20 allow tcp from any to port 80 as http
  }
}
group m clone z-base {
  remove in ssh
  out {
    30 deny tcp to any port 25 as ssh
  }
}
group a clone m {
  network lab
  inner allow
  remove in http
}
group e clone a {
  kind enterprise
}
instance one {
  nic eth0 address 10.0.0.1 groups z-base
}
",
    );
    let ssh = "in 10 allow tcp >22-22 from any to any";
    let http = "in 20 allow tcp >80-80 from any to any as http";
    let smtp = "out 30 deny tcp >25-25 from any to any as ssh";
    assert_eq!(rules(&policy, "z-base"), [&format!("{ssh} as ssh"), http], "the repeated rule is dropped");
    assert_eq!(rules(&policy, "m"), [ssh, http, smtp], "but stays where the first one is removed");
    assert_eq!(rules(&policy, "a"), [ssh, smtp]);
    assert_eq!(rules(&policy, "e"), [ssh, smtp]);
    let kinds: Vec<GroupKind> = policy.groups.iter().map(|group| group.kind).collect();
    let basic = |inner| GroupKind::Basic { inner };
    use palisade_ir::Verdict::{Allow, Deny};
    assert_eq!(kinds, [basic(Allow), GroupKind::Enterprise, basic(Deny), basic(Deny)]);
    let networks: Vec<u32> = policy.groups.iter().map(|group| group.network.0).collect();
    assert_eq!(networks, [0, 0, 1, 1]);
    assert_eq!(policy.groups[2].description, None);
    let members: Vec<usize> = policy.groups.iter().map(|group| group.members.len()).collect();
    assert_eq!(members, [0, 0, 0, 1]);
}

#[test]
fn sets_and_services_are_values() {
    let policy = good(
        "set all = [set b, 2001:db8::/32, 10.0.0.0/9] except [set c, 10.64.0.0/10]
set b = [10.128.0.0/9, set c]
set c = 192.0.2.7
set none = set c except set c
service web = [service tls, tcp 80, tcp [81, 80]]
service tls = [tcp 443, udp 443]
service loose = [service web, tcp]
network prod = vpc
group g {
  kind basic
  network prod
  inner deny
  in {
    1 allow service web from any
    2 allow service loose from any
  }
}
",
    );
    let shown = |name: &str| {
        let set = policy.sets.iter().find(|set| set.name.as_str() == name).unwrap();
        let nets = set.v4.prefixes().into_iter().chain(set.v6.prefixes());
        nets.map(|net| net.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown("all"), "10.0.0.0/10 10.128.0.0/9 2001:db8::/32");
    assert_eq!(shown("b"), "10.128.0.0/9 192.0.2.7/32");
    assert_eq!(shown("none"), "");
    assert_eq!(
        rules(&policy, "g"),
        [
            "in 1 allow tcp >80-81,443-443+udp >443-443 from any to any",
            "in 2 allow tcp+udp >443-443 from any to any",
        ]
    );
}

#[test]
fn settings_have_defaults_and_units() {
    let policy = good("");
    assert_eq!((policy.session_timeout, policy.inner_scope), (910, InnerScope::Ingress));
    let policy = good("inner scope both\nsession timeout 2h\n");
    assert_eq!((policy.session_timeout, policy.inner_scope), (7200, InnerScope::Both));
}

#[test]
fn order_in_the_text_does_not_change_ids() {
    let statements = [
        "network b = vpc\n",
        "network a = vpc\n",
        "group y {\n  kind basic\n  network a\n  inner deny\n}\n",
        "group x clone y {\n}\n",
        "instance two {\n  nic eth0 address 10.0.0.2 groups [y, x]\n}\n",
        "instance one {\n  nic eth1 address [10.0.0.1, fd00::1] groups x\n  nic eth0 address 10.0.0.3 groups y\n}\n",
    ];
    let there = good(&statements.concat());
    let back = good(&statements.iter().rev().copied().collect::<String>());
    let names = |policy: &Policy| {
        let groups = policy.groups.iter().map(|group| format!("{} {:?}", group.name, group.members));
        let instances = policy.instances.iter().map(|it| format!("{} {:?}", it.name, it.nics[0].groups));
        groups.chain(instances).collect::<Vec<_>>()
    };
    assert_eq!(names(&there), names(&back));
    assert_eq!(there.instances[0].nics[0].interface.as_str(), "eth1", "NICs keep the author's order");
}

#[test]
fn limits_are_where_they_should_be() {
    let text = "x".repeat(512);
    good(&format!("network prod \"{text}\" = vpc\nsession timeout 1193046h\n"));
    good(
        "network prod = vpc
group g {
  kind basic
  network prod
  inner deny
  in {
    1 allow tcp from any port 1 to port 65535
    100 allow proto 0 from any
    100 allow proto 255 from 0.0.0.0/0
    50 allow tcp from any to any
    50 allow udp from any to 0.0.0.0/0 port 53
  }
}
instance i {
  nic \"a-name_of.15:@c\" via \"x\" address [169.254.0.1, fe80::1, 240.0.0.1, fd00::1] groups g
}
",
    );
}

/// The grammar lets no such trees through, but callers may build them: nothing may be lost without a word.
#[test]
fn trees_built_by_hand_are_checked_too() {
    let text = "network prod = vpc
group g {
  kind basic
  network prod
  inner deny
  in {
    10 allow tcp from 10.0.0.1
  }
}
expect deny tcp from 10.0.0.1 to 10.0.0.2
";
    let refused = |change: &dyn Fn(&mut ast::File)| {
        let mut file = palisade_grammar::parse(text).file;
        change(&mut file);
        let (policy, found) = resolve(&[(FileId(0), file)]);
        assert!(policy.is_none());
        found.first().expect("an error").code
    };
    let instance = ast::Name { value: "i".to_owned(), span: ast::Span::default() };
    let name = instance.clone();
    let code = refused(&move |file| {
        let ast::ItemKind::Group(group) = &mut file.items[1].kind else { panic!() };
        let ast::GroupItemKind::Section(section) = &mut group.items[3].kind else { panic!() };
        let Some(ast::Peers::List(list)) = section.rules[0].from.as_mut().and_then(|end| end.peers.as_mut())
        else {
            panic!()
        };
        list.elements[0].value = ast::Peer::Instance(name.clone());
    });
    assert_eq!(code, "palisade::resolve::unknown-instance");
    let code = refused(&|file| {
        let ast::ItemKind::Expect(expect) = &mut file.items[2].kind else { panic!() };
        expect.to.peers = None;
    });
    assert_eq!(code, "palisade::resolve::missing-peer");
}

#[test]
fn a_large_policy_resolves() {
    let mut text = String::from("network prod = vpc\nset s0 = 10.0.0.0/24\n");
    for nth in 1..3000 {
        text += &format!("set s{nth} = [set s{}, 10.{}.{}.0/24]\n", nth - 1, nth / 250 + 1, nth % 250);
    }
    text += "group g0 {\n  kind basic\n  network prod\n  inner deny\n  in {\n";
    for nth in 0..3000 {
        text += &format!("    {} allow tcp from set s{nth} to port {}\n", nth % 100 + 1, nth + 1);
    }
    text += "  }\n}\n";
    for nth in 1..20 {
        text += &format!("group g{nth} clone g{} {{\n}}\n", nth - 1);
    }
    let policy = good(&text);
    assert_eq!(policy.groups.iter().map(|group| group.rules.len()).sum::<usize>(), 60_000);
}

#[test]
fn codes_are_declared_once() {
    let mut codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), CODES.len());
}
