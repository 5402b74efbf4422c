//! Syntax trees that no author wrote: nodes without places and comments.

use ipnet::IpNet;
use palisade_grammar::ast::{
    Address, Element, End, GroupItem, GroupItemKind, Item, ItemKind, List, Name, Peer, Peers, Ports,
    Protocol, Rule, Span, Spanned, Trivia,
};

/// A value without a place.
pub(super) fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, span: Span::default() }
}

/// A name or a text.
pub(super) fn name(text: &str) -> Name {
    spanned(text.to_owned())
}

/// A statement.
pub(super) fn item(kind: ItemKind) -> Item {
    Item { kind, span: Span::default(), trivia: Trivia::default() }
}

/// A line of a group.
pub(super) fn group_item(kind: GroupItemKind) -> GroupItem {
    GroupItem { kind, span: Span::default(), trivia: Trivia::default() }
}

/// A list; it must not be empty.
pub(super) fn list<T>(values: impl IntoIterator<Item = T>) -> List<T> {
    let element = |value| Element { value, span: Span::default(), trivia: Trivia::default() };
    List { elements: values.into_iter().map(element).collect(), span: Span::default(), dangling: Vec::new() }
}

/// A prefix, or an address where it has the full width.
pub(super) fn address(net: IpNet) -> Address {
    let whole = net.prefix_len() == net.max_prefix_len();
    Address { ip: net.addr(), length: (!whole).then_some(net.prefix_len()) }
}

/// One end of a rule; `None` when it says nothing.
pub(super) fn end(peers: Vec<Peer>, ports: Option<(u16, u16)>) -> Option<End> {
    let peers = (!peers.is_empty()).then(|| Peers::List(list(peers)));
    let ports = ports.map(|(first, last)| list([Ports { first: first.into(), last: last.into() }]));
    (peers.is_some() || ports.is_some()).then_some(End { peers, ports, span: Span::default() })
}

/// A protocol by its name in the language, else by its number; `None` is every protocol.
pub(super) fn protocol(protocol: Option<palisade_ir::Protocol>) -> Spanned<Protocol> {
    use palisade_ir::Protocol as Number;
    spanned(match protocol {
        None => Protocol::All,
        Some(Number::TCP) => Protocol::Tcp,
        Some(Number::UDP) => Protocol::Udp,
        Some(Number::ICMP) => Protocol::Icmp,
        Some(Number::ICMPV6) => Protocol::Icmpv6,
        Some(Number::GRE) => Protocol::Gre,
        Some(Number(number)) => Protocol::Number(spanned(number.into())),
    })
}

/// A rule between two ends.
pub(super) fn rule(
    priority: u32,
    verdict: palisade_ir::Verdict,
    protocol: Spanned<Protocol>,
    from: Option<End>,
    to: Option<End>,
    description: Option<&str>,
) -> Rule {
    Rule {
        priority: spanned(priority),
        verdict: spanned(self::verdict(verdict)),
        protocol,
        from,
        to,
        label: None,
        log: None,
        description: description.map(name),
        span: Span::default(),
        trivia: Trivia::default(),
    }
}

/// A verdict.
pub(super) fn verdict(verdict: palisade_ir::Verdict) -> palisade_grammar::ast::Verdict {
    match verdict {
        palisade_ir::Verdict::Allow => palisade_grammar::ast::Verdict::Allow,
        palisade_ir::Verdict::Deny => palisade_grammar::ast::Verdict::Deny,
    }
}
