//! For people at a terminal: source lines with everything marked, drawn by miette.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::places::{Page, Pages};
use super::plain;
use super::text::visible;
use crate::diagnostic::{Diagnostic, FileId, Label, Severity, Sources};

/// Source lines above this length are cut, which the drawing cannot do.
const LONGEST_LINE: usize = 500;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Lines and arrows, not only ASCII.
    pub unicode: bool,
    /// Colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// All diagnostics, drawn, each followed by an empty line.
pub fn people(diagnostics: &[Diagnostic], sources: &Sources, look: Look) -> String {
    let characters = if look.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
    let styles = if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_width(look.width)
        .with_links(false)
        .with_context_lines(0)
        .without_syntax_highlighting();
    let mut pages = Pages::new(sources);
    let mut out = String::new();
    for found in diagnostics {
        let mut drawn = String::new();
        // What the drawing cannot do is shown in plain text instead.
        if too_long(found, &mut pages) || draw(&handler, found, &mut pages, &mut drawn).is_err() {
            drawn.clear();
            plain::one(&mut drawn, found, &mut pages);
        }
        out.push_str(&drawn);
        out.push('\n');
    }
    out
}

fn too_long(found: &Diagnostic, pages: &mut Pages<'_>) -> bool {
    found.labels.iter().any(|label| {
        let place = pages.place(label.at);
        place.is_some_and(|(line, _, page)| page.line(line - 1).len() > LONGEST_LINE)
    })
}

fn draw(
    handler: &GraphicalReportHandler,
    found: &Diagnostic,
    pages: &mut Pages<'_>,
    out: &mut String,
) -> fmt::Result {
    let mut files: Vec<FileId> = Vec::new();
    for label in &found.labels {
        if !files.contains(&label.at.file) {
            files.push(label.at.file);
        }
    }
    // All pages are made first, since several are borrowed at once.
    for file in &files {
        pages.page(*file);
    }
    let pages: &Pages<'_> = pages;
    let last = files.len().saturating_sub(1);
    let part = |nth: usize, file: Option<FileId>| Part {
        found,
        page: file.and_then(|file| pages.known(file)),
        labels: found.labels.iter().filter(|label| Some(label.at.file) == file).collect(),
        is_first: nth == 0,
        is_last: nth == last,
    };
    if files.is_empty() {
        return handler.render_report(out, &part(0, None));
    }
    files.iter().enumerate().try_for_each(|(nth, file)| handler.render_report(out, &part(nth, Some(*file))))
}

/// What one diagnostic says about one file: miette draws one at a time. The first says what is wrong, the last how to
/// mend it.
struct Part<'a> {
    found: &'a Diagnostic,
    page: Option<&'a Page<'a>>,
    labels: Vec<&'a Label>,
    is_first: bool,
    is_last: bool,
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.labels.first().map_or("", |label| label.text.as_str());
        out.write_str(&visible(if self.is_first { &self.found.message } else { label }))
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Part<'_> {}

impl miette::Diagnostic for Part<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.is_first.then(|| Box::new(self.found.code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match (self.is_first, self.found.severity) {
            (false, _) => miette::Severity::Advice,
            (true, Severity::Error) => miette::Severity::Error,
            (true, Severity::Warning) => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.found.help.as_ref().filter(|_| self.is_last)?;
        Some(Box::new(visible(help)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.page.map(|page| page as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let page = self.page?;
        Some(Box::new(self.labels.iter().enumerate().map(move |(nth, label)| {
            let span = page.drawable(label.at.span);
            let text = Some(visible(&label.text).into_owned());
            let place = (span.start, span.len());
            if nth == 0 {
                LabeledSpan::new_primary_with_span(text, place)
            } else {
                LabeledSpan::new_with_span(text, place)
            }
        })))
    }
}

/// Whole lines, found by the index: miette's own way reads the text from its start for every label.
impl SourceCode for Page<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        if end > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let first = self.line_of(span.offset()).saturating_sub(lines_before);
        let last = self.line_of(end.saturating_sub(1).max(span.offset())) + lines_after;
        let (from, to) = (self.start(first), self.start(last + 1));
        let data = self.text.get(from..to).unwrap_or("").as_bytes();
        let place = SourceSpan::from((from, data.len()));
        // Shown in the header: where the place begins, not its line.
        let column = self.text.get(from..span.offset()).map_or(0, |before| before.chars().count());
        let path = self.path.clone().into_owned();
        Ok(Box::new(MietteSpanContents::new_named(path, data, place, first, column, last - first + 1)))
    }
}
