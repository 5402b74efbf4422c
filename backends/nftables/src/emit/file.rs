//! The order of a whole ruleset: declare, flush, refill.
//!
//! One file is one transaction. Deleting the table and making it anew would let packets through between the two (seen
//! under load) and take the timeout objects off live sessions; flushing and refilling does neither. So everything that
//! a flush must not miss is declared first, with all base chains: one left over from an older ruleset would stay, empty,
//! with its policy. Regular chains and sets that are no longer used stay behind empty or unreferenced, and harmless.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::Verdict;

use super::dispatch::MapText;
use super::rule::LINE;
use super::session;
use super::sets::SetText;

/// A chain, its lines without indentation.
pub(super) struct ChainText {
    /// What it is, for a comment line; chains without one belong to the one above.
    pub(super) note: Option<String>,
    pub(super) name: String,
    /// The hook and the policy of a base chain.
    pub(super) base: Option<(&'static str, Verdict)>,
    pub(super) lines: Vec<String>,
}

impl ChainText {
    /// A chain of one short rule: one line, so that one more service is one more line.
    fn in_one_line(&self) -> Option<String> {
        let [rule] = self.lines.as_slice() else { return None };
        let text = ["chain ", &self.name, " { ", rule, "; }"].concat();
        Some(text).filter(|text| text.len() <= LINE && !rule.starts_with('#'))
    }
}

/// A ruleset, ready to print.
pub(super) struct Ruleset {
    pub(super) table: String,
    /// What it is for, in comment lines.
    pub(super) title: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) session_timeout: u32,
    /// Words for the ports of services.
    pub(super) services: BTreeMap<String, Vec<String>>,
    pub(super) sets: BTreeMap<String, SetText>,
    pub(super) maps: BTreeMap<String, MapText>,
    pub(super) chains: Vec<ChainText>,
}

impl Ruleset {
    /// The text; `stem` is what the file's name begins with.
    pub(super) fn render(&self, stem: &str) -> String {
        let mut out = String::new();
        self.header(stem, &mut out);
        self.define(&mut out);
        self.declare(&mut out);
        self.refill(&mut out);
        out
    }

    fn header(&self, stem: &str, out: &mut String) {
        let table = &self.table;
        line(out, 0, ["#!/usr/sbin/nft -f"]);
        self.title.iter().for_each(|text| line(out, 0, ["# ", text]));
        line(out, 0, ["#"]);
        line(
            out,
            0,
            ["# load:    nft -f ", stem, ".nft    (again to replace; live sessions and other tables stay)"],
        );
        line(out, 0, ["# unload:  nft delete table inet ", table]);
        line(out, 0, ["# session timeouts beyond tcp and udp: ", stem, ".sysctl"]);
        line(out, 0, ["#"]);
        self.notes.iter().for_each(|text| line(out, 0, ["# ", text]));
        out.push('\n');
    }

    /// Symbols cost the kernel nothing: nft puts what they stand for into the rules (nft(8), SYMBOLIC VARIABLES).
    fn define(&self, out: &mut String) {
        for (name, ports) in &self.services {
            match ports.as_slice() {
                [only] => line(out, 0, ["define ", name, " = ", only]),
                many => {
                    let short = format!("define {name} = {{ {} }}", many.join(", "));
                    if short.len() <= LINE {
                        line(out, 0, [&short]);
                        continue;
                    }
                    line(out, 0, ["define ", name, " = {"]);
                    many.iter().for_each(|ports| line(out, 1, [ports, ","]));
                    line(out, 0, ["}"]);
                }
            }
        }
        if !self.services.is_empty() {
            out.push('\n');
        }
    }

