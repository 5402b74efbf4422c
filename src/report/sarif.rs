//! One SARIF 2.1.0 document: for code scanning (OASIS Static Analysis Results Interchange Format).
//!
//! Paths are relative references as long as the policy was named by a relative path: run at the root of the repository,
//! they are what code scanning wants. Columns count characters. Fingerprints stay the same while lines move.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::harmless;
use super::places::Pages;
use crate::diagnostic::{Diagnostic, Label, Location, Severity, Sources};

/// What there is to know about a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// The code.
    pub code: &'static str,
    /// What it means, in one line.
    pub summary: String,
    /// What to know and to do, in Markdown.
    pub help: String,
    /// Whether it is an error unless somebody says otherwise; `None` for what is silent.
    pub severity: Option<Severity>,
}

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All diagnostics as one run; `rules` teaches the codes.
pub fn sarif(diagnostics: &[Diagnostic], sources: &Sources, rules: &[RuleText]) -> String {
    let mut pages = Pages::new(sources);
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let results: Vec<Value> =
        diagnostics.iter().map(|found| result(found, rules, &mut pages, &mut seen)).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "palisade",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // Laid out in lines; within a line only strings can hold what is hidden.
    format!("{document:#}").lines().map(|line| harmless(line) + "\n").collect()
}

fn rule(rule: &RuleText) -> Value {
    let RuleText { code, summary, help, severity } = rule;
    let level = match severity {
        Some(Severity::Error) => "error",
        Some(Severity::Warning) => "warning",
        None => "none",
    };
    let name = code.rsplit("::").next().unwrap_or(code);
    json!({
        "id": code,
        "name": name,
        "shortDescription": { "text": summary },
        "help": { "text": help.replace('`', ""), "markdown": help },
        "defaultConfiguration": { "enabled": severity.is_some(), "level": level },
    })
}

fn result(
    found: &Diagnostic,
    rules: &[RuleText],
    pages: &mut Pages<'_>,
    seen: &mut BTreeMap<u64, usize>,
) -> Value {
    let Diagnostic { code, severity, message, labels, help } = found;
    let level = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help = help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let mut labels = labels.iter();
    let first = labels.next();
    let mut result = json!({
        "ruleId": code,
        "level": level,
        "message": { "text": plain(&format!("{message}{help}")) },
        "locations": first.and_then(|label| place(label.at, pages)).into_iter().collect::<Vec<_>>(),
        "partialFingerprints": { "palisadeLine/v1": fingerprint(code, first, pages, seen) },
    });
    let related: Vec<Value> = labels.zip(1..).filter_map(|(label, id)| related(label, id, pages)).collect();
    if let Some(object) = result.as_object_mut() {
        if let Some(index) = rules.iter().position(|rule| rule.code == *code) {
            object.insert("ruleIndex".to_owned(), index.into());
        }
        if !related.is_empty() {
            object.insert("relatedLocations".to_owned(), related.into());
        }
    }
    result
}

fn related(label: &Label, id: usize, pages: &mut Pages<'_>) -> Option<Value> {
    let mut place = place(label.at, pages)?;
    let object = place.as_object_mut()?;
    object.insert("id".to_owned(), id.into());
    object.insert("message".to_owned(), json!({ "text": plain(&label.text) }));
    Some(place)
}

fn place(at: Location, pages: &mut Pages<'_>) -> Option<Value> {
    let (line, column, page) = pages.place(at)?;
    let span = page.clamp(at.span);
    let (last, end) = page.end(span);
    Some(json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(page.given) },
        "region": { "startLine": line, "startColumn": column, "endLine": last, "endColumn": end },
    }}))
}

/// A path as a reference (RFC 3986): relative ones stay relative.
fn uri(path: &str) -> String {
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Braces and links mean something in SARIF messages (sections 3.11.5 and 3.11.6).
fn plain(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

/// The code, the file and the words of the line, and which of several such it is: FNV-1a, in hexadecimal.
fn fingerprint(
    code: &str,
    label: Option<&Label>,
    pages: &mut Pages<'_>,
    seen: &mut BTreeMap<u64, usize>,
) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    add(code);
    if let Some((line, _, page)) = label.and_then(|label| pages.place(label.at)) {
        add(page.given);
        add(&page.line(line - 1).split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let nth = seen.entry(hash).or_default();
    *nth += 1;
    format!("{hash:016x}:{nth}")
}
