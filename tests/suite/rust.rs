//! Rust modules, compiled by rustc as an embedder would and asked about packets; and what their reader refuses.
//!
//! What the proof of a module takes for granted, its reader says in its own words: that the code below the tables does
//! what the reader says, only running it shows.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use palisade::engine::{Ends, Engine, EngineKind};
use palisade::targets::Target;
use palisade_ir::{Artifact, ArtifactFile, InstanceId, NicRef, Options, Packet, Placement, Plan};
use palisade_testkit::sample::{boundary_packets, random_policy, security_group_policy};

use crate::command::root;

/// Random policies in an ordinary run.
const POLICIES: u64 = 60;

/// A policy with its modules, by instance.
struct Case {
    title: String,
    text: String,
    packets: Vec<Packet>,
    modules: BTreeMap<u32, String>,
}

fn optimized(text: &str) -> Plan {
    let front = palisade::front::read_text("policy.sg", text);
    let policy = front.policy.unwrap_or_else(|| panic!("{:#?}\n{text}", front.diagnostics));
    palisade::optimize::optimize_plan(&palisade::lower::lower(&policy)).0
}

fn emit(plan: &Plan, instance: u32) -> Artifact {
    Target::Rust.backend().emit(plan, &Options::at(Placement::Host(InstanceId(instance)))).expect("a module")
}

fn contents(artifact: &Artifact) -> String {
    String::from_utf8(artifact.file("rs").expect("a module").contents.clone()).expect("text")
}

fn case(title: &str, text: String, seed: u64) -> Case {
    let plan = optimized(&text);
    let modules = (0..plan.instances.len() as u32).map(|at| (at, contents(&emit(&plan, at)))).collect();
    Case { title: title.to_owned(), packets: boundary_packets(&plan, seed), text, modules }
}

/// The library of all modules: without std, without unsafe code, and without a warning.
fn library(cases: &[Case], folder: &Path) -> String {
    let mut library = String::from(
        "#![no_std]\n#![forbid(unsafe_code)]\n#![deny(warnings, missing_docs, unused)]\n//! All modules.\n\n",
    );
    let mut ways = String::new();
    for (at, case) in cases.iter().enumerate() {
        for (instance, module) in &case.modules {
            let name = format!("m{at}_{instance}");
            std::fs::write(folder.join(format!("{name}.rs")), module).expect("a file");
            let _ = writeln!(library, "mod {name} {{\n    include!(\"{name}.rs\");\n}}");
            let _ = writeln!(ways, "        \"{name}\" => ask!({name}),");
        }
    }
    let _ = write!(
        library,
        r#"
use core::net::IpAddr;

/// Asks a module by every way in: the NIC's own, the host's, and the NIC of that interface.
pub fn ask(module: &str, interface: &str, out: bool, source: IpAddr, destination: IpAddr, protocol: u8, ports: Option<(u16, u16)>) -> (bool, bool) {{
    macro_rules! ask {{
        ($name:ident) => {{{{
            let packet = $name::Packet {{ source, destination, protocol, ports }};
            let outcome = if out {{ $name::output(interface, &packet) }} else {{ $name::input(interface, &packet) }};
            for nic in $name::nics() {{
                if nic.interface == interface {{
                    let own = if out {{ nic.egress(&packet) }} else {{ nic.ingress(&packet) }};
                    assert!(own == outcome, "a host asks the NIC that owns the address");
                }}
            }}
            assert!($name::session_timeout() > 0);
            (outcome.allow, outcome.log)
        }}}};
    }}
    match module {{
{ways}        _ => panic!("no such module"),
    }}
}}
"#
    );
    library
}

const MAIN: &str = r#"
fn main() {
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let [module, interface, way, source, destination, protocol, from, to] = words[..] else { panic!("{line}") };
        let ports = if from == "-" { None } else { Some((from.parse().unwrap(), to.parse().unwrap())) };
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        let (allow, log) = all::ask(module, interface, way == "out", source, destination, protocol.parse().unwrap(), ports);
        println!("{allow} {log}");
    }
}
"#;

