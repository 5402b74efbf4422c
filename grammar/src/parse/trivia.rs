//! Comments and blank lines: which node each belongs to.
//!
//! A comment on its own line belongs to what follows it, a comment behind something on the same line to that.

use super::input::Input;
use crate::ast::{BLANK_LINE, Trivia};
use crate::lex::Kind;

/// What stands between two tokens and means nothing.
#[derive(Debug, Default)]
pub(crate) struct Between {
    /// Comments before the first line end.
    pub(crate) same_line: Vec<String>,
    /// Whether a blank line parts what follows (with its comments) from what was before.
    pub(crate) blank_before: bool,
    /// Comments on lines of their own, and [`BLANK_LINE`]s behind them.
    pub(crate) own_lines: Vec<String>,
}

/// Passes over line ends and comments.
pub(crate) fn between<'t>(mut input: Input<'t>) -> (Input<'t>, Between) {
    let mut found = Between::default();
    // The file begins with a line of its own, too.
    let mut new_line = input.at == 0;
    let mut pending_blank = false;
    while let Some(token) = input.tokens.get(input.at) {
        match &token.kind {
            Kind::Newline { blank } => {
                new_line = true;
                pending_blank |= blank;
            }
            Kind::Comment(text) if new_line => {
                found.blank(&mut pending_blank);
                found.own_lines.push((*text).to_owned());
            }
            Kind::Comment(text) => found.same_line.push((*text).to_owned()),
            _ => break,
        }
        input.at += 1;
    }
    found.blank(&mut pending_blank);
    (input, found)
}

impl Between {
    fn blank(&mut self, pending: &mut bool) {
        if !std::mem::take(pending) {
            return;
        }
        if self.own_lines.is_empty() {
            self.blank_before = true;
        } else {
            self.own_lines.push(BLANK_LINE.to_owned());
        }
    }

    /// Gives the comment behind the previous node to it; the rest is for the next one.
    pub(crate) fn give_trailing(&mut self, previous: Option<&mut Trivia>) {
        let mut same_line = std::mem::take(&mut self.same_line).into_iter();
        if let Some(trivia) = previous
            && trivia.trailing.is_none()
        {
            trivia.trailing = same_line.next();
        }
        self.own_lines.splice(0..0, same_line);
    }

    /// The trivia of the node that follows, after `carried` comments.
    pub(crate) fn before_node(self, carried: Vec<String>) -> Trivia {
        let mut leading = carried;
        leading.extend(self.own_lines);
        Trivia { blank_before: self.blank_before, leading, trailing: None }
    }

    /// The comments before a closing bracket or the end of the file.
    pub(crate) fn dangling(self, carried: Vec<String>) -> Vec<String> {
        let mut comments = carried;
        if self.blank_before && comments.is_empty() && !self.own_lines.is_empty() {
            comments.push(BLANK_LINE.to_owned());
        }
        comments.extend(self.own_lines);
        while comments.last().is_some_and(|last| last == BLANK_LINE) {
            comments.pop();
        }
        comments
    }
}

/// The comments between two places, outside the lists in there, which keep their own.
pub(crate) fn comments_within(from: Input<'_>, to: Input<'_>) -> Vec<String> {
    let mut depth = 0_usize;
    let mut comments = Vec::new();
    for token in from.tokens.get(from.at..to.at).unwrap_or_default() {
        match &token.kind {
            Kind::OpenBracket => depth += 1,
            Kind::CloseBracket => depth = depth.saturating_sub(1),
            Kind::Comment(text) if depth == 0 => comments.push((*text).to_owned()),
            _ => {}
        }
    }
    comments
}
