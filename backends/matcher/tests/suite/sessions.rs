//! Sessions under a clock of our own.

use std::net::IpAddr;
use std::time::Duration;

use palisade_ir::{
    Addresses, Chain, Family, Ifname, InstancePlan, Match, MatchParts, Name, NetworkId, NicPlan, Origin,
    Outcome, Packet, PacketPorts, Plan, PortMatch, PortSet, Priority, Protocol, ProtocolSet, Rank, Rule,
    RuleId, Verdict,
};
use palisade_matcher::{Matcher, SessionTable};

use crate::plans::{self, Rng};

pub(crate) const WEB: &str = "10.0.0.1";
pub(crate) const INET: &str = "203.0.113.9";

/// One instance that may be reached at some tcp ports and may send anything, as in a group with one rule.
pub(crate) fn web(open: &[u16], timeout: u32) -> Matcher {
    let allow = |port: &u16| Rule {
        matches: Match::new(MatchParts {
            source: Addresses::any(Family::V4),
            destination: Addresses::any(Family::V4),
            protocols: ProtocolSet::only(Protocol::TCP),
            source_ports: PortMatch::Any,
            destination_ports: PortMatch::In(PortSet::from_ranges([(*port, *port)])),
        })
        .unwrap(),
        outcome: Outcome::silent(Verdict::Allow),
        rank: Rank::user(Priority::LAST, Verdict::Allow),
        origin: Origin::one(RuleId(0)),
    };
    let nic = NicPlan {
        interface: Ifname::new("eth0").unwrap(),
        via: None,
        network: NetworkId(0),
        side: None,
        addresses: vec![WEB.parse().unwrap()],
        ingress: Chain::new(open.iter().map(allow).collect(), Verdict::Deny, RuleId(0)).into(),
        egress: Chain::new(vec![], Verdict::Allow, RuleId(0)).into(),
    };
    let instances =
        vec![InstancePlan { name: Name::new("web-1").unwrap(), description: None, nics: vec![nic] }];
    Matcher::new(&Plan {
        session_timeout: timeout,
        networks: vec![],
        sets: vec![],
        services: vec![],
        rules: vec![],
        instances,
    })
}

fn packet(source: &str, destination: &str, protocol: Protocol, ports: Option<(u16, u16)>) -> Packet {
    let ports = ports.map(|(source, destination)| PacketPorts { source, destination });
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    Packet::new(address(source), address(destination), protocol, ports).unwrap()
}

pub(crate) fn tcp(source: &str, destination: &str, ports: (u16, u16)) -> Packet {
    packet(source, destination, Protocol::TCP, Some(ports))
}

pub(crate) const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn replies_pass_and_strangers_do_not() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    let request = tcp(WEB, INET, (50_000, 443));
    assert_eq!(table.check(&matcher, &request.reply(), at(0)), Verdict::Deny, "no session yet");
    assert_eq!(table.check(&matcher, &request, at(1)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &request.reply(), at(2)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &tcp(INET, WEB, (443, 50_001)), at(3)), Verdict::Deny, "another port");
    let udp = packet(INET, WEB, Protocol::UDP, Some((443, 50_000)));
    assert_eq!(table.check(&matcher, &udp, at(3)), Verdict::Deny, "another protocol");
}

#[test]
fn a_denied_packet_opens_no_session() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    assert_eq!(table.check(&matcher, &tcp(INET, WEB, (50_000, 22)), at(0)), Verdict::Deny);
    assert!(table.is_empty());
    assert_eq!(table.check(&matcher, &tcp(INET, WEB, (50_000, 22)), at(1)), Verdict::Deny);
}

#[test]
fn sessions_end_when_idle_and_either_side_keeps_them_alive() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    let request = tcp(WEB, INET, (50_000, 443));
    let reply = request.reply();
    for (packet, seconds, expected, live) in [
        (&request, 0, Verdict::Allow, true),
        (&reply, 910, Verdict::Allow, true),
        (&request, 1820, Verdict::Allow, true),
        (&reply, 2000, Verdict::Allow, true),
        (&reply, 2911, Verdict::Deny, false),
    ] {
        assert_eq!(table.check(&matcher, packet, at(seconds)), expected, "after {seconds} s");
        assert_eq!(table.is_live(&matcher, &reply, at(seconds)), live, "after {seconds} s");
    }
    assert!(table.is_empty(), "ended sessions take no room");
}

#[test]
fn looking_whether_a_session_lives_does_not_keep_it_alive() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    let request = tcp(WEB, INET, (50_000, 443));
    table.check(&matcher, &request, at(0));
    assert!(table.is_live(&matcher, &request, at(900)));
    assert!(!table.is_live(&matcher, &request, at(911)));
    assert_eq!(table.check(&matcher, &request.reply(), at(911)), Verdict::Deny);
}

#[test]
fn a_clock_that_runs_backwards_stands_still() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    let request = tcp(WEB, INET, (50_000, 443));
    table.check(&matcher, &request, at(1000));
    assert_eq!(table.check(&matcher, &request.reply(), at(0)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &request.reply(), at(1910)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &request.reply(), at(2821)), Verdict::Deny);
}

#[test]
fn without_ports_addresses_and_protocol_make_a_session() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    let ping = packet(WEB, INET, Protocol::ICMP, None);
    assert_eq!(table.check(&matcher, &ping, at(0)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &ping.reply(), at(1)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &packet(INET, WEB, Protocol::GRE, None), at(1)), Verdict::Deny);
    assert_eq!(
        table.check(&matcher, &packet("203.0.113.8", WEB, Protocol::ICMP, None), at(1)),
        Verdict::Deny
    );
}

