// sensor-7: press 7
//
// Which first packets of sessions may pass its NICs. palisade wrote this: edit the policy, not the tables.
// It needs `core` alone, allocates nothing and has no unsafe code:
//
//     mod firewall {
//         include!(concat!(env!("OUT_DIR"), "/sensor-7.rs"));
//     }
//     let outcome = firewall::ETH0.ingress(&firewall::Packet { source, destination, protocol, ports });

/// `eth0`
#[allow(dead_code)]
#[rustfmt::skip]
pub static ETH0: Nic = Nic {
    interface: "eth0",
    v4: Rules {
        addresses: &[ip(10, 20, 7, 7)],
        // What may come in.
        ingress: Chain {
            steps: &[
                Only(Among { protocol: &[(1, 1)], ..Among::ALL }, &[Source(&[
                    ((ip(10, 0, 0, 0), ip(10, 20, 0, 65)), Allow), // sensor in 30
                    ((ip(10, 20, 0, 67), ip(10, 255, 255, 255)), Allow), // sensor in 30
                ])]),
                Always(&[Source(&[(net(10, 20, 0, 66, 32), Deny)])]), // sensor in 1: decommissioned console
                DestinationPort(&[
                    ((6, 502, 502), &[Only(
                        Among { source: sets::SET_OPERATORS_V4, ..Among::ALL },
                        AllowAndLog, // sensor in 10 modbus: Modbus
                    )]),
                    ((17, 123, 123), &[Source(&[(net(10, 0, 0, 0, 8), Allow)])]), // sensor in 20: time and monitoring
                    ((17, 161, 161), &[Source(&[(net(10, 0, 0, 0, 8), Allow)])]), // sensor in 20: time and monitoring
                ]),
            ],
            default: Deny, // default in
        },
        // What may go out.
        egress: Chain {
            steps: &[
                DestinationPort(&[((17, 514, 514), &[Destination(&[(net(10, 20, 0, 5, 32), Allow)])])]), // sensor out 10: syslog
                Always(&[Always(Deny)]), // sensor out 90: sensors only answer
            ],
            default: Allow, // default out
        },
    },
    v6: Rules {
        addresses: &[ip6(0xfd00, 0x20, 7, 0, 0, 0, 0, 7)],
        // What may come in.
        ingress: Chain {
            steps: &[DestinationPort(&[((6, 502, 502), &[Only(
                Among { source: sets::SET_OPERATORS_V6, ..Among::ALL },
                AllowAndLog, // sensor in 10 modbus: Modbus
            )])])],
            default: Deny, // default in
        },
        // What may go out.
        egress: Chain {
            steps: &[Always(&[Always(Deny)])], // sensor out 90: sensors only answer
            default: Allow, // default out
        },
    },
};

/// Sets and groups that rules name.
#[rustfmt::skip]
mod sets {
    #[allow(unused_imports)]
    use super::{ip, ip6, net, net6};

    // control room
    pub(super) static SET_OPERATORS_V4: &[(u32, u32)] = &[net(10, 20, 0, 0, 24), net(10, 20, 4, 16, 28)];

    // control room
    pub(super) static SET_OPERATORS_V6: &[(u128, u128)] = &[net6(0xfd00, 0x20, 0, 0, 0, 0, 0, 0, 64)];
}

/// Every NIC.
#[allow(dead_code)]
#[rustfmt::skip]
pub fn nics() -> [&'static Nic; 1] {
    [&ETH0]
}

/// How long a session lives without a packet, in seconds.
#[allow(dead_code)]
pub const fn session_timeout() -> u32 {
    910
}

/// What happens to packets that are no business of any NIC's.
#[allow(dead_code)]
const fn unmanaged() -> Act {
    Allow
}

use core::net::IpAddr;

use Act::{Allow, AllowAndLog, Deny, DenyAndLog, GoOn};
use LookUp::{Always, Destination, DestinationPort, Only, Source, SourcePort};

/// The first packet of a session, as far as rules can see it. Replies and other packets of a session that was allowed
/// pass without being asked about.
#[allow(dead_code)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes to, of the same family.
    pub destination: IpAddr,
    /// The protocol of IPv4, the last next header of IPv6: 6 is tcp, 17 udp.
    pub protocol: u8,
    /// Source and destination port of tcp and udp; none in a fragment that is not the first.
    pub ports: Option<(u16, u16)>,
}

