//! A small printer of nested lists: on one line where it fits, else an element a line. It knows no tables.

use super::text::cut;

/// The longest line, its comment aside.
const WIDTH: usize = 110;
/// The longest line with its comment, and the shortest comment.
const COLUMNS: usize = 150;
const LEAST: usize = 16;

/// A piece of text.
#[derive(Clone, Debug)]
pub(super) enum Doc {
    /// A word, with the comment that belongs to its line.
    Word(String, Option<String>),
    /// A list between brackets.
    List(&'static str, Vec<Doc>, &'static str),
    /// Some fields of a struct, and `ALL` of it for the others.
    Record(&'static str, Vec<(&'static str, Doc)>),
    /// A list of fields between braces, each on a line of its own; some have comments above them.
    Fields(&'static str, Vec<(Option<&'static str>, &'static str, Doc)>),
}

/// A word.
pub(super) fn word(text: impl Into<String>) -> Doc {
    Doc::Word(text.into(), None)
}

/// `name: doc`, `name(doc, ...)` and the like are lists with a longer bracket.
pub(super) fn call(open: &'static str, docs: Vec<Doc>) -> Doc {
    Doc::List(open, docs, ")")
}

/// `&[doc, ...]`
pub(super) fn slice(docs: Vec<Doc>) -> Doc {
    Doc::List("&[", docs, "]")
}

/// Prints a doc behind `before` and in front of `behind`, with lines indented by so many levels.
pub(super) fn print(out: &mut String, depth: usize, before: &str, doc: &Doc, behind: &str) {
    let room = WIDTH.saturating_sub(4 * depth + before.len() + behind.len());
    let mut flat = Flat::default();
    if flat.add(doc, room) {
        noted(out, depth, &format!("{before}{}{behind}", flat.text), flat.comment);
        return;
    }
    match doc {
        Doc::Word(text, comment) => noted(out, depth, &format!("{before}{text}{behind}"), comment.clone()),
        Doc::List(open, docs, close) => list(out, depth, &format!("{before}{open}"), docs, close, behind),
        Doc::Record(name, fields) => {
            line(out, depth, &format!("{before}{name} {{"));
            for (field, doc) in fields {
                print(out, depth + 1, &format!("{field}: "), doc, ",");
            }
            line(out, depth + 1, &format!("..{name}::ALL"));
            line(out, depth, &format!("}}{behind}"));
        }
        Doc::Fields(open, fields) => {
            line(out, depth, &format!("{before}{open}"));
            for (above, name, doc) in fields {
                if let Some(above) = above {
                    line(out, depth + 1, &format!("// {above}"));
                }
                print(out, depth + 1, &format!("{name}: "), doc, ",");
            }
            line(out, depth, &format!("}}{behind}"));
        }
    }
}

/// A list that needs several lines. What only leads to a last long element shares its first line.
fn list(out: &mut String, depth: usize, before: &str, docs: &[Doc], close: &str, behind: &str) {
    if let Some((Doc::List(open, inner, end), lead)) = docs.split_last() {
        let mut flat = Flat::default();
        let leads = lead.iter().all(|doc| flat.add(doc, 60) && flat.push(", ", 60));
        if leads && flat.comment.is_none() {
            let before = format!("{before}{}{open}", flat.text);
            return list(out, depth, &before, inner, end, &format!("{close}{behind}"));
        }
    }
    line(out, depth, before);
    for doc in docs {
        print(out, depth + 1, "", doc, ",");
    }
    line(out, depth, &format!("{close}{behind}"));
}

/// A line with its comment, which is cut where the line would be too long to read.
fn noted(out: &mut String, depth: usize, text: &str, comment: Option<String>) {
    let room = COLUMNS.saturating_sub(4 * depth + text.len() + " // ".len()).max(LEAST);
    let comment = comment.map(|comment| format!(" // {}", cut(&comment, room))).unwrap_or_default();
    line(out, depth, &format!("{text}{comment}"));
}

fn line(out: &mut String, depth: usize, text: &str) {
    out.extend(std::iter::repeat_n("    ", depth));
    out.push_str(text);
    out.push('\n');
}

/// Text of one line, with at most one comment behind it.
#[derive(Default)]
struct Flat {
    text: String,
    comment: Option<String>,
}

impl Flat {
    fn push(&mut self, text: &str, room: usize) -> bool {
        self.text.push_str(text);
        self.text.len() <= room
    }

    /// Adds a doc; `false` when it does not fit or would need a second comment.
    fn add(&mut self, doc: &Doc, room: usize) -> bool {
        match doc {
            Doc::Word(text, comment) => {
                if comment.is_some() && self.comment.is_some() {
                    return false;
                }
                self.comment = self.comment.take().or_else(|| comment.clone());
                self.push(text, room)
            }
            Doc::List(open, docs, close) => {
                self.push(open, room)
                    && docs
                        .iter()
                        .enumerate()
                        .all(|(at, doc)| (at == 0 || self.push(", ", room)) && self.add(doc, room))
                    && self.push(close, room)
            }
            Doc::Record(name, fields) => {
                self.push(&format!("{name} {{"), room)
                    && fields.iter().all(|(field, doc)| {
                        self.push(&format!(" {field}: "), room) && self.add(doc, room) && self.push(",", room)
                    })
                    && self.push(&format!(" ..{name}::ALL }}"), room)
            }
            Doc::Fields(..) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(doc: &Doc) -> String {
        let mut out = String::new();
        print(&mut out, 1, "x: ", doc, ",");
        out
    }

    fn word_with(text: &str, comment: &str) -> Doc {
        Doc::Word(text.to_owned(), Some(comment.to_owned()))
    }

    #[test]
    fn what_fits_stands_on_one_line() {
        assert_eq!(text(&slice(vec![])), "    x: &[],\n");
        let one = call("Always(", vec![word_with("Allow", "web in 10")]);
        assert_eq!(text(&slice(vec![one])), "    x: &[Always(Allow)], // web in 10\n");
    }

    #[test]
    fn two_comments_need_two_lines() {
        let both = slice(vec![word_with("Allow", "one"), word_with("Deny", "two")]);
        assert_eq!(text(&both), "    x: &[\n        Allow, // one\n        Deny, // two\n    ],\n");
    }

    #[test]
    fn records_end_with_the_rest() {
        let record = |length| Doc::Record("Among", vec![("source", word("x".repeat(length)))]);
        assert_eq!(text(&record(1)), "    x: Among { source: x, ..Among::ALL },\n");
        let long = "x".repeat(90);
        let broken = format!("    x: Among {{\n        source: {long},\n        ..Among::ALL\n    }},\n");
        assert_eq!(text(&record(90)), broken);
    }

    #[test]
    fn what_leads_to_a_long_element_shares_its_line() {
        let both = slice(vec![word_with("Allow", "one"), word_with("Deny", "two")]);
        let pair = call("(", vec![word("6"), call("Source(", vec![both])]);
        assert_eq!(
            text(&slice(vec![pair])),
            "    x: &[(6, Source(&[\n        Allow, // one\n        Deny, // two\n    ]))],\n"
        );
    }
}
