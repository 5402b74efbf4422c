//! The keywords, and the choices among a few of them, with what people write instead.

use super::input::{Input, Parsed, otherwise, refuse};
use crate::ast::{Direction, DurationUnit, GroupKind, InnerScope, NetworkKind, Side, Spanned, Verdict};
use crate::codes;
use crate::error::{SyntaxError, quote};

/// Every word with a meaning of its own. All of them may be names too: the place tells.
pub const KEYWORDS: &[&str] = &[
    "include",
    "session",
    "timeout",
    "inner",
    "scope",
    "ingress",
    "both",
    "network",
    "vpc",
    "classic",
    "set",
    "except",
    "service",
    "tcp",
    "udp",
    "icmp",
    "icmpv6",
    "gre",
    "proto",
    "all",
    "group",
    "clone",
    "default",
    "with",
    "web",
    "kind",
    "basic",
    "enterprise",
    "remove",
    "in",
    "out",
    "public",
    "internal",
    "allow",
    "deny",
    "from",
    "to",
    "any",
    "port",
    "as",
    "log",
    "instance",
    "nic",
    "via",
    "address",
    "groups",
    "expect",
];

/// One of a few keywords.
pub(crate) struct Choice<T: 'static> {
    /// What it is, with its article.
    pub(crate) what: &'static str,
    pub(crate) words: &'static [(&'static str, T)],
    /// Words of other languages and what they are here.
    pub(crate) others: &'static [(&'static str, &'static str)],
}

pub(crate) const VERDICT: Choice<Verdict> = Choice {
    what: "a verdict, `allow` or `deny`",
    words: &[("allow", Verdict::Allow), ("deny", Verdict::Deny)],
    others: &[
        ("permit", "allow"),
        ("accept", "allow"),
        ("pass", "allow"),
        ("drop", "deny"),
        ("reject", "deny"),
        ("block", "deny"),
        ("refuse", "deny"),
    ],
};

pub(crate) const DIRECTION: Choice<Direction> = Choice {
    what: "a direction, `in` or `out`",
    words: &[("in", Direction::In), ("out", Direction::Out)],
    others: &[
        ("ingress", "in"),
        ("inbound", "in"),
        ("input", "in"),
        ("egress", "out"),
        ("outbound", "out"),
        ("output", "out"),
    ],
};

pub(crate) const SIDE: Choice<Side> = Choice {
    what: "a side, `public` or `internal`",
    words: &[("public", Side::Public), ("internal", Side::Internal)],
    others: &[
        ("internet", "public"),
        ("external", "public"),
        ("intranet", "internal"),
        ("private", "internal"),
    ],
};

pub(crate) const NETWORK_KIND: Choice<NetworkKind> = Choice {
    what: "a kind of network, `vpc` or `classic`",
    words: &[("vpc", NetworkKind::Vpc), ("classic", NetworkKind::Classic)],
    others: &[],
};

pub(crate) const GROUP_KIND: Choice<GroupKind> = Choice {
    what: "a kind of group, `basic` or `enterprise`",
    words: &[("basic", GroupKind::Basic), ("enterprise", GroupKind::Enterprise)],
    others: &[("normal", "basic"), ("advanced", "enterprise")],
};

pub(crate) const INNER_SCOPE: Choice<InnerScope> = Choice {
    what: "a scope, `ingress` or `both`",
    words: &[("ingress", InnerScope::Ingress), ("both", InnerScope::Both)],
    others: &[("in", "ingress")],
};

pub(crate) const DURATION_UNIT: Choice<DurationUnit> = Choice {
    what: "a unit, `s`, `m` or `h`",
    words: &[("s", DurationUnit::Seconds), ("m", DurationUnit::Minutes), ("h", DurationUnit::Hours)],
    others: &[],
};

impl<T: Copy> Choice<T> {
    /// The choice, if its very word comes next.
    pub(crate) fn exactly<'t>(&self, input: Input<'t>) -> Parsed<'t, Spanned<T>> {
        match input.word().and_then(|word| self.value(word)) {
            Some(value) => Ok((input.next(), Spanned { value, span: input.span() })),
            None => otherwise(self.what),
        }
    }

    /// The choice; another word is reported, and read as what was most likely meant.
    pub(crate) fn parse<'t>(&self, input: Input<'t>) -> Parsed<'t, Spanned<T>> {
        let Some(word) = input.word() else { return otherwise(self.what) };
        if let Some(value) = self.value(word) {
            return Ok((input.next(), Spanned { value, span: input.span() }));
        }
        let error = SyntaxError::new(
            codes::UNKNOWN_WORD,
            format!("expected {}, found {}", self.what, quote(word)),
            input.span(),
            format!("expected {}", self.what),
        );
        match self.guess(word).and_then(|guess| Some((guess, self.value(guess)?))) {
            Some((guess, value)) => {
                input.report(error.help(format!("did you mean `{guess}`?")));
                Ok((input.next(), Spanned { value, span: input.span() }))
            }
            None => refuse(input, error),
        }
    }

    /// The keyword a wrong word most likely stands for.
    pub(crate) fn guess(&self, word: &str) -> Option<&'static str> {
        guess(word, self.words.iter().map(|(known, _)| *known), self.others)
    }

    fn value(&self, word: &str) -> Option<T> {
        self.words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }
}

/// What `word` most likely stands for: a synonym, or the nearest of the known words.
pub(crate) fn guess(
    word: &str,
    known: impl Iterator<Item = &'static str>,
    synonyms: &[(&'static str, &'static str)],
) -> Option<&'static str> {
    if let Some((_, meant)) = synonyms.iter().find(|(synonym, _)| *synonym == word) {
        return Some(meant);
    }
    // Long words are near to nothing, and comparing them would take long.
    if word.len() > 20 {
        return None;
    }
    let allowed = if word.len() <= 2 {
        0
    } else if word.len() <= 5 {
        1
    } else {
        2
    };
    known
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        // People seldom mistake the first letter.
        .min_by_key(|(distance, candidate)| (*distance, word.chars().next() != candidate.chars().next()))
        .map(|(_, candidate)| candidate)
}