/// What happens to a packet.
#[allow(dead_code)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it passes.
    pub allow: bool,
    /// Whether it is to be logged.
    pub log: bool,
}

/// A network interface and the rules for it.
#[allow(dead_code)]
pub struct Nic {
    /// Its name.
    pub interface: &'static str,
    v4: Rules<u32>,
    v6: Rules<u128>,
}

/// The addresses and chains of one family.
struct Rules<A: 'static> {
    addresses: &'static [A],
    ingress: Chain<A>,
    egress: Chain<A>,
}

/// Steps in order: each leads to a few tests, and the first of them that holds decides. What nothing decides has the
/// default.
struct Chain<A: 'static> {
    steps: &'static [LookUp<A, &'static [LookUp<A, Act>]>],
    default: Act,
}

/// Where a packet is led to. Keys of one list are disjoint and ascend.
#[allow(dead_code)]
enum LookUp<A: 'static, T: 'static> {
    /// The same for every packet.
    Always(T),
    /// By source address.
    Source(&'static [((A, A), T)]),
    /// By destination address.
    Destination(&'static [((A, A), T)]),
    /// By protocol and source port.
    SourcePort(&'static [((u8, u16, u16), T)]),
    /// By protocol and destination port.
    DestinationPort(&'static [((u8, u16, u16), T)]),
    /// For packets with one of each of these.
    Only(Among<A>, T),
}

/// First and last values, disjoint and ascending; an empty list asks for nothing.
struct Among<A: 'static> {
    source: &'static [(A, A)],
    destination: &'static [(A, A)],
    protocol: &'static [(u8, u8)],
    source_port: &'static [(u16, u16)],
    destination_port: &'static [(u16, u16)],
}

impl<A> Among<A> {
    #[allow(dead_code)]
    const ALL: Self =
        Among { source: &[], destination: &[], protocol: &[], source_port: &[], destination_port: &[] };
}

/// What happens to a packet in a test.
#[allow(dead_code)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Allow,
    AllowAndLog,
    Deny,
    DenyAndLog,
    /// On with the next step: a stronger rule stands there.
    GoOn,
}

/// A packet of one family.
struct Facts<A> {
    source: A,
    destination: A,
    protocol: u8,
    ports: Option<(u16, u16)>,
}

/// Judges a packet that comes in to this host by an interface: by the rules of the NIC that owns its destination, else by
/// those of the NIC of that interface.
#[allow(dead_code)]
pub fn input(interface: &str, packet: &Packet) -> Outcome {
    nic(interface, packet.destination).map_or(unmanaged().outcome(), |nic| nic.ingress(packet))
}

/// Judges a packet that leaves this host by an interface: by the rules of the NIC that owns its source, else by those of
/// the NIC of that interface.
#[allow(dead_code)]
pub fn output(interface: &str, packet: &Packet) -> Outcome {
    nic(interface, packet.source).map_or(unmanaged().outcome(), |nic| nic.egress(packet))
}

impl Nic {
    /// Judges a packet that comes in by this NIC.
    #[allow(dead_code)]
    pub fn ingress(&self, packet: &Packet) -> Outcome {
        judge(packet, &self.v4.ingress, &self.v6.ingress)
    }

    /// Judges a packet that goes out by this NIC.
    #[allow(dead_code)]
    pub fn egress(&self, packet: &Packet) -> Outcome {
        judge(packet, &self.v4.egress, &self.v6.egress)
    }

    fn owns(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.addresses.contains(&u32::from_be_bytes(v4.octets())),
            IpAddr::V6(v6) => self.v6.addresses.contains(&u128::from_be_bytes(v6.octets())),
        }
    }
}

/// The only owner of an address, else the NIC of the interface.
fn nic(interface: &str, address: IpAddr) -> Option<&'static Nic> {
    let mut owners = nics().into_iter().filter(|nic| nic.owns(address));
    match (owners.next(), owners.next()) {
        (Some(owner), None) => Some(owner),
        _ => nics().into_iter().find(|nic| nic.interface == interface),
    }
}

