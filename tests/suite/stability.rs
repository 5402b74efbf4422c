//! A small change of a policy is a small change of the output: what a reviewer of a pull request reads.
//!
//! Single edits of a policy of 1,000 rules, and how many lines of the nftables file and of the Rust module they change; a
//! line that takes the place of another counts once.

use palisade::front::read_text;
use palisade::lower::lower;
use palisade::optimize::for_layout;
use palisade::targets::Target;
use palisade_ir::{InstanceId, Options, Placement, Style};
use palisade_testkit::sample::Dice;
use similar::{DiffTag, TextDiff};

/// Rules of the policy.
const RULES: usize = 1000;
/// Edits of each kind.
const EDITS: usize = 25;
/// Lines that an edit may change, in the middle and for 95 of 100.
const FEW: usize = 4;
/// No line is longer.
const COLUMNS: usize = 160;

const SERVICES: [u16; 20] =
    [22, 25, 53, 80, 110, 143, 389, 443, 465, 587, 636, 993, 1433, 3306, 3389, 5432, 6379, 8080, 9090, 9200];

/// A rule as teams write them: a service of a catalogue, a port of its own or a few ports, from one prefix. Rules from
/// anywhere are weak, so that few rules are dead: rules that stronger ones cover come and go with those.
fn rule(dice: &mut Dice) -> String {
    let verdict = if dice.percent(25) { "deny" } else { "allow" };
    let protocol = if dice.percent(80) { "tcp" } else { "udp" };
    let port = match dice.below(10) {
        0 => {
            let first = dice.between(10_000, 60_000);
            format!("{first}-{}", first + dice.between(1, 20))
        }
        1 | 2 => dice.between(10_000, 60_000).to_string(),
        _ => dice.pick(&SERVICES).copied().unwrap_or(443).to_string(),
    };
    if dice.percent(2) {
        return format!("    {} {verdict} {protocol} from any to port {port}", dice.between(97, 100));
    }
    let length = [20, 22, 24, 24, 24, 26, 28, 32].get(dice.below(8)).copied().unwrap_or(24);
    let [_, a, b, c] = ((dice.roll() as u32) & (u32::MAX << (32 - length))).to_be_bytes();
    let prefix = format!("{}.{a}.{b}.{c}/{length}", dice.between(11, 120));
    format!("    {} {verdict} {protocol} from {prefix} to port {port}", dice.between(1, 96))
}

/// The policy: random rules, among them 100 from a group and a set, and 100 that ask for a service by name.
fn policy() -> String {
    let mut dice = Dice::new(11);
    let mut text = String::from("set office = [\n  198.51.100.0/24,\n  203.0.113.0/25,\n]\n\n");
    text += "service app = tcp [8443, 9443, 30000-30009]\n\nnetwork prod = vpc\n\n";
    text += "group web {\n  kind basic\n  network prod\n  inner allow\n\n  in {\n";
    for number in 0..100 {
        let from = if number % 2 == 0 { "set office" } else { "group partner" };
        text += &format!("    {} allow tcp from {from} to port {}\n", 1 + number, 2000 + 3 * number);
    }
    for number in 0..100 {
        let (verdict, priority) = (if number % 4 == 0 { "deny" } else { "allow" }, 1 + number % 96);
        text += &format!("    {priority} {verdict} service app from 121.7.{number}.0/24\n");
    }
    for _ in 200..RULES {
        text += &rule(&mut dice);
        text.push('\n');
    }
    text += "  }\n}\n\ninstance web-1 {\n  nic eth0 address 10.0.0.1 groups web\n}\n";
    text += "\ngroup partner {\n  kind basic\n  network prod\n  inner allow\n}\n";
    for number in 1..=20 {
        text += &partner(number);
    }
    text
}

fn partner(number: usize) -> String {
    format!("\ninstance partner-{number} {{\n  nic eth0 address 10.1.0.{number} groups partner\n}}\n")
}

fn emit(text: &str, target: Target, layout: Style) -> String {
    let loaded = read_text("policy.sg", text);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
    let plan = for_layout(lower(&policy), layout, target.joining());
    let at = plan.instances.iter().position(|instance| instance.name.as_str() == "web-1").expect("web-1");
    let options = Options { layout, ..Options::at(Placement::Host(InstanceId(at as u32))) };
    let artifact = target.backend().emit(&plan, &options).expect("files");
    let file = artifact.file(target.suffixes()[0]).expect("a ruleset");
    String::from_utf8(file.contents.clone()).expect("text")
}

