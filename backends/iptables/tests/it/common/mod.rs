//! What the tests of this crate share: plans, packets, a judge that reads plans, and network namespaces.

pub mod chance;
pub mod judge;
pub mod loading;
pub mod netns;
pub mod packets;
pub mod plans;
pub mod random;

use palisade_iptables::Iptables;
use palisade_ir::{Artifact, Backend, InstanceId, Options, Placement, Plan};

/// The options of a placement, without prelude.
pub fn bare(placement: Placement) -> Options {
    Options { prelude: Default::default(), ..Options::at(placement) }
}

/// The first instance as a host.
pub const HOST: Placement = Placement::Host(InstanceId(0));

/// Emits or panics.
pub fn emit(plan: &Plan, options: &Options) -> Artifact {
    Iptables.emit(plan, options).unwrap()
}

/// The text of a file.
pub fn text<'a>(artifact: &'a Artifact, suffix: &str) -> &'a str {
    std::str::from_utf8(&artifact.file(suffix).expect(suffix).contents).unwrap()
}
