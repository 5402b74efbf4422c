//! `x` or `[x, y, ...]`, with recovery at commas, and with comments and line ends anywhere in the brackets.

use super::input::{Input, Mistake, Parsed, Passed, mark};
use super::recover::{ends_list, level, skip_element};
use super::trivia::{Between, between, comments_within};
use crate::ast::{Element, List, Span, Trivia};
use crate::codes;
use crate::error::{SyntaxError, quote};
use crate::lex::{Kind, strange::wrong_brackets};

/// One or several elements. Nothing if every one of them is wrong, which has been reported then.
pub(crate) fn some<'t, T>(
    mut element: impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> impl FnMut(Input<'t>) -> Parsed<'t, Option<List<T>>> {
    move |input| match input.kind() {
        Kind::OpenBracket => bracketed(input, Kind::CloseBracket, &mut element),
        Kind::OpenBrace => {
            input.report(wrong_brackets(input.span()));
            bracketed(input, Kind::CloseBrace, &mut element)
        }
        _ => bare(input, &mut element),
    }
}

/// An element without brackets. Several with commas between are reported and read.
fn bare<'t, T>(
    input: Input<'t>,
    element: &mut impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> Parsed<'t, Option<List<T>>> {
    // There is hardly ever a second one.
    let mut elements = Vec::with_capacity(1);
    let start = input.span();
    let mut rest = one(input, element, &mut elements)?;
    let comma = rest.span();
    let mut several = false;
    // In a list the comma belongs to that list.
    while !input.in_list
        && let Ok((behind, _)) = mark(Kind::Comma, "`,`")(rest)
    {
        // People who forget the brackets go on in the next line.
        let next = between(behind).0;
        let behind = if level(next).is_some() { behind } else { next };
        let Ok(after) = one(behind, element, &mut elements) else { break };
        rest = after;
        several = true;
    }
    let span = rest.span_since(start);
    if several {
        let written = input.source.get(span.start..span.end).unwrap_or_default();
        let listed = quote(&format!("[{}]", written.split_whitespace().collect::<Vec<_>>().join(" ")));
        input.report(
            SyntaxError::new(
                codes::LIST_WITHOUT_BRACKETS,
                "list without brackets",
                comma,
                "more than one element",
            )
            .label(span, "these elements")
            .help(format!("a list of several elements stands in brackets: {listed}")),
        );
    }
    Ok((rest, (!elements.is_empty()).then_some(List { elements, span, dangling: Vec::new() })))
}

/// An element at the place. A reported one is passed over, a mismatch is the caller's.
fn one<'t, T>(
    input: Input<'t>,
    element: &mut impl FnMut(Input<'t>) -> Parsed<'t, T>,
    elements: &mut Vec<Element<T>>,
) -> Passed<'t> {
    match element(input) {
        Ok((rest, value)) => {
            elements.push(Element { value, span: rest.span_since(input.span()), trivia: Trivia::default() });
            Ok(rest)
        }
        Err(nom::Err::Error(Mistake::Reported)) => Ok(input.next()),
        Err(mistake) => Err(mistake),
    }
}

fn bracketed<'t, T>(
    input: Input<'t>,
    close: Kind<'static>,
    element: &mut impl FnMut(Input<'t>) -> Parsed<'t, T>,
) -> Parsed<'t, Option<List<T>>> {
    let mut list =
        Brackets { open: input.span(), close, elements: Vec::new(), carried: Vec::new(), mistakes: false };
    let mut at = input.next().in_list(false);
    let dangling = loop {
        let (next, mut between) = between(at);
        if list.is_closed(next) {
            list.give_trailing(&mut between);
            let dangling = between.dangling(std::mem::take(&mut list.carried));
            at = next.next();
            break dangling;
        }
        if ends_list(at) || ends_list(next) {
            list.unclosed(at);
            break Vec::new();
        }
        list.give_trailing(&mut between);
        match list.element(next, between, element) {
            Ok(rest) => at = rest,
            Err(rest) => {
                at = rest;
                list.unclosed(at);
                break Vec::new();
            }
        }
    };
    let span = at.span_since(list.open);
    if list.elements.is_empty() && !list.mistakes {
        input.report(
            SyntaxError::new(codes::EMPTY_LIST, "empty list", span, "nothing in it")
                .help("a list has at least one element; leave out what should hold nothing"),
        );
    }
    let rest = at.in_list(input.in_list);
    let Brackets { elements, .. } = list;
    Ok((rest, (!elements.is_empty()).then_some(List { elements, span, dangling })))
}

