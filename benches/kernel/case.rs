//! The rule sets: policies of one instance with many inbound rules.

use std::fmt;
use std::process::Command;

use palisade::front::read_text;
use palisade::lower::lower;
use palisade::optimize::optimize_plan;
use palisade_ir::{Chain, InstanceId, NicRef, Packet, Plan};
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
    Groups,
    ClassBench(&'static str),
}

impl Shape {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform),
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
            Shape::Groups => "groups",
            Shape::ClassBench(name) => name,
        };
        write!(out, "{name}, {} rules", self.rules)
    }
}

/// A rule set with the packets to try it with.
pub struct Case {
    pub title: String,
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
            Shape::Groups => sample::security_group_policy(self.rules, SEED),
            Shape::ClassBench(name) => sample::classbench_policy(&filters(name, self.rules)?, SEED)?,
        };
        let lowered = plan(&text);
        let optimized = optimize_plan(&lowered).0;
        let (hits, misses) = traffic::packets(chain(&lowered), PACKETS);
        let title = self.to_string();
        Some(Case { title, lowered, optimized, empty: plan(&sample::uniform_policy(0, SEED)), hits, misses })
    }
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
