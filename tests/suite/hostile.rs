//! Nothing from a policy can break out of a comment, a name or a string in any output.

use palisade::compile::{Selection, compile};
use palisade::engine::{Engine, EngineKind};
use palisade::targets::Target;
use palisade_ir::{Options, Placement};

/// Descriptions that the language admits and that mean something to a target, a shell or a terminal.
const DESCRIPTIONS: &[&str] = &[
    r#"\" accept; #"#,
    r#"\" } chain x { policy accept; }"#,
    "-j ACCEPT",
    "' -j ACCEPT '",
    "$(reboot) `reboot` ${HOME}",
    r"\\",
    r"ends with a backslash \\",
    "# COMMIT",
    "COMMIT",
    "*filter",
    "%s%n%x",
    "a: b, c: d",
    "--comment",
    "\u{fe0f}\u{200d}\u{e0001}",
    "\u{4e2d}\u{6587}\u{4e2d}\u{6587}",
];

fn policy(description: &str) -> String {
    format!(
        r#"network prod = vpc

set s "{description}" = [
  198.51.100.0/24,
  203.0.113.0/25,
  203.0.113.200,
]

group g "{description}" {{
  kind basic
  network prod
  inner deny

  in {{
    10 allow tcp from set s to port 22 log "{description}"
    20 deny tcp from 192.0.2.1 to port 80 "{description}"
    30 allow tcp from any to port 80 "{description}"
  }}
}}

instance web-1 "{description}" {{
  nic eth0 address [10.0.1.1, fd00:1::1] groups g
}}
"#
    )
}

fn long(text: &str) -> String {
    text.chars().cycle().take(512).collect()
}

#[test]
fn descriptions_change_no_verdict_and_no_line() {
    let plain = policy("x");
    let hostile =
        DESCRIPTIONS.iter().map(|text| (*text).to_owned()).chain([long("\u{4e2d}\u{6587}"), long("x' ")]);
    for description in hostile {
        let text = policy(&description);
        for (target, ipset, chains_only) in [
            (Target::Nftables, false, false),
            (Target::Iptables, false, false),
            (Target::Iptables, true, false),
            (Target::Iptables, false, true),
            (Target::Rust, false, false),
        ] {
            let gateway = target.backend().capabilities().gateway.then_some(Selection::Gateway);
            for selection in [Selection::Instances].into_iter().chain(gateway) {
                let [ours, theirs] =
                    [&plain, &text].map(|text| files(text, target, &selection, ipset, chains_only));
                for (name, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                    // nft's strings end at the next quote (scanner.l, `quotedstring`); iptables' know a backslash.
                    let escapes = target == Target::Iptables;
                    let [ours, bare] = [ours, theirs].map(|text| match target {
                        Target::Rust => without_rust_comments(text),
                        _ => without_comments(text, escapes),
                    });
                    assert_eq!(ours, bare, "file {name} for {description:?}");
                    assert!(!theirs.chars().any(is_dangerous), "file {name} for {description:?}");
                }
            }
        }
        same_verdicts(&plain, &text);
    }
}

fn is_dangerous(char: char) -> bool {
    let bidi = matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (char.is_control() && char != '\n' && char != '\t') || bidi
}

fn files(text: &str, target: Target, selection: &Selection, ipset: bool, chains_only: bool) -> Vec<String> {
    let loaded = palisade::front::read_text("policy.sg", text);
    let policy = loaded.policy.as_ref().unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.diagnostics));
    let plan = palisade::optimize::optimize_plan(&palisade::lower::lower(policy)).0;
    let mut options = Options::at(Placement::Gateway);
    (options.ipset, options.chains_only) = (ipset, chains_only);
    if *selection == Selection::Gateway {
        options.prelude.clear();
    }
    let files = compile(&plan, target, selection, &options).expect("files");
    files.into_iter().map(|file| String::from_utf8(file.contents).expect("text")).collect()
}

/// The text without what is quoted and without comment lines: what the target acts on.
fn without_comments(text: &str, escapes: bool) -> String {
    let mut plain = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let (mut quoted, mut escaped) = (false, false);
        for char in line.chars() {
            match char {
                _ if escaped => escaped = false,
                '\\' if quoted && escapes => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                other => plain.push(other),
            }
        }
        assert!(!quoted, "an open string: {line}");
        plain.push('\n');
    }
    plain
}

/// The text without line comments, which end at the line feed and nowhere else (The Rust Reference, "Comments"). The
/// strings of a module hold names of interfaces only.
fn without_rust_comments(text: &str) -> String {
    let code = |line: &str| line.split_once("//").map_or(line, |(code, _)| code).trim_end().to_owned() + "\n";
    text.split('\n').map(code).filter(|line| line != "\n").collect()
}

fn same_verdicts(plain: &str, hostile: &str) {
    let [ours, theirs] =
        [plain, hostile].map(|text| palisade::front::read_text("policy.sg", text).policy.expect("a policy"));
    for kind in EngineKind::ALL {
        let (mut ours, mut theirs) = (Engine::new(&ours, kind), Engine::new(&theirs, kind));
        for line in [
            r#"{"src":"198.51.100.1","dst":"10.0.1.1","proto":"tcp","sport":1,"dport":22}"#,
            r#"{"src":"192.0.2.1","dst":"10.0.1.1","proto":"tcp","sport":1,"dport":80}"#,
            r#"{"src":"192.0.2.2","dst":"10.0.1.1","proto":"tcp","sport":1,"dport":80}"#,
            r#"{"src":"192.0.2.2","dst":"10.0.1.1","proto":"tcp","sport":1,"dport":81}"#,
            r#"{"src":"2001:db8::2","dst":"fd00:1::1","proto":"tcp","sport":1,"dport":80}"#,
        ] {
            let packet = palisade::engine::PacketLine::parse(line).expect("a packet").packet;
            let [ours, theirs] =
                [&mut ours, &mut theirs].map(|engine| engine.decide(&packet, None, None).expect("an answer"));
            assert_eq!(ours, theirs, "{}", kind.name());
        }
    }
}