fn judge(packet: &Packet, v4: &Chain<u32>, v6: &Chain<u128>) -> Outcome {
    let Packet { source, destination, protocol, ports } = *packet;
    // No rule asks for ports of other protocols.
    let ports = if protocol == 6 || protocol == 17 { ports } else { None };
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let [source, destination] = [source, destination].map(|v4| u32::from_be_bytes(v4.octets()));
            v4.decide(&Facts { source, destination, protocol, ports })
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let [source, destination] = [source, destination].map(|v6| u128::from_be_bytes(v6.octets()));
            v6.decide(&Facts { source, destination, protocol, ports })
        }
        // There is no such packet.
        _ => Deny.outcome(),
    }
}

impl Act {
    fn outcome(self) -> Outcome {
        Outcome { allow: matches!(self, Allow | AllowAndLog), log: matches!(self, AllowAndLog | DenyAndLog) }
    }
}

impl<A: Copy + Ord> Chain<A> {
    fn decide(&self, packet: &Facts<A>) -> Outcome {
        for step in self.steps {
            let Some(tests) = step.find(packet) else { continue };
            match tests.iter().find_map(|test| test.find(packet)) {
                None | Some(GoOn) => {}
                Some(act) => return act.outcome(),
            }
        }
        self.default.outcome()
    }
}

impl<A: Copy + Ord, T: Copy> LookUp<A, T> {
    fn find(&self, packet: &Facts<A>) -> Option<T> {
        match self {
            Always(then) => Some(*then),
            Source(keys) => by_value(keys, packet.source),
            Destination(keys) => by_value(keys, packet.destination),
            SourcePort(keys) => by_port(keys, packet.protocol, packet.ports?.0),
            DestinationPort(keys) => by_port(keys, packet.protocol, packet.ports?.1),
            Only(among, then) => Some(*then).filter(|_| among.holds(packet)),
        }
    }
}

fn by_value<A: Copy + Ord, T: Copy>(keys: &[((A, A), T)], value: A) -> Option<T> {
    let at = keys.partition_point(|((_, last), _)| *last < value);
    keys.get(at).filter(|((first, _), _)| *first <= value).map(|(_, then)| *then)
}

fn by_port<T: Copy>(keys: &[((u8, u16, u16), T)], protocol: u8, port: u16) -> Option<T> {
    // One number for both: pairs compare with branches that nobody can guess.
    let number = |protocol: u8, port: u16| u32::from(protocol) << 16 | u32::from(port);
    let value = number(protocol, port);
    let at = keys.partition_point(|((of, _, last), _)| number(*of, *last) < value);
    keys.get(at).filter(|((of, first, _), _)| number(*of, *first) <= value).map(|(_, then)| *then)
}

impl<A: Copy + Ord> Among<A> {
    fn holds(&self, packet: &Facts<A>) -> bool {
        let port = |wanted: &[(u16, u16)], port: Option<u16>| {
            wanted.is_empty() || port.is_some_and(|port| is_among(wanted, port))
        };
        is_among(self.protocol, packet.protocol)
            && port(self.destination_port, packet.ports.map(|ports| ports.1))
            && port(self.source_port, packet.ports.map(|ports| ports.0))
            && is_among(self.source, packet.source)
            && is_among(self.destination, packet.destination)
    }
}

fn is_among<V: Copy + Ord>(wanted: &[(V, V)], value: V) -> bool {
    let at = wanted.partition_point(|(_, last)| *last < value);
    wanted.is_empty() || wanted.get(at).is_some_and(|(first, _)| *first <= value)
}

#[allow(dead_code)]
const fn ip(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

#[allow(dead_code, clippy::too_many_arguments)]
const fn ip6(a: u16, b: u16, c: u16, d: u16, e: u16, f: u16, g: u16, h: u16) -> u128 {
    core::net::Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits()
}

/// First and last address of a prefix.
#[allow(dead_code)]
const fn net(a: u8, b: u8, c: u8, d: u8, bits: u32) -> (u32, u32) {
    let hosts = match u32::MAX.checked_shr(bits) {
        Some(hosts) => hosts,
        None => 0,
    };
    (ip(a, b, c, d), ip(a, b, c, d) | hosts)
}

/// First and last address of a prefix.
#[allow(dead_code, clippy::too_many_arguments)]
const fn net6(a: u16, b: u16, c: u16, d: u16, e: u16, f: u16, g: u16, h: u16, bits: u32) -> (u128, u128) {
    let hosts = match u128::MAX.checked_shr(bits) {
        Some(hosts) => hosts,
        None => 0,
    };
    (ip6(a, b, c, d, e, f, g, h), ip6(a, b, c, d, e, f, g, h) | hosts)
}
