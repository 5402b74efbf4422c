//! The clauses of a statement that were read so far: each kind once, and in order.

use super::input::Input;
use crate::ast::Span;
use crate::codes;
use crate::error::SyntaxError;

/// A kind of clause; the order of its values is the order in the statement.
pub(super) trait Rank: Copy + Ord {
    /// Its word, in backticks.
    fn name(self) -> &'static str;
}

/// The first clause of each kind, in the order of the text.
#[derive(Clone, Debug)]
pub(super) struct Seen<R>(Vec<(R, Span)>);

impl<R> Default for Seen<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R: Rank> Seen<R> {
    /// Whether a clause of that kind was read.
    pub(super) fn has(&self, rank: R) -> bool {
        self.0.iter().any(|(seen, _)| *seen == rank)
    }

    /// Remembers the first clause of each kind and reports the others; `many` are what a list could hold instead.
    pub(super) fn note(&mut self, input: Input<'_>, rank: R, span: Span, many: &str) {
        match self.0.iter().find(|(earlier, _)| *earlier == rank) {
            None => self.0.push((rank, span)),
            Some((_, first)) => input.report(
                SyntaxError::new(
                    codes::DUPLICATE_CLAUSE,
                    format!("{} given twice", rank.name()),
                    span,
                    "again here",
                )
                .label(*first, "first here")
                .help(format!("give it once; several {many} are a list in `[ ]`")),
            ),
        }
    }

    /// Reports the first clause that stands too late; `order` lists the right one.
    pub(super) fn check_order(&self, input: Input<'_>, order: &str) {
        let late = self.0.windows(2).find_map(|pair| match pair {
            [above, late] if above.0 > late.0 => Some((above, late)),
            _ => None,
        });
        let Some(((above, place), (rank, span))) = late else { return };
        input.report(
            SyntaxError::new(
                codes::CLAUSE_ORDER,
                format!("{} behind {}", rank.name(), above.name()),
                *span,
                "this stands too late",
            )
            .label(*place, "it belongs before this")
            .help(format!("the order is {order}")),
        );
    }
}
