//! Random syntax trees with comments, and careless ways to write a policy down.

pub(crate) mod sloppy;
pub(crate) mod trees;
