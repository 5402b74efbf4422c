//! The emitted rulesets in a real kernel: what real packets meet is what the reference evaluator says.
//!
//! Every test starts with `require_kernel!()`, which says why it skips where it cannot run.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod drift;
mod expected;
mod firewall;
mod flood;
mod gateway;
mod live;
mod log;
mod packets;
mod prelude;
mod reload;
mod sessions;
mod subject;
mod verdicts;
