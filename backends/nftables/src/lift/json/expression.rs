//! Expressions and statements of a JSON listing to the tokens of the same thing in nft's text.
//!
//! Written from libnftables-json(5). Words of the listing become words and never marks, so that no name can be taken
//! for grammar; which words may begin a statement or name a header is listed here.

use palisade_ir::LiftError;

use super::place::Place;
use super::value::Json;
use crate::lift::lexer::Token;

/// Headers whose fields the text reader knows.
const HEADERS: [&str; 7] = ["ip", "ip6", "tcp", "udp", "th", "icmp", "icmpv6"];

/// The tokens of an object, to be read as text is.
pub(super) struct Tokens {
    line: usize,
    pub(super) tokens: Vec<(usize, Token)>,
}

impl Tokens {
    pub(super) const fn new(line: usize) -> Self {
        Self { line, tokens: Vec::new() }
    }

    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push((self.line, token));
    }

    pub(super) fn word(&mut self, word: impl Into<String>) {
        self.push(Token::Word(word.into()));
    }

    pub(super) fn words(&mut self, words: &[&str]) {
        words.iter().for_each(|word| self.word(*word));
    }

    pub(super) fn mark(&mut self, mark: char) {
        self.push(Token::Mark(mark));
    }

    /// `comment "..."`
    pub(super) fn comment(&mut self, text: String) {
        self.word("comment");
        self.push(Token::Text(text));
    }

    /// A statement of a rule.
    pub(super) fn statement(&mut self, place: &Place, json: Json) -> Result<(), LiftError> {
        let (name, place, inside) = place.only(json)?;
        match name.as_str() {
            "accept" | "drop" | "return" | "jump" | "goto" => self.action(&name, &place, inside),
            "counter" => self.counter(&place, inside),
            "match" => self.test(&place, inside),
            "vmap" => self.dispatch(&place, inside),
            "limit" => self.limit(&place, inside),
            "log" => self.log(&place, inside),
            "ct timeout" => {
                self.words(&["ct", "timeout", "set"]);
                self.push(Token::Text(place.text(inside)?));
                Ok(())
            }
            _ => Err(place.error("a statement this reader does not know")),
        }
    }

    /// A verdict by its name and what is in it.
    fn action(&mut self, name: &str, place: &Place, inside: Json) -> Result<(), LiftError> {
        self.word(name);
        if matches!(name, "jump" | "goto") {
            let mut members = place.members(inside)?;
            self.word(members.text("target")?);
            return members.end();
        }
        if inside == Json::Null { Ok(()) } else { Err(place.error("expected null")) }
    }

    pub(super) fn counter(&mut self, place: &Place, inside: Json) -> Result<(), LiftError> {
        self.word("counter");
        if inside == Json::Null {
            return Ok(());
        }
        let mut members = place.members(inside)?;
        for name in ["packets", "bytes"] {
            self.word(name);
            self.word(members.number(name)?.to_string());
        }
        members.end()
    }

    fn limit(&mut self, place: &Place, inside: Json) -> Result<(), LiftError> {
        let mut members = place.members(inside)?;
        self.words(&["limit", "rate"]);
        self.word(format!("{}/{}", members.number("rate")?, members.text("per")?));
        if let Some((place, burst)) = members.take("burst") {
            self.word("burst");
            self.word(place.number(&burst)?.to_string());
            self.word("packets");
        }
        members.end()
    }

    fn log(&mut self, place: &Place, inside: Json) -> Result<(), LiftError> {
        self.word("log");
        if inside == Json::Null {
            return Ok(());
        }
        let mut members = place.members(inside)?;
        if let Some((place, prefix)) = members.take("prefix") {
            self.word("prefix");
            self.push(Token::Text(place.text(prefix)?));
        }
        if let Some((place, level)) = members.take("level") {
            self.word("level");
            self.word(place.text(level)?);
        }
        members.end()
    }

    /// `match`: fields, how they are compared, and with what.
    fn test(&mut self, place: &Place, inside: Json) -> Result<(), LiftError> {
        let mut members = place.members(inside)?;
        let (left_place, left) = members.need("left")?;
        let kinds = self.fields(&left_place, left)?;
        let operator = members.text("op")?;
        match (operator.as_str(), kinds.as_slice()) {
            ("==", _) => {}
            ("!=", _) => self.push(Token::NotEqual),
            // A state is one bit, so that it is among bits when it is one of them.
            ("in", [Kind::State]) => {}
            _ => return Err(place.error("a comparison this reader does not know")),
        }
        let (place, right) = members.need("right")?;
        match right {
            Json::Text(name) if name.starts_with('@') => {
                if kinds.contains(&Kind::Interface) {
                    return Err(
                        place.error("a set, or an interface of that name: JSON does not tell them apart")
                    );
                }
                self.named(&name);
            }
            Json::List(items) if operator == "in" => self.braced(&place, items, &kinds)?,
            Json::Object(members) if matches!(members.as_slice(), [(name, _)] if name == "set") => {
                let (_, place, set) = place.only(Json::Object(members))?;
                let items = place.list(set)?.into_iter().map(|(_, item)| item).collect();
                self.braced(&place, items, &kinds)?;
            }
            value => self.value(&place, value, &kinds)?,
        }
        members.end()
    }

    fn dispatch(&mut self, place: &Place, inside: Json) -> Result<(), LiftError> {
        let mut members = place.members(inside)?;
        let (key_place, key) = members.need("key")?;
        let kinds = self.fields(&key_place, key)?;
        self.word("vmap");
        let (place, data) = members.need("data")?;
        match data {
            Json::Text(name) if name.starts_with('@') => self.named(&name),
            data => {
                let (name, place, set) = place.only(data)?;
                if name != "set" {
                    return Err(place.error("expected the entries of a map, or its name"));
                }
                self.entries(&place, set, &kinds)?;
            }
        }
        members.end()
    }

    /// `@name`
    fn named(&mut self, name: &str) {
        self.mark('@');
        self.word(name.trim_start_matches('@'));
    }

    /// `{ value, value }`
    pub(super) fn braced(
        &mut self,
        place: &Place,
        items: Vec<Json>,
        kinds: &[Kind],
    ) -> Result<(), LiftError> {
        self.mark('{');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.mark(',');
            }
            self.element(&place.item(at), item, kinds)?;
        }
        self.mark('}');
        Ok(())
    }

    /// `{ value : verdict, value : verdict }`
    pub(super) fn entries(&mut self, place: &Place, json: Json, kinds: &[Kind]) -> Result<(), LiftError> {
        self.mark('{');
        for (at, (place, item)) in place.list(json)?.into_iter().enumerate() {
            if at > 0 {
                self.mark(',');
            }
            let [(key_place, key), (place, action)] = place.pair(item)?;
            self.element(&key_place, key, kinds)?;
            self.word(":");
            let (name, place, inside) = place.only(action)?;
            if !matches!(name.as_str(), "accept" | "drop" | "return" | "jump" | "goto") {
                return Err(place.error("expected a verdict"));
            }
            self.action(&name, &place, inside)?;
        }
        self.mark('}');
        Ok(())
    }

    /// A value, or an object around it that says more of it than its value.
    fn element(&mut self, place: &Place, json: Json, kinds: &[Kind]) -> Result<(), LiftError> {
        match json {
            Json::Object(members) if matches!(members.as_slice(), [(name, _)] if name == "elem") => {
                let (_, place, inside) = place.only(Json::Object(members))?;
                let mut members = place.members(inside)?;
                let (place, value) = members.need("val")?;
                self.value(&place, value, kinds)?;
                if let Some((place, counter)) = members.take("counter") {
                    self.counter(&place, counter)?;
                }
                if let Some((place, comment)) = members.take("comment") {
                    self.comment(place.text(comment)?);
                }
                members.end()
            }
            value => self.value(place, value, kinds),
        }
    }

    /// The value of one field, or of several together.
    fn value(&mut self, place: &Place, json: Json, kinds: &[Kind]) -> Result<(), LiftError> {
        let [kind] = kinds else {
            let (name, place, parts) = place.only(json)?;
            let parts = place.list(parts)?;
            if name != "concat" || parts.len() != kinds.len() {
                return Err(place.error("expected a value for each field"));
            }
            for (at, ((place, part), kind)) in parts.into_iter().zip(kinds).enumerate() {
                if at > 0 {
                    self.word(".");
                }
                self.value(&place, part, &[*kind])?;
            }
            return Ok(());
        };
        let token = match (kind, json) {
            (Kind::Interface, json) => Token::Text(place.text(json)?),
            // By number a state is its bit, which text has in another notation.
            (Kind::State, Json::Number(bit)) => Token::Word(format!("0x{bit:x}")),
            (Kind::State | Kind::Other, json) => Token::Word(span(place, json)?),
        };
        self.push(token);
        Ok(())
    }

    /// What a test or a map looks at: one field, several, or a masked one.
    fn fields(&mut self, place: &Place, json: Json) -> Result<Vec<Kind>, LiftError> {
        let (name, inner, inside) = place.only(json)?;
        match name.as_str() {
            "concat" => {
                let mut kinds = Vec::new();
                for (at, (place, part)) in inner.list(inside)?.into_iter().enumerate() {
                    if at > 0 {
                        self.word(".");
                    }
                    let (name, inner, inside) = place.only(part)?;
                    kinds.push(self.field(&name, &inner, inside)?);
                }
                Ok(kinds)
            }
            "&" => {
                let [(place, field), (mask_place, mask)] = inner.pair(inside)?;
                let (name, inner, inside) = place.only(field)?;
                let kind = self.field(&name, &inner, inside)?;
                self.mark('&');
                self.word(mask_place.text(mask)?);
                Ok(vec![kind])
            }
            _ => Ok(vec![self.field(&name, &inner, inside)?]),
        }
    }

    fn field(&mut self, name: &str, place: &Place, inside: Json) -> Result<Kind, LiftError> {
        let mut members = place.members(inside)?;
        let kind = match name {
            "meta" => match members.text("key")?.as_str() {
                key @ ("iifname" | "oifname") => {
                    self.word(key);
                    Kind::Interface
                }
                key => {
                    self.words(&["meta", key]);
                    Kind::Other
                }
            },
            "ct" => {
                if members.text("key")? != "state" {
                    return Err(place.error("a field of sessions this reader does not know"));
                }
                self.words(&["ct", "state"]);
                Kind::State
            }
            "payload" if members.has("base") => {
                // Two neighbouring tests, of the source and of the destination port, list as one of both.
                let both = (members.text("base")?, members.number("offset")?, members.number("len")?);
                if both != ("th".to_owned(), 0, 32) {
                    return Err(place.error("a part of the packet this reader does not know"));
                }
                self.mark('@');
                self.word("th");
                for number in ["0", "32"] {
                    self.mark(',');
                    self.word(number);
                }
                Kind::Other
            }
            "payload" => {
                let header = members.text("protocol")?;
                if !HEADERS.contains(&header.as_str()) {
                    return Err(place.error("a header this reader does not know"));
                }
                self.word(header);
                self.word(members.text("field")?);
                Kind::Other
            }
            _ => return Err(place.error("an expression this reader does not know")),
        };
        members.end()?;
        Ok(kind)
    }
}

