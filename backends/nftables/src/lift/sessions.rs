//! Whether two rulesets end idle sessions alike: their timeout objects, and the rules that hand them out.
//!
//! Verdicts are not looked at. A ruleset gives a session its timeout in rules that stand before any that decides, so
//! those rules are compared in their order, with what could keep a packet from them.

use std::collections::{BTreeMap, BTreeSet};

use palisade_ir::Protocol;

use super::ast::{Ruleset, Statement, Table, Timeout};

/// The kernel's own seconds, which nft leaves out of a listing (nft's `tcp_dflt_timeout`, `udp_dflt_timeout`).
const TCP: [(&str, u32); 10] = [
    ("syn_sent", 120),
    ("syn_recv", 60),
    ("established", 432_000),
    ("fin_wait", 120),
    ("close_wait", 60),
    ("last_ack", 30),
    ("time_wait", 120),
    ("close", 10),
    ("retrans", 300),
    ("unack", 300),
];
const UDP: [(&str, u32); 2] = [("unreplied", 30), ("replied", 120)];

/// What `found` does otherwise than `wanted`, in words; nothing when sessions end alike.
pub fn session_drift(wanted: &Ruleset, found: &Ruleset) -> Vec<String> {
    let mut drift = Vec::new();
    for (name, wanted) in &wanted.tables {
        // A table that is not there is a matter of verdicts.
        let Some(found) = found.tables.get(name) else { continue };
        objects(wanted, found, &mut drift);
        rules(wanted, found, &mut drift);
    }
    drift
}

fn objects(wanted: &Table, found: &Table, drift: &mut Vec<String>) {
    for (name, wanted) in &wanted.timeouts {
        let Some(found) = found.timeouts.get(name) else {
            drift.push(format!("there is no timeout object `{name}`"));
            continue;
        };
        if wanted.protocol != found.protocol {
            drift.push(format!("the timeout object `{name}` is for {}", found.protocol));
            continue;
        }
        let (wanted, found) = (seconds(wanted), seconds(found));
        for (state, wanted) in &wanted {
            let is = found.get(state);
            if is != Some(wanted) {
                let is = is.map_or_else(|| "unknown".to_owned(), |is| format!("{is} s"));
                drift.push(format!(
                    "the timeout object `{name}` has {state} {is}, and should have {wanted} s"
                ));
            }
        }
    }
}

/// The seconds of every state.
fn seconds(timeout: &Timeout) -> BTreeMap<&str, u32> {
    let Timeout { protocol, policy } = timeout;
    let known: &[(&str, u32)] = if *protocol == Protocol::TCP { &TCP } else { &UDP };
    let mut all: BTreeMap<&str, u32> = known.iter().copied().collect();
    all.extend(policy.iter().map(|(state, seconds)| (state.as_str(), *seconds)));
    all
}

fn rules(wanted: &Table, found: &Table, drift: &mut Vec<String>) {
    let names: BTreeSet<&String> = wanted.chains.keys().chain(found.chains.keys()).collect();
    for name in names {
        let [wanted, found] = [wanted, found].map(|table| handing_out(table, name));
        if wanted != found {
            drift.push(format!("the chain `{name}` does not give sessions their timeouts as it should"));
        }
    }
}

/// The statements of a chain's rules up to the last that gives a session a timeout, as far as they bear on it.
fn handing_out<'t>(table: &'t Table, chain: &str) -> Vec<Vec<&'t Statement>> {
    let rules = table.chains.get(chain).map_or(&[][..], |chain| &chain.rules);
    let gives = |statement: &Statement| matches!(statement, Statement::SetTimeout(_));
    let last = rules.iter().rposition(|rule| rule.statements.iter().any(gives));
    let before = rules.iter().take(last.map_or(0, |last| last + 1));
    let bears = |statement: &&Statement| match statement {
        Statement::Counter | Statement::Limit | Statement::Log { .. } => false,
        Statement::Test { .. }
        | Statement::Dispatch { .. }
        | Statement::SetTimeout(_)
        | Statement::Act(_) => true,
    };
    let ends = |statement: &&Statement| !matches!(statement, Statement::Test { .. });
    let kept = before.map(|rule| rule.statements.iter().filter(bears).collect::<Vec<_>>());
    kept.filter(|statements| statements.iter().any(ends)).collect()
}
