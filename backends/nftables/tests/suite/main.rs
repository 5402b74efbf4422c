//! The suite of the nftables backend: what it writes, what it reads, and what the kernel makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod agree;
mod build;
mod gateway;
mod hostile;
mod json;
mod kernel;
mod lift;
mod listing;
mod packets;
mod plans;
mod random;
mod refusals;
mod snapshots;
