//! Questions about whole sets of packets, answered exactly from the decision structure.

mod ends;
mod expect;
mod explain;
mod scope;

pub use expect::{ExpectFailure, Unmet, check_expect};
pub use explain::{Beaten, Case, EndCase, Explained, explain};
