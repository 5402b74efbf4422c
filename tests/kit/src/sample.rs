//! Invented policies and telling packets, the same for the same seed.
//!
//! [`random_policy`] writes policy text that uses every feature of the language and is valid by construction;
//! [`boundary_packets`] looks where verdicts change. Neither knows which verdict is right.

mod boundary;
mod classbench;
mod dice;
mod fleet;
mod group;
mod large;
mod policy;
mod rule;
mod world;

pub use boundary::{boundary_packets, hook_packets};
pub use classbench::classbench_policy;
pub use dice::Dice;
pub use fleet::fleet_policy;
pub use large::{security_group_policy, uniform_policy};
pub use policy::random_policy;
