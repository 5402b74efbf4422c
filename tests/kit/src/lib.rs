//! What the suites share.
//!
//! Kernel side: [`netns`] makes private network namespaces, [`lab`] lays a firewall's surroundings out in them,
//! [`probe`] sends real packets through it, [`session`] opens connections and [`flood`] keeps traffic running while
//! rules change, [`burst`] times packets on their way through rules. Data side: [`sample`] invents policies and packets,
//! [`sets`] says what rules do to all packets at once. The kit knows no compiler and no backend: it is told rulesets and
//! packets, never what the verdicts should be.

pub mod burst;
pub mod flood;
mod frame;
pub mod lab;
pub mod netns;
mod observe;
pub mod probe;
mod reach;
pub mod sample;
mod segment;
mod send;
pub mod session;
pub mod sets;
