//! The command as a user runs it.

use crate::command::{arg, folder, palisade, palisade_with};

const POLICY: &str = r#"network prod = vpc

group web {
  kind basic
  network prod
  inner allow

  in {
    10 allow tcp from any to port [80, 443] as web "customers"
    20 deny tcp from 198.51.100.0/24 to port 443
  }
}

instance web-1 {
  nic eth0 address 10.0.1.1 groups web
}

instance web-2 {
  nic eth0 address 10.0.1.2 groups web
}

expect allow tcp from 203.0.113.9 to web-1 port 443
"#;

#[test]
fn help_goes_to_standard_output_and_every_command_shows_examples() {
    let run = palisade(&["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for command in ["check", "compile", "diff", "fmt", "eval", "explain", "import", "completions", "man"] {
        assert!(run.stdout.contains(command), "{command}");
        let run = palisade(&[command, "--help"]);
        assert_eq!(run.code, 0, "{command}");
        assert!(run.stdout.contains("Examples:"), "{command}");
    }
}

#[test]
fn wrong_usage_is_exit_code_1() {
    for args in [
        &["compile"][..],
        &["no-such-command"],
        &["check", "no-such-file.sg"],
        &["compile", "examples/web-tier/policy.sg", "--target", "ipfw"],
        &["compile", "examples/web-tier/policy.sg", "--instance", "web-9"],
        &["compile", "examples/web-tier/policy.sg", "--prelude", "loopback,dns"],
        &["compile", "examples/web-tier/policy.sg", "--check"],
        &["compile", "examples/web-tier/policy.sg"],
        &["explain", "examples/web-tier/policy.sg", "tcp frm any"],
        &["man", "no-such-command"],
    ] {
        let run = palisade(args);
        let expected = if args[0] == "explain" { 2 } else { 1 };
        assert_eq!((run.code, run.stdout.as_str()), (expected, ""), "{args:?}\n{}", run.stderr);
        assert!(!run.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_rejected_policy_is_exit_code_2_and_prints_nothing_else() {
    let place = folder(&[("bad.sg", "group web {\n  kind basic\n}\n")]);
    let path = place.path().join("bad.sg");
    for command in [&["check"][..], &["compile", "--instance", "web-1"]] {
        let mut args = command.to_vec();
        args.push(arg(&path));
        let run = palisade(&args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains("palisade::resolve::missing-network"), "{}", run.stderr);
    }
}

#[test]
fn errors_come_as_json_lines_on_request() {
    let place = folder(&[("bad.sg", "group web {\n  kind basic\n}\n")]);
    let run = palisade(&["check", "--format", "json", arg(&place.path().join("bad.sg"))]);
    assert_eq!(run.code, 2);
    let lines: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    assert!(!lines.is_empty());
    for line in lines {
        for key in ["code", "severity", "message", "file", "line", "column", "span", "help"] {
            assert!(line.get(key).is_some(), "{key} in {line}");
        }
    }
}

#[test]
fn a_failed_expectation_is_exit_code_3_with_a_witness_and_nothing_is_written() {
    let text = format!("{POLICY}expect deny tcp from 203.0.113.0/24 to web-1 port 1-1024\n");
    let place = folder(&[("policy.sg", &text)]);
    let path = place.path().join("policy.sg");
    let run = palisade(&["check", arg(&path)]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("tcp from 203.0.113.0 port 0 to 10.0.1.1 port 80"), "{}", run.stderr);
    assert!(run.stderr.contains("web in 10 web"), "{}", run.stderr);
    let out = place.path().join("out");
    let run = palisade(&["compile", arg(&path), "-o", arg(&out)]);
    assert_eq!(run.code, 3);
    assert!(!out.exists());
}

#[test]
fn compile_check_finds_stale_missing_and_left_over_files() {
    let place = folder(&[("policy.sg", POLICY)]);
    let (policy, out) = (place.path().join("policy.sg"), place.path().join("out"));
    let compile = ["compile", arg(&policy), "-o", arg(&out)];
    let check = ["compile", arg(&policy), "-o", arg(&out), "--check"];

    let run = palisade(&check);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("missing: "), "{}", run.stdout);
    assert!(!out.exists(), "--check writes nothing");

    assert_eq!(palisade(&compile).code, 0);
    assert!(
        out.join("web-1.nft").exists() && out.join("web-2.nft").exists() && out.join("web-1.sysctl").exists()
    );
    let run = palisade(&check);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));

    std::fs::write(&policy, POLICY.replace("10 allow", "11 allow")).expect("an edit");
    let run = palisade(&check);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("@@"), "a unified diff: {}", run.stdout);

    let (before, _) = POLICY.split_once("instance web-2").expect("the second instance");
    std::fs::write(&policy, before).expect("an edit");
    let run = palisade(&check);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("left over: ") && run.stdout.contains("web-2.nft"), "{}", run.stdout);
}

