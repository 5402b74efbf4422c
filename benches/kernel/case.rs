//! The rule sets: policies of one instance with many inbound rules.

use std::fmt;
use std::process::Command;

use palisade::front::read_text;
use palisade::lower::lower;
use palisade::optimize::optimize_plan;
use palisade_ir::{Chain, Family, InstanceId, NicRef, Packet, Plan};
use palisade_testkit::sample;

use crate::traffic;

const SEED: u64 = 1;
/// Packets of each kind; enough that no branch predictor learns them.
const PACKETS: usize = 2048;
/// Where the corpus stands, from the root of the project.
const CORPUS: &str = "../shared/corpus/classbench";

/// Where rules come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Uniform,
    /// The same with IPv6 prefixes.
    Uniform6,
    Groups,
    ClassBench(&'static str),
}

impl Shape {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform),
            "uniform6" => Some(Self::Uniform6),
            "groups" => Some(Self::Groups),
            "acl1" => Some(Self::ClassBench("acl1")),
            "fw1" => Some(Self::ClassBench("fw1")),
            "ipc1" => Some(Self::ClassBench("ipc1")),
            _ => None,
        }
    }
}

/// A rule set that was asked for.
pub struct Wanted {
    pub shape: Shape,
    pub rules: usize,
}

impl fmt::Display for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.shape {
            Shape::Uniform => "uniform",
            Shape::Uniform6 => "uniform6",
            Shape::Groups => "groups",
            Shape::ClassBench(name) => name,
        };
        write!(out, "{name}, {} rules", self.rules)
    }
}

/// A rule set with the packets to try it with.
pub struct Case {
    pub title: String,
    /// That of the packets and of naive files.
    pub family: Family,
    /// As written: what a naive file says line by line.
    pub lowered: Plan,
    /// What backends are given.
    pub optimized: Plan,
    /// The same host without rules, which drops everything.
    pub empty: Plan,
    pub hits: Vec<Packet>,
    pub misses: Vec<Packet>,
}

impl Wanted {
    /// `None` when the rules are not there.
    pub fn build(&self) -> Option<Case> {
        let text = match self.shape {
            Shape::Uniform => sample::uniform_policy(self.rules, SEED),
            Shape::Uniform6 => sixth(&sample::uniform_policy(self.rules, SEED)),
            Shape::Groups => sample::security_group_policy(self.rules, SEED),
            Shape::ClassBench(name) => sample::classbench_policy(&filters(name, self.rules)?, SEED)?,
        };
        let lowered = plan(&text);
        let optimized = optimize_plan(&lowered).0;
        let (family, empty) = match self.shape {
            Shape::Uniform6 => (Family::V6, sixth(&sample::uniform_policy(0, SEED))),
            _ => (Family::V4, sample::uniform_policy(0, SEED)),
        };
        let (hits, misses) = traffic::packets(chain(&lowered), family, PACKETS);
        let title = self.to_string();
        Some(Case { title, family, lowered, optimized, empty: plan(&empty), hits, misses })
    }
}

/// A uniform policy with /56 prefixes for its /24s.
fn sixth(text: &str) -> String {
    let line = |line: &str| match line
        .split_once(" from ")
        .and_then(|(rule, rest)| Some((rule, rest.split_once(".0/24")?)))
    {
        Some((rule, (prefix, rest))) => {
            let bytes: Vec<u8> = prefix.split('.').map(|byte| byte.parse().expect("a byte")).collect();
            format!("{rule} from 2001:db8:{:02x}{:02x}:{:02x}00::/56{rest}\n", bytes[0], bytes[1], bytes[2])
        }
        None => format!("{line}\n").replace("10.0.0.1", "fd00::1"),
    };
    text.lines().map(line).collect()
}

/// The chain that judges what comes in.
pub fn chain(plan: &Plan) -> &Chain {
    &plan.nic(NicRef { instance: InstanceId(0), nic: 0 }).unwrap().ingress
}

fn plan(text: &str) -> Plan {
    let front = read_text("policy.sg", text);
    lower(&front.policy.unwrap_or_else(|| panic!("{:#?}", front.diagnostics)))
}

/// The first lines of a ClassBench set.
fn filters(name: &str, rules: usize) -> Option<String> {
    let size = if rules <= 1000 {
        "1k"
    } else if rules <= 10_000 {
        "10k"
    } else {
        "100k"
    };
    let path = format!("{CORPUS}/{name}_{size}.gz");
    let unpacked = Command::new("gzip").args(["-dc", &path]).output().ok()?;
    let text = String::from_utf8(unpacked.stdout).ok()?;
    let lines: String = text.lines().take(rules).flat_map(|line| [line, "\n"]).collect();
    Some(lines).filter(|lines| !lines.is_empty())
}
