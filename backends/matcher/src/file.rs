//! The compiled form: the bytes of a `.palisade` file. A frame that finds damage, around the wire form.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic |
//! | 4 | format, little endian |
//! | 8 | length of the body, little endian |
//! | 4 | CRC-32 of format, length and body, little endian |
//! | rest | the body: head and rules, each its length as 8 bytes and postcard's encoding, then the look-up structures |
//!
//! The checksum finds accidents, every flipped bit among them. It is no signature: who can write the file can write
//! another policy. Whatever stands in a file, loading it ends with a matcher or an error, in time and memory of the
//! order of the file's size and the budget of the look-up structures.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::matcher::Matcher;
use crate::wire::{Head, Invalid, Wire};

/// The format of compiled policies that this version writes and reads.
pub const FORMAT: u32 = 6;

/// As in PNG: a byte above 127, line ends and a DOS end of file show what a transfer as text has done to the file.
const MAGIC: [u8; 8] = *b"\x89PLSD\r\n\x1a";

/// Why bytes are not a policy that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not a compiled policy at all.
    #[error("this is not a compiled palisade policy")]
    Foreign,
    /// Of another version of the format.
    #[error("the compiled policy has format {found}, and this version reads format {FORMAT}")]
    Format {
        /// The format of the file.
        found: u32,
    },
    /// The end is missing.
    #[error("the compiled policy is cut short")]
    Truncated,
    /// Something follows the end.
    #[error("there are {0} bytes after the end of the compiled policy")]
    Trailing(usize),
    /// The checksum does not fit.
    #[error("the compiled policy is damaged: its checksum does not fit")]
    Damaged,
    /// The checksum fits, but nothing this version wrote looks so.
    #[error("the compiled policy cannot be decoded: {0}")]
    Malformed(String),
    /// It can be decoded, but contradicts itself.
    #[error("the compiled policy is not valid: {0}")]
    Invalid(Invalid),
}

impl LoadError {
    pub(crate) fn malformed(error: postcard::Error) -> Self {
        LoadError::Malformed(error.to_string().to_lowercase())
    }

    /// The stable name of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            LoadError::Foreign => "palisade::matcher::foreign",
            LoadError::Format { .. } => "palisade::matcher::format",
            LoadError::Truncated => "palisade::matcher::truncated",
            LoadError::Trailing(_) => "palisade::matcher::trailing-bytes",
            LoadError::Damaged => "palisade::matcher::damaged",
            LoadError::Malformed(_) => "palisade::matcher::malformed",
            LoadError::Invalid(_) => "palisade::matcher::invalid",
        }
    }

    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            LoadError::Foreign => "compile a policy for the target `matcher` and load the file it gives",
            LoadError::Format { .. } => "compile the policy again with the version of palisade that loads it",
            LoadError::Truncated | LoadError::Trailing(_) | LoadError::Damaged => {
                "copy the file again, as binary, or compile the policy again"
            }
            LoadError::Malformed(_) | LoadError::Invalid(_) => {
                "palisade does not write such a file: find out who did, and compile the policy again"
            }
        }
    }
}

impl Matcher {
    /// The compiled form: the same policy gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Encoding fails for sequences of unknown length or a full buffer only; the wire form has none and a Vec grows.
        let (wire, structures) = Wire::of(self);
        let (head, policy) = wire.split();
        let mut body = Vec::new();
        for part in [postcard::to_allocvec(&head), postcard::to_allocvec(&policy)] {
            let part = part.unwrap_or_default();
            body.extend((part.len() as u64).to_le_bytes());
            body.extend(part);
        }
        body.extend(structures);
        let mut bytes = MAGIC.to_vec();
        let length = (body.len() as u64).to_le_bytes();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(length);
        bytes.extend(checksum(FORMAT.to_le_bytes(), length, &body).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    /// Loads a compiled form; refuses whatever is damaged, foreign, of another format or not valid.
    ///
    /// The rules themselves, of which no look-up but that of some lists has need, are decoded when the first
    /// explanation asks for them. [`Matcher::validate`] does it at once.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let (head, rest) = part(body(bytes)?)?;
        let (policy, structures) = part(rest)?;
        let (head, rest) = postcard::take_from_bytes::<Head>(head).map_err(LoadError::malformed)?;
        if !rest.is_empty() {
            return Err(LoadError::Malformed("its head has more bytes than it needs".to_owned()));
        }
        head.matcher(policy, structures)
    }

    /// Decodes the rules of a loaded policy and checks every promise they make.
    ///
    /// A file that palisade wrote, and that no accident has changed, always passes. For one that somebody forged this
    /// tells whether explanations have words and lists their rules; without it they do without.
    pub fn validate(&self) -> Result<(), LoadError> {
        self.stored_rules().validate()
    }
}

/// A part of the body, after its length, and the rest.
fn part(bytes: &[u8]) -> Result<(&[u8], &[u8]), LoadError> {
    let cut = || LoadError::Malformed("a part is longer than the body".to_owned());
    let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
    rest.split_at_checked(length).ok_or_else(cut)
}

/// The body of a file whose frame is sound.
fn body(bytes: &[u8]) -> Result<&[u8], LoadError> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        return Err(if MAGIC.starts_with(bytes) { LoadError::Truncated } else { LoadError::Foreign });
    };
    let (format, rest) = rest.split_first_chunk().ok_or(LoadError::Truncated)?;
    if u32::from_le_bytes(*format) != FORMAT {
        return Err(LoadError::Format { found: u32::from_le_bytes(*format) });
    }
    let (length, rest) = rest.split_first_chunk().ok_or(LoadError::Truncated)?;
    let (sum, body) = rest.split_first_chunk().ok_or(LoadError::Truncated)?;
    let expected = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| LoadError::Truncated)?;
    match body.len().checked_sub(expected) {
        None => Err(LoadError::Truncated),
        Some(more) if more > 0 => Err(LoadError::Trailing(more)),
        Some(_) if u32::from_le_bytes(*sum) != checksum(*format, *length, body) => Err(LoadError::Damaged),
        Some(_) => Ok(body),
    }
}

fn checksum(format: [u8; 4], length: [u8; 8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&format);
    hasher.update(&length);
    hasher.update(body);
    hasher.finalize()
}
