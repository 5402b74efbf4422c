//! `verify --live`: what the kernel lists of a loaded policy is proved equal to it, and a change by hand is found with a
//! packet.

use std::path::{Path, PathBuf};
use std::process::Command;

use palisade_testkit::lab::Variant;
use palisade_testkit::netns::Namespace;
use palisade_testkit::require_kernel;
use palisade_testkit::sample::security_group_policy;

/// How a policy is compiled, loaded and listed.
#[derive(Clone, Copy, Debug)]
enum Way {
    Nft,
    Iptables(Variant),
    Ipset(Variant),
    Chains(Variant),
}

const WAYS: [Way; 7] = [
    Way::Nft,
    Way::Iptables(Variant::Nft),
    Way::Iptables(Variant::Legacy),
    Way::Ipset(Variant::Nft),
    Way::Ipset(Variant::Legacy),
    Way::Chains(Variant::Nft),
    Way::Chains(Variant::Legacy),
];

impl Way {
    fn options(self) -> &'static [&'static str] {
        match self {
            Way::Nft => &[],
            Way::Iptables(_) => &["--target", "iptables"],
            Way::Ipset(_) => &["--target", "iptables", "--ipset"],
            Way::Chains(_) => &["--target", "iptables", "--chains-only"],
        }
    }

    const fn variant(self) -> Option<Variant> {
        match self {
            Way::Nft => None,
            Way::Iptables(variant) | Way::Ipset(variant) | Way::Chains(variant) => Some(variant),
        }
    }
}

/// What a run of the command left behind.
#[derive(Debug)]
struct Run {
    code: i32,
    told: String,
}

/// A machine of its own, with the commands of one variant of iptables on its PATH.
struct Machine {
    namespace: Namespace,
    folder: tempfile::TempDir,
    way: Way,
}

impl Machine {
    fn new(way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(variant) = way.variant() {
            for tool in ["iptables", "ip6tables"] {
                for suffix in ["", "-save", "-restore"] {
                    // The programs of both variants look at the name they are called by.
                    let multi = which(&format!("xtables-{}-multi", variant.name()));
                    std::os::unix::fs::symlink(multi, folder.path().join(format!("{tool}{suffix}"))).unwrap();
                }
            }
        }
        Self { namespace: Namespace::new().unwrap(), folder, way }
    }

    fn palisade(&self, args: &[&str]) -> Run {
        let path = std::env::var("PATH").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(args)
            .args(self.way.options())
            .env("NO_COLOR", "1")
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap() + std::str::from_utf8(&output.stderr).unwrap();
        Run { code: output.status.code().unwrap(), told }
    }

    fn verify(&self, policy: &Path, who: &[&str]) -> Run {
        let mut args = vec!["verify", policy.to_str().unwrap(), "--live", "--netns", self.namespace.name()];
        args.extend(who);
        self.palisade(&args)
    }

    /// Compiles and loads as the files' headers say.
    fn load(&self, policy: &Path, who: &[&str]) {
        let out = self.folder.path().join("out");
        let mut args = vec!["compile", policy.to_str().unwrap(), "-o", out.to_str().unwrap(), "--no-verify"];
        args.extend(who);
        let run = self.palisade(&args);
        assert_eq!(run.code, 0, "{}", run.told);
        let stem = who.get(1).copied().unwrap_or("gateway");
        let load = |suffix: &str, command: &str, options: &[&str]| {
            let path = out.join(format!("{stem}.{suffix}"));
            let Ok(text) = std::fs::read_to_string(path) else { return };
            self.namespace.run(command, options, &text).unwrap();
            for line in
                text.lines().filter_map(|line| line.strip_prefix("#   ")).filter(|line| line.contains(" || "))
            {
                self.shell(line);
            }
        };
        let program = |tool: &str| self.folder.path().join(format!("{tool}-restore")).display().to_string();
        let beside: &[&str] = if matches!(self.way, Way::Chains(_)) { &["--noflush"] } else { &[] };
        load("nft", "nft", &["-f", "-"]);
        load("ipset", "ipset", &["restore"]);
        load("rules.v4", &program("iptables"), beside);
        load("rules.v6", &program("ip6tables"), beside);
        load("sysctl", "sysctl", &["-e", "-q", "-p", "-"]);
    }

    /// Runs a line as an administrator would.
    fn shell(&self, line: &str) {
        let script = format!("PATH={}:$PATH; {line}", self.folder.path().display());
        self.namespace.run("sh", &["-c", &script], "").unwrap();
    }
}

fn which(program: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(program))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{program} is not on PATH"))
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).join("policy.sg")
}

