//! palisade backend for iptables: emits `iptables-restore`, `ip6tables-restore`, `ipset restore` and `sysctl` files
//! and reads such files back.
//!
//! `emit` and `lift` share no code: the one knows plans, the other knows iptables(8), iptables-extensions(8) and
//! ipset(8), so that each can find the other's mistakes. Neither touches the system.

mod emit;
pub mod lift;

use palisade_ir::{Artifact, Backend, Capabilities, EmitError, LiftError, Lifted, Options, Plan};

/// Bytes of a rule's comment that survive; iptables cuts the rest without a word (`XT_MAX_COMMENT_LEN` is 256 with
/// the closing NUL, linux/netfilter/xt_comment.h).
const COMMENT_BYTES: usize = 255;
/// Bytes of a chain's name (`XT_EXTENSION_MAXNAMELEN` is 29 with the closing NUL, linux/netfilter/x_tables.h).
const CHAIN_NAME_BYTES: usize = 28;

/// The iptables target: iptables, ip6tables and, when asked, ipset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iptables;

impl Backend for Iptables {
    fn name(&self) -> &'static str {
        "iptables"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            host: true,
            gateway: true,
            sessions: true,
            prelude: true,
            log: true,
            comment_bytes: COMMENT_BYTES,
            chain_name_bytes: CHAIN_NAME_BYTES,
        }
    }

    fn emit(&self, plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
        emit::emit(plan, options)
    }

    fn lift(&self, artifact: &Artifact) -> Result<Box<dyn Lifted>, LiftError> {
        Ok(Box::new(lift::read(artifact)?))
    }
}
