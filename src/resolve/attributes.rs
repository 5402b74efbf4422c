//! A group's kind, network and inner policy, with what a clone takes over.

use std::collections::BTreeMap;

use palisade_grammar::ast::{self, GroupBase, GroupItemKind};
use palisade_ir::{NetworkId, Verdict};

use super::codes;
use super::findings::{Findings, at};
use super::names::{Declared, Names};
use super::rules;
use super::values;
use crate::diagnostic::{Diagnostic, Location};
use crate::policy::{GroupKind, NetworkKind};

/// A value and where it is written.
type Written<T> = Option<(T, Location)>;

/// What a group says about itself; `None` where an error keeps it from being known.
#[derive(Clone, Default)]
pub(super) struct Attributes {
    pub(super) kind: Written<ast::GroupKind>,
    pub(super) network: Written<NetworkId>,
    pub(super) inner: Written<Verdict>,
    /// Whether something is unknown for an error that is reported already.
    broken: bool,
    /// Whether the group is a clone of something unknown.
    base_unknown: bool,
}

impl Attributes {
    /// The kind with its inner policy.
    pub(super) fn group_kind(&self) -> Option<GroupKind> {
        match self.kind?.0 {
            ast::GroupKind::Enterprise => Some(GroupKind::Enterprise),
            ast::GroupKind::Basic => self.inner.map(|(inner, _)| GroupKind::Basic { inner }),
        }
    }

    pub(super) fn network_id(&self) -> Option<NetworkId> {
        self.network.map(|(id, _)| id)
    }

    /// Whether the group is a clone of something that could not be read.
    pub(super) const fn base_unknown(&self) -> bool {
        self.base_unknown
    }

    pub(super) fn is_enterprise(&self) -> bool {
        matches!(self.kind, Some((ast::GroupKind::Enterprise, _)))
    }
}

/// The kind of a network.
pub(super) fn network_kind(names: &Names<'_>, id: NetworkId) -> Option<NetworkKind> {
    names.networks.get(id.0 as usize).map(|network| match network.node.kind.value {
        ast::NetworkKind::Vpc => NetworkKind::Vpc,
        ast::NetworkKind::Classic => NetworkKind::Classic,
    })
}

/// The attributes of all groups, by index; `sorted` has clones after what they are clones of.
pub(super) fn attributes(names: &Names<'_>, sorted: &[usize], findings: &mut Findings) -> Vec<Attributes> {
    let mut all: Vec<Option<Attributes>> = vec![None; names.groups.entries.len()];
    for index in sorted {
        let Some(group) = names.groups.get(*index) else { continue };
        values::description(group.node.description.as_ref(), group.file, findings);
        let start = match &group.node.base {
            GroupBase::Custom => Attributes::default(),
            GroupBase::Default { span, .. } => default_group(at(group.file, *span)),
            // A clone of something unknown, or in a circle, knows nothing.
            GroupBase::Clone(base) => {
                let base = names.groups.find(base, group.file, findings);
                base.and_then(|base| all.get(base)?.clone()).unwrap_or(Attributes {
                    broken: true,
                    base_unknown: true,
                    ..Attributes::default()
                })
            }
        };
        let own = complete(names, group, start, findings);
        if let Some(place) = all.get_mut(*index) {
            *place = Some(own);
        }
    }
    second_defaults(names, &all, findings);
    all.into_iter().map(Option::unwrap_or_default).collect()
}

fn default_group(place: Location) -> Attributes {
    Attributes {
        kind: Some((ast::GroupKind::Basic, place)),
        network: None,
        inner: Some((Verdict::Allow, place)),
        ..Attributes::default()
    }
}

/// Adds what the group itself says, and checks that the whole makes sense.
fn complete(
    names: &Names<'_>,
    group: &Declared<'_, ast::Group>,
    mut start: Attributes,
    findings: &mut Findings,
) -> Attributes {
    let own = own(names, group, findings);
    // A broken base may have had whatever is missing here.
    let (base_broken, network_unknown) = (start.broken, own.broken);
    if own.kind.is_some_and(|(kind, _)| start.kind.is_none_or(|(base, _)| base != kind)) {
        // An enterprise group has no inner policy, so one that changes its kind inherits none.
        start.inner = None;
    }
    let mut all = Attributes {
        kind: own.kind.or(start.kind),
        network: own.network.or(start.network),
        inner: own.inner.or(start.inner),
        broken: base_broken || network_unknown,
        base_unknown: start.base_unknown,
    };
    if !base_broken {
        required(group, &all, network_unknown, findings);
    }
    if let (Some((ast::GroupKind::Enterprise, kind_at)), Some((_, inner_at))) = (all.kind, own.inner) {
        let message = format!("enterprise group `{}` with an inner policy", group.name);
        findings.push(
            Diagnostic::error(codes::INNER_IN_ENTERPRISE, message, inner_at, "always isolated inside")
                .label(kind_at, "the kind")
                .help("drop this line, or make the group `kind basic`"),
        );
        all.inner = None;
    }
    classic_enterprise(names, group, &all, findings);
    all
}

