//! An imported policy never allows what its listing denies, and says the same wherever no warning says otherwise.
//!
//! The judge here reads the listing's own fields, as text, and shares nothing with the importer.

use std::net::IpAddr;

use palisade::import::{Input, aliyun};
use palisade::policy::Policy;
use palisade::reference;
use palisade_ir::{NicRef, Packet, PacketPorts, Protocol, Verdict};
use serde_json::{Value, json};

/// How many random pairs of listings are tried.
const LISTINGS: u64 = 1500;
/// How many packets meet each of them.
const PACKETS: u64 = 120;

/// Warnings of rules that the policy knows less of than the cloud.
const CLOSER: &[&str] = &["allow-left-out", "unknown-prefix-list", "priority-lowered"];

/// Who is where, and in which group.
const MEMBERS: &[(&str, &str)] = &[
    ("10.0.1.1", "sg-a"),
    ("fd00:1::1", "sg-a"),
    ("10.0.1.2", "sg-a"),
    ("10.0.2.1", "sg-b"),
    ("fd00:2::1", "sg-b"),
    ("10.0.3.1", "sg-x"),
];
const INSTANCES: &str = "
instance web-1 {\n  nic eth0 address [10.0.1.1, fd00:1::1] groups sg-a\n}
instance web-2 {\n  nic eth0 address 10.0.1.2 groups sg-a\n}
instance db-1 {\n  nic eth0 address [10.0.2.1, fd00:2::1] groups sg-b\n}
";
/// A member of a group whose rules are not listed: it matters as a peer, nobody judges for it.
const STRANGER: &str = "instance stranger {\n  nic eth0 address 10.0.3.1 groups sg-x\n}\n";
/// What only the cloud knows: the entries of the prefix list and of the port list.
const PREFIX_LIST: &str = "203.0.113.0/24";
const PORT_LIST: &str = "80/80";

/// Small numbers that look random and are the same in every run (splitmix64, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[(self.roll() % from.len() as u64) as usize]
    }
}

#[test]
fn a_policy_is_never_more_open_than_its_listing() {
    let (mut equal, mut closer) = (0, 0);
    for seed in 0..LISTINGS {
        let mut dice = Dice(seed);
        let groups = [group(&mut dice, "sg-a"), group(&mut dice, "sg-b")];
        let import = aliyun::import(&inputs(&groups));
        let Some(text) = import.policy else { continue };
        let stranger = if text.contains("group sg-x ") { STRANGER } else { "" };
        let text = format!("{text}{INSTANCES}{stranger}");
        let policy = palisade::front::read_text("policy.sg", &text).policy.expect("a policy");
        let same =
            !import.diagnostics.iter().any(|found| CLOSER.iter().any(|code| found.code.ends_with(code)));
        *(if same { &mut equal } else { &mut closer }) += 1;
        for _ in 0..PACKETS {
            let packet = packet(&mut dice);
            let (cloud, ours) = (judge(&groups, &packet), decide(&policy, &packet));
            let fine = if same { cloud == ours } else { cloud == Verdict::Allow || ours == Verdict::Deny };
            assert!(
                fine,
                "listing {seed}: {packet:?}: the cloud says {cloud}, the policy {ours}\n{groups:#?}\n{text}"
            );
        }
    }
    // The dice make contradictory listings too, which are refused; the others must be enough to mean something.
    assert!(equal > 200 && closer > 100, "{equal} equal, {closer} closer");
}

#[derive(Debug)]
struct Group {
    id: &'static str,
    enterprise: bool,
    inner: &'static str,
    rules: Vec<Value>,
}

fn group(dice: &mut Dice, id: &'static str) -> Group {
    let enterprise = dice.roll().is_multiple_of(5);
    let inner = if enterprise { "Drop" } else { dice.pick(&["Accept", "Drop"]) };
    let mut rules: Vec<Value> = (0..dice.roll() % 5).map(|_| rule(dice, id, enterprise)).collect();
    if dice.roll().is_multiple_of(8) {
        rules = [
            ("ICMP", "-1/-1"),
            ("TCP", "22/22"),
            ("TCP", "3389/3389"),
            ("TCP", "80/80"),
            ("TCP", "443/443"),
        ]
        .into_iter()
        .take(if dice.roll().is_multiple_of(2) { 3 } else { 5 })
        .map(|(protocol, ports)| {
            json!({"Direction": "ingress", "IpProtocol": protocol, "PortRange": ports, "Policy": "Accept",
                    "Priority": 110, "SourceCidrIp": "0.0.0.0/0"})
        })
        .collect();
    }
    Group { id, enterprise, inner, rules }
}

