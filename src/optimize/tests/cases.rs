//! What passes do to small chains, as text: `priority verdict [log] protocols ports source #origins`, one rule per
//! line. The default denies.

use std::fmt::Write;
use std::sync::Arc;

use palisade_ir::decide::Budget;
use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, PortMatch, PortSet, PrefixSet, Priority,
    Protocol, ProtocolSet, Ranges, Rank, Rule, RuleId, SetId, Verdict,
};

use crate::optimize::{Report, covered, duplicates, merge, optimize, redundant};

fn number(text: &str) -> u32 {
    text.parse().unwrap()
}

fn ports(text: &str) -> PortMatch {
    if text == "-" {
        return PortMatch::Any;
    }
    PortMatch::In(PortSet::from_ranges(text.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        (number(first) as u16, number(last) as u16)
    })))
}

/// `any`, `any6`, last octets of 10.0.0.0/24 as ranges, or such as a set: `@1:4-7`.
fn source(text: &str) -> Addresses {
    match text {
        "any" => return Addresses::any(Family::V4),
        "any6" => return Addresses::any(Family::V6),
        _ => {}
    }
    let (set, octets) = match text.strip_prefix('@').and_then(|named| named.split_once(':')) {
        Some((set, octets)) => (Some(SetId(number(set))), octets),
        None => (None, text),
    };
    let octets = octets.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        (0x0a00_0000 + u128::from(number(first)), 0x0a00_0000 + u128::from(number(last)))
    });
    Addresses { prefixes: Arc::new(PrefixSet::from_ranges(Family::V4, &octets.collect::<Ranges>())), set }
}

fn rule(line: &str) -> Rule {
    let (text, origin) = line.split_once('#').unwrap();
    let log = text.contains(" log ");
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "log").collect();
    let [priority, verdict, protocols, destination_ports, from] = words[..] else { panic!("{line}") };
    let verdict = if verdict == "allow" { Verdict::Allow } else { Verdict::Deny };
    let source = source(from);
    let protocols = match protocols {
        "all" => ProtocolSet::all(),
        names => names.split('+').map(|name| Protocol::parse(name).unwrap()).collect(),
    };
    let parts = MatchParts {
        destination: Addresses::any(source.prefixes.family()),
        source,
        protocols,
        source_ports: PortMatch::Any,
        destination_ports: ports(destination_ports),
    };
    let ids = origin.split(',').map(|id| Origin::one(RuleId(number(id))));
    Rule {
        matches: Match::new(parts).unwrap(),
        outcome: Outcome { verdict, log },
        rank: Rank::user(Priority::user(number(priority)).unwrap(), verdict),
        origin: ids.reduce(|all, one| all.join(&one)).unwrap(),
    }
}

fn chain(lines: &[&str]) -> Chain {
    Chain::from_ordered(lines.iter().map(|line| rule(line)).collect(), Verdict::Deny, RuleId(99))
}

