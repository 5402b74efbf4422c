//! From byte offsets to lines and columns, fast for many diagnostics of large files.

use std::borrow::Cow;

use palisade_grammar::Span;

use super::text::{same_length, visible};
use crate::diagnostic::{FileId, Location, Sources};

/// A source text made harmless, with the starts of its lines.
pub(super) struct Page<'a> {
    pub(super) path: Cow<'a, str>,
    /// The path, letter by letter.
    pub(super) given: &'a str,
    pub(super) text: Cow<'a, str>,
    starts: Vec<usize>,
}

/// All texts that diagnostics point into.
pub(super) struct Pages<'a> {
    sources: &'a Sources,
    pages: std::collections::BTreeMap<FileId, Option<Page<'a>>>,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(sources: &'a Sources) -> Self {
        Self { sources, pages: std::collections::BTreeMap::new() }
    }

    /// The page of a file; made at its first use.
    pub(super) fn page(&mut self, file: FileId) -> Option<&Page<'a>> {
        let sources = self.sources;
        let page = self.pages.entry(file).or_insert_with(|| {
            let source = sources.get(file)?;
            let text = same_length(&source.text);
            let line_ends = memchr::memchr_iter(b'\n', text.as_bytes());
            let starts = [0].into_iter().chain(line_ends.map(|at| at + 1)).collect();
            Some(Page { path: visible(&source.path), given: &source.path, text, starts })
        });
        page.as_ref()
    }

    /// The page of a file, if it was made.
    #[cfg(feature = "cli")]
    pub(super) fn known(&self, file: FileId) -> Option<&Page<'a>> {
        self.pages.get(&file)?.as_ref()
    }

    /// Path, line, column (both from 1) and the page of a place.
    pub(super) fn place(&mut self, at: Location) -> Option<(usize, usize, &Page<'a>)> {
        let page = self.page(at.file)?;
        let span = page.clamp(at.span);
        let line = page.line_of(span.start);
        let column = page.text.get(page.start(line)..span.start).map_or(0, |before| before.chars().count());
        Some((line + 1, column + 1, page))
    }
}

impl Page<'_> {
    /// The part of a span that lies within the text, at character borders.
    pub(super) fn clamp(&self, span: Span) -> Span {
        let border = |at: usize| {
            let at = at.min(self.text.len());
            (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
        };
        let start = border(span.start);
        Span::new(start, border(span.end).max(start))
    }

    /// The same, but at least one character wide: miette loses empty places. The end of the text counts as its last
    /// character, since nothing can be drawn behind that.
    #[cfg(feature = "cli")]
    pub(super) fn drawable(&self, span: Span) -> Span {
        let span = self.clamp(span);
        if !span.is_empty() {
            return span;
        }
        let (before, after) = self.text.split_at_checked(span.start).unwrap_or((&self.text, ""));
        match (after.chars().next(), before.char_indices().next_back()) {
            (Some(next), _) => Span::new(span.start, span.start + next.len_utf8()),
            (None, Some((last, _))) => Span::new(last, span.end),
            (None, None) => span,
        }
    }

    /// The line, counted from 0, of a byte.
    pub(super) fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// The line and column (both from 1) behind the last character of a span.
    pub(super) fn end(&self, span: Span) -> (usize, usize) {
        let line = self.line_of(span.end);
        let column = self.text.get(self.start(line)..span.end).map_or(0, |before| before.chars().count());
        (line + 1, column + 1)
    }

    /// Where a line begins.
    pub(super) fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// A line without its end.
    pub(super) fn line(&self, line: usize) -> &str {
        let text = self.text.get(self.start(line)..self.start(line + 1)).unwrap_or("");
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }
}