    fn declare(&self, out: &mut String) {
        let table = &self.table;
        line(out, 0, ["# Declared, then emptied, then filled again, in one transaction."]);
        line(out, 0, ["table inet ", table, " {"]);
        for text in session::objects(self.session_timeout) {
            line(out, 1, [&text]);
        }
        for (name, set) in &self.sets {
            line(out, 1, ["set ", name, " { type ", set.kind, "; flags interval; }"]);
        }
        for (name, map) in &self.maps {
            let flags = if map.interval { " flags interval;" } else { "" };
            line(out, 1, ["map ", name, " { type ", &map.kind, " : verdict;", flags, " }"]);
        }
        let led_to: BTreeSet<&str> = self.maps.values().flat_map(MapText::chains).collect();
        for name in led_to {
            line(out, 1, ["chain ", name, " { }"]);
        }
        for chain in &self.chains {
            if let Some((hook, policy)) = chain.base {
                line(out, 1, ["chain ", &chain.name, " {"]);
                line(out, 2, [&base_line(hook, policy)]);
                line(out, 1, ["}"]);
            }
        }
        line(out, 0, ["}"]);
        line(out, 0, ["flush table inet ", table]);
        for name in self.sets.keys() {
            line(out, 0, ["flush set inet ", table, " ", name]);
        }
        for name in self.maps.keys() {
            line(out, 0, ["flush map inet ", table, " ", name]);
        }
        out.push('\n');
    }

    fn refill(&self, out: &mut String) {
        line(out, 0, ["table inet ", &self.table, " {"]);
        for (name, set) in &self.sets {
            if let Some(note) = &set.note {
                line(out, 1, ["# ", note]);
            }
            line(out, 1, ["set ", name, " {"]);
            line(out, 2, ["type ", set.kind]);
            line(out, 2, ["flags interval"]);
            // nft takes no empty list.
            if !set.elements.is_empty() {
                line(out, 2, ["elements = {"]);
                set.elements.iter().for_each(|text| element(out, text));
                line(out, 2, ["}"]);
            }
            line(out, 1, ["}"]);
            out.push('\n');
        }
        for (name, map) in &self.maps {
            line(out, 1, ["map ", name, " {"]);
            line(out, 2, ["type ", &map.kind, " : verdict"]);
            if map.interval {
                line(out, 2, ["flags interval"]);
            }
            line(out, 2, ["elements = {"]);
            map.elements.iter().for_each(|text| element(out, text));
            line(out, 2, ["}"]);
            line(out, 1, ["}"]);
            out.push('\n');
        }
        for (at, chain) in self.chains.iter().enumerate() {
            if let Some(note) = &chain.note {
                if at > 0 {
                    out.push('\n');
                }
                line(out, 1, ["# ", note]);
            } else if let Some(text) = chain.in_one_line() {
                line(out, 1, [&text]);
                continue;
            }
            line(out, 1, ["chain ", &chain.name, " {"]);
            if let Some((hook, policy)) = chain.base {
                line(out, 2, [&base_line(hook, policy)]);
            }
            chain.lines.iter().for_each(|text| line(out, 2, [text]));
            line(out, 1, ["}"]);
        }
        line(out, 0, ["}"]);
    }
}

fn base_line(hook: &str, policy: Verdict) -> String {
    let policy = match policy {
        Verdict::Allow => "accept",
        Verdict::Deny => "drop",
    };
    format!("type filter hook {hook} priority filter; policy {policy};")
}

/// A line of these parts with its indentation; an empty one has none. There are as many lines as rules, so they are
/// not formatted first.
fn line<const N: usize>(out: &mut String, depth: usize, parts: [&str; N]) {
    if parts.iter().any(|part| !part.is_empty()) {
        (0..depth).for_each(|_| out.push('\t'));
    }
    parts.iter().for_each(|part| out.push_str(part));
    out.push('\n');
}

/// An element of a list.
fn element(out: &mut String, text: &str) {
    line(out, 3, [text, ","]);
}

/// `prefix { one }` on one line, or one element a line.
pub(super) fn braces(prefix: &str, elements: &[String], suffix: &str) -> Vec<String> {
    let suffix = if suffix.is_empty() { String::new() } else { format!(" {suffix}") };
    match elements {
        [] => Vec::new(),
        [only] => vec![format!("{prefix} {{ {only} }}{suffix}")],
        many => {
            let mut lines = vec![format!("{prefix} {{")];
            lines.extend(many.iter().map(|element| format!("\t{element},")));
            lines.push(format!("}}{suffix}"));
            lines
        }
    }
}