fn ranges(ranges: impl Iterator<Item = (u128, u128)>) -> String {
    let one = |(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
    ranges.map(one).collect::<Vec<_>>().join(",")
}

fn show(rule: &Rule) -> String {
    let mut line = format!("{} {}", rule.rank.number, rule.outcome.verdict);
    if rule.outcome.log {
        line.push_str(" log");
    }
    let protocols = rule.matches.protocols();
    let names: Vec<String> = protocols.iter().map(|protocol| protocol.to_string()).collect();
    let names = if protocols.is_all() { "all".to_owned() } else { names.join("+") };
    let ports = match rule.matches.destination_ports() {
        PortMatch::Any => "-".to_owned(),
        PortMatch::In(set) => ranges(set.numbers().iter()),
    };
    let source = rule.matches.source();
    let octets = source.prefixes.ranges().iter().map(|(first, last)| (first & 0xff, last & 0xff));
    let from = match (source.prefixes.is_any(), source.prefixes.family()) {
        (true, Family::V4) => "any".to_owned(),
        (true, Family::V6) => "any6".to_owned(),
        (false, _) => ranges(octets),
    };
    let set = source.set.map_or(String::new(), |set| format!("@{}:", set.0));
    let ids: Vec<String> = rule.origin.ids().iter().map(|id| id.0.to_string()).collect();
    write!(line, " {names} {ports} {set}{from} #{}", ids.join(",")).unwrap();
    line
}

fn check(pass: fn(&Chain) -> Chain, why: &str, before: &[&str], after: &[&str]) {
    let passed: Vec<String> = pass(&chain(before)).rules().iter().map(show).collect();
    assert_eq!(passed, after, "{why}");
}

fn merged(chain: &Chain) -> Chain {
    merge(chain.clone(), &mut budget()).chain
}

fn budget() -> Budget {
    Budget::new(1_000_000)
}

#[test]
fn drops_duplicates() {
    let check = |why, before: &[&str], after: &[&str]| check(duplicates, why, before, after);
    let once = ["1 allow tcp 80 any #1"];
    check(
        "same rank: both are the origin",
        &[once[0], "1 allow tcp 80 any #2"],
        &["1 allow tcp 80 any #1,2"],
    );
    check("a weaker one never decides", &[once[0], "5 allow tcp 80 any #2"], &once);
    check("whatever it says", &[once[0], "5 deny log tcp 80 any #2"], &once);
    check("a log is another outcome", &[once[0], "1 allow log tcp 80 any #2"], &once);
    check(
        "names do not matter",
        &["1 allow tcp 80 @1:4-7 #1", "2 allow tcp 80 4-7 #2"],
        &["1 allow tcp 80 @1:4-7 #1"],
    );
    let unlike = ["1 allow tcp 80 any #1", "1 allow tcp 80 any6 #2", "1 allow udp 80 any #3"];
    check("unlike", &unlike, &unlike);
}

#[test]
fn drops_what_stronger_rules_cover() {
    let check = |why, before: &[&str], after: &[&str]| {
        check(|chain| covered(chain, &mut budget()).chain, why, before, after);
    };
    let halves = ["1 allow tcp 0-500 any #1", "2 deny tcp 400-65535 any #2"];
    check("both together", &[halves[0], halves[1], "3 allow tcp 80-800 0-7 #3"], &halves);
    let rest = [halves[0], halves[1], "3 allow tcp - any #3"];
    check("packets without ports are left", &rest, &rest);
    let all = ["1 allow all - any #1"];
    check("by another verdict", &[all[0], "2 deny log tcp 22 any #2"], &all);
    check(
        "a rule like the default goes only when covered",
        &["1 deny all - any #1"],
        &["1 deny all - any #1"],
    );
    let weaker = ["1 allow tcp 22 any #1", "2 allow tcp 1-100 any #2"];
    check("not by weaker ones", &weaker, &weaker);
}

#[test]
fn merges_rules_that_differ_in_one_field() {
    let check = |why, before: &[&str], after: &[&str]| check(merged, why, before, after);
    let same = |why, lines: &[&str]| check(why, lines, lines);
    check("ports", &["1 allow tcp 80 any #1", "1 allow tcp 443 any #2"], &["1 allow tcp 80,443 any #1,2"]);
    check(
        "adjacent prefixes",
        &["1 allow tcp 80 0-3 #1", "1 allow tcp 80 4-7 #2"],
        &["1 allow tcp 80 0-7 #1,2"],
    );
    let grid = ["1 allow tcp 1 0 #1", "1 allow tcp 2 0 #2", "1 allow tcp 1 9 #3", "1 allow tcp 2 9 #4"];
    check("one field after the other", &grid, &["1 allow tcp 1-2 0,9 #1,2,3,4"]);
    same("two fields at once", &["1 allow tcp 80 0 #1", "1 allow tcp 81 1 #2"]);
    check(
        "other priorities",
        &["1 allow tcp 80 any #1", "2 allow tcp 443 any #2"],
        &["1 allow tcp 80,443 any #1,2"],
    );
    same("not when they log", &["1 allow log tcp 80 any #1", "2 allow log tcp 443 any #2"]);
    same("other logs", &["1 allow tcp 80 any #1", "1 allow log tcp 443 any #2"]);
    same("families", &["1 allow tcp 80 any #1", "1 allow tcp 443 any6 #2"]);
    same("named sets keep their names", &["1 allow tcp 80 @1:0-3 #1", "1 allow tcp 80 @2:4-7 #2"]);
    same("also beside others", &["1 allow tcp 80 @1:0-3 #1", "1 allow tcp 80 4-7 #2"]);
    check(
        "ports of one named set",
        &["1 allow tcp 80 @1:0-3 #1", "1 allow tcp 81 @1:0-3 #2"],
        &["1 allow tcp 80-81 @1:0-3 #1,2"],
    );
    same("a test of ports and none", &["1 allow tcp 80 any #1", "1 allow tcp - any #2"]);
}

#[test]
fn merges_protocols_of_one_source_rule() {
    let check = |why, before: &[&str], after: &[&str]| check(merged, why, before, after);
    check("a service", &["1 allow tcp 53 any #1", "1 allow udp 53 any #1"], &["1 allow tcp+udp 53 any #1"]);
    check(
        "without ports",
        &["1 allow icmp - any #1", "1 allow gre - any #1"],
        &["1 allow icmp+gre - any #1"],
    );
    for apart in [
        ["1 allow tcp 53 any #1", "1 allow udp 53 any #2"],
        ["1 allow tcp 53 any #1", "1 allow udp 54 any #1"],
        ["1 allow tcp 53 any #1", "1 allow icmp - any #1"],
    ] {
        check("apart", &apart, &apart);
    }
}

/// Within one priority only a log makes the order matter.
#[test]
fn merges_past_rules_that_do_not_conflict() {
    let check = |why, before: &[&str], after: &[&str]| check(merged, why, before, after);
    let [first, last] = ["1 allow tcp 80 0-7 #1", "1 allow tcp 443 0-7 #3"];
    let joined = "1 allow tcp 80,443 0-7 #1,3";
    let [apart, below, above, both] = [
        "1 allow log tcp 22 any #2",
        "1 allow log tcp 443 5 #2",
        "1 allow log tcp 80 5 #2",
        "1 allow log tcp - 5 #2",
    ];
    check("past a stranger", &[first, apart, last], &[joined, apart]);
    check("the lower may not pass, the upper may", &[first, below, last], &[below, joined]);
    check("the upper may not pass, the lower may", &[first, above, last], &[joined, above]);
    check("neither may pass", &[first, both, last], &[first, both, last]);
    let kin = "1 allow tcp - 5 #2";
    check("past its like", &[first, kin, last], &[joined, kin]);
}

#[test]
fn merges_across_priorities_where_no_conflict_stands_between() {
    let check = |why, before: &[&str], after: &[&str]| check(merged, why, before, after);
    let [first, last] = ["1 allow tcp 80 0-7 #1", "9 allow tcp 443 0-7 #3"];
    let (up, down) = ("1 allow tcp 80,443 0-7 #1,3", "9 allow tcp 80,443 0-7 #1,3");
    let stranger = "5 deny tcp 22 any #2";
    check("past a stranger", &[first, stranger, last], &[up, stranger]);
    let below = "5 deny tcp 443 5 #2";
    check("the lower may not pass", &[first, below, last], &[below, down]);
    let above = "5 deny tcp 80 5 #2";
    check("the upper may not pass", &[first, above, last], &[up, above]);
    let both = "5 deny tcp 1-999 5 #2";
    check("neither may pass", &[first, both, last], &[first, both, last]);
    let groups = ["1 allow tcp 1 any #1", "2 allow tcp 2 any #2", both, "6 allow tcp 3 any #3"];
    check("on each side of a conflict", &groups, &["1 allow tcp 1-2 any #1,2", both, groups[3]]);
    let crossed =
        ["1 allow tcp 80 0-3 #1", "2 deny tcp 443 0-3 #2", "3 allow tcp 443 0-3 #3", "4 deny tcp 80 0-3 #4"];
    check(
        "two lots that cross: one move, not both against each other",
        &crossed,
        &[crossed[0], "2 deny tcp 80,443 0-3 #2,4", crossed[2]],
    );
}

#[test]
fn redundant_rules_go_one_at_a_time() {
    let check = |why, before: &[&str], after: &[&str]| {
        check(|chain| redundant(chain, &mut budget()).chain, why, before, after);
    };
    let allow = "1 allow tcp 80 any #1";
    let last = [allow, "100 deny all - any #2"];
    check("what the default says may be said", &last, &last);
    let logged = ["1 allow log tcp 80 0 #1", "2 allow log tcp 80 any #2"];
    check("a log line names its rule", &logged, &logged);
    let covered = ["1 allow tcp 80 any #1", "2 deny tcp 80 0 #2"];
    check("covered ones too", &covered, &covered[..1]);
    let holding = [allow, "2 deny tcp 1-100 any #2", "3 allow tcp 1-200 any #3"];
    check("it holds a weaker one back", &holding, &holding);
    check("like a weaker one", &["1 allow tcp 80 0 #1", "2 allow tcp 80 any #2"], &["2 allow tcp 80 any #2"]);
    let halves = ["1 allow tcp 1-9 any #1", "2 allow tcp 5-20 any #2", "3 allow tcp 7-9,15-20 any #3"];
    check("each may be spared, not both", &[halves[0], halves[1], halves[2]], &[halves[0], halves[1]]);
}

#[test]
fn what_a_merge_covers_goes_too() {
    let before =
        ["1 allow tcp 1-5 any #1", "1 allow tcp 4-7 0 #2", "1 allow tcp 6-9 any #3", "2 deny tcp 3-8 any #4"];
    check(
        |chain| optimize(chain, &mut budget()).0,
        "covered by the union",
        &before,
        &["1 allow tcp 1-9 any #1,3"],
    );
    let (_, report) = optimize(&chain(&before), &mut budget());
    let Report { before, after, merged, covered, redundant, .. } = report;
    assert_eq!((before, after, merged, covered, redundant), (4, 1, 1, 1, 1));
}
