//! What the emitter refuses, and what the reader refuses: nothing is guessed, nothing is skipped.

use palisade_iptables::Iptables;
use palisade_ir::{
    Artifact, ArtifactFile, Backend, Direction, InstanceId, Options, Placement, Plan, Style, Verdict,
};

use crate::common;
use crate::common::plans::{self, Words, instance, nic};

fn refuses(plan: &Plan, options: &Options, code: &str) {
    let error = Iptables.emit(plan, options).expect_err(code);
    assert_eq!(error.code, code, "{error}");
    assert!(error.help.is_some() && !error.message.ends_with('.'));
}

/// NICs, each an instance of its own: `via` and addresses.
fn nics(ends: &[(Option<&str>, &str)]) -> Plan {
    let mut plan = plans::empty();
    for (number, (via, addresses)) in ends.iter().enumerate() {
        let nic = nic("eth0", *via, addresses, Vec::new(), Vec::new());
        plan.instances.push(instance(&format!("host{number}"), vec![nic]));
    }
    plan
}

#[test]
fn options_that_do_not_apply() {
    let plan = plans::shop();
    let table = Options { table: Some("mine".to_owned()), ..Options::at(common::HOST) };
    refuses(&plan, &table, "palisade::emit::unsupported-option");
    let denied = Options { unmanaged: Verdict::Deny, ..Options::at(Placement::Gateway) };
    refuses(&plan, &denied, "palisade::emit::unsupported-option");
    let nobody = Options::at(Placement::Host(InstanceId(9)));
    refuses(&plan, &nobody, "palisade::emit::unknown-instance");
}

#[test]
fn a_timeout_the_kernel_cannot_count() {
    let plan = Plan { session_timeout: 2_147_484, ..plans::shop() };
    refuses(&plan, &Options::at(common::HOST), "palisade::emit::session-timeout");
    let plan = Plan { session_timeout: 2_147_483, ..plan };
    assert!(Iptables.emit(&plan, &Options::at(common::HOST)).is_ok());
}

#[test]
fn addresses_a_gateway_cannot_tell_apart() {
    let gateway = Options::at(Placement::Gateway);
    let ambiguous = [
        nics(&[(None, "10.0.0.1"), (None, "10.0.0.1")]),
        nics(&[(Some("tap0"), "10.0.0.1"), (None, "10.0.0.1")]),
        nics(&[(Some("tap0"), "10.0.0.1"), (Some("tap0"), "10.0.0.1")]),
        nics(&[(Some("tap0"), "::1"), (Some("tap1"), "::1"), (None, "::1")]),
    ];
    for plan in ambiguous {
        refuses(&plan, &gateway, "palisade::emit::ambiguous-address");
        assert!(Iptables.emit(&plan, &Options::at(common::HOST)).is_ok());
    }
    let told_apart = nics(&[(Some("tap0"), "10.0.0.1"), (Some("tap1"), "10.0.0.1"), (None, "10.0.0.2")]);
    assert!(Iptables.emit(&told_apart, &gateway).is_ok());
}

#[test]
fn two_nics_on_one_interface() {
    let mut plan = plans::empty();
    let twice = ["10.0.0.1", "10.0.0.2"].map(|address| nic("eth0", None, address, Vec::new(), Vec::new()));
    plan.instances.push(instance("web1", twice.into()));
    for placement in [common::HOST, Placement::Gateway] {
        refuses(&plan, &Options::at(placement), "palisade::emit::duplicate-interface");
    }
}

#[test]
fn an_egress_allow_of_protocol_zero_beside_other_tools() {
    let mut plan = plans::empty();
    let words = Words { protocols: &[0, 6], ..Words::default() };
    let egress = plans::rules(&mut plan, Direction::Out, &words);
    plan.instances.push(instance("web1", vec![nic("eth0", None, "10.0.0.1", Vec::new(), egress)]));
    let whole = Options { layout: Style::Rules, ..Options::at(Placement::Gateway) };
    assert!(Iptables.emit(&plan, &whole).is_ok());
    refuses(&plan, &Options { chains_only: true, ..whole }, "palisade::emit::protocol-zero");
}

#[test]
fn an_egress_allow_with_too_many_combinations() {
    let mut plan = plans::empty();
    let list = |net: u32| (0..150).map(|host| format!("10.{net}.{host}.1 ")).collect::<String>();
    let words = Words { source: &list(1), destination: &list(2), ..Words::default() };
    let egress = plans::rules(&mut plan, Direction::Out, &words);
    plan.instances.push(instance("web1", vec![nic("eth0", None, "10.0.0.1", Vec::new(), egress)]));
    let gateway = Options { layout: Style::Rules, ..Options::at(Placement::Gateway) };
    refuses(&plan, &gateway, "palisade::emit::too-many-rules");
    assert!(Iptables.emit(&plan, &Options { ipset: true, ..gateway }).is_ok());
    assert!(Iptables.emit(&plan, &Options::at(common::HOST)).is_ok());
}

