//! A failed proof in words: the packet and its way, what the policy says and why, what the ruleset does and where.

use std::borrow::Cow;
use std::fmt::Write;

use palisade_ir::{Artifact, ConnState, Family, PacketHook, Plan, Traversal, Verdict};

use super::{Difference, Failure};
use crate::diagnostic::Sources;
use crate::lower::rule_location;
use crate::policy::Policy;
use crate::report::{visible, words, wrap};

/// Before who decides.
const INDENT: &str = "             ";

/// The most characters of a line that are shown.
const MOST: usize = 600;

/// What is known about where a policy and its ruleset come from.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Its texts.
    pub sources: &'a Sources,
    /// Its plan.
    pub plan: &'a Plan,
    /// The first part of the files' names.
    pub stem: &'a str,
    /// The files.
    pub artifact: &'a Artifact,
    /// What printed a file, by its suffix, where it is no file of that name.
    pub listings: &'a [(&'static str, String)],
}

/// Several lines that end the matter.
pub fn failure(setting: &Setting<'_>, failure: &Failure) -> String {
    let stem = setting.stem;
    match failure {
        Failure::Unreadable(error) => {
            format!("{stem}: cannot read it back: {}\n", visible(&error.to_string()))
        }
        Failure::Unproved(why) => {
            let help =
                "  help     nothing is known to be wrong; `compile --no-verify` writes without the proof";
            format!("{stem}: not proved: {}\n{help}\n", visible(why))
        }
        Failure::Different(found) => difference(setting, found),
    }
}

fn difference(setting: &Setting<'_>, difference: &Difference) -> String {
    let Difference { packet, at, expected, rules, found } = difference;
    let mut text = format!("{}: the ruleset does not mean the policy\n", setting.stem);
    // Writing to a string cannot fail.
    let further = " ".repeat(15);
    wrap(&mut text, &format!("{}, {}", words::packet(packet), way(at)), "  packet   ", &further);
    let _ = writeln!(text, "  policy   {}", outcome(expected.verdict, expected.log));
    for id in rules {
        let name = setting.plan.rule(*id).map(ToString::to_string).unwrap_or_default();
        let place = rule_location(setting.policy, *id).and_then(|at| setting.sources.position(at));
        let place = place.map(|(path, line, _)| format!(" ({path}:{line})")).unwrap_or_default();
        wrap(&mut text, &format!("by `{}`{}", visible(&name), visible(&place)), INDENT, &further);
    }
    if rules.is_empty() {
        let _ = writeln!(text, "             by no rule: what stands around the rules decides");
    }
    let _ = writeln!(text, "  ruleset  {}", outcome(found.verdict, found.logged));
    match found.line.and_then(|line| line_of(setting, packet.family(), line)) {
        Some((name, number, line)) => {
            let line = shortened(&line);
            // In a listing of objects the number is that of an object.
            let place =
                if line.starts_with('{') { format!(", object {number}") } else { format!(":{number}") };
            wrap(&mut text, &format!("{name}{place}: {}", visible(&line)), INDENT, &further);
        }
        None => match &found.comment {
            // A compiled matcher has no lines, but knows what its look-ups stand for.
            Some(rule) => {
                wrap(&mut text, &format!("by look-ups that stand for `{}`", visible(rule)), INDENT, &further);
            }
            None => text.push_str("             by no line: nothing stands in the packet's way\n"),
        },
    }
    text
}

fn outcome(verdict: Verdict, logged: bool) -> String {
    format!("{verdict}{}", if logged { ", logged" } else { "" })
}

/// A line as far as it is worth showing: sets in it may be long.
fn shortened(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{} ...", line.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(line),
    }
}

/// The line of the file that rules packets of a family.
fn line_of(setting: &Setting<'_>, family: Family, number: usize) -> Option<(String, usize, String)> {
    let wanted = match family {
        Family::V4 => ["nft", "rules.v4", "rs"],
        Family::V6 => ["nft", "rules.v6", "rs"],
    };
    let file = setting.artifact.files.iter().find(|file| wanted.contains(&file.suffix))?;
    let line = palisade_nftables::line(std::str::from_utf8(&file.contents).ok()?, number)?;
    let listing = setting.listings.iter().find(|(suffix, _)| *suffix == file.suffix);
    let name = listing.map_or_else(|| format!("{}.{}", setting.stem, file.suffix), |(_, name)| name.clone());
    Some((name, number, line.trim().to_owned()))
}

/// A way in words; what goes without saying is left out.
fn way(at: &Traversal) -> String {
    let Traversal { hook, iif, oif, state, icmp_type, hop_limit } = at;
    let mut parts = vec![
        match hook {
            PacketHook::Input => "input",
            PacketHook::Output => "output",
            PacketHook::Forward => "forward",
        }
        .to_owned(),
    ];
    parts.extend(iif.as_ref().map(|name| format!("in by `{name}`")));
    parts.extend(oif.as_ref().map(|name| format!("out by `{name}`")));
    parts.push(
        match state {
            ConnState::New => "a new session",
            ConnState::Established => "of a live session",
            ConnState::Related => "about a live session",
            ConnState::Invalid => "invalid to connection tracking",
            ConnState::Untracked => "untracked",
        }
        .to_owned(),
    );
    parts.extend(icmp_type.map(|number| format!("type {number}")));
    parts.extend(hop_limit.map(|number| format!("hop limit {number}")));
    parts.join(", ")
}