/// A list in brackets while it is read.
struct Brackets<T> {
    open: Span,
    close: Kind<'static>,
    elements: Vec<Element<T>>,
    /// Comments before a comma, for the next element.
    carried: Vec<String>,
    /// Whether something in it has been reported.
    mistakes: bool,
}

impl<T> Brackets<T> {
    fn give_trailing(&mut self, between: &mut Between) {
        between.give_trailing(self.elements.last_mut().map(|element| &mut element.trivia));
    }

    /// A `]` closes a list in wrong brackets, too.
    fn is_closed(&self, input: Input<'_>) -> bool {
        *input.kind() == self.close || *input.kind() == Kind::CloseBracket
    }

    /// Reads one element and its comma. An error is where the list breaks off without its closing bracket.
    fn element<'t>(
        &mut self,
        input: Input<'t>,
        between: Between,
        element: &mut impl FnMut(Input<'t>) -> Parsed<'t, T>,
    ) -> Result<Input<'t>, Input<'t>> {
        let before = between.before_node(std::mem::take(&mut self.carried));
        let inside = input.in_list(true);
        let count = self.elements.len();
        let rest = match one(inside, element, &mut self.elements) {
            Ok(rest) if self.elements.len() > count => rest.in_list(false),
            Ok(_) => {
                self.mistakes = true;
                skip_element(input)
            }
            Err(mistake) => {
                if follows_list(inside) {
                    return Err(input);
                }
                self.mistakes = true;
                report_element(inside, mistake);
                skip_element(input)
            }
        };
        if self.elements.len() > count
            && let Some(element) = self.elements.last_mut()
        {
            element.trivia = before;
            element.trivia.leading.extend(comments_within(input, rest));
        }
        self.separator(rest)
    }

    /// Passes the comma. An error is where something follows that belongs behind the list.
    fn separator<'t>(&mut self, input: Input<'t>) -> Result<Input<'t>, Input<'t>> {
        let (next, mut between) = between(input);
        if *next.kind() == Kind::Comma {
            self.give_trailing(&mut between);
            self.carried = between.own_lines;
            return Ok(next.next());
        }
        if self.is_closed(next) || ends_list(input) || ends_list(next) {
            return Ok(input);
        }
        if follows_list(next) {
            return Err(input);
        }
        if !next.is_bad() {
            next.report(
                SyntaxError::new(
                    codes::MISSING_COMMA,
                    "missing comma between list elements",
                    input.gap(),
                    "a comma is missing here",
                )
                .label(next.span(), "the next element")
                .help("the elements of a list are parted by `,`"),
            );
        }
        Ok(input)
    }

    fn unclosed(&mut self, input: Input<'_>) {
        self.mistakes = true;
        let close = if self.close == Kind::CloseBrace { "}" } else { "]" };
        let ends = between(input).0;
        let found =
            if *ends.kind() == Kind::End { "the file ends here" } else { "this cannot stand in the list" };
        input.report(
            SyntaxError::new(
                codes::UNCLOSED_BRACKET,
                "list without its closing bracket",
                self.open,
                "opened here",
            )
            .label(ends.span(), found)
            .help(format!("close the list with `{close}` behind its last element")),
        );
    }
}

/// Whether a word or mark comes next that stands behind lists, never in them.
fn follows_list(input: Input<'_>) -> bool {
    match input.kind() {
        Kind::Text(_) | Kind::Equals => true,
        Kind::Word(word) => matches!(
            word.as_ref(),
            "port" | "from" | "to" | "as" | "log" | "except" | "via" | "address" | "groups" | "network"
        ),
        _ => false,
    }
}

fn report_element(input: Input<'_>, mistake: nom::Err<Mistake>) {
    match (input.kind(), mistake) {
        (Kind::OpenBracket, _) => input.report(
            SyntaxError::new(
                codes::NESTED_LIST,
                "list inside a list",
                input.span(),
                "opened inside another list",
            )
            .help("write the elements one after the other in one list"),
        ),
        (Kind::Comma, _) => input.report(
            SyntaxError::new(
                codes::EXTRA_COMMA,
                "comma without an element before it",
                input.span(),
                "this comma",
            )
            .help("remove it; one comma behind the last element is fine"),
        ),
        (_, nom::Err::Error(Mistake::Expected(expected))) => input.report_expected(expected, None),
        _ => {}
    }
}