#[test]
fn a_fragment_of_a_transport_protocol_belongs_to_no_session() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(10));
    let fragment = packet(WEB, INET, Protocol::UDP, None);
    assert_eq!(table.check(&matcher, &fragment, at(0)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &fragment.reply(), at(0)), Verdict::Deny);
    assert!(table.is_empty());
}

#[test]
fn a_full_table_forgets_what_was_quiet_for_longest() {
    let (matcher, mut table) = (web(&[], 910), SessionTable::new(2));
    let [one, two, three] = [1, 2, 3].map(|port| tcp(WEB, INET, (port, 443)));
    table.check(&matcher, &one, at(0));
    table.check(&matcher, &two, at(1));
    table.check(&matcher, &one.reply(), at(2));
    assert_eq!(table.check(&matcher, &three, at(3)), Verdict::Allow);
    assert_eq!((table.len(), table.capacity()), (2, 2));
    assert_eq!(table.check(&matcher, &two.reply(), at(4)), Verdict::Deny, "forgotten");
    assert_eq!(table.check(&matcher, &one.reply(), at(4)), Verdict::Allow);
    assert_eq!(table.check(&matcher, &three.reply(), at(4)), Verdict::Allow);
    let mut nothing = SessionTable::new(0);
    assert_eq!(nothing.check(&matcher, &one, at(0)), Verdict::Allow);
    assert_eq!(nothing.check(&matcher, &one.reply(), at(0)), Verdict::Deny);
}

#[test]
fn a_new_policy_ends_what_it_would_not_allow() {
    let (old, new) = (web(&[22, 80], 910), web(&[80], 910));
    let mut table = SessionTable::new(10);
    let (ssh, http) = (tcp(INET, WEB, (50_000, 22)), tcp(INET, WEB, (50_000, 80)));
    for packet in [&ssh, &http] {
        assert_eq!(table.check(&old, packet, at(0)), Verdict::Allow);
        assert_eq!(table.check(&old, &packet.reply(), at(0)), Verdict::Allow);
    }
    assert_eq!(table.revalidate(&new), 1);
    assert_eq!(table.check(&new, &ssh, at(1)), Verdict::Deny);
    assert_eq!(table.check(&new, &http.reply(), at(1)), Verdict::Allow);
    assert_eq!(table.revalidate(&new), 0);
    let patient = web(&[80], 10_000);
    assert_eq!(table.check(&patient, &http.reply(), at(5000)), Verdict::Allow, "the new timeout holds");
}

/// The table, as simple as it can be: a list, the most recently seen session last.
pub(crate) struct Model {
    pub(crate) capacity: usize,
    pub(crate) sessions: Vec<(Packet, Duration)>,
}

impl Model {
    pub(crate) fn check(&mut self, matcher: &Matcher, packet: &Packet, now: Duration) -> Verdict {
        self.sessions.retain(|(_, seen)| now - *seen <= matcher.session_timeout());
        let known = |first: &Packet| first == packet || *first == packet.reply();
        let tracked = packet.ports().is_some() || !packet.protocol().has_ports();
        if let Some(place) = self.sessions.iter().position(|(first, _)| known(first)).filter(|_| tracked) {
            let (first, _) = self.sessions.remove(place);
            self.sessions.push((first, now));
            return Verdict::Allow;
        }
        if matcher.decide(packet) == Verdict::Deny {
            return Verdict::Deny;
        }
        if tracked {
            if self.sessions.len() == self.capacity {
                self.sessions.remove(0);
            }
            self.sessions.push((*packet, now));
        }
        Verdict::Allow
    }
}

/// Two policies with the same addresses, so that a swap matters.
pub(crate) fn two_policies(seed: u64) -> [Matcher; 2] {
    [0, 1].map(|turn| {
        let mut plan = plans::random(seed);
        plan.session_timeout = 20 + 10 * turn;
        for nic in plan.instances.iter_mut().flat_map(|instance| &mut instance.nics).filter(|_| turn == 1) {
            std::mem::swap(&mut nic.ingress, &mut nic.egress);
        }
        Matcher::new(&plan)
    })
}

#[test]
fn agrees_with_a_naive_table_on_random_sequences() {
    let (mut replies, mut expired) = (0, 0);
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let matchers = two_policies(seed);
        let mut packets = plans::boundary_packets(&plans::random(seed), seed);
        packets.truncate(40);
        let capacity = 1 + rng.below(12);
        let (mut table, mut model) = (SessionTable::new(capacity), Model { capacity, sessions: vec![] });
        let (mut now, mut active) = (Duration::ZERO, 0);
        for _ in 0..400 {
            if packets.is_empty() {
                break;
            }
            now += Duration::from_millis(rng.next() % 3000);
            if rng.one_in(50) {
                active = 1 - active;
                let before = model.sessions.len();
                model.sessions.retain(|(first, _)| matchers[active].decide(first) == Verdict::Allow);
                assert_eq!(table.revalidate(&matchers[active]), before - model.sessions.len());
            }
            let packet = *rng.pick(&packets);
            let packet = if rng.one_in(2) { packet } else { packet.reply() };
            let before = model.sessions.len();
            let expected = model.check(&matchers[active], &packet, now);
            expired += usize::from(model.sessions.len() < before);
            replies += usize::from(expected != matchers[active].decide(&packet));
            assert_eq!(table.check(&matchers[active], &packet, now), expected, "seed {seed} {packet:?}");
            assert_eq!(table.len(), model.sessions.len());
            assert!(table.len() <= capacity);
        }
    }
    assert!(replies > 100 && expired > 100, "{replies} replies passed, sessions expired {expired} times");
}
