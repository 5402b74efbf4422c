//! Lists: on one line, or one element per line.

use super::comments::has_any;
use super::layout::{Laid, blanks, lay_elements};
use crate::ast::{Element, List};

/// Where a list stands decides how it is laid out, never how long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Several elements take a line each: sets.
    Always,
    /// Only comments make the elements take a line each: services.
    ForComments,
    /// One line in any case; the caller moves the comments: rules, NICs, expectations.
    Never,
}

/// The text of a list, whose first line is already indented by `indent` levels.
pub(super) fn list<T>(
    list: &List<T>,
    rows: Rows,
    indent: usize,
    element: impl Fn(&T, usize) -> String,
) -> String {
    let List { elements, span: _, dangling } = list;
    if rows != Rows::Never {
        let several = rows == Rows::Always && elements.len() > 1;
        let inside: Vec<Laid<'_>> = elements
            .iter()
            .map(|Element { value, span: _, trivia }| {
                let text = element(value, indent + 1) + ",";
                Laid { trivia, hoisted: Vec::new(), text }
            })
            .collect();
        let tall = elements.len() > 1 && inside.iter().any(|laid| laid.text.contains('\n'));
        if several || tall || has_any(list) {
            let mut out = "[\n".to_owned();
            lay_elements(&mut out, indent + 1, inside, dangling);
            return out + &blanks(indent) + "]";
        }
    }
    let texts: Vec<String> = elements.iter().map(|part| element(&part.value, indent)).collect();
    match texts.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}
