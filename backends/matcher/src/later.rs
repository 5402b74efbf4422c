//! The rules of a loaded file, left as bytes until somebody asks for them: look-ups seldom do, and decoding them takes most
//! of the time that loading would.

use alloc::sync::Arc;
use alloc::vec::Vec;
#[cfg(feature = "std")]
use std::sync::OnceLock;

use palisade_ir::Chain;

use crate::file::LoadError;
use crate::wire::Policy;
use crate::words::Words;

/// Rules as bytes, and decoded once somebody asked.
#[cfg(feature = "std")]
#[derive(Debug)]
pub(crate) struct Section {
    bytes: Vec<u8>,
    known: OnceLock<Result<Known, LoadError>>,
}

/// Rules decoded at once: who asks first cannot be found out without std.
#[cfg(not(feature = "std"))]
#[derive(Debug)]
pub(crate) struct Section {
    known: Result<Known, LoadError>,
}

/// Decoded rules.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) words: Words,
    pub(crate) chains: Vec<Arc<Chain>>,
}

#[cfg(feature = "std")]
impl Section {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), known: OnceLock::new() }
    }

    /// The rules, or why they are none.
    pub(crate) fn known(&self) -> Result<&Known, &LoadError> {
        self.known.get_or_init(|| Policy::decode(&self.bytes)).as_ref()
    }
}

#[cfg(not(feature = "std"))]
impl Section {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { known: Policy::decode(bytes) }
    }

    /// The rules, or why they are none.
    pub(crate) fn known(&self) -> Result<&Known, &LoadError> {
        self.known.as_ref()
    }
}

/// A chain, at hand or to be decoded.
#[derive(Clone, Debug)]
pub(crate) enum Chained {
    /// At hand.
    Ready(Arc<Chain>),
    /// By its place in a section. What stands in for it, without rules, has its end, and is all there is where the
    /// section cannot be decoded.
    Later { section: Arc<Section>, place: u32, end: Arc<Chain> },
}

impl Chained {
    /// The chain; may take the time to decode all rules of the policy.
    pub(crate) fn get(&self) -> &Chain {
        match self {
            Chained::Ready(chain) => chain,
            Chained::Later { section, place, end } => {
                let known = section.known().ok();
                known.and_then(|known| known.chains.get(*place as usize)).unwrap_or(end)
            }
        }
    }
}

/// The words of all rules, at hand or to be decoded.
#[derive(Clone, Debug)]
pub(crate) enum Wording {
    Ready(Words),
    Later(Arc<Section>),
}

impl Wording {
    /// The words; may take the time to decode all rules of the policy. `None` where they cannot be decoded.
    #[inline]
    pub(crate) fn get(&self) -> Option<&Words> {
        match self {
            Wording::Ready(words) => Some(words),
            Wording::Later(section) => section.known().ok().map(|known| &known.words),
        }
    }

    /// Whether what is to be decoded can be.
    pub(crate) fn validate(&self) -> Result<(), LoadError> {
        match self {
            Wording::Ready(_) => Ok(()),
            Wording::Later(section) => section.known().map(drop).map_err(Clone::clone),
        }
    }
}
