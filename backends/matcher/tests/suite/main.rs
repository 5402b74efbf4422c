//! The matcher against the plan it is made of, its compiled form against damage, its sessions against a naive model.

mod agreement;
mod backend;
mod compiled;
mod plans;
mod sessions;
