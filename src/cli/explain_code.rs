//! `palisade explain-code`: what any code in an error or warning means.

use super::args::ExplainCodeArgs;
use super::{Exit, Failure, output};
use crate::diagnostic::Severity;
use crate::import::aliyun;
use crate::lint::{LINTS, Level, Lint};
use crate::report::RuleText;
use crate::{resolve, source};

/// Codes of `palisade check` itself.
const EXPECT: &[(&str, &str)] = &[
    ("palisade::expect::failed", "an expectation that some packet it describes does not meet"),
    ("palisade::expect::undecided", "an expectation about too many pairs of ends to decide"),
];

pub(super) fn run(args: &ExplainCodeArgs) -> Result<Exit, Failure> {
    let asked = args.code.trim_matches(['[', ']']);
    let known = known();
    let found: Vec<&(&str, &str)> =
        known.iter().filter(|(code, _)| *code == asked || code.rsplit("::").next() == Some(asked)).collect();
    if found.is_empty() {
        return Err(unknown(asked, &known));
    }
    let texts: Vec<String> = found.into_iter().map(|(code, meaning)| lesson(code, meaning)).collect();
    output::print(texts.join("\n").as_bytes())?;
    Ok(Exit::Fine)
}

fn known() -> Vec<(&'static str, &'static str)> {
    let lints = LINTS.iter().map(|lint| (lint.code, lint.summary)).collect::<Vec<_>>();
    [palisade_grammar::CODES, source::CODES, resolve::CODES, aliyun::CODES, EXPECT, &lints].concat()
}

/// Every code with what there is to learn about it, for reports that carry their own lessons.
pub(super) fn rules() -> Vec<RuleText> {
    known().into_iter().map(|(code, meaning)| rule(code, meaning)).collect()
}

fn rule(code: &'static str, meaning: &str) -> RuleText {
    let Some(lint) = LINTS.iter().find(|lint| lint.code == code) else {
        let help = format!("{meaning}; `palisade explain-code {code}` says as much");
        return RuleText { code, summary: meaning.to_owned(), help, severity: Some(Severity::Error) };
    };
    let Lint { code: _, level, summary, why, remedy, example } = lint;
    let example =
        if example.is_empty() { String::new() } else { format!("\n\nFor example:\n\n```\n{example}\n```") };
    let severity = match level {
        Level::Allow => None,
        Level::Warn => Some(Severity::Warning),
        Level::Deny => Some(Severity::Error),
    };
    RuleText {
        code,
        summary: (*summary).to_owned(),
        help: format!("Why: {why}.\n\nRemedy: {remedy}.{example}"),
        severity,
    }
}

fn unknown(asked: &str, known: &[(&str, &str)]) -> Failure {
    let last = |code: &str| code.rsplit("::").next().unwrap_or_default().to_owned();
    let wanted = last(asked);
    let nearest =
        known.iter().map(|(code, _)| (strsim::damerau_levenshtein(&last(code), &wanted), *code)).min();
    match nearest {
        Some((distance, code)) if distance <= wanted.len().div_ceil(3).max(2) => {
            Failure::with_help(format!("there is no code `{asked}`"), format!("did you mean `{code}`?"))
        }
        Some(_) | None => Failure::with_help(
            format!("there is no code `{asked}`"),
            "write a code as it stands in a message, such as palisade::resolve::host-bits",
        ),
    }
}

fn lesson(code: &str, meaning: &str) -> String {
    let Some(lint) = LINTS.iter().find(|lint| lint.code == code) else {
        return format!("{code}\n  {meaning}\n");
    };
    let Lint { code, level, summary, why, remedy, example } = lint;
    let mut text =
        format!("{code} ({level} by default)\n  {summary}\n\nwhy\n  {why}\n\nremedy\n  {remedy}\n");
    if !example.is_empty() {
        let lines = example.lines().map(|line| format!("  {line}\n"));
        text.push_str(&format!("\nexample\n{}", lines.collect::<String>()));
    }
    text.push_str(&format!(
        "\nlevel\n  palisade check --deny {name}, or in palisade.toml beside the policy: [lints] {name} = \"deny\"\n",
        name = lint.name()
    ));
    text
}