/// Puts a line into a well-formed rules file, and expects the reader to stop at it.
fn reader_refuses(suffix: &'static str, before: &str, line: &str) {
    let text = format!("{before}{line}\nCOMMIT\n");
    let artifact = Artifact { files: vec![ArtifactFile::text(suffix, text)] };
    let error = Iptables.lift(&artifact).expect_err(line);
    assert_eq!((error.file, error.line), (suffix, before.lines().count() + 1), "{line}: {error}");
}

#[test]
fn lines_the_reader_does_not_know() {
    let table = "*filter\n:INPUT ACCEPT [0:0]\n:P - [0:0]\n";
    let lines = [
        "-A INPUT -j NOWHERE",
        "-A NOWHERE -j DROP",
        "-A P -j INPUT",
        "-I P -j DROP",
        "-A P -j REJECT",
        "-A P -j MARK --set-mark 1",
        "-A P -m mark --mark 1 -j ACCEPT",
        "-A P -m set --match-set missing src -j DROP",
        "-A P -p tcp -m tcp --syn -j DROP",
        "-A P -p tcp -m tcp --tcp-flags SYN SYN -j DROP",
        "-A P -m tcp --dport 22 -j DROP",
        "-A P ! -p tcp -m tcp --dport 22 -j DROP",
        "-A P -p tcp --dport 22:1 -j DROP",
        "-A P -p tcp --dport 65536 -j DROP",
        "-A P -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 -j DROP",
        "-A P -p tcp -m multiport --ports 1 -j DROP",
        "-A P -s 2001:db8::1 -j DROP",
        "-A P -s 10.0.0.0/33 -j DROP",
        "-A P -s 10.0.0.1,10.0.0.2 -j DROP",
        "-A P -p icmp -m icmp --icmp-type echo-request -j DROP",
        "-A P -m hl --hl-eq 255 -j DROP",
        "-A P -m conntrack --ctstate SNAT -j DROP",
        "-A P -m conntrack -j DROP",
        "-A P -m limit --limit 1/sec -j ACCEPT",
        "-A P -m comment --comment \"x -j DROP",
        "-A P -j DROP -j ACCEPT",
        "-A P -f -j DROP",
        "-A P ! -j DROP",
        "-A P -p nonsense -j DROP",
        "-A P ! -p all -j DROP",
        "-A P -j DROP\r",
        ":P - [0:0]",
        ":INPUT - [0:0]",
        ":Q ACCEPT [0:0]",
        "*nat",
        "nonsense",
    ];
    for line in lines {
        reader_refuses("rules.v4", table, line);
    }
    reader_refuses("rules.v4", "", "*filtre");
    reader_refuses("rules.v4", "*nat\n:PREROUTING ACCEPT [0:0]\n", "-A PREROUTING -j DNAT --to 10.0.0.1");
    reader_refuses("rules.v6", table, "-A P -s 10.0.0.1 -j DROP");
    reader_refuses("sysctl", "# x\n", "net.ipv4.ip_forward = 1");
    reader_refuses("sysctl", "", "net.netfilter.nf_conntrack_udp_timeout = soon");
    let sets = "create A hash:net family inet maxelem 2\nadd A 10.0.0.0/8\n";
    for line in [
        "add A 10.0.0.0/8",
        "add A 0.0.0.0/0",
        "add A ::1",
        "add B 10.0.0.1",
        "create A hash:net",
        "create -exist A hash:net family inet maxelem 3",
        "create B hash:ip",
        "create B hash:net timeout 5",
        "swap A B",
        "destroy B",
        "rename A B",
    ] {
        reader_refuses("ipset", sets, line);
    }
    reader_refuses("ipset", "create A hash:net maxelem 1\nadd A 10.0.0.1\n", "add A 10.0.0.2");
    reader_refuses("nft", "", "table inet palisade {}");
}

#[test]
fn tables_the_kernel_would_refuse() {
    let read = |text: &str| {
        Iptables.lift(&Artifact { files: vec![ArtifactFile::text("rules.v4", text.to_owned())] })
    };
    assert_eq!(read("*filter\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -g A\nCOMMIT\n").unwrap_err().line, 2);
    assert!(read("*filter\n:A - [0:0]\n").is_err(), "no COMMIT");
    assert!(read("*filter\nCOMMIT\n*filter\nCOMMIT\n").is_err(), "twice");
    assert!(read("*raw\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*filter\nCOMMIT\n").is_ok());
}
