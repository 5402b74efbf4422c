//! Random trees of everything the language can say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use palisade_grammar::ast::*;
use palisade_grammar::{KEYWORDS, Span};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// A whole file.
pub(crate) fn file() -> impl Strategy<Value = File> {
    (vec(item(), 0..6), comments()).prop_map(|(items, dangling)| File { items, dangling })
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, span: Span::default() }
}

/// Names of all forms, keywords among them.
fn name() -> impl Strategy<Value = Name> {
    let keyword = select(KEYWORDS).prop_map(str::to_owned);
    prop_oneof![3 => "[a-z][a-z0-9]{0,3}([-.][a-z0-9]{1,3}){0,2}", 1 => keyword].prop_map(spanned)
}

fn instance_name() -> impl Strategy<Value = Name> {
    name()
        .prop_filter("a word of expectations", |name| !matches!(name.value.as_str(), "any" | "set" | "group"))
}

fn text() -> impl Strategy<Value = Text> {
    "[ a-zA-Z0-9#\\[\\]{}\"'\\\\äß€,;=*]{0,12}".prop_map(spanned)
}

fn comment() -> impl Strategy<Value = String> {
    "( {0,2}[#!a-z\"\\[{}\\],=]( ?[a-z0-9#\"\\]\\[{}äß]){0,6})?"
}

/// Comment lines with at most one blank line between them, none at the begin or the end.
fn comments() -> impl Strategy<Value = Vec<String>> {
    vec((comment(), any::<bool>()), 0..3).prop_map(|lines| {
        let mut comments = Vec::new();
        for (text, blank) in lines {
            if blank && !comments.is_empty() {
                comments.push(BLANK_LINE.to_owned());
            }
            comments.push(text);
        }
        comments
    })
}

fn trivia() -> impl Strategy<Value = Trivia> {
    let some = (any::<bool>(), comments(), of(comment()))
        .prop_map(|(blank_before, leading, trailing)| Trivia { blank_before, leading, trailing });
    prop_oneof![2 => Just(Trivia::default()), 1 => some]
}

fn list<T: std::fmt::Debug>(element: impl Strategy<Value = T>) -> impl Strategy<Value = List<T>> {
    let element =
        (element, trivia()).prop_map(|(value, trivia)| Element { value, span: Span::default(), trivia });
    let dangling = prop_oneof![3 => Just(Vec::new()), 1 => comments()];
    (vec(element, 1..4), dangling).prop_map(|(elements, dangling)| List {
        elements,
        span: Span::default(),
        dangling,
    })
}

fn ip() -> impl Strategy<Value = IpAddr> {
    let group = prop_oneof![Just(0_u16), any::<u16>()];
    let v6 = proptest::array::uniform8(group)
        .prop_map(Ipv6Addr::from)
        .prop_filter("mapped", |ip| ip.to_ipv4_mapped().is_none());
    prop_oneof![any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))), v6.prop_map(IpAddr::V6)]
}

fn address() -> impl Strategy<Value = Address> {
    (ip(), of(0_u8..=128)).prop_map(|(ip, length)| {
        let most = if ip.is_ipv4() { 32 } else { 128 };
        Address { ip, length: length.map(|length| length.min(most)) }
    })
}

fn ports() -> impl Strategy<Value = List<Ports>> {
    let number = || prop_oneof![0_u32..70000, any::<u32>()];
    let one = number().prop_map(|first| Ports { first, last: first });
    let range = (number(), number()).prop_map(|(first, last)| Ports { first, last });
    list(prop_oneof![one, range])
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![
        Just(Protocol::Tcp),
        Just(Protocol::Udp),
        Just(Protocol::Icmp),
        Just(Protocol::Icmpv6),
        Just(Protocol::Gre),
        Just(Protocol::All),
        any::<u32>().prop_map(|number| Protocol::Number(spanned(number))),
        name().prop_map(Protocol::Service),
    ]
}

fn verdict() -> impl Strategy<Value = Spanned<Verdict>> {
    select(&[Verdict::Allow, Verdict::Deny]).prop_map(spanned)
}

fn direction() -> impl Strategy<Value = Spanned<Direction>> {
    select(&[Direction::In, Direction::Out]).prop_map(spanned)
}

fn side() -> impl Strategy<Value = Option<Spanned<Side>>> {
    of(select(&[Side::Public, Side::Internal]).prop_map(spanned))
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![address().prop_map(Peer::Address), name().prop_map(Peer::Set), name().prop_map(Peer::Group)]
}

fn peers(peer: impl Strategy<Value = Peer>) -> impl Strategy<Value = Peers> {
    prop_oneof![Just(Peers::Any(Span::default())), list(peer).prop_map(Peers::List)]
}

fn end() -> impl Strategy<Value = End> {
    let span = Span::default();
    prop_oneof![
        (peers(peer()), of(ports())).prop_map(move |(peers, ports)| End { peers: Some(peers), ports, span }),
        ports().prop_map(move |ports| End { peers: None, ports: Some(ports), span }),
    ]
}

