//! What holds for the whole policy, and its networks.

use palisade_grammar::ast::{self, DurationUnit};

use super::codes;
use super::findings::{Findings, at};
use super::names::Names;
use super::values;
use crate::diagnostic::{Diagnostic, FileId};
use crate::policy::{InnerScope, Network, NetworkKind};

/// Idle seconds after which the cloud ends a session.
const DEFAULT_TIMEOUT: u32 = 910;

/// The session timeout in seconds.
pub(super) fn session_timeout(names: &Names<'_>, findings: &mut Findings) -> u32 {
    let mut timeouts = names.timeouts.iter();
    let Some((file, first)) = timeouts.next() else { return DEFAULT_TIMEOUT };
    for (again, second) in timeouts {
        let message = "the session timeout is given twice";
        findings.push(
            Diagnostic::error(codes::DUPLICATE_TIMEOUT, message, at(*again, second.span), "given again")
                .label(at(*file, first.span), "given first")
                .help("keep one of them; it holds for the whole policy"),
        );
    }
    seconds(*file, first, findings).unwrap_or(DEFAULT_TIMEOUT)
}

fn seconds(file: FileId, written: &ast::Spanned<ast::Duration>, findings: &mut Findings) -> Option<u32> {
    let place = at(file, written.span);
    let unit = match written.value.unit {
        DurationUnit::Seconds => 1,
        DurationUnit::Minutes => 60,
        DurationUnit::Hours => 3600,
    };
    let seconds = written.value.amount.checked_mul(unit);
    match seconds {
        Some(0) => findings.push(
            Diagnostic::error(
                codes::TIMEOUT_ZERO,
                "the session timeout is 0",
                place,
                "no session could live",
            )
            .help(format!(
                "the cloud's own timeout is `{DEFAULT_TIMEOUT}s`; that also holds without this line"
            )),
        ),
        Some(_) => {}
        None => findings.push(
            Diagnostic::error(codes::TIMEOUT_OVERFLOW, "the session timeout is too long", place, "overflows")
                .help(format!("at most `{}s` fit", u32::MAX)),
        ),
    }
    seconds
}

/// Where inner access stands.
pub(super) fn inner_scope(names: &Names<'_>, findings: &mut Findings) -> InnerScope {
    let mut scopes = names.scopes.iter();
    let Some((file, first)) = scopes.next() else { return InnerScope::Ingress };
    for (again, second) in scopes {
        let message = "the inner scope is given twice";
        findings.push(
            Diagnostic::error(codes::DUPLICATE_INNER_SCOPE, message, at(*again, second.span), "given again")
                .label(at(*file, first.span), "given first")
                .help("keep one of them; it holds for the whole policy"),
        );
    }
    match first.value {
        ast::InnerScope::Ingress => InnerScope::Ingress,
        ast::InnerScope::Both => InnerScope::Both,
    }
}

/// All networks, sorted by name.
pub(super) fn networks(names: &Names<'_>, findings: &mut Findings) -> Vec<Network> {
    let declared = names.networks.entries.iter();
    declared
        .map(|network| Network {
            name: network.name.clone(),
            kind: match network.node.kind.value {
                ast::NetworkKind::Vpc => NetworkKind::Vpc,
                ast::NetworkKind::Classic => NetworkKind::Classic,
            },
            description: values::description(network.node.description.as_ref(), network.file, findings),
            at: network.statement,
        })
        .collect()
}
