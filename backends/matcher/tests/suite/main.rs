//! The matcher against the plan it is made of, its compiled form against damage, its sessions against a naive model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod agreement;
mod backend;
mod compiled;
#[cfg(feature = "live")]
mod gate;
mod layouts;
#[cfg(feature = "live")]
mod live;
mod plans;
mod sessions;
