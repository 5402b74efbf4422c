//! Any tables of a Rust module lift or are refused: `properties.rs` says what must hold.
#![no_main]

#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::run_target("lift_rust", bytes));