#[test]
fn what_was_loaded_is_proved() {
    require_kernel!();
    for (name, who) in [
        ("web-tier", &["--instance", "web-1"][..]),
        ("three-tier", &["--instance", "db-1"]),
        ("three-tier", &["--gateway"]),
        ("classic", &["--gateway"]),
        ("default-group", &["--instance", "trial"]),
        ("enterprise", &["--instance", "pay-1"]),
        ("gateway", &["--gateway"]),
    ] {
        for way in WAYS {
            if matches!(way, Way::Chains(_)) && who == ["--gateway"] {
                continue;
            }
            let machine = Machine::new(way);
            let policy = example(name);
            let before = machine.verify(&policy, who);
            assert_eq!(before.code, 3, "{name} {way:?}: {}", before.told);
            machine.load(&policy, who);
            let run = machine.verify(&policy, who);
            assert_eq!(run.code, 0, "{name} {way:?}: {}", run.told);
            assert!(run.told.contains("the running kernel means the policy"), "{}", run.told);
        }
    }
}

/// Long chains are arranged as look-ups: maps, trees of chains, sets of addresses and ports.
#[test]
fn long_chains_are_proved_as_they_are_listed() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.sg");
    let text = security_group_policy(300, 3);
    std::fs::write(&policy, &text).unwrap();
    for way in WAYS {
        let machine = Machine::new(way);
        machine.load(&policy, &who);
        let run = machine.verify(&policy, &who);
        assert_eq!(run.code, 0, "{way:?}: {}", run.told);
        // One verdict more or less is a drift.
        let (head, tail) = text.rsplit_once(" allow ").unwrap();
        let other = folder.path().join("other.sg");
        std::fs::write(&other, format!("{head} deny {tail}")).unwrap();
        let run = machine.verify(&other, &who);
        assert_eq!(run.code, 3, "{way:?}: {}", run.told);
        assert!(run.told.contains("  packet "), "{way:?}: {}", run.told);
    }
}

#[test]
fn a_change_by_hand_is_found_with_a_packet_and_a_line() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    for (way, change, packet, line) in [
        (
            Way::Nft,
            "nft add element inet palisade set_office_v4 '{ 203.0.113.7 }'",
            "203.0.113.7",
            "nft -n list table",
        ),
        (
            Way::Iptables(Variant::Nft),
            "iptables -I PAL-in-eth0 -p udp --dport 53 -j ACCEPT",
            "port 53",
            "iptables-save:",
        ),
        (Way::Iptables(Variant::Legacy), "ip6tables -D PAL-in-eth0 1", "from fd00:1::10 ", "ip6tables-save:"),
        (
            Way::Ipset(Variant::Legacy),
            "ipset add PAL-s4-office 203.0.113.0/24",
            "203.0.113.",
            "iptables-save:",
        ),
        (
            Way::Chains(Variant::Nft),
            "iptables -D INPUT -j PALISADE-IN",
            "policy   deny",
            "no built-in chain leads into `PALISADE-IN`",
        ),
        (
            Way::Chains(Variant::Legacy),
            "iptables -I INPUT -s 198.18.0.1 -j ACCEPT",
            "198.18.0.1",
            "iptables-save:",
        ),
    ] {
        let machine = Machine::new(way);
        machine.load(&example("web-tier"), &who);
        machine.shell(change);
        let run = machine.verify(&example("web-tier"), &who);
        assert_eq!(run.code, 3, "{way:?}: {}", run.told);
        for part in ["packet", packet, line, "drifted"] {
            assert!(run.told.contains(part), "{way:?}, `{part}`: {}", run.told);
        }
    }
}

/// Verdicts stay, and yet sessions end at another time: found in objects, rules and settings.
#[test]
fn changed_timeouts_are_drift() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    let icmp = "sysctl -q -w net.netfilter.nf_conntrack_icmp_timeout=30";
    let tcp = "sysctl -q -w net.netfilter.nf_conntrack_tcp_timeout_established=432000";
    let flush = "nft flush chain inet palisade nic-eth0-out && nft add rule inet palisade nic-eth0-out";
    let out = "nft add rule inet palisade nic-eth0-out";
    for (way, change, told) in [
        (Way::Nft, icmp.to_owned(), "`net.netfilter.nf_conntrack_icmp_timeout` is 30, and should be 910"),
        (
            Way::Iptables(Variant::Nft),
            tcp.to_owned(),
            "tcp_timeout_established` is 432000, and should be 910",
        ),
        (
            Way::Chains(Variant::Legacy),
            tcp.to_owned(),
            "tcp_timeout_established` is 432000, and should be 910",
        ),
        (
            Way::Nft,
            format!("{flush} tcp dport 25 drop && {out} accept"),
            "the chain `nic-eth0-out` does not give sessions their timeouts",
        ),
        (
            Way::Nft,
            format!(
                "{flush} tcp dport 25 drop && {out} meta l4proto tcp ct timeout set '\"tcp_910\"' && {out} accept"
            ),
            "the chain `nic-eth0-out` does not give sessions their timeouts",
        ),
    ] {
        let machine = Machine::new(way);
        machine.load(&example("web-tier"), &who);
        machine.shell(&change);
        let run = machine.verify(&example("web-tier"), &who);
        assert_eq!(run.code, 3, "{way:?}: {}", run.told);
        assert!(
            run.told.contains(told) && run.told.contains("the running kernel means"),
            "{change}: {}",
            run.told
        );
    }
}

