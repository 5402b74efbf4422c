//! Groups, sets and services that nothing refers to.
//!
//! What an included file declares may serve other policies, so only the root file's declarations are judged.

use super::fate::Judgement;
use super::{Subject, catalogue};
use crate::diagnostic::{Diagnostic, Location};
use crate::policy::{Unused, UnusedKind};

pub(super) fn find(subject: &Subject<'_>, _: &Judgement) -> Vec<Diagnostic> {
    let root = subject.policy.unused.iter().filter(|unused| unused.at.file == Location::START.file);
    root.filter_map(|Unused { kind, name, at }| {
        let (lint, advice) = match kind {
            UnusedKind::Group => {
                // A default group has members who do not name it.
                let group = subject.policy.groups.iter().find(|group| group.name == *name)?;
                if !group.members.is_empty() {
                    return None;
                }
                (&catalogue::UNUSED_GROUP, "let NICs join it, name it as a peer, or drop it")
            }
            UnusedKind::Set => (&catalogue::UNUSED_SET, "name it in a rule, or drop it"),
            UnusedKind::Service => (&catalogue::UNUSED_SERVICE, "name it in a rule, or drop it"),
        };
        let message = format!("{kind} `{name}` is not used");
        Some(lint.at(message, *at, "nothing refers to it").help(advice))
    })
    .collect()
}