fn rule(dice: &mut Dice, id: &str, enterprise: bool) -> Value {
    let protocol =
        dice.pick(&["TCP", "tcp", "UDP", "ICMP", "icmp", "ICMPv6", "GRE", "ALL", "all", "132", "6"]);
    let ports = match protocol {
        "TCP" | "tcp" | "UDP" | "6" => dice.pick(&["22/22", "80/443", "1/65535", "-1/-1", "20/22"]),
        _ => dice.pick(&["-1/-1", "", "1/65535"]),
    };
    let direction = dice.pick(&["ingress", "ingress", "egress"]);
    let [peer, local] = if direction == "ingress" { ["Source", "Dest"] } else { ["Dest", "Source"] };
    let mut rule = json!({"Direction": direction, "IpProtocol": protocol, "PortRange": ports,
        "Policy": dice.pick(&["Accept", "accept", "Drop"]),
        "Priority": dice.pick(&["1", "1", "2", "50", "100", "100", "105"])});
    let mut set = |key: String, value: &str| {
        rule[key] = json!(value);
    };
    match dice.roll() % 8 {
        0 if !enterprise => set(format!("{peer}GroupId"), dice.pick(&["sg-a", "sg-b", "sg-x"])),
        1 => set(format!("{peer}PrefixListId"), "pl-1"),
        2 => set(format!("Ipv6{peer}CidrIp"), dice.pick(&["::/0", "fd00::/16", "2001:db8::/32"])),
        3 => {
            set(format!("{peer}CidrIp"), "0.0.0.0/0");
            set(format!("Ipv6{peer}CidrIp"), "::/0");
        }
        4 => {
            set(format!("{peer}CidrIp"), "203.0.113.0/24");
            set(format!("{peer}GroupId"), "sg-x");
            set(format!("{peer}PrefixListId"), "pl-1");
        }
        _ => set(
            format!("{peer}CidrIp"),
            dice.pick(&["0.0.0.0/0", "10.0.1.0/24", "10.0.2.1", "203.0.113.9/24"]),
        ),
    }
    match dice.roll() % 10 {
        0 => set(format!("{local}CidrIp"), dice.pick(&["0.0.0.0/0", "10.0.1.0/24", "10.0.0.0/16"])),
        1 => set(format!("Ipv6{local}CidrIp"), "fd00::/16"),
        2 => set(format!("{local}GroupId"), dice.pick(&[id, "sg-x"])),
        3 => set("PortRangeListId".to_owned(), "prl-1"),
        4 if ports.contains('/') => {
            set("SourcePortRange".to_owned(), dice.pick(&["-1/-1", "-1/-1", "40000/40001"]))
        }
        _ => {}
    }
    rule
}

fn inputs(groups: &[Group]) -> Vec<Input> {
    let entry = |group: &Group| {
        let kind = if group.enterprise { "enterprise" } else { "normal" };
        json!({"SecurityGroupId": group.id, "VpcId": "vpc-1", "SecurityGroupType": kind})
    };
    let entries: Vec<Value> = groups.iter().map(entry).collect();
    let listing = |group: &Group| {
        json!({"SecurityGroupId": group.id, "VpcId": "vpc-1", "InnerAccessPolicy": group.inner,
            "Permissions": {"Permission": group.rules}})
    };
    let input = |value: Value| Input { name: "input.json".to_owned(), text: value.to_string() };
    let mut all: Vec<Input> = groups.iter().map(|group| input(listing(group))).collect();
    all.push(input(json!({"SecurityGroups": {"SecurityGroup": entries}})));
    all
}

fn packet(dice: &mut Dice) -> Packet {
    loop {
        let addresses: Vec<&str> = MEMBERS
            .iter()
            .map(|(address, _)| *address)
            .chain(["203.0.113.9", "2001:db8::9", "2001:db8::9"])
            .collect();
        let [source, destination] =
            [(); 2].map(|()| dice.pick(&addresses).parse::<IpAddr>().expect("an address"));
        let protocol =
            Protocol::parse(dice.pick(&["tcp", "tcp", "udp", "icmp", "icmpv6", "icmpv6", "gre", "132"]))
                .expect("known");
        let port = |dice: &mut Dice| {
            dice.pick(&["0", "1", "22", "80", "443", "3389", "40000"]).parse().expect("a port")
        };
        let ports = PacketPorts { source: port(dice), destination: port(dice) };
        let ports = (protocol.has_ports() && !dice.roll().is_multiple_of(8)).then_some(ports);
        // Families that do not go together make no packet.
        if let Ok(packet) = Packet::new(source, destination, protocol, ports) {
            return packet;
        }
    }
}

fn decide(policy: &Policy, packet: &Packet) -> Verdict {
    let owner = |address: IpAddr| -> Option<NicRef> {
        let owner = policy.nics().find(|(_, nic)| nic.addresses.contains(&address)).map(|(at, _)| at);
        owner.filter(|at| policy.instance(at.instance).expect("an instance").name.as_str() != "stranger")
    };
    reference::decide(policy, packet, owner(packet.source()), owner(packet.destination())).verdict
}