#[test]
fn several_files_do_not_fit_on_standard_output() {
    let place = folder(&[("policy.sg", POLICY)]);
    let policy = place.path().join("policy.sg");
    let run = palisade(&["compile", arg(&policy)]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("-o DIR"), "{}", run.stderr);
    let run = palisade(&["compile", arg(&policy), "--instance", "web-2"]);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.starts_with("#!/usr/sbin/nft -f\n") && run.stdout.contains("10.0.1.2"),
        "{}",
        run.stdout
    );
}

#[test]
fn output_is_the_same_every_time() {
    let place = folder(&[("policy.sg", POLICY)]);
    let policy = place.path().join("policy.sg");
    for target in ["nftables", "iptables", "matcher"] {
        let outs = ["a", "b"].map(|name| place.path().join(target).join(name));
        for out in &outs {
            assert_eq!(palisade(&["compile", arg(&policy), "--target", target, "-o", arg(out)]).code, 0);
        }
        let mut names: Vec<_> = std::fs::read_dir(&outs[0])
            .expect("files")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert!(names.len() >= 2, "{target}: {names:?}");
        for name in names {
            let [a, b] = [0, 1].map(|at: usize| std::fs::read(outs[at].join(&name)).expect("a file"));
            assert_eq!(a, b, "{target}: {name:?}");
        }
    }
}

#[test]
fn fmt_formats_in_place_and_checks() {
    let untidy = POLICY.replace("  kind basic", "      kind   basic");
    let place = folder(&[("policy.sg", &untidy)]);
    let policy = place.path().join("policy.sg");
    let run = palisade(&["fmt", "--check", arg(&policy)]);
    assert_eq!(run.code, 3);
    assert!(
        run.stdout.contains("-      kind   basic") && run.stdout.contains("+  kind basic"),
        "{}",
        run.stdout
    );
    assert_eq!(palisade(&["fmt", arg(&policy)]).code, 0);
    assert_eq!(std::fs::read_to_string(&policy).expect("the file"), POLICY);
    assert_eq!(palisade(&["fmt", "--check", arg(&policy)]).code, 0);
    let run = palisade_with(&["fmt", "-"], &untidy);
    assert_eq!((run.code, run.stdout.as_str()), (0, POLICY));
    let run = palisade_with(&["fmt", "-"], "group {\n");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
}