/// How the values of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In quotes.
    Interface,
    /// As a name or a bit.
    State,
    /// As words.
    Other,
}

/// A plain value, a prefix or a range, as the word it is in text.
fn span(place: &Place, json: Json) -> Result<String, LiftError> {
    let Json::Object(members) = json else { return plain(place, json) };
    let (name, place, inside) = place.only(Json::Object(members))?;
    match name.as_str() {
        "prefix" => {
            let mut members = place.members(inside)?;
            let (address_place, address) = members.need("addr")?;
            let prefix = format!("{}/{}", plain(&address_place, address)?, members.number("len")?);
            members.end()?;
            Ok(prefix)
        }
        "range" => {
            let [(first_place, first), (last_place, last)] = place.pair(inside)?;
            Ok(format!("{}-{}", plain(&first_place, first)?, plain(&last_place, last)?))
        }
        _ => Err(place.error("a value this reader does not know")),
    }
}

/// One value: a string here is never a prefix or a range, which have objects of their own.
fn plain(place: &Place, json: Json) -> Result<String, LiftError> {
    match json {
        Json::Number(number) if number >= 0 => Ok(number.to_string()),
        Json::Text(text) => {
            let name =
                text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                    && text.starts_with(|first: char| first.is_ascii_lowercase());
            let bad = text.contains('/') || (text.contains('-') && !name);
            if bad { Err(place.error("expected one value")) } else { Ok(text) }
        }
        _ => Err(place.error("a value this reader does not know")),
    }
}