fn target() -> impl Strategy<Value = End> {
    let peer = prop_oneof![peer(), instance_name().prop_map(Peer::Instance)];
    (peers(peer), of(ports())).prop_map(|(peers, ports)| End {
        peers: Some(peers),
        ports,
        span: Span::default(),
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let head = (any::<u32>(), verdict(), protocol());
    let tail = (of(end()), of(end()), of(name()), any::<bool>(), of(text()), trivia());
    (head, tail).prop_map(|((priority, verdict, protocol), (from, to, label, log, description, trivia))| {
        Rule {
            priority: spanned(priority),
            verdict,
            protocol: spanned(protocol),
            from,
            to,
            label,
            log: log.then(Span::default),
            description,
            span: Span::default(),
            trivia,
        }
    })
}

fn section() -> impl Strategy<Value = RuleSection> {
    (direction(), side(), vec(rule(), 0..4), comments())
        .prop_map(|(direction, side, rules, dangling)| RuleSection { direction, side, rules, dangling })
}

fn group_item() -> impl Strategy<Value = GroupItem> {
    let kind = prop_oneof![
        select(&[GroupKind::Basic, GroupKind::Enterprise])
            .prop_map(|kind| GroupItemKind::Kind(spanned(kind))),
        name().prop_map(GroupItemKind::Network),
        verdict().prop_map(GroupItemKind::Inner),
        (direction(), name()).prop_map(|(direction, label)| GroupItemKind::Remove { direction, label }),
        section().prop_map(GroupItemKind::Section),
    ];
    (kind, trivia()).prop_map(|(kind, trivia)| GroupItem { kind, span: Span::default(), trivia })
}

fn group() -> impl Strategy<Value = Group> {
    let base = prop_oneof![
        Just(GroupBase::Custom),
        name().prop_map(GroupBase::Clone),
        any::<bool>().prop_map(|web| GroupBase::Default { web, span: Span::default() }),
    ];
    (name(), base, of(text()), vec(group_item(), 0..5), comments()).prop_map(
        |(name, base, description, items, dangling)| Group { name, base, description, items, dangling },
    )
}

fn nic() -> impl Strategy<Value = Nic> {
    let interface = || prop_oneof![name(), text()];
    let membership = prop_oneof![
        list(name()).prop_map(Membership::Groups),
        name().prop_map(Membership::Network),
        Just(Membership::Missing),
    ];
    (interface(), side(), of(interface()), list(ip()), membership, trivia()).prop_map(
        |(name, side, via, addresses, membership, trivia)| Nic {
            name,
            side,
            via,
            addresses,
            membership,
            span: Span::default(),
            trivia,
        },
    )
}

fn instance() -> impl Strategy<Value = Instance> {
    (instance_name(), of(text()), vec(nic(), 0..3), comments())
        .prop_map(|(name, description, nics, dangling)| Instance { name, description, nics, dangling })
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let with_ports = (select(&[Protocol::Tcp, Protocol::Udp]), of(ports()))
        .prop_map(|(protocol, ports)| Traffic::Protocol { protocol: spanned(protocol), ports });
    let without = protocol()
        .prop_filter("services name protocols", |protocol| {
            !matches!(protocol, Protocol::All | Protocol::Service(_))
        })
        .prop_map(|protocol| Traffic::Protocol { protocol: spanned(protocol), ports: None });
    prop_oneof![with_ports, without, name().prop_map(Traffic::Service)]
}

fn item() -> impl Strategy<Value = Item> {
    let member = || list(prop_oneof![address().prop_map(Member::Address), name().prop_map(Member::Set)]);
    let unit = select(&[DurationUnit::Seconds, DurationUnit::Minutes, DurationUnit::Hours]);
    let network_kind = select(&[NetworkKind::Vpc, NetworkKind::Classic]);
    let kind = prop_oneof![
        text().prop_map(ItemKind::Include),
        (any::<u32>(), unit)
            .prop_map(|(amount, unit)| ItemKind::SessionTimeout(spanned(Duration { amount, unit }))),
        select(&[InnerScope::Ingress, InnerScope::Both])
            .prop_map(|scope| ItemKind::InnerScope(spanned(scope))),
        (name(), of(text()), network_kind).prop_map(|(name, description, kind)| {
            ItemKind::Network(Network { name, description, kind: spanned(kind) })
        }),
        (name(), of(text()), member(), of(member())).prop_map(|(name, description, members, except)| {
            ItemKind::Set(Set { name, description, members, except })
        }),
        (name(), of(text()), list(traffic())).prop_map(|(name, description, traffic)| ItemKind::Service(
            Service { name, description, traffic }
        )),
        group().prop_map(ItemKind::Group),
        instance().prop_map(ItemKind::Instance),
        (verdict(), protocol(), target(), target(), of(text())).prop_map(
            |(verdict, protocol, from, to, description)| {
                ItemKind::Expect(Expect { verdict, protocol: spanned(protocol), from, to, description })
            }
        ),
    ];
    (kind, trivia()).prop_map(|(kind, trivia)| Item { kind, span: Span::default(), trivia })
}