fn rustc(folder: &Path, args: &[&str]) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition", "2021", "-C", "debuginfo=0", "-L", "."])
        .args(args)
        .current_dir(folder)
        .output()
        .expect("rustc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Compiles all modules in one go and gives their answers to the questions, a line each.
fn answers(cases: &[Case], questions: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("all.rs"), library(cases, folder.path())).expect("a file");
    std::fs::write(folder.path().join("main.rs"), MAIN).expect("a file");
    rustc(folder.path(), &["--crate-type", "lib", "--crate-name", "all", "all.rs"]);
    rustc(folder.path(), &["--extern", "all=liball.rlib", "-o", "main", "main.rs"]);
    std::fs::write(folder.path().join("questions"), questions.join("\n")).expect("a file");
    let input = std::fs::File::open(folder.path().join("questions")).expect("the questions");
    let output = Command::new(folder.path().join("main"))
        .stdin(Stdio::from(input))
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// Every end of every packet, as a question and with the reference evaluator's answer.
fn questions(at: usize, case: &Case) -> Vec<(String, String)> {
    let front = palisade::front::read_text("policy.sg", &case.text);
    let policy = front.policy.expect("a policy");
    let mut reference = Engine::new(&policy, EngineKind::Reference);
    let plan = reference.plan().clone();
    let mut all = Vec::new();
    for packet in &case.packets {
        let Ok(ends) = Ends::of(&plan, packet, None, None) else { continue };
        let Ok(answer) = reference.decide(packet, None, None) else { continue };
        for (end, answer, way) in [(ends.sender, answer.egress, "out"), (ends.receiver, answer.ingress, "in")]
        {
            let (Some(NicRef { instance, .. }), Some(answer)) = (end, answer) else { continue };
            let interface = &plan.nic(end.expect("an end")).expect("a NIC").interface;
            let (source, destination, protocol) =
                (packet.source(), packet.destination(), packet.protocol().0);
            let ports = packet.ports();
            let ports =
                ports.map_or("- -".to_owned(), |ports| format!("{} {}", ports.source, ports.destination));
            let module = format!("m{at}_{}", instance.0);
            let question = format!("{module} {interface} {way} {source} {destination} {protocol} {ports}");
            let allow = answer.verdict == palisade_ir::Verdict::Allow;
            all.push((question, format!("{allow} {}", answer.logged)));
        }
    }
    all
}

/// What may stand in a description, and interfaces whose names make poor identifiers.
const HOSTILE: &str = r#"network prod = vpc

set a-b "*/ pub fn x() {}" = [198.51.100.0/24, 203.0.113.200]
set a.b "x" = [198.51.100.0/25, 203.0.113.201]

group g "\" ; } #![x]" {
  kind basic
  network prod
  inner deny

  in {
    10 allow tcp from set a-b to port 22 log "\\ // */ \" unsafe { }"
    11 allow udp from set a.b to port 22 "{}}} { /* #!["
    20 deny tcp from 192.0.2.1 to port 80 "🦀 'static"
  }
}

instance web-1 "\"; compile_error!(1); //" {
  nic "allow" address 10.0.1.1 groups g
  nic "Allow" address 10.0.1.2 groups g
  nic "7.8@9:x-_" address [10.0.1.3, fd00:1::1] groups g
  nic "fn" address 10.0.1.4 groups g
}

instance nics {
  nic "nics" address 10.0.1.5 groups g
  nic "ALL" address 10.0.1.6 groups g
  nic "A" address 10.0.1.7 groups g
}
"#;

#[test]
fn compiled_modules_agree_with_the_reference() {
    let mut cases = vec![case("hostile names", HOSTILE.to_owned(), 0)];
    for example in ["web-tier", "classic", "enterprise", "default-group", "embed"] {
        let path = root().join("examples").join(example).join("policy.sg");
        cases.push(case(example, std::fs::read_to_string(&path).expect("an example"), 1));
    }
    cases.push(case("security groups", security_group_policy(400, 3), 2));
    cases.extend((0..POLICIES).map(|seed| case(&format!("seed {seed}"), random_policy(seed), seed)));
    let asked: Vec<(usize, (String, String))> = cases
        .iter()
        .enumerate()
        .flat_map(|(at, case)| questions(at, case).into_iter().map(move |question| (at, question)))
        .collect();
    let lines: Vec<String> = asked.iter().map(|(_, (question, _))| question.clone()).collect();
    let answers = answers(&cases, &lines);
    assert_eq!(answers.len(), asked.len());
    let mut count = BTreeMap::new();
    for ((at, (question, expected)), answer) in asked.iter().zip(&answers) {
        assert_eq!(answer, expected, "{}: {question}\n{}", cases[*at].title, cases[*at].text);
        *count.entry(answer.clone()).or_insert(0) += 1;
    }
    println!("{} modules, {count:?}", cases.iter().map(|case| case.modules.len()).sum::<usize>());
    assert!(
        count["true false"] > 1000 && count["false false"] > 1000 && count["true true"] > 20,
        "{count:?}"
    );
}

/// Changes of a module that rustc or the code below the tables would take in silence, or that would change what the
/// reader takes for granted.
#[test]
fn the_reader_refuses_what_it_does_not_understand() {
    let text = std::fs::read_to_string(root().join("examples/web-tier/policy.sg")).expect("an example");
    let plan = optimized(&text);
    let module = contents(&emit(&plan, 0));
    let read = |text: &str| {
        let files = vec![ArtifactFile::text("rs", text.to_owned())];
        Target::Rust.backend().lift(&Artifact { files }).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(read(&module), Ok(()));
    for (from, to, why) in [
        ("*last < value", "*last <= value", "code below the tables"),
        ("default: Deny", "default: Denied", "`Denied` is nothing that can happen"),
        ("default: Deny", "default: GoOn", "where nothing goes on"),
        ("#[rustfmt::skip]", "#[cfg(windows)]", "the attribute `cfg` is not known"),
        ("((6, 22, 22)", "((6, 22, 80)", "do not ascend"),
        ("((6, 80, 80)", "((6, 81, 80)", "do not ascend"),
        ("((6, 80, 80)", "((6, 80, 65536)", "a number up to 65535"),
        ("protocol: &[(1, 1)]", "protocol: &[]", "stands for every value"),
        ("protocol: &[(1, 1)]", "protocol: &[(1, 256)]", "a number up to 255"),
        ("protocol: &[(1, 1)]", "protocol: &[(1, 1)], protocol: &[(2, 2)]", "stands here twice"),
        ("protocol: &[(1, 1)]", "flags: &[(1, 1)]", "no field of a packet"),
        ("sets::SET_OFFICE_V4", "sets::SET_OFFICE_V6", "there is no set"),
        ("[&ETH0]", "[&ETH1]", "there is no NIC"),
        ("; 1] {", "; 2] {", "1 NICs and not 2"),
        ("interface: \"eth0\"", "interface: \"eth0\\x\"", "cannot read"),
        ("Always(Allow)", "Perhaps(Allow)", "no way to look anything up"),
        ("Allow\n}", "GoOn\n}", "no verdict here"),
        ("net(192, 0, 2, 66, 32)", "net(192, 0, 2, 66, 33)", "a number up to 32"),
        ("net(192, 0, 2, 66, 32)", "net6(192, 0, 2, 66, 32)", "expected"),
        ("// web-1", "fn main() {} // web-1", "not what a module of tables has here"),
        ("// web-1", "/* web-1 */", "cannot read"),
    ] {
        assert!(module.contains(from), "{from}\n{module}");
        let error = read(&module.replacen(from, to, 1)).expect_err(to);
        assert!(error.contains(why), "{from} -> {to}: {error}");
    }
    for end in (0..module.len()).step_by(41) {
        assert!(read(module.get(..end).unwrap_or_default()).is_err(), "cut at {end}");
    }
}

#[test]
fn a_gateway_and_options_of_kernels_are_refused() {
    let plan = optimized(HOSTILE.split("\nset a-b").next().expect("a network"));
    let refused =
        |options: Options| Target::Rust.backend().emit(&plan, &options).expect_err("refused").to_string();
    let host = || Options::at(Placement::Host(InstanceId(0)));
    assert!(refused(Options::at(Placement::Gateway)).contains("`gateway`"));
    assert!(refused(Options { counters: true, ..host() }).contains("`counters`"));
    assert!(refused(Options { ipset: true, ..host() }).contains("`ipset`"));
    assert!(refused(Options { table: Some("x".to_owned()), ..host() }).contains("`table`"));
    assert!(refused(host()).contains("no instance number 0"));
}
