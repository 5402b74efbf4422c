//! Where in a JSON listing something stands, and taking objects apart without leaving anything in them unread.

use palisade_ir::LiftError;

use super::value::Json;
use crate::lift::cursor::FILE;

/// A place in a listing.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The number of the object in the list `nftables`, counted from 1: what other listings call a line.
    pub(super) line: usize,
    /// The way there within the object.
    path: String,
}

impl Place {
    /// The object with this number.
    pub(super) fn object(line: usize) -> Self {
        Self { line, path: format!(".nftables[{}]", line - 1) }
    }

    /// A member of the object here.
    pub(super) fn member(&self, name: &str) -> Self {
        // Names are nft's own words, or are refused: they are escaped for the message only.
        Self { line: self.line, path: format!("{}.{}", self.path, name.escape_debug()) }
    }

    /// An item of the list here.
    pub(super) fn item(&self, at: usize) -> Self {
        Self { line: self.line, path: format!("{}[{at}]", self.path) }
    }

    /// An error here.
    pub(super) fn error(&self, message: &str) -> LiftError {
        LiftError { file: FILE, line: self.line, message: format!("{}: {message}", self.path) }
    }

    fn unexpected(&self, wanted: &str, found: &Json) -> LiftError {
        self.error(&format!("expected {wanted}, found {}", found.kind()))
    }

    /// A string.
    pub(super) fn text(&self, json: Json) -> Result<String, LiftError> {
        match json {
            Json::Text(text) => Ok(text),
            other => Err(self.unexpected("a string", &other)),
        }
    }

    /// A number.
    pub(super) fn number(&self, json: &Json) -> Result<i64, LiftError> {
        match json {
            Json::Number(number) => Ok(*number),
            other => Err(self.unexpected("a number", other)),
        }
    }

    /// A list, as items with their places.
    pub(super) fn list(&self, json: Json) -> Result<Vec<(Self, Json)>, LiftError> {
        match json {
            Json::List(items) => {
                Ok(items.into_iter().enumerate().map(|(at, item)| (self.item(at), item)).collect())
            }
            other => Err(self.unexpected("a list", &other)),
        }
    }

    /// A list of two items.
    pub(super) fn pair(&self, json: Json) -> Result<[(Self, Json); 2], LiftError> {
        self.list(json)?.try_into().map_err(|_| self.error("expected two items"))
    }

    /// An object with members that are to be taken out one by one.
    pub(super) fn members(&self, json: Json) -> Result<Members, LiftError> {
        match json {
            Json::Object(members) => Ok(Members { place: self.clone(), members }),
            other => Err(self.unexpected("an object", &other)),
        }
    }

    /// An object with one member: its name, what is in it, and where that is.
    pub(super) fn only(&self, json: Json) -> Result<(String, Self, Json), LiftError> {
        let mut members = self.members(json)?.members;
        match (members.pop(), members.is_empty()) {
            (Some((name, json)), true) => Ok((name.clone(), self.member(&name), json)),
            _ => Err(self.error("expected an object with one member")),
        }
    }
}

/// The members of an object that were not taken yet.
pub(super) struct Members {
    pub(super) place: Place,
    members: Vec<(String, Json)>,
}

impl Members {
    /// Whether a member is there and not taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, _)| known == name)
    }

    /// Takes a member if it is there.
    pub(super) fn take(&mut self, name: &str) -> Option<(Place, Json)> {
        let at = self.members.iter().position(|(known, _)| known == name)?;
        let (_, json) = self.members.swap_remove(at);
        Some((self.place.member(name), json))
    }

    /// Takes a member that must be there.
    pub(super) fn need(&mut self, name: &str) -> Result<(Place, Json), LiftError> {
        self.take(name).ok_or_else(|| self.place.error(&format!("`{name}` is missing")))
    }

    /// Takes a string that must be there.
    pub(super) fn text(&mut self, name: &str) -> Result<String, LiftError> {
        let (place, json) = self.need(name)?;
        place.text(json)
    }

    /// Takes a number that must be there.
    pub(super) fn number(&mut self, name: &str) -> Result<i64, LiftError> {
        let (place, json) = self.need(name)?;
        place.number(&json)
    }

    /// The family, which must be `inet`, and the handle, which means nothing here.
    pub(super) fn inet(&mut self) -> Result<(), LiftError> {
        if self.text("family")? != "inet" {
            return Err(self.place.error("a table of another family than `inet`: list one table alone"));
        }
        if let Some((place, handle)) = self.take("handle") {
            place.number(&handle)?;
        }
        Ok(())
    }

    /// Refuses what was not taken.
    pub(super) fn end(self) -> Result<(), LiftError> {
        match self.members.first() {
            None => Ok(()),
            Some((name, _)) => Err(self.place.member(name).error("this reader does not know what it means")),
        }
    }
}