/// One rule of the policy and the text around it.
fn some_rule<'a>(text: &'a str, dice: &mut Dice) -> (&'a str, &'a str, &'a str) {
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("    ")).collect();
    let line = lines[dice.below(lines.len())];
    let at = text.find(line).expect("a line of the text");
    (&text[..at], line, &text[at + line.len() + 1..])
}

const SERVICE_EDIT: &str = "port of a service of 100 rules changed";

/// A kind of edit, by name.
type Edit = (&'static str, fn(&str, &mut Dice) -> String);

const KINDS: [Edit; 9] = [
    ("rule added", |text, dice| {
        let (before, line, after) = some_rule(text, dice);
        format!("{before}{line}\n{}\n{after}", rule(dice))
    }),
    ("rule removed", |text, dice| {
        let (before, _, after) = some_rule(text, dice);
        format!("{before}{after}")
    }),
    ("rule replaced", |text, dice| {
        let (before, _, after) = some_rule(text, dice);
        format!("{before}{}\n{after}", rule(dice))
    }),
    ("priority changed", |text, dice| {
        let (before, line, after) = some_rule(text, dice);
        let (_, rest) = line.trim_start().split_once(' ').expect("a priority");
        format!("{before}    {} {rest}\n{after}", dice.between(1, 100))
    }),
    ("verdict changed", |text, dice| {
        let (before, line, after) = some_rule(text, dice);
        let other = match line.contains(" allow ") {
            true => line.replacen(" allow ", " deny ", 1),
            false => line.replacen(" deny ", " allow ", 1),
        };
        format!("{before}{other}\n{after}")
    }),
    ("port of a shared group or set changed", |text, dice| {
        let (number, port) = (dice.below(100), dice.between(3000, 9000));
        text.replacen(&format!("to port {}\n", 2000 + 3 * number), &format!("to port {port}\n"), 1)
    }),
    (SERVICE_EDIT, |text, dice| {
        let first = dice.between(61_000, 65_000);
        match dice.below(3) {
            0 => text.replacen("8443", &first.to_string(), 1),
            1 => text.replacen("9443, ", &format!("9443, {first}, "), 1),
            _ => text.replacen("30000-30009", &format!("{first}-{}", first + 9), 1),
        }
    }),
    ("member added", |text, dice| text.to_owned() + &partner(21 + dice.below(200))),
    ("prefix added", |text, dice| {
        text.replacen("set office = [\n", &format!("set office = [\n  192.0.2.{},\n", dice.below(256)), 1)
    }),
];

fn changed(old: &str, new: &str) -> usize {
    let diff = TextDiff::from_lines(old, new);
    let lines = diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal);
    lines.map(|op| op.old_range().len().max(op.new_range().len())).sum()
}

#[test]
fn single_edits_change_few_lines() {
    let text = policy();
    for (target, layout) in
        [(Target::Nftables, Style::Auto), (Target::Nftables, Style::Rules), (Target::Rust, Style::Auto)]
    {
        let before = emit(&text, target, layout);
        assert_eq!(before.contains("vmap @"), (target, layout) == (Target::Nftables, Style::Auto));
        let mut dice = Dice::new(5);
        let mut all = Vec::new();
        // Nothing in a module is shared between the ports of a service: its rules move with them.
        let kinds = KINDS.into_iter().filter(|(kind, _)| target != Target::Rust || *kind != SERVICE_EDIT);
        for (kind, edit) in kinds {
            let mut counts = Vec::new();
            for _ in 0..EDITS {
                let after = emit(&edit(&text, &mut dice), target, layout);
                let longest = after.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(longest <= COLUMNS, "{kind}: a line of {longest} columns");
                counts.push(changed(&before, &after));
            }
            counts.sort_unstable();
            println!("{target:?} {layout:?}, {kind}: {counts:?}");
            all.extend(counts);
        }
        all.sort_unstable();
        let at = |percent: usize| all[(all.len() - 1) * percent / 100];
        let worst = all.last().copied().unwrap_or(0);
        println!("{target:?} {layout:?}: median {}, 95 of 100 {}, worst {worst}", at(50), at(95));
        // The length of an array stands in its type too.
        let few = if target == Target::Rust { FEW + 1 } else { FEW };
        assert!(at(50) <= few && at(95) <= few, "{target:?} {layout:?}: {all:?}");
        // A leaf that grows a map of its own has all its entries moved.
        let most = if layout == Style::Rules { FEW } else { 30 };
        assert!(worst <= most, "{target:?} {layout:?}: {all:?}");
    }
}