#[test]
fn eval_answers_packets_in_order_with_every_engine() {
    let place = folder(&[("policy.sg", POLICY)]);
    let policy = place.path().join("policy.sg");
    let packets = r#"{"src":"203.0.113.9","dst":"10.0.1.1","proto":"tcp","sport":40000,"dport":443}
{"src":"203.0.113.9","dst":"10.0.1.1","proto":17,"sport":40000,"dport":53}
{"src":"10.0.1.1","dst":"10.0.1.2","proto":"icmp"}
"#;
    let expected = r#"{"verdict":"allow","egress":null,"ingress":{"verdict":"allow","rule":"web in 10 web","logged":false}}
{"verdict":"deny","egress":null,"ingress":{"verdict":"deny","rule":"default in","logged":false}}
{"verdict":"allow","egress":{"verdict":"allow","rule":"default out","logged":false},"ingress":{"verdict":"allow","rule":"web inner access","logged":false}}
"#;
    for engine in ["reference", "plan", "optimized", "matcher", "nftables", "iptables", "ipset"] {
        let run = palisade_with(&["eval", arg(&policy), "--engine", engine, "--packets", "-"], packets);
        assert_eq!((run.code, run.stdout.as_str()), (0, expected), "{engine}: {}", run.stderr);
    }
    let run = palisade_with(&["eval", arg(&policy), "--packets", "-"], "{\"src\":\"10.0.1.1\"}\n");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("<stdin>:1:"), "{}", run.stderr);
}