/// The cloud's verdict, read off the listings.
fn judge(groups: &[Group], packet: &Packet) -> Verdict {
    let member = |address: IpAddr| groups.iter().find(|group| is_member(address, group.id));
    let (sender, receiver) = (member(packet.source()), member(packet.destination()));
    if let Some(group) = sender {
        let default = if group.enterprise { Verdict::Deny } else { Verdict::Allow };
        if rules_say(group, "egress", packet).unwrap_or(default) == Verdict::Deny {
            return Verdict::Deny;
        }
    }
    let Some(group) = receiver else { return Verdict::Allow };
    if sender.is_some_and(|sender| sender.id == group.id) && group.inner == "Accept" {
        return Verdict::Allow;
    }
    rules_say(group, "ingress", packet).unwrap_or(Verdict::Deny)
}

fn is_member(address: IpAddr, group: &str) -> bool {
    MEMBERS.iter().any(|(it, of)| *of == group && it.parse() == Ok(address))
}

/// The verdict of the strongest rule that matches, denies first.
fn rules_say(group: &Group, direction: &str, packet: &Packet) -> Option<Verdict> {
    let matching = group
        .rules
        .iter()
        .filter(|rule| text(rule, "Direction") == direction && matches(group, rule, packet));
    let strength =
        |rule: &Value| (number(rule, "Priority"), text(rule, "Policy").eq_ignore_ascii_case("accept"));
    let (_, accept) = matching.map(strength).min()?;
    Some(if accept { Verdict::Allow } else { Verdict::Deny })
}

fn text<'a>(rule: &'a Value, key: &str) -> &'a str {
    rule[key].as_str().unwrap_or_default()
}

fn number(rule: &Value, key: &str) -> u64 {
    rule[key].as_u64().unwrap_or_else(|| text(rule, key).parse().expect("a number"))
}

fn matches(group: &Group, rule: &Value, packet: &Packet) -> bool {
    let [peer, local] =
        if text(rule, "Direction") == "ingress" { ["Source", "Dest"] } else { ["Dest", "Source"] };
    let address = |end: &str| if end == "Source" { packet.source() } else { packet.destination() };
    let inside = |prefix: &str, address: IpAddr| within(prefix, address);
    let prefixes = |end: &str| [text(rule, &format!("{end}CidrIp")), text(rule, &format!("Ipv6{end}CidrIp"))];
    let within_any = |end: &str| prefixes(end).iter().any(|prefix| inside(prefix, address(end)));
    let peer_matches = if prefixes(peer) != ["", ""] {
        within_any(peer)
    } else if !text(rule, &format!("{peer}GroupId")).is_empty() {
        is_member(address(peer), text(rule, &format!("{peer}GroupId")))
    } else {
        inside(PREFIX_LIST, address(peer))
    };
    let local_group = text(rule, &format!("{local}GroupId"));
    let local_matches = (prefixes(local) == ["", ""] || within_any(local))
        && (local_group.is_empty() || local_group == group.id || is_member(address(local), local_group));
    let peer_is_v6 = !text(rule, &format!("Ipv6{peer}CidrIp")).is_empty();
    peer_matches && local_matches && traffic_matches(rule, packet, peer_is_v6)
}

fn within(prefix: &str, address: IpAddr) -> bool {
    if prefix.is_empty() {
        return false;
    }
    let (network, length) = prefix.split_once('/').unwrap_or((prefix, "128"));
    match (network.parse().expect("an address"), address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => {
            let shift = 32 - length.parse::<u32>().expect("a length").min(32);
            u64::from(u32::from(net)) >> shift == u64::from(u32::from(address)) >> shift
        }
        (IpAddr::V6(net), IpAddr::V6(address)) => {
            let shift = 128 - length.parse::<u32>().expect("a length");
            shift == 128 || u128::from(net) >> shift == u128::from(address) >> shift
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn traffic_matches(rule: &Value, packet: &Packet, peer_is_v6: bool) -> bool {
    let protocol = text(rule, "IpProtocol").to_ascii_lowercase();
    let spoken = match protocol.as_str() {
        "all" => true,
        // For IPv6 prefixes, ICMP means ICMPv6.
        "icmp" if packet.source().is_ipv6() => packet.protocol() == Protocol::ICMPV6 && peer_is_v6,
        "icmpv6" if packet.source().is_ipv4() => false,
        name => Protocol::parse(name) == Some(packet.protocol()),
    };
    let has_ports = ["tcp", "udp", "6"].contains(&protocol.as_str());
    let list = !text(rule, "PortRangeListId").is_empty();
    let destination = match text(rule, "PortRange") {
        _ if list => PORT_LIST,
        "-1/-1" => "1/65535",
        range => range,
    };
    let source = text(rule, "SourcePortRange");
    let tested = |range: &str, port: fn(PacketPorts) -> u16| {
        let (first, last) = range.split_once('/').expect("a range");
        let within =
            |port: u16| (first.parse::<u16>().unwrap()..=last.parse::<u16>().unwrap()).contains(&port);
        packet.ports().is_some_and(|ports| within(port(ports)))
    };
    spoken
        && (!has_ports || tested(destination, |ports| ports.destination))
        && (!has_ports || source.is_empty() || source == "-1/-1" || tested(source, |ports| ports.source))
}
