//! The suites: data in, one check per feature. `tests/README.md` says what each holds.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod case;
mod check;
mod cli;
mod command;
mod conformance;
mod diagnostics;
mod diff;
mod differential;
mod examples;
mod fix;
mod hostile;
mod import;
mod lint;
mod regressions;
mod rust;
mod scale;
mod sessions;
mod stability;
mod tidy;
mod verify;