#[test]
fn eval_wants_a_name_where_networks_share_an_address() {
    let text = r#"network a = vpc

network b = vpc

group ga {
  kind basic
  network a
  inner allow

  in {
    1 allow tcp from any to port 80
  }
}

group gb {
  kind basic
  network b
  inner allow
}

instance ia {
  nic eth0 address 10.0.0.1 groups ga
}

instance ib {
  nic eth0 address 10.0.0.1 groups gb
}
"#;
    let place = folder(&[("policy.sg", text)]);
    let policy = place.path().join("policy.sg");
    let packet = |to: &str| {
        format!(r#"{{"src":"203.0.113.9","dst":"10.0.0.1","proto":"tcp","sport":1,"dport":80{to}}}"#)
    };
    let run = palisade_with(&["eval", arg(&policy), "--packets", "-"], &packet(""));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("`ia`, `ib`"), "{}", run.stderr);
    for (name, verdict) in [("ia", "allow"), ("ib", "deny")] {
        for engine in ["reference", "plan", "matcher", "nftables", "iptables"] {
            let line = packet(&format!(r#","to_instance":"{name}""#));
            let run = palisade_with(&["eval", arg(&policy), "--engine", engine, "--packets", "-"], &line);
            assert!(
                run.stdout.starts_with(&format!("{{\"verdict\":\"{verdict}\"")),
                "{engine} {name}: {run:?}"
            );
        }
    }
}

#[test]
fn explain_names_the_deciding_rule_and_those_it_beats() {
    let place = folder(&[("policy.sg", POLICY)]);
    let policy = place.path().join("policy.sg");
    let run = palisade(&["explain", arg(&policy), "tcp from 198.51.100.7 to web-1 port 443"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("allow: tcp from 198.51.100.7 to 10.0.1.1 port 443"), "{}", run.stdout);
    assert!(run.stdout.contains("web-1 eth0: allow by `web in 10 web`"), "{}", run.stdout);
    assert!(run.stdout.contains("beats deny by `web in 20`"), "{}", run.stdout);
    assert!(run.stdout.contains("policy.sg:9"), "{}", run.stdout);
    let run = palisade(&["explain", arg(&policy), "tcp from web-1 to web-9 port 443"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("web-1"), "the nearest name: {}", run.stderr);
}

#[test]
fn completions_and_manual_pages_are_printed() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = palisade(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}");
        assert!(run.stdout.contains("palisade"), "{shell}");
    }
    let run = palisade(&["man"]);
    assert!(run.code == 0 && run.stdout.contains(".TH palisade"), "{}", run.stdout);
    let run = palisade(&["man", "compile"]);
    assert!(run.code == 0 && run.stdout.contains(".TH palisade-compile"), "{}", run.stdout);
}

#[test]
fn a_policy_without_instances_compiles_to_nothing_and_says_so() {
    let (head, _) = POLICY.split_once("instance web-1").expect("the first instance");
    let place = folder(&[("policy.sg", head)]);
    let policy = place.path().join("policy.sg");
    let run = palisade(&["compile", arg(&policy)]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("no instance"), "{}", run.stderr);
    let run = palisade(&["compile", arg(&policy), "--gateway"]);
    assert!(run.code == 0 && run.stdout.contains("chain forward"), "{run:?}");
}

#[test]
fn stats_count_rules_before_and_after_each_pass() {
    let text = POLICY.replace("    20 deny", "    15 allow tcp from 203.0.113.0/24 to port 80\n    20 deny");
    let place = folder(&[("policy.sg", &text)]);
    let run = palisade(&["stats", arg(&place.path().join("policy.sg"))]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("group web"), "{}", run.stdout);
    let chain = run.stdout.lines().find(|line| line.contains("web-1 eth0 in")).expect("the chain");
    let numbers: Vec<&str> = chain.split_whitespace().skip(3).collect();
    // Both instances share the chain: inner access, two rules in two families, two in one; what 10 covers is gone.
    assert_eq!(numbers[..7], ["+1", "5", "0", "2", "0", "0", "3"], "{chain}");
}

#[test]
fn verify_proves_files_and_shows_what_a_changed_port_does() {
    let place = folder(&[("policy.sg", POLICY)]);
    let (policy, out) = (place.path().join("policy.sg"), place.path().join("out"));
    assert_eq!(palisade(&["compile", arg(&policy), "-o", arg(&out)]).code, 0);
    let run = palisade(&["verify", arg(&policy), arg(&out)]);
    assert_eq!(run.code, 0, "{run:?}");
    let file = out.join("web-1.nft");
    let text = std::fs::read_to_string(&file).expect("the ruleset");
    let changed = text.replace("tcp dport { 80, 443 } accept", "tcp dport { 81, 443 } accept");
    assert_ne!(changed, text);
    std::fs::write(&file, changed).expect("a fault");
    let run = palisade(&["verify", arg(&policy), arg(&file)]);
    let said = run.stdout + &run.stderr;
    assert_eq!(run.code, 3, "{said}");
    assert!(said.contains("web in 10 web") && said.contains("port 8"), "{said}");
    let run = palisade(&["compile", arg(&policy), "-o", arg(&out), "--no-verify"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(palisade(&["verify", arg(&policy), arg(&file)]).code, 0);
}

#[test]
fn verify_proves_compiled_matchers_and_shows_a_packet_that_another_one_denies() {
    let other = POLICY.replace("port [80, 443]", "port [81, 443]");
    assert_ne!(other, POLICY);
    let place = folder(&[("policy.sg", POLICY), ("other.sg", &other)]);
    let [policy, other] = ["policy.sg", "other.sg"].map(|name| place.path().join(name));
    for (out, placement) in [("hosts", &[][..]), ("gateway", &["--gateway"])] {
        let out = place.path().join(out);
        let common = [&["--target", "matcher"], placement].concat();
        let compile = |policy| palisade(&[&["compile", arg(policy), "-o", arg(&out)], &common[..]].concat());
        let verify = || palisade(&[&["verify", arg(&policy), arg(&out)], &common[..]].concat());
        assert_eq!(compile(&policy).code, 0);
        let run = verify();
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("proved for all packets"), "{run:?}");
        assert_eq!(compile(&other).code, 0);
        let run = verify();
        let said = run.stdout + &run.stderr;
        assert_eq!(run.code, 3, "{said}");
        assert!(said.contains("port 8") && said.contains("web in 10 web"), "{said}");
        assert!(said.contains("by look-ups that stand for `"), "{said}");
    }
}

#[test]
fn a_target_refuses_an_option_it_cannot_honour() {
    let place = folder(&[("policy.sg", POLICY)]);
    let policy = place.path().join("policy.sg");
    for args in
        [&["--target", "matcher", "--unmanaged", "deny"][..], &["--target", "iptables", "--table", "x"]]
    {
        let out = place.path().join("out");
        let mut command = vec!["compile", arg(&policy), "-o", arg(&out)];
        command.extend_from_slice(args);
        let run = palisade(&command);
        assert_eq!((run.code, out.exists()), (1, false), "{args:?}: {}", run.stderr);
    }
}
