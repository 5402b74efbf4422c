//! The suites of this crate, in one binary so that they are linked once.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod agreement;
mod common;
mod forward;
mod hostile;
mod kernel;
mod live;
mod long;
mod output;
mod refusals;
