//! How loud each lint is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::catalogue::{LINTS, Lint};

/// How loud a lint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Silent.
    Allow,
    /// A warning.
    Warn,
    /// An error: the policy is rejected.
    Deny,
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Level::Allow => "allow",
            Level::Warn => "warn",
            Level::Deny => "deny",
        })
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Level::Allow, Level::Warn, Level::Deny]
            .into_iter()
            .find(|level| level.to_string() == text)
            .ok_or_else(|| format!("`{text}` is no level: write allow, warn or deny"))
    }
}

/// No lint has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no lint `{name}`")]
pub struct UnknownLint {
    /// What was asked for.
    pub name: String,
    /// The lint whose name is nearest, if one is near.
    pub nearest: Option<&'static str>,
}

/// The levels of all lints: their own unless set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    set: BTreeMap<&'static str, Level>,
}

impl Levels {
    /// The level of a lint.
    pub fn of(&self, lint: &Lint) -> Level {
        self.set.get(lint.code).copied().unwrap_or(lint.level)
    }

    /// Sets the level of a lint, given by its name or code.
    pub fn set(&mut self, name: &str, level: Level) -> Result<(), UnknownLint> {
        match LINTS.iter().find(|lint| lint.name() == name || lint.code == name) {
            Some(lint) => {
                self.set.insert(lint.code, level);
                Ok(())
            }
            None => Err(UnknownLint { name: name.to_owned(), nearest: nearest(name) }),
        }
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    let far = name.chars().count().div_ceil(3).max(2);
    let distances = LINTS.iter().map(|lint| (strsim::damerau_levenshtein(lint.name(), name), lint.name()));
    distances.filter(|(distance, _)| *distance <= far).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_set_by_name_or_code() {
        let lint = LINTS[0];
        let mut levels = Levels::default();
        assert_eq!(levels.of(lint), lint.level);
        levels.set(lint.name(), Level::Deny).unwrap();
        assert_eq!(levels.of(lint), Level::Deny);
        levels.set(lint.code, Level::Allow).unwrap();
        assert_eq!(levels.of(lint), Level::Allow);
    }

    #[test]
    fn unknown_names_have_a_near_one() {
        let unknown = |name: &str| Levels::default().set(name, Level::Warn).unwrap_err().nearest;
        assert_eq!(unknown("shadwed"), Some("shadowed"));
        assert_eq!(unknown("unused-srevice"), Some("unused-service"));
        assert_eq!(unknown("xyz"), None);
    }
}