/// An object of the same name with other seconds: the policy's file does not change one that is there.
#[test]
fn a_timeout_object_of_the_same_name_is_drift() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    let machine = Machine::new(Way::Nft);
    machine.shell(
        "nft 'table inet palisade { ct timeout tcp_910 { protocol tcp; policy = { established : 60 }; }; }'",
    );
    machine.load(&example("web-tier"), &who);
    let run = machine.verify(&example("web-tier"), &who);
    assert_eq!(run.code, 3, "{}", run.told);
    for told in ["`tcp_910` has established 60 s, and should have 910 s", "unack 300 s"] {
        assert!(run.told.contains(told), "{}", run.told);
    }
}

/// `nft -j list table` is read like its text.
#[test]
fn a_listing_as_json_is_proved() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    let machine = Machine::new(Way::Nft);
    let policy = example("web-tier");
    machine.load(&policy, &who);
    let listing = machine.folder.path().join("web-1.nft");
    let verify = |options: &str| {
        let list = ["-c", &format!("nft {options} list table inet palisade")];
        std::fs::write(&listing, machine.namespace.run("sh", &list, "").unwrap()).unwrap();
        machine.palisade(&["verify", policy.to_str().unwrap(), listing.to_str().unwrap()])
    };
    for options in ["", "-n", "-j", "-nj", "-sj"] {
        let run = verify(options);
        assert_eq!(run.code, 0, "{options}: {}", run.told);
    }
    machine.shell("nft add element inet palisade set_office_v4 '{ 203.0.113.7 }'");
    let run = verify("-j");
    assert_eq!(run.code, 3, "{}", run.told);
    for told in ["203.0.113.7", "web-1.nft, object ", "\"@set_office_v4\""] {
        assert!(run.told.contains(told), "`{told}`: {}", run.told);
    }
    machine.shell("nft add rule inet palisade input meta mark 5 accept");
    let run = verify("-j");
    assert_eq!(run.code, 3, "{}", run.told);
    assert!(run.told.contains(".left.meta") || run.told.contains(".rule: expected a field"), "{}", run.told);
}

#[test]
fn rules_of_others_are_told_and_left_out() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    let machine = Machine::new(Way::Nft);
    machine.load(&example("web-tier"), &who);
    machine.shell(
        "nft 'table ip other { chain in { type filter hook input priority 10; meta mark 5 drop; }; }'",
    );
    let run = machine.verify(&example("web-tier"), &who);
    assert_eq!(run.code, 0, "{}", run.told);
    assert!(run.told.contains("note: table `ip other` is not part of the proof"), "{}", run.told);
    // In the policy's own table nothing is passed over.
    machine.shell("nft add rule inet palisade input meta mark 5 accept");
    let run = machine.verify(&example("web-tier"), &who);
    assert_eq!(run.code, 3, "{}", run.told);
    assert!(run.told.contains("meta mark 0x00000005 accept"), "{}", run.told);

    let machine = Machine::new(Way::Chains(Variant::Nft));
    machine.shell("iptables -A INPUT -p tcp -m recent --name x --update -j DROP");
    machine.shell("iptables -t nat -A POSTROUTING -j MASQUERADE");
    machine.load(&example("web-tier"), &who);
    let run = machine.verify(&example("web-tier"), &who);
    assert_eq!(run.code, 0, "{}", run.told);
    for note in ["table `nat` is not part of the proof", "rules behind the jump"] {
        assert!(run.told.contains(note), "{}", run.told);
    }
}

#[test]
fn a_dormant_table_guards_nothing() {
    require_kernel!();
    let who = ["--instance", "web-1"];
    let machine = Machine::new(Way::Nft);
    machine.load(&example("web-tier"), &who);
    machine.shell("nft add table inet palisade '{ flags dormant; }'");
    let run = machine.verify(&example("web-tier"), &who);
    assert_eq!(run.code, 3, "{}", run.told);
    assert!(run.told.contains("dormant"), "{}", run.told);
}
