//! Random syntax trees with comments, and careless ways to write a policy down.

pub mod sloppy;
pub mod trees;
