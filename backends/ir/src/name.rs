//! Names that are safe to print into any target: validated once, then trusted everywhere.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not of the shape of a policy name.
    #[error(
        "`{0}` is not a name: lower case letters, digits, and single `-` or `.` between them, a letter first"
    )]
    Name(String),
    /// Not of the shape of an interface name.
    #[error("`{0}` is not an interface name: 1 to 15 characters of `A-Z a-z 0-9 _ . : @ -`")]
    Ifname(String),
}

/// The name of a group, set, service, network, instance or rule label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

impl Name {
    /// A name, if `text` is one (grammar rule `name`).
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let letter_first = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if letter_first && text.split(['-', '.']).all(word) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Name(text))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a network interface: 1 to 15 bytes of `A-Z a-z 0-9 _ . : @ -` (`IFNAMSIZ` in linux/if.h is 16).
///
/// nft and iptables read `*` and `+` at the end of an interface name as wildcards; neither can stand in one here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ifname(String);

impl Ifname {
    /// An interface name, if `text` is one.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let fits = (1..=15).contains(&text.len()) && text != "." && text != "..";
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@-".contains(&byte);
        if fits && text.bytes().all(plain) { Ok(Self(text)) } else { Err(NameError::Ifname(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_newtype {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                (*name.0).into()
            }
        }
    };
}
text_newtype!(Name);
text_newtype!(Ifname);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_break_out() {
        for good in ["a", "web-1", "a.b-c", "x9"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", "Web", "-a", "a-", "a--b", "9a", "a b", "a\"", "a\n", "ä", "a_b"] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
        for good in ["eth0", "br-lan.7", "eth0:1", "A_b@c"] {
            assert!(Ifname::new(good).is_ok(), "{good}");
        }
        for bad in ["", "eth*", "eth+", "a b", "a\"b", "sixteencharacter", ".", "..", "eth/0", "ä"] {
            assert!(Ifname::new(bad).is_err(), "{bad}");
        }
    }
}
