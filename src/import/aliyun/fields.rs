//! Objects of the cloud's JSON: keys that may be missing, and values of several spellings.
//!
//! An absent value is a missing key, `null` or `""`; a number may stand as a string.

use super::codes;
use crate::diagnostic::Diagnostic;
use crate::import::json::{Broken, Node, Object, Value};
use crate::import::report::{Report, Told, error, quote, warning};

/// A value that is there, as text.
#[derive(Clone, Debug)]
pub(super) struct Field<'t> {
    pub(super) text: String,
    pub(super) node: Node<'t>,
}

impl Field<'_> {
    /// The value as it stands in messages.
    pub(super) fn quoted(&self) -> String {
        quote(&self.text)
    }

    /// The meaning of a word; upper and lower case are the same.
    pub(super) fn word<T: Copy>(
        &self,
        what: &str,
        known: &[(&str, T)],
        report: &mut Report,
    ) -> Result<T, Told> {
        let found = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(&self.text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<String> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!("{} is no {what}", self.quoted());
            report.refuse(
                error(codes::UNKNOWN_VALUE, &self.node, message)
                    .help(format!("known are {}", words.join(" and "))),
            )
        })
    }
}

/// The value of a node.
pub(super) fn value<'t>(node: &Node<'t>, report: &mut Report) -> Result<Value<'t>, Told> {
    node.value().map_err(|broken| report.refuse(not_json(&broken)))
}

/// The error for a text that is no JSON.
pub(super) fn not_json(broken: &Broken) -> Diagnostic {
    Diagnostic::error(
        codes::NOT_JSON,
        format!("not JSON: {}", broken.reason),
        broken.at,
        "not JSON from here on",
    )
    .help("give the answer of the cloud's API as it came, or repair it in an editor that knows JSON")
}

/// An object whose keys are all different.
pub(super) fn object<'t>(node: &Node<'t>, report: &mut Report) -> Result<Object<'t>, Told> {
    match value(node, report)? {
        Value::Object(object) => unique(object, report),
        other => Err(wrong_type(node, &other, "an object", report)),
    }
}

/// The same object, if its keys are all different.
pub(super) fn unique<'t>(object: Object<'t>, report: &mut Report) -> Result<Object<'t>, Told> {
    let mut good = Ok(());
    for (key, node) in object.repeated() {
        let message = format!("{} is given twice", quote(key));
        let help = "JSON does not say which one counts; keep one";
        good = Err(report.refuse(error(codes::DUPLICATE_KEY, node, message).help(help)));
    }
    good.map(|()| object)
}

/// The elements of a list.
pub(super) fn list<'t>(node: &Node<'t>, report: &mut Report) -> Result<Vec<Node<'t>>, Told> {
    match value(node, report)? {
        Value::List(nodes) => Ok(nodes),
        other => Err(wrong_type(node, &other, "a list", report)),
    }
}

/// The text or number of a key, if it is there and not empty.
pub(super) fn field<'t>(
    object: &Object<'t>,
    key: &str,
    report: &mut Report,
) -> Result<Option<Field<'t>>, Told> {
    Ok(field_or_empty(object, key, report)?.filter(|field| !field.text.is_empty()))
}

/// The text or number of a key, if it is there; it may be empty.
pub(super) fn field_or_empty<'t>(
    object: &Object<'t>,
    key: &str,
    report: &mut Report,
) -> Result<Option<Field<'t>>, Told> {
    let Some(node) = object.get(key) else { return Ok(None) };
    let text = match value(node, report)? {
        Value::Null => return Ok(None),
        Value::Text(text) => text,
        Value::Number(digits) => digits.to_owned(),
        other @ (Value::Flag | Value::List(_) | Value::Object(_)) => {
            return Err(wrong_type(node, &other, "a text or number", report));
        }
    };
    Ok(Some(Field { text, node: node.clone() }))
}

/// Warns of keys that nobody reads.
pub(super) fn unknown_keys(object: &Object<'_>, known: &[&str], what: &str, report: &mut Report) {
    for (key, node) in object.fields() {
        if !known.contains(&key) {
            let message = format!("{} is no known key of {what}", quote(key));
            report.warn(
                warning(codes::UNKNOWN_KEY, node, message)
                    .help("it is not read; check that it limits no rule"),
            );
        }
    }
}

fn wrong_type(node: &Node<'_>, found: &Value<'_>, wanted: &str, report: &mut Report) -> Told {
    let found = match found {
        Value::Null => "null",
        Value::Flag => "true or false",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    };
    let help = "rule listings come as the API's JSON; other spellings of them are not read";
    report.refuse(error(codes::WRONG_TYPE, node, format!("{found} where {wanted} belongs")).help(help))
}