fn classic_enterprise(
    names: &Names<'_>,
    group: &Declared<'_, ast::Group>,
    all: &Attributes,
    findings: &mut Findings,
) {
    let (Some((kind, kind_at)), Some((network, network_at))) = (all.kind, all.network) else { return };
    if kind == ast::GroupKind::Enterprise && network_kind(names, network) == Some(NetworkKind::Classic) {
        let message = format!("enterprise group `{}` in a classic network", group.name);
        findings.push(
            Diagnostic::error(codes::ENTERPRISE_IN_CLASSIC, message, kind_at, "the kind")
                .label(network_at, "a classic network")
                .help("make the group `kind basic`, or put it into a vpc network"),
        );
    }
}

fn required(
    group: &Declared<'_, ast::Group>,
    all: &Attributes,
    network_unknown: bool,
    findings: &mut Findings,
) {
    let mut missing = |code, what: &str, help: &str| {
        let message = format!("group `{}` does not say its {what}", group.name);
        findings.push(Diagnostic::error(code, message, group.at, format!("no {what}")).help(help));
    };
    if all.network.is_none() && !network_unknown {
        missing(codes::MISSING_NETWORK, "network", "add a line `network NAME`");
    }
    match all.kind {
        None => missing(codes::MISSING_KIND, "kind", "add a line `kind basic` or `kind enterprise`"),
        Some((ast::GroupKind::Basic, _)) if all.inner.is_none() => missing(
            codes::MISSING_INNER,
            "inner policy",
            "add `inner allow` (members reach each other) or `inner deny`",
        ),
        Some((ast::GroupKind::Basic | ast::GroupKind::Enterprise, _)) => {}
    }
}

/// What the group's own lines say.
fn own(names: &Names<'_>, group: &Declared<'_, ast::Group>, findings: &mut Findings) -> Attributes {
    let mut own = Attributes::default();
    let is_default = matches!(group.node.base, GroupBase::Default { .. });
    let mut network_at = None;
    for item in &group.node.items {
        let place = at(group.file, item.span);
        if is_default && !matches!(item.kind, GroupItemKind::Network(_)) {
            let message = format!("default group `{}` says more than its network", group.name);
            findings.push(
                Diagnostic::error(codes::DEFAULT_GROUP_LINE, message, place, "its content is fixed")
                    .label(group.at, "a default group")
                    .help("drop this, or write a group of its own beside it"),
            );
            continue;
        }
        match &item.kind {
            GroupItemKind::Kind(kind) => once(&mut own.kind, kind.value, place, "kind", findings),
            GroupItemKind::Inner(inner) => {
                once(&mut own.inner, rules::verdict(inner.value), place, "inner policy", findings);
            }
            GroupItemKind::Network(name) => {
                once(&mut network_at, (), place, "network", findings);
                let id = names.networks.find(name, group.file, findings);
                own.broken |= id.is_none();
                own.network = own.network.or(id.map(|id| (NetworkId(id as u32), place)));
            }
            GroupItemKind::Remove { .. } | GroupItemKind::Section(_) => {}
        }
    }
    own
}

fn once<T>(known: &mut Written<T>, value: T, place: Location, what: &str, findings: &mut Findings) {
    match known {
        Some((_, first)) => findings.push(
            Diagnostic::error(
                codes::DUPLICATE_ATTRIBUTE,
                format!("the {what} is given twice"),
                place,
                "given again",
            )
            .label(*first, "given first")
            .help("keep one of the two lines"),
        ),
        None => *known = Some((value, place)),
    }
}

fn second_defaults(names: &Names<'_>, all: &[Option<Attributes>], findings: &mut Findings) {
    let mut first: BTreeMap<NetworkId, Location> = BTreeMap::new();
    for (group, attributes) in names.groups.entries.iter().zip(all) {
        let is_default = matches!(group.node.base, GroupBase::Default { .. });
        let network = attributes.as_ref().and_then(Attributes::network_id);
        let Some(network) = network.filter(|_| is_default) else { continue };
        match first.get(&network) {
            None => {
                first.insert(network, group.at);
            }
            Some(place) => {
                let name = names.networks.name(network.0 as usize);
                let message = format!("network `{name}` has two default groups");
                findings.push(
                    Diagnostic::error(
                        codes::SECOND_DEFAULT_GROUP,
                        message,
                        group.at,
                        "another default group",
                    )
                    .label(*place, "a default group")
                    .help("keep one; NICs that name only the network join it"),
                );
            }
        }
    }
}
