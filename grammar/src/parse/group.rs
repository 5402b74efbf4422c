//! `group web clone base "description" { ... }` and the lines of its block.

use super::body::{Line, Owner, block};
use super::input;
use super::input::{Input, Mistake, Parsed, keyword, must, name, otherwise, text};
use super::known::Known;
use super::recover::Level;
use super::rule::rule;
use super::words::{DIRECTION, GROUP_KIND, SIDE, VERDICT};
use crate::ast::{Group, GroupBase, GroupItem, GroupItemKind, ItemKind, Rule, RuleSection, Span, Text};
use crate::codes;
use crate::error::SyntaxError;
use crate::lex::Kind;

/// Begins behind the keyword; `start` is before it.
pub(crate) fn group<'t>(start: Input<'t>, input: Input<'t>) -> Parsed<'t, ItemKind> {
    let (input, name) = must(name)(input)?;
    let (input, head) = head(input)?;
    let (input, body) = block(input, Owner::new(Level::Group, start), item)?;
    let items = body
        .lines
        .into_iter()
        .map(|Line { value, span, trivia }| GroupItem { kind: value, span, trivia })
        .collect();
    let group =
        Group { name, base: head.base, description: head.description, items, dangling: body.dangling };
    Ok((input, ItemKind::Group(group)))
}

const HEAD: Known = Known {
    words: &["clone", "default"],
    others: &[
        ("extends", "clone"),
        ("inherits", "clone"),
        ("from", "clone"),
        ("like", "clone"),
        ("copy", "clone"),
    ],
    advice: "behind a group's name stand `clone NAME` or `default`, a description in double quotes, and `{`",
};

struct Head {
    base: GroupBase,
    description: Option<Text>,
}

/// What stands between the name and the `{`, in any order; the order is judged.
fn head(input: Input<'_>) -> Parsed<'_, Head> {
    let mut head = Head { base: GroupBase::Custom, description: None };
    let mut base: Option<Span> = None;
    let mut at = input;
    loop {
        let start = at.span();
        if let Ok((rest, description)) = text(at) {
            if let Some(first) = &head.description {
                report_twice(at, "description", start, first.span);
            }
            head.description = Some(description);
            at = rest;
            continue;
        }
        let Some(word) = at.word() else { return Ok((at, head)) };
        let (rest, found) = match HEAD.clause(at, word) {
            Some("clone") => must(name)(at.next()).map(|(rest, name)| (rest, GroupBase::Clone(name)))?,
            Some(_) => default_base(at)?,
            None => return Ok((past_words(at), head)),
        };
        let span = rest.span_since(start);
        match (base, &head.description) {
            (Some(first), _) => report_twice(at, "`clone` or `default`", span, first),
            (None, Some(description)) => at.report(
                SyntaxError::new(
                    codes::CLAUSE_ORDER,
                    "description before `clone` or `default`",
                    span,
                    "this stands too late",
                )
                .label(description.span, "it belongs before this")
                .help("the order is name, `clone` or `default`, description, `{`"),
            ),
            (None, None) => {}
        }
        base = Some(span);
        head.base = found;
        at = rest;
    }
}

/// Behind the words of a clause that nobody knows, which has been reported.
fn past_words(input: Input<'_>) -> Input<'_> {
    let mut at = input;
    while matches!(at.kind(), Kind::Word(_) | Kind::OddWord) {
        at = at.next();
    }
    at
}

fn report_twice(input: Input<'_>, what: &str, again: Span, first: Span) {
    input.report(
        SyntaxError::new(codes::DUPLICATE_CLAUSE, format!("{what} given twice"), again, "again here")
            .label(first, "first here")
            .help("give it once"),
    );
}

/// `default` or `default with web`
fn default_base(input: Input<'_>) -> Parsed<'_, GroupBase> {
    let start = input.span();
    match keyword("with")(input.next()) {
        Ok((rest, _)) => {
            let (rest, _) = must(keyword("web"))(rest)?;
            Ok((rest, GroupBase::Default { web: true, span: rest.span_since(start) }))
        }
        Err(_) => Ok((input.next(), GroupBase::Default { web: false, span: start })),
    }
}

const LINES: Known = Known {
    words: &["kind", "network", "inner", "remove", "in", "out"],
    others: &[
        ("type", "kind"),
        ("ingress", "in"),
        ("inbound", "in"),
        ("input", "in"),
        ("egress", "out"),
        ("outbound", "out"),
        ("output", "out"),
        ("delete", "remove"),
        ("vpc", "network"),
    ],
    advice: "a group has `kind`, `network`, `inner`, `remove`, and the blocks `in` and `out`",
};

/// One line or section of a group's block.
pub(crate) fn item(input: Input<'_>) -> Parsed<'_, GroupItemKind> {
    let Some(word) = input.word() else { return otherwise("a line of a group") };
    let known = LINES.statement(input, word);
    let after = input.next();
    match known {
        Some("kind") => {
            must(|input| GROUP_KIND.parse(input))(after).map(|(rest, kind)| (rest, GroupItemKind::Kind(kind)))
        }
        Some("network") => must(name)(after).map(|(rest, name)| (rest, GroupItemKind::Network(name))),
        Some("inner") => must(|input| VERDICT.parse(input))(after)
            .map(|(rest, verdict)| (rest, GroupItemKind::Inner(verdict))),
        Some("remove") => remove(after),
        Some(direction) => section(input, direction),
        None => input::reported(),
    }
}

/// `remove in ssh`, begun behind its keyword
fn remove(input: Input<'_>) -> Parsed<'_, GroupItemKind> {
    let (input, direction) = must(|input| DIRECTION.parse(input))(input)?;
    let (input, label) = must(name)(input)?;
    Ok((input, GroupItemKind::Remove { direction, label }))
}

/// `in public { rules }`, begun at the word that was read as `direction`
fn section<'t>(start: Input<'t>, direction: &'static str) -> Parsed<'t, GroupItemKind> {
    let Some((_, direction)) = DIRECTION.words.iter().find(|(word, _)| *word == direction) else {
        return Err(nom::Err::Failure(Mistake::Reported));
    };
    let direction = crate::ast::Spanned { value: *direction, span: start.span() };
    let input = start.next();
    let (input, side) = match input.kind() {
        Kind::Word(_) => SIDE.parse(input).map(|(input, side)| (input, Some(side)))?,
        _ => (input, None),
    };
    let (input, body) = block(input, Owner::new(Level::Rules, start), rule)?;
    let rules =
        body.lines.into_iter().map(|Line { value, span, trivia }| Rule { span, trivia, ..value }).collect();
    Ok((input, GroupItemKind::Section(RuleSection { direction, side, rules, dangling: body.dangling })))
}
