//! A fleet: many instances that share groups, as a company has.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Dice;
use super::large::rule_line;

/// Rules of each group.
const RULES: usize = 20;

/// A policy of groups with twenty inbound rules each, and instances with one NIC that is in one to three of them.
pub fn fleet_policy(instances: usize, groups: usize, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut text = String::from("network prod = vpc\n");
    // Writing to a String cannot fail.
    for group in 0..groups {
        let _ = write!(text, "\ngroup g{group} {{\n  kind basic\n  network prod\n  inner deny\n\n  in {{\n");
        for _ in 0..RULES {
            let _ = writeln!(text, "    {}", rule_line(&mut dice));
        }
        text.push_str("  }\n}\n");
    }
    for instance in 0..instances {
        let joined: BTreeSet<usize> = (0..=dice.below(3)).map(|_| dice.below(groups.max(1))).collect();
        let joined: Vec<String> = joined.iter().map(|group| format!("g{group}")).collect();
        let joined = if joined.len() == 1 { joined.concat() } else { format!("[{}]", joined.join(", ")) };
        let [_, b, c, d] = (instance as u32 + 1).to_be_bytes();
        let _ = write!(
            text,
            "\ninstance i{instance} {{\n  nic eth0 address 10.{b}.{c}.{d} groups {joined}\n}}\n"
        );
    }
    text
}
